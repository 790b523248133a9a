"""What the documentation says about an argument, against the numbers it is given; and arguments in each other's place.

No name of a library stands here: the words are those that documentations use.
"""

from __future__ import annotations

import inspect
import re
import sys
from typing import Any, Callable, NamedTuple  # noqa: UP035 - Python 3.8 must be able to run this

from . import look
from .arrays import np
from .kinds import NEAR, described, is_binary, is_log_probabilities, is_unit, simplex_axis
from .report import short
from .study import Study

UNIT = r"(\[0(\.0?)?, ?1(\.0?)?\]|\(0(\.0?)?, ?1(\.0?)?\)|between 0(\.0)? and 1(\.0)?\b|from 0 to 1\b)"


class Saying(NamedTuple):
    """Words about an argument, words that take them back, what they ask for, and when numbers break it."""

    words: str
    unless: str
    wants: str
    is_broken: Callable[[Any], bool]


def _is_bounded(array: Any) -> bool:
    return simplex_axis(array) is not None or is_unit(array)


SAYINGS = [
    Saying(
        r"log[-_ ]?prob|log[-_ ]?space|log[-_ ]?softmax|logarithmi[sz]ed|log[-_ ]?likelihoods?\b",
        r"log_target|if .*log|unnormali",
        "log-probabilities",
        lambda a: a.dtype.kind == "f" and not is_log_probabilities(a),
    ),
    Saying(
        r"unnormali[sz]ed|logits?\b|raw scores?|log[- ]odds",
        r"probabilit|either|sigmoid.*if|softmax.*if",
        "logits, not probabilities",
        _is_bounded,
    ),
    Saying(
        r"probabilit|\b(discrete|target|predicted|output|class|categorical|true|reference)\W* distribution|"
        r": distribution",
        r"log|class indices|either|logit|dropout|unnormali|sums? to|if |score|from|sampl|"
        r"normal|uniform|poisson|underl|locat|empiric|support|observ|gauss|expectation|variance|deviation|"
        r"\b(of|from) (the|a|an) (\w+ )?distribution",
        "probabilities",
        lambda a: a.dtype.kind == "f" and bool((a < -NEAR).any() or (a > 1 + NEAR).any()),
    ),
    Saying(
        r"(rang|valu|normali|pixel|float|between|from).{0,60}" + UNIT,
        r"255|or \[|\[-1|if ",
        "numbers in [0, 1]",
        lambda a: a.dtype.kind == "f" and bool((a < -NEAR).any() or (a > 1 + NEAR).any()),
    ),
    Saying(
        r"\[-1(\.0?)?, ?\+?1(\.0?)?\]",
        r"\[0, ?1|if ",
        "numbers in [-1, 1]",
        lambda a: a.dtype.kind in "fiu" and bool((np.abs(a) > 1 + NEAR).any()),
    ),
    Saying(
        r"\[0, ?255\]|between 0 and 255",
        r"\[0, ?1|if ",
        "numbers in [0, 255]",
        lambda a: a.dtype.kind == "f" and bool(np.abs(a).max() <= 1),
    ),
    Saying(r"target scores|probability estimates|confidence|decision values", r"label indicator|binary labels or",
           "scores, not decisions", lambda a: is_binary(a)),
    Saying(r"binari[sz]ed", r"will be|is binari|automatic|if ", "zeros and ones",
           lambda a: a.dtype.kind == "f" and not set(np.unique(a)) <= {0.0, 1.0}),
    Saying(r"(must|should|has to|needs to|expected to|assumed to) be (monotonic(ally)? |strictly )*"
           r"(sorted|ordered|increasing|ascending|monotonic)|sorted in ascending|monotonically increasing|^sorted_",
           r"\bneed not|not necessarily|not (have|need)|automatic|will be",
           "sorted numbers", lambda a: a.ndim == 1 and bool((np.diff(a.astype(float)) < 0).any())),
    Saying(r"non-?negative|positive (values|numbers)", r"if |true|false", "numbers that are not negative",
           lambda a: bool((a < -NEAR).any())),
]  # fmt: skip
GOES_ON = re.compile(r"(Therefore, |Thus, |Hence, |So )?(it|they|its values) (should|must|has to|needs? to)", re.I)
RANGE = re.compile(r"(max_val|max_value|data_range|val_range|dynamic_range|value_range|peak|max_pixel)")
SIGNS = re.compile(r"1 (or|and) -1|-1 (or|and) \+?1|\{-1, ?\+?1\}|\{\+?1, ?-1\}|-1 .{0,20}and \+?1\b")
PREDICTED = set(
    "pred preds predicted prediction predictions y_pred y_hat yhat logits scores y_score input output outputs "
    "forecast forecasts estimate estimates estimated fitted hypothesis hypotheses reconstruction".split()
)
TRUE = set(
    "target targets label labels y_true true truth gt ground_truth observed observation observations reference "
    "references gold".split()
)


