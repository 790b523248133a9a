"""Keywords that are swallowed, documented with another default, or whose lists are no tuples."""

from __future__ import annotations

import inspect
import re
from typing import Any

from . import look
from .arrays import distance
from .domain import said_about
from .report import short
from .study import Study

NONSENSE = "a_name_that_nothing_has"
SAID = re.compile(r"[Dd]efaults?(?: value)?(?: is| to|:|=)?[\s:`'\"*]*(-?[\w.+-]+)")
WORDS = {"True": True, "False": False, "None": None, "true": True, "false": False}


def check_swallowed(study: Study) -> None:
    """A keyword that `**kwargs` takes: does leaving it out, or giving another value, change anything?"""
    for place, owner in (("init", study.case.target), ("kwargs", study.callable_)):
        given = study.case.spec[place] or {}
        for key in look.unchecked(owner, given) if given else []:
            if _is_swallowed(study, place, given, key):
                study.report.finding(
                    "ignored_argument",
                    f"{key}={given[key]!r} has no effect: **kwargs swallows it, as it swallows any other name",
                    f"{key} is set in another way, or is called otherwise: see the documentation",
                )


def _is_swallowed(study: Study, place: str, given: dict[str, Any], key: str) -> bool:
    """Left out, changed and misspelt, it gives the same result."""
    rest = {name: value for name, value in given.items() if name != key}
    tries = [rest, {**rest, NONSENSE: given[key]}]
    if isinstance(given[key], (int, float)):
        tries.append({**rest, key: not given[key] if isinstance(given[key], bool) else 2 * given[key] + 1})
    for settings in tries:
        after = study.ask_with(place, settings)
        if after is None or distance(study.base, after) > 0:
            return False
    return True


def check_documented(study: Study) -> None:
    """A default that was left, and is another one in the documentation."""
    owners = [(study.case.target, study.case.spec["init"])] if study.case.spec["init"] is not None else []
    owners.append((study.callable_, {**study.case.spec["kwargs"], **dict.fromkeys(study.passed)}))
    for owner, given in owners:
        signature = look.signature(owner)
        text = inspect.getdoc(owner) or ""
        for name, item in signature.parameters.items() if signature and text else ():
            if name in (given or {}) or not isinstance(item.default, (bool, int, float)):
                continue
            for said in said_about(name, text)[:1]:
                _compare(study, name, item.default, said)


def _compare(study: Study, name: str, default: Any, said: str) -> None:
    found = SAID.findall(said)
    if len(found) != 1:
        return
    word = found[0].rstrip(".")
    try:
        written = WORDS[word] if word in WORDS else float(word)
    except ValueError:
        return
    if written is None or isinstance(written, bool) != isinstance(default, bool) or written == default:
        return
    what = f"{name} is {default!r} unless it is given, and its documentation says {word}: “{short(said, 120)}”"
    study.report.finding("doc_default", what, f"give {name}")


def check_lists(study: Study) -> None:
    """Lists among the keywords, as tuples: another result means that the type decides."""
    for place in ("init", "kwargs"):
        given = study.case.spec[place] or {}
        lists = [key for key, value in given.items() if isinstance(value, list)]
        if not lists:
            continue
        after = study.ask_with(place, {**given, **{key: tuple(given[key]) for key in lists}})
        if after is not None and distance(study.base, after) > 0:
            study.report.finding(
                "list_or_tuple",
                f"{', '.join(lists)} as a tuple instead of a list gives another result",
                f"tuples: [{', '.join(lists)}] in the plan, where tuples are meant",
            )
