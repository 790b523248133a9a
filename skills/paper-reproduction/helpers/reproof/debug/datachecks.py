"""What the data should look like, against what it looks like; pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from reproof.debug.models import Check, State

EXPECTED_FRAC = 0.1  # mean and standard deviation against the paper's: a tenth of a standard deviation, and of itself
SPLIT_SHIFT, SPLIT_RATIO = 0.5, 2.0  # train against test, in standard deviations
MANY_OVERLAP_FRAC, MANY_DOUBLE_FRAC = 0.01, 0.01
SIGMAS, LEAST_FRAC = 5.0, 0.02  # a class share is off when it is beyond chance and beyond two points
RAW_BYTES = 128.0


def data_checks(v: dict[str, Any]) -> Iterator[Check]:
    """Range, normalisation, classes, doubles, overlap; with the paper's words in `expect` where given."""
    if "skipped" in v:
        yield Check(id="data", what="the data is what the paper says", state="SKIPPED", why=v["skipped"])
        return
    splits = {name: v[name] for name in ("train", "test") if name in v}
    for name, split in splits.items():
        yield from _numbers(name, split, v["expect"])
        yield from _classes(name, split, v["expect"], {k for s in splits.values() for k in s.get("classes", {})})
        yield _doubles(name, split)
    if len(splits) == 2:
        yield _overlap(v["overlap"], splits["test"]["looked_at"])
        if "mean" in splits["train"] and "mean" in splits["test"]:
            yield _alike(splits["train"], splits["test"])
        yield from _same_classes(splits["train"], splits["test"])


def _item(name: str, what: str, state: State, why: str, look_at: str = "") -> Check:
    return Check(id=name, what=what, state=state, why=why, look_at=look_at if state in ("WARN", "FAIL") else "")


def _numbers(name: str, split: dict[str, Any], expect: dict[str, Any]) -> Iterator[Check]:
    size = expect.get(f"{name}_size")
    if size is not None:
        state: State = "PASS" if size == split["total"] else "FAIL"
        yield _item(
            f"data-{name}-size",
            f"{name} has the paper's number of samples",
            state,
            f"{split['total']}, the paper says {size}",
            "another split or version of the data",
        )
    if len(split["shapes"]) > 1:
        yield _item(f"data-{name}-shape", f"all {name} samples have one shape", "WARN", f"{split['shapes']}", "padding")
    if "mean" not in split:
        if split.get("nonfinite"):
            yield _item(f"data-{name}-finite", f"{name} holds finite numbers", "FAIL", "no finite number", "the loader")
        return
    bad = split["nonfinite"]
    yield _item(
        f"data-{name}-finite",
        f"{name} holds finite numbers",
        "FAIL" if bad else "PASS",
        f"{bad} of {split['looked_at']} samples hold NaN or Inf" if bad else f"{split['looked_at']} samples",
        "missing values, a division by a zero spread",
    )
    yield _range(name, split, expect)
    yield _normal(name, split, expect)


def _range(name: str, split: dict[str, Any], expect: dict[str, Any]) -> Check:
    low, high = split["min"], split["max"]
    what, why = f"{name} lies in the range the model expects", f"{low:.4g} to {high:.4g}"
    if expect.get("range"):
        wanted = [float(x) for x in expect["range"]]
        slack = 1e-6 * max(1.0, *map(abs, wanted))
        ok = wanted[0] - slack <= low and high <= wanted[1] + slack
        used = (high - low) >= 0.05 * (wanted[1] - wanted[0])
        why += f", the paper says {wanted[0]:g} to {wanted[1]:g}"
        return _item(
            f"data-{name}-range", what, "PASS" if ok and used else "FAIL", why, "scaling: 0..255, 0..1 or -1..1"
        )
    raw = low >= 0 and high > RAW_BYTES and split["features"] > 16
    if low == high:
        return _item(f"data-{name}-range", what, "FAIL", f"every number is {low:g}", "an empty loader, a zeroed tensor")
    return _item(
        f"data-{name}-range", what, "WARN" if raw else "PASS", why + (": raw bytes?" if raw else ""), "ToTensor, / 255"
    )