def documented(callable_: Any) -> str:
    """The documentation of what is called, of its class, and of what it refers the reader to."""
    owner = getattr(callable_, "__self__", callable_)
    kind = owner if inspect.isclass(owner) else type(owner)
    pieces: list[Any] = [callable_] if inspect.isroutine(callable_) else [kind, getattr(kind, "forward", None)]
    if inspect.ismethod(callable_) and not inspect.ismodule(owner):
        pieces.append(kind)
    text = "\n\n".join(inspect.getdoc(piece) or "" for piece in pieces if piece is not None)
    for named in re.findall(r"[Ss]ee[^.]{0,20}:(?:class|func):`[~.]?([\w.]+)`", text)[:3]:
        module, _, name = named.rpartition(".")
        there = getattr(sys.modules.get(module), name, None)  # an import may take seconds
        text += "\n\n" + (inspect.getdoc(there) or "" if there is not None else "")
    return text


def said_about(name: str, text: str) -> list[str]:
    """Sentences about one argument: its own entry, and those that name it in quotes."""
    start = re.compile(r"^(\s*)(?:[-*] +)?(?::param +)?[`*]*" + re.escape(name) + r"[`*]*(\s+\(.*|\s*:.*|\s*$)")
    found, lines = [], text.splitlines()
    for place, line in enumerate(lines):
        match = start.match(line)
        if match:
            entry = [line]
            for after in lines[place + 1 :]:
                if not after.strip() or len(after) - len(after.lstrip()) <= len(match[1]):
                    break
                entry.append(after)
            found.append(" ".join(entry))
    named = re.compile(r"(argument|attr:|``?|\*)[ `*]*" + re.escape(name) + r"[`*]")
    for paragraph in re.split(r"\n\s*\n|\n\s*-{3,}", text):
        is_subject = False
        for sentence in re.split(r"(?<=[.;]) (?=[A-Z`:])", " ".join(paragraph.split())):
            match = named.search(sentence)
            if (match or (is_subject and GOES_ON.match(sentence))) and len(sentence) < 400:
                found.append(sentence)
            is_subject = bool(match and match.start() < 6) or (match is None and is_subject)
    return [" ".join(entry.split()) for entry in found]


def said_about_data(text: str) -> list[str]:
    """Sentences about "the image" or "the input" of a call that has only one."""
    before = re.split(r"\n\s*(?:Args|Parameters|Returns|Return|Examples?)\b", text)[0]
    flat = " ".join(before.split())
    wants = r"(assumed|expected|expects|must|should|need)"
    return [said for said in re.split(r"(?<=[.;]) ", flat) if re.search(wants, said) and len(said) < 300]


def check_range(study: Study) -> None:
    """An argument that says how far the data reach, against the data."""
    for owner, given in ((study.case.target, study.case.spec["init"]), (study.callable_, study.case.spec["kwargs"])):
        signature = look.signature(owner) if given is not None else None
        for name, item in signature.parameters.items() if signature else ():
            value = (given or {}).get(name, item.default)
            if value is None and RANGE.fullmatch(name):
                what = f"{name}=None: the range is taken from the data, anew for every batch"
                study.report.finding("defaults", f"left at the default, and it matters: {what}")
            if not RANGE.fullmatch(name) or isinstance(value, bool) or not isinstance(value, (int, float)):
                continue
            arrays = {n: a for n, a in study.tensors().items() if a.dtype.kind in "fiu" and a.ndim > 1}
            for given_name, array in arrays.items():
                spread = float(array.max()) - float(array.min())
                if spread > 1.01 * value or 0 < spread < value / 50:
                    study.report.finding(
                        "domain", f"{name} is {value:g}, and {given_name} holds {described(array)}",
                        f"{name}=… as far as the data reach, or data of that range",
                    )  # fmt: skip
                    return


