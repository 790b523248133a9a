"""What an input is called against what it is taken for: a deviation for a variance, a rate for a scale, wxyz for xyzw.

No name of a library stands here: the words are those that people give to their variables.
"""

from __future__ import annotations

import math
import re
from typing import Any, Iterator  # noqa: UP035 - Python 3.8 must be able to run this

from . import look
from .arrays import distance, np
from .domain import documented, parameters, said_about
from .report import number, short
from .study import Study, is_floating, same_shapes

TWICE, TRICE = 2.0, 3.0
SAME = 1e-3
GROWTH = range(-4, 5)  # powers of the result that are tried
ASKED = 10  # calls: two for a location, and one or two for each power
MOST = 4  # inputs beside the one that is named; more of them are no formula of statistics

INVERSE = -2
# word for a quantity -> the power with which it grows where the data grow
POWERS = {
    "std": 1, "stddev": 1, "stdev": 1, "sigma": 1, "sd": 1, "scale": 1, "standard_deviation": 1,
    "var": 2, "variance": 2, "variances": 2, "sigma2": 2, "sigma_squared": 2, "cov": 2, "covariance": 2,
    "rate": -1, "inverse_scale": -1, "precision": -2, "inv_cov": -2, "inverse_covariance": -2,
}  # fmt: skip
CALLED = {0: "a location", 1: "a scale or standard deviation", 2: "a variance", -1: "a rate, one over a scale",
          -2: "a precision, one over a variance"}  # fmt: skip
WRITTEN = [  # what documentations call them; the first that is found counts
    (re.compile(r"inverse (of the )?(co)?variance|precision matri"), INVERSE),
    (re.compile(r"standard deviation|std\.? ?dev"), 1),
    (re.compile(r"\b(co)?variances?\b"), 2),
]
FAMILIES = [
    ("wxyz", "xyzw"), ("rgb", "bgr"), ("xyxy", "xywh", "cxcywh"), ("degrees", "radians"), ("hz", "khz"),
    ("nchw", "nhwc"), ("chw", "hwc"), ("celsius", "kelvin"),
]  # fmt: skip
SHORT_FORMS = {"deg": "degrees", "degree": "degrees", "rad": "radians", "radian": "radians"}


def _words(name: str) -> list[str]:
    return [SHORT_FORMS.get(word, word) for word in name.lower().split("_")]


def power_of(name: str) -> int | None:
    """How the quantity that a name speaks of grows with the data; None where it speaks of none.

    >>> power_of("std"), power_of("x_var"), power_of("rate"), power_of("logits")
    (1, 2, -1, None)
    """
    lower = name.lower()
    if "log" in _words(lower) or lower.startswith("log"):
        return None
    return POWERS.get(lower, POWERS.get(_words(lower)[-1]))


def check_quantities(study: Study) -> None:
    """Data twice as large, and each named quantity as its name says: a formula that means it grows by one power."""
    floats = {name: array for name, array in study.tensors().items() if is_floating(array)}
    if _says_otherwise(study):
        return
    asked = {name: power_of(name) for name in floats}
    named = [name for name, power in asked.items() if power is not None]
    if len(named) != 1 or not 2 <= len(floats) <= MOST + 1 or len(floats) != len(study.tensors()):
        return
    name = named[0]
    said = asked[name]
    if (floats[name] <= 0).all() or not study.base or not is_floating(study.base[0]):
        return
    if not study.report.affords("quantities", ASKED, study.call_s):
        return
    fits = [power for power in CALLED if _grows(study, floats, name, power)]
    if said not in fits and len(fits) == 1:
        study.report.finding(
            "other_quantity",
            f"{name} sounds like {CALLED[said or 0]}, and is taken for {CALLED[fits[0]]}: where the data double, the "
            f"result follows only if {name} {_follows(fits[0])}",
            _turned(name, said or 0, fits[0]),
        )