def _normal(name: str, split: dict[str, Any], expect: dict[str, Any]) -> Check:
    what, why = f"{name} is normalised", f"mean {split['mean']:.4g}, standard deviation {split['std']:.4g}"
    if "mean" in expect and "std" in expect:
        mean, std = (sum(x) / len(x) if isinstance(x, list) else float(x) for x in (expect["mean"], expect["std"]))
        ok = abs(split["mean"] - mean) <= EXPECTED_FRAC * std and abs(split["std"] - std) <= 2 * EXPECTED_FRAC * std
        return _item(
            f"data-{name}-normal",
            what,
            "PASS" if ok else "FAIL",
            f"{why}; the paper says {mean:g}, {std:g}",
            "normalisation left out, applied twice, or with another data set's constants",
        )
    odd = abs(split["mean"]) > 10 or not 0.01 <= split["std"] <= 10
    return _item(f"data-{name}-normal", what, "WARN" if odd else "PASS", why, "normalisation")


def _classes(name: str, split: dict[str, Any], expect: dict[str, Any], known: set[str]) -> Iterator[Check]:
    counts = {label: int(count) for label, count in split.get("classes", {}).items()}
    if not counts:
        return
    total, what = sum(counts.values()), f"{name} has the paper's class balance"
    wanted = {str(k): float(share) for k, share in (expect.get("class_shares") or {}).items()}
    if expect.get("balanced"):
        wanted = dict.fromkeys(sorted(known), 1 / len(known))
    if split["total"] > split["looked_at"]:
        yield _item(
            f"data-{name}-classes", what, "SKIPPED", f"only the first {split['looked_at']} samples were looked at"
        )
    elif wanted:
        off = [
            f"{k}: {counts.get(k, 0) / total:.3f}, not {share:.3f}"
            for k, share in wanted.items()
            if _is_off(counts.get(k, 0) / total, share, total)
        ]
        off += [f"{k}: not a class of the paper" for k in counts if k not in wanted]
        yield _item(
            f"data-{name}-classes",
            what,
            "FAIL" if off else "PASS",
            "; ".join(off[:5]) if off else f"{len(counts)} classes, {total} samples",
            "the split, a filter, a label map",
        )
    else:
        most, least = max(counts.values()), min(counts.values())
        yield _item(
            f"data-{name}-classes",
            what,
            "WARN" if most > 10 * least else "PASS",
            f"{len(counts)} classes of {least} to {most} samples; the paper's balance was not given",
            "the split",
        )


def _is_off(share: float, wanted: float, n: int) -> bool:
    chance = math.sqrt(max(wanted * (1 - wanted), 1e-12) / n)
    return abs(share - wanted) > max(SIGMAS * chance, LEAST_FRAC * min(1.0, 10 * wanted))


def _doubles(name: str, split: dict[str, Any]) -> Check:
    share = split["duplicates"] / max(split["looked_at"], 1)
    state: State = "WARN" if share > MANY_DOUBLE_FRAC else "PASS"
    return _item(
        f"data-{name}-duplicates",
        f"{name} holds each sample once",
        state,
        f"{split['duplicates']} of {split['looked_at']} are exact copies",
        "a loader that repeats, augmentation saved to disk",
    )


def _overlap(count: int, total: int) -> Check:
    share = count / max(total, 1)
    state: State = "FAIL" if share > MANY_OVERLAP_FRAC else "WARN" if count else "PASS"
    return _item(
        "data-overlap",
        "no test sample stands in train",
        state,
        f"{count} of {total} test samples are exact copies",
        "the split: seed, shuffling before it, a group that both sides share",
    )


def _alike(train: dict[str, Any], test: dict[str, Any]) -> Check:
    spread = max(train["std"], 1e-12)
    shift, ratio = abs(test["mean"] - train["mean"]) / spread, max(test["std"], 1e-12) / spread
    off = shift > SPLIT_SHIFT or not 1 / SPLIT_RATIO <= ratio <= SPLIT_RATIO
    return _item(
        "data-same-preparation",
        "test is prepared as train is",
        "FAIL" if off else "PASS",
        f"means {shift:.2f} standard deviations apart, spreads in ratio {ratio:.2f}",
        "normalisation of one split only",
    )


def _same_classes(train: dict[str, Any], test: dict[str, Any]) -> Iterator[Check]:
    there, asked = set(train.get("classes", {})), set(test.get("classes", {}))
    whole = train["total"] == train["looked_at"]
    if there and asked and whole:
        unseen = sorted(asked - there)
        yield _item(
            "data-same-classes",
            "every class of test stands in train",
            "FAIL" if unseen else "PASS",
            f"only in test: {', '.join(unseen[:5])}" if unseen else f"{len(asked)} classes",
            "label map, split by class",
        )
