"""Rungs about what surrounds the model: preprocessing, tokenizer, metric."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from typing import Any

import numpy as np

from .locating import first_divergence
from .pair import Pair
from .rungs_model import Rung, absent, finding, given_at, rung
from .sizes import error
from .transport import SideError
from .trees import leaves, mapped

DRAWS = 400
LARGEST_Z = 6.0


def data(pair: Pair) -> Rung:
    """Preprocessing of the same raw samples: exact in evaluation, the distribution of outcomes in training."""
    if not (pair.both("preprocess") and pair.either("raw")):
        return absent("preprocess(raw, seed, train) is not in both contracts, or raw() in neither")
    raw = (pair.reference if "raw" in pair.left["hooks"] else pair.port).ask("raw")
    a, b = (asked.ask("preprocess", raw=raw, seed=1, train=False) for asked in (pair.reference, pair.port))
    again = pair.port.ask("preprocess", raw=raw, seed=2, train=False)
    exact = max((error(x, y) for x, y in zip(leaves(a), leaves(b), strict=False)), default=0.0)
    steady = all(np.array_equal(x, y) for x, y in zip(leaves(b), leaves(again), strict=False))
    same = len(leaves(a)) == len(leaves(b)) and exact <= 1e-6
    places = [asked.ask("places").get("preprocess", "") for asked in (pair.reference, pair.port)]
    if not same or not steady:
        what = (
            f"evaluation preprocessing differs by {exact:.1e}"
            if not same
            else "evaluation preprocessing is random in the port"
        )
        return rung(False, what, observed=exact, tolerance=1e-6, findings=[finding(what, *places)],
                    first_divergence=_where(pair, raw, False))  # fmt: skip
    z, kinds = _outcomes(pair, raw)
    ok = z <= LARGEST_Z
    says = f"evaluation {exact:.1e}; training: {kinds[0]} different outcomes in the reference, {kinds[1]} in the port, z {z:.1f}"  # noqa: E501
    result = rung(ok, says, observed=z, tolerance=LARGEST_Z)
    if not ok:
        result["findings"] = [finding(says, *places)]
        result["first_divergence"] = _where(pair, raw, True)
    return result


def _outcomes(pair: Pair, raw: Any) -> tuple[float, tuple[int, int]]:
    """A two-sample chi-square over distinct outcomes of one sample; pooled moments when nearly all are distinct."""
    one = mapped(raw, lambda each: each[:1] if each.ndim > 1 else each)
    sides = []
    for asked, seed in ((pair.reference, 5000), (pair.port, 90_000)):
        sides.append(asked.ask("preprocess", raw=one, seed=seed, train=True, times=DRAWS))
    counts = [Counter(_digest(each) for each in found) for found in sides]
    kinds = (len(counts[0]), len(counts[1]))
    if max(kinds) > DRAWS // 2:
        return _moments(*sides), kinds
    keys = set(counts[0]) | set(counts[1])
    chi = sum((counts[0][key] - counts[1][key]) ** 2 / (counts[0][key] + counts[1][key]) for key in keys)
    df = max(1, len(keys) - 1)
    shapes = {tuple(x.shape) for each in sides[0] for x in leaves(each)} == {
        tuple(x.shape) for each in sides[1] for x in leaves(each)
    }
    return ((chi - df) / math.sqrt(2 * df) if shapes else math.inf), kinds


def _moments(theirs: list[Any], ours: list[Any]) -> float:
    """Mean, spread, extremes and roughness per draw, as two samples: for augmentations with continuous parameters."""
    rows = []
    for side in (theirs, ours):
        flat = [np.concatenate([np.asarray(x, float).reshape(-1) for x in leaves(each)]) for each in side]
        if len({each.size for each in flat}) > 1:
            return math.inf
        rows.append(
            np.array([[v.mean(), v.std(), v.min(), v.max(), np.abs(np.diff(v)).mean(), (v == 0).mean()] for v in flat])
        )
    a, b = rows
    if a.shape[1] != b.shape[1]:
        return math.inf
    spread = np.sqrt(a.var(0) / len(a) + b.var(0) / len(b)) + 1e-9 * (np.abs(a).max(0) + 1)
    centre = float((np.abs(a.mean(0) - b.mean(0)) / spread).max())
    wide = np.abs(np.log((a.std(0) + 1e-12) / (b.std(0) + 1e-12))) / math.sqrt(1.5 / len(a))
    both_constant = (a.std(0) < 1e-9) & (b.std(0) < 1e-9)
    return max(centre, float(np.where(both_constant, 0, wide).max()))


def _digest(tree: Any) -> str:
    parts = [
        f"{each.shape}{np.round(np.asarray(each, float) * 1000).astype(np.int64).tobytes()!r}" for each in leaves(tree)
    ]
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def _where(pair: Pair, raw: Any, train: bool) -> Any:
    try:
        a, b = (asked.ask("trace_preprocess", raw=raw, train=train) for asked in (pair.reference, pair.port))
    except SideError:
        return None
    return first_divergence(a["nodes"], b["nodes"], 1e-6)


def tokenizer(pair: Pair) -> Rung:
    """The same texts give the same ids."""
    if not pair.both("tokenize"):
        return absent("tokenize(text) is not in both contracts")
    texts = (pair.reference if "texts" in pair.left["hooks"] else pair.port).ask("texts") or TEXTS
    a, b = (asked.ask("tokenize", texts=texts) for asked in (pair.reference, pair.port))
    places = [asked.ask("places").get("tokenize", "") for asked in (pair.reference, pair.port)]
    bad = [text for text, x, y in zip(texts, a, b, strict=False) if not _same(x, y)]
    findings = [finding(f"{text!r} is cut differently", *places) for text in bad]
    return rung(not bad, findings[0]["what"] if bad else f"{len(texts)} texts agree", findings=findings)


TEXTS = [
    "Hello, world!",
    "",
    " leading and trailing ",
    "Ünïcode – “quotes” 漢字 🙂",
    "a\n\n\tb",
    "1234567890 3.14e-5",
    "don't STOP",
]


def _same(x: Any, y: Any) -> bool:
    a, b = leaves(x), leaves(y)
    if a or b:
        return len(a) == len(b) and all(np.array_equal(u, v) for u, v in zip(a, b, strict=False))
    return bool(x == y)


def metric(pair: Pair) -> Rung:
    """The metric on the same predictions."""
    if not (pair.both("metric") and pair.either("predictions")):
        return absent("metric(predictions, targets) is not in both contracts, or predictions in neither")
    given = (pair.reference if "predictions" in pair.left["hooks"] else pair.port).ask("predictions")
    found = [asked.ask("metric", predictions=given) for asked in (pair.reference, pair.port)]
    a, b = (_numbers(each) for each in found)
    places = [asked.ask("places").get("metric", "") for asked in (pair.reference, pair.port)]
    size = error(a, b) if a.size == b.size else math.inf
    ok = size <= 1e-9
    what = f"{a.tolist()} in the reference, {b.tolist()} in the port"
    if not ok and a.size == b.size and isinstance(found[1], dict):
        word = sorted(found[1])[int(np.argmax(np.abs(a - b)))]
        places = list(given_at(pair, "metric", word, (places[0], places[1])))
    return rung(ok, what, observed=size, tolerance=1e-9, findings=[] if ok else [finding(f"metric: {what}", *places)])


def _numbers(tree: Any) -> Any:
    if isinstance(tree, dict):
        return np.array([float(np.sum(tree[key])) for key in sorted(tree)])
    return np.concatenate(
        [np.atleast_1d(np.asarray(each, float)) for each in (tree if isinstance(tree, list) else [tree])]
    )