def _says_otherwise(study: Study) -> bool:
    """Whether the documentation of a parameter speaks of another quantity than the name of what arrives there."""
    text = documented(study.callable_)
    for name, place in parameters(study).items():
        said, about = power_of(name), " ".join([place, *said_about(place, text)])
        written = [power for words, power in WRITTEN if words.search(about.lower())]
        if said is None or name == place or not written:
            continue
        if written[0] == said or (written[0] != INVERSE and said in written):
            continue  # a sentence about a deviation may name the variance; one about an inverse names what is inverted
        study.report.finding(
            "other_quantity",
            f"{name} sounds like {CALLED[said]}, and arrives at {place!r}: “{short(about, 160)}”",
            _turned(name, said, written[0]),
        )
        return True
    return False


def _follows(power: int) -> str:
    return "moves along with them" if power == 0 else f"is multiplied by {number(TWICE**power)}"


def _turned(name: str, said: int, taken: int) -> str:
    """What to write instead."""
    turns = {
        (1, 2): f"{name} ** 2", (2, 1): f"{name} ** 0.5", (1, -1): f"1 / {name}", (-1, 1): f"1 / {name}",
        (2, -2): f"the inverse of {name}", (-2, 2): f"the inverse of {name}", (1, -2): f"{name} ** -2",
    }  # fmt: skip
    return turns.get((said, taken), f"give {name} by its keyword")


def _grows(study: Study, floats: dict[str, Any], name: str, power: int) -> bool:
    """Whether the result is one power of the unit of the data, or a logarithm of it."""
    if power == 0:  # a location: both moved by the same step leave the result as it is
        changed = {other: array + 0.75 for other, array in floats.items()}
        grown = study.ask(changed)
        alone = study.ask({other: array for other, array in changed.items() if other != name})
        return _is_near(grown, study.base) and not _is_near(alone, study.base)
    law = _law(study, floats, name, power, TWICE)
    return law is not None and law == _law(study, floats, name, power, TRICE)  # one factor alone may fit by chance


def _law(study: Study, floats: dict[str, Any], name: str, power: int, factor: float) -> tuple[str, int] | None:
    """How the result follows data that are `factor` times as large, and the named quantity in its power of it."""
    changed = {other: array * (factor**power if other == name else factor) for other, array in floats.items()}
    grown = study.ask(changed)
    if grown is None or not _is_near(grown, grown) or grown[0].shape != study.base[0].shape:
        return None
    was, now = study.base[0].astype(float), grown[0].astype(float)
    for growth in GROWTH:
        if _close(now, was * factor**growth):
            return "power", growth
    step = round(float(np.mean(now - was)) / math.log(factor))
    return ("logarithm", step) if step and _close(now, was + step * math.log(factor)) else None


def _is_near(ours: Any, theirs: Any) -> bool:
    return ours is not None and ours[0].shape == theirs[0].shape and _close(ours[0], theirs[0])


def _close(ours: Any, theirs: Any) -> bool:
    size = float(np.abs(theirs).max(initial=0.0))
    return bool(np.isfinite(ours).all() and size and np.abs(ours - theirs).max() < SAME * size)


def check_orders(study: Study) -> None:
    """A name that says wxyz, BGR or degrees, where xyzw, RGB or radians is written."""
    text = documented(study.callable_)
    for name, place in parameters(study).items():
        for family in FAMILIES:
            mine = [word for word in _words(name) if word in family]
            if len(mine) != 1:
                continue
            about = " ".join([place, *said_about(place, text)]).lower()
            for where in (about, text.lower()):
                said = {word for word in family if re.search(rf"\b{word}\b|_{word}\b|\b{word}_", where)}
                if mine[0] in said:
                    break
                if len(said) == 1:
                    other = next(iter(said))
                    study.report.finding(
                        "other_quantity",
                        f"{name} arrives at {place!r}, and what is written about it speaks of {other}, not {mine[0]}: "
                        f"“{short(_around(where, other), 160)}”",
                        f"bring {name} into the order or unit {other}",
                    )
                    return


def _around(text: str, word: str) -> str:
    flat = " ".join(text.split())
    place = flat.find(word)
    return flat[max(0, place - 80) : place + 60]