def parameters(study: Study) -> dict[str, str]:
    """Input name -> the parameter it arrives at."""
    signature = look.signature(study.callable_)
    order = study.case.positional()
    if signature is None:
        names = _written_parameters(study.callable_)
    else:
        names = [name for name, item in signature.parameters.items() if item.kind is not item.VAR_POSITIONAL]
    found = dict(zip(order, names))  # noqa: B905 - more parameters than inputs is the rule
    found.update({name: name for name in study.passed if name not in order})
    return found


def _written_parameters(callable_: Any) -> list[str]:
    """The parameters that the first line of a documentation shows, as of what is written in C."""
    first = (inspect.getdoc(callable_) or "").lstrip().split("\n")[0]
    shown = re.match(r"[\w.]+\(([^)]*)\)", first)
    names = [name.partition("=")[0].strip() for name in shown[1].split(",")] if shown else []
    return names[: names.index("*")] if "*" in names else names


def check_domain(study: Study) -> None:
    """Each argument against what is written about it."""
    text, places = documented(study.callable_), parameters(study)
    for name, array in {**study.built(), **study.tensors()}.items():
        if not np.isfinite(array.astype(float) if array.dtype.kind in "fiub" else np.zeros(1)).all():
            continue
        sentences = [places.get(name, name), *said_about(places.get(name, name), text)]
        if len(study.tensors()) == 1:
            sentences += said_about_data(text)
        if _is_broken(study, name, array, sentences):
            continue
        if is_binary(array) and array.dtype.kind != "b" and SIGNS.search(text) and "{0, 1}" not in text:
            said = _around(SIGNS, text)
            study.report.finding(
                "domain", f"{name} holds zeros and ones; the documentation speaks of 1 and -1: “{said}”",
                f"{name} * 2 - 1",
            )  # fmt: skip


def _is_broken(study: Study, name: str, array: Any, sentences: list[str]) -> bool:
    for said in sentences:
        for saying in SAYINGS:
            if not re.search(saying.words, said, re.IGNORECASE) or re.search(saying.unless, said, re.IGNORECASE):
                continue
            if saying.is_broken(array):
                study.report.finding(
                    "domain",
                    f"{name} wants {saying.wants}, and gets {described(array)}; its documentation: “{short(said)}”",
                )
                return True
    return False


def _around(pattern: re.Pattern[str], text: str) -> str:
    """The sentence in which the words stand."""
    flat = " ".join(text.split())
    match = pattern.search(flat)
    assert match is not None, "it was found in the same words"
    return short(flat[max(0, match.start() - 80) : match.end() + 20], 160)


def check_weights_place(study: Study) -> None:
    """Weights that arrive where values are meant, while the place for weights stays empty."""
    signature, places = look.signature(study.callable_), parameters(study)
    given = {*places.values(), *study.case.spec["kwargs"]}
    names = [name for name in (signature.parameters if signature else ()) if "weight" in name and name not in given]
    for name, array in study.tensors().items():
        if names and array.ndim == 1 and simplex_axis(array) == 0 and "weight" not in places.get(name, "weight"):
            study.report.finding(
                "domain",
                f"{name} holds {described(array)}, and arrives at {places[name]!r}; {', '.join(names)} is left empty",
                f"{names[0]}={name}, and the positions as {places[name]}",
            )
            return


def check_swapped(study: Study) -> None:
    """Inputs called like each other's parameter."""
    places = parameters(study)
    for name, place in places.items():
        for other, there in places.items():
            crossed = name < other and (name, other) == (there, place) and name != place
            roles = name in PREDICTED and place in TRUE and other in TRUE and there in PREDICTED
            if crossed or roles:
                study.report.finding(
                    "swapped",
                    f"{name} arrives at the parameter {place!r} and {other} at {there!r}",
                    f"give them by name: {place}={other}, {there}={name}",
                )
                return