PERCENT = re.compile(r"between 0 and 100|\[0, ?100\]|percentages?\b|in percent\b", re.IGNORECASE)
DEGREES = re.compile(r"\b(in|angles?|rotation)\b.{0,40}\bdegrees?\b|\bdegrees\b(?! of freedom)", re.IGNORECASE)
RADIANS = re.compile(r"\bradians?\b", re.IGNORECASE)
TURN = math.pi / 12  # people write angles as parts of pi
ROUND = 5e-3  # 1.57 is a half of pi
MOST_PARTS = 48  # two turns
TURNED = 1e-3  # float32 loses digits at 360
ANGLE = re.compile(r"(^|_)(angles?|theta|rotations?|yaw|pitch|azimuth|degrees?|deg|latitudes?|longitudes?)($|_)")


def check_numbers(study: Study) -> None:
    """Percentages given as fractions, degrees given as radians, and the other way round."""
    for owner, name, values, default in _numbers_said(study):
        about = " ".join(said_about(name, documented(owner)))
        if PERCENT.search(about) and all(0 < value < 1 for value in values):
            wants, factor = "percentages, from 0 to 100", "100 *"
        elif DEGREES.search(about) and not RADIANS.search(about) and _are_parts_of_pi(values):
            wants, factor = "degrees", "180 / pi *"
        elif RADIANS.search(about) and not DEGREES.search(about) and max(map(abs, values)) > 4 * math.pi:
            wants, factor = "radians", "pi / 180 *"
        elif default and len(values) == 1 and abs(default) > 4 and abs(values[0] / math.radians(default) - 1) < 0.02:
            about, wants, factor = f"{name} is {number(default)} by default", "degrees", "180 / pi *"
        else:
            continue
        shown = ", ".join(number(value) for value in values)
        study.report.finding(
            "other_unit", f"{name} takes {wants}, and gets {shown}: “{short(about, 160)}”", f"{factor} {name}"
        )


def check_period(study: Study) -> None:
    """Ends that are parts of pi, and an input that comes round after 360; or whole turns that come round after 2 pi."""
    for name, array in study.tensors().items():
        spec = study.case.inputs[name]
        if spec["dist"] != "uniform" or not spec["shape"] or not is_floating(array) or array.ndim > 2:
            continue
        ends = [end * spec["scale"] + spec["shift"] for end in (spec["low"], spec["high"])]
        looks_like = "radians" if _are_parts_of_pi(ends) else "degrees" if ANGLE.search(name.lower()) else ""
        if not looks_like or (looks_like == "degrees" and max(map(abs, ends)) <= 4 * math.pi):
            continue
        about = " ".join(said_about(parameters(study).get(name, name), documented(study.callable_)))
        if DEGREES.search(about) or RADIANS.search(about):
            continue  # what is written is held against the numbers already
        turns = {"degrees": 360.0, "radians": 2 * math.pi}
        back = [unit for unit, turn in turns.items() if _comes_back(study, study.ask({name: array + turn}))]
        if len(back) == 1 and back[0] != looks_like:
            what = f"{name} runs from {number(ends[0])} to {number(ends[1])}, and the result comes back after one turn "
            study.report.finding("other_unit", f"{what}in {back[0]}", f"give {name} in {back[0]}")


def _comes_back(study: Study, after: Any) -> bool:
    return after is not None and same_shapes(study.base, after) and distance(study.base, after) < TURNED


def _numbers_said(study: Study) -> Iterator[tuple[Any, str, list[float], float | None]]:
    """Numbers that the plan itself says: of settings, and the ends from which an input is drawn."""
    for owner, given in ((study.case.target, study.case.spec["init"]), (study.callable_, study.case.spec["kwargs"])):
        signature = look.signature(owner)
        for name, value in (given or {}).items():
            values = value if isinstance(value, list) else [value]
            item = signature.parameters.get(name) if signature else None
            default = item.default if item is not None and isinstance(item.default, (int, float)) else None
            if values and all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in values):
                yield owner, name, [float(one) for one in values], default
    for name, place in parameters(study).items():
        spec = study.case.inputs[name]
        if spec["dist"] == "uniform" and spec["shape"] and "float" in spec["dtype"]:
            ends = [spec["low"] * spec["scale"] + spec["shift"], spec["high"] * spec["scale"] + spec["shift"]]
            yield study.callable_, place, [end for end in ends if end], None


def _are_parts_of_pi(values: list[float]) -> bool:
    parts = [value / TURN for value in values if value]
    return bool(parts) and all(abs(part - round(part)) < ROUND and 0 < abs(part) <= MOST_PARTS for part in parts)
