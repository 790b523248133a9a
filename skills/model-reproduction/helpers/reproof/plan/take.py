"""Fill open fields of a plan from the command line: a candidate by its number, or a value with its quote or reason.

lr=@1               candidate 1, with its quote and place
squared=false@2     another value, with the quote of candidate 2
lr=1e-3@the words   another value, with a quote of your own (needs --paper)
ema_decay=0.999?no decay is printed     inferred, with the reason; open until a person signs
heads=-             the field does not apply and is removed
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from reproof.errors import PackError, near
from reproof.paths import read_text, write_atomically
from reproof.plan import places
from reproof.plan.draft import offered, open_fields
from reproof.plan.models import TakeAnswer, TakenField, TakeRequest
from reproof.plan.quotes import find, value_in
from reproof.text.load import load
from reproof.text.quotes import Text, text_from
from reproof.yamlio import parse

# fields that hold words or a number of ours, and no value of the paper's
PLAIN = ("problem", "contribution", "ours_gpu", "budget_hours", "loss", "summary", "impact", "direction")
REMOVED = "-"


class Pick(NamedTuple):
    """One decision: a path, and what is to stand there (None: nothing)."""

    path: str
    data: Any


def take(request: TakeRequest) -> TakeAnswer:
    """Answer `plan.py take`.

    Raises:
        PackError: a field that is not open, a pick that cannot be read, a value that its quote does not state. All
            wrong picks are named, and nothing is written then.
    """
    text = read_text(request.plan, "plan")
    before = parse(text, str(request.plan))
    picks, wrong = _read(request, before, [field.path for field in open_fields(before)])
    if wrong:
        raise PackError(
            "not-taken", "; ".join(wrong), why="a value needs a quote that states it, or a reason; nothing was written",
            fix=f"plan.py check {request.plan} lists the open fields with their candidates; plan.py take --help",
        )  # fmt: skip
    edited = text
    for pick in picks:
        edited = places.replaced(edited, pick.path, None if pick.data is None else _shown(pick.data), str(request.plan))
    _same_but(before, parse(edited, str(request.plan)), picks)
    write_atomically(request.plan, edited)
    left = offered(parse(edited, str(request.plan)))
    inferred = sum(isinstance(pick.data, dict) and "inferred" in pick.data for pick in picks)
    return TakeAnswer(
        ok=True, headline=f"{len(picks)} fields filled, {inferred} of them inferred; {len(left)} open",
        taken=[TakenField(path=pick.path, data=pick.data) for pick in picks],
        open_fields=left,
    )  # fmt: skip


def _read(request: TakeRequest, data: Any, paths: list[str]) -> tuple[list[Pick], list[str]]:
    """Every pick, and what is wrong with those that cannot be taken."""
    picks: list[Pick] = []
    wrong: list[str] = []
    paper = text_from(load(request.paper)) if request.paper else None
    for written in request.pick:
        name, sign, choice = written.partition("=")
        path = field_named(name.strip(), paths)
        if not sign or not choice.strip():
            wrong.append(f"{written!r} is not FIELD=CHOICE")
        elif path.startswith("!"):
            wrong.append(path[1:])
        elif path in [pick.path for pick in picks]:
            wrong.append(f"{path} is filled twice")
        else:
            try:
                picks.append(Pick(path, chosen(path, choice.strip(), places.at(data, path), paper)))
            except ValueError as error:
                wrong.append(f"{path}: {error}")
    return picks, wrong


def field_named(name: str, paths: list[str]) -> str:
    """The open field that a name means: its path, or some of its parts in order, the last among them.

    A text that begins with "!" says that it means none or several.

    >>> paths = ["groups.toy.phases.fit.lr", "groups.image.phases.fit.lr"]
    >>> field_named("image.lr", paths), field_named("lr", paths)
    ('groups.image.phases.fit.lr', "!'lr' means groups.toy.phases.fit.lr and groups.image.phases.fit.lr")
    """
    fitting = [path for path in paths if path == name] or [path for path in paths if _abbreviates(name, path)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        return f"!{name!r} means {' and '.join(fitting[:4])}"
    ends = {path.rpartition(".")[2]: path for path in paths}
    return f"!no open field {name!r}{near(name, [*paths, *ends])}"


def _abbreviates(name: str, path: str) -> bool:
    wanted, parts = name.split("."), iter(path.split("."))
    return path.rpartition(".")[2] == wanted[-1] and all(part in parts for part in wanted)


def chosen(path: str, choice: str, field: dict[str, Any], paper: Text | None) -> Any:
    """What a choice puts at a field; None removes it.

    Raises:
        ValueError: there is no such candidate, the quote is not the paper's or does not state the value.
    """
    if choice == REMOVED:
        if "remove" not in str(field.get("open")):
            raise ValueError("is required; only fields that say so can be removed")
        return None
    if path.rpartition(".")[2] in PLAIN:
        return _value(choice)
    if "?" in choice and (match := re.match(r"(?s)([^@?]*)\?(.+)", choice)):
        return {"value": _value(match[1]), "inferred": match[2].strip()}
    value, sign, quote = choice.partition("@")
    if not sign or not quote.strip():
        raise ValueError(f"{choice!r} has no source: add @N (a candidate), @words of the paper, or ?reason")
    return _quoted(value, quote.strip(), field, paper)


def _quoted(value: str, quote: str, field: dict[str, Any], paper: Text | None) -> dict[str, Any]:
    offered = field.get("candidates") or []
    if quote.isdigit():
        if not 1 <= int(quote) <= len(offered):
            raise ValueError(f"has {len(offered)} candidates, no number {quote}")
        taken = dict(offered[int(quote) - 1])
    elif paper is None:
        raise ValueError("a quote of your own is looked up in the paper: pass --paper FILE")
    else:
        taken = {"quote": quote, "where": _place(quote, paper)}
    if value.strip():
        taken["value"] = _value(value)
    if "value" not in taken:
        raise ValueError("a quote of your own needs the value before it: VALUE@words")
    if problem := value_in(taken["value"], taken["quote"]):
        raise ValueError(problem)
    return {"value": taken["value"], "quote": taken["quote"], "where": taken["where"]}


def _place(quote: str, paper: Text) -> str:
    match = find(quote, paper)
    if not match.found or not match.spans:
        raise ValueError(f"{quote!r} does not stand in the paper{': ' + match.reason if match.reason else ''}")
    return " ".join(paper.located.where(match.spans[0][0]).split())


def _value(text: str) -> Any:
    """A value as YAML reads it; what it cannot read is words."""
    text = text.strip()
    try:
        return parse(text, "value") if text else None
    except PackError:
        return text


def _shown(data: Any) -> str:
    return places.flow(data) if isinstance(data, dict) else json.dumps(data, ensure_ascii=False)


def _same_but(before: Any, after: Any, picks: list[Pick]) -> None:
    """Refuse an edit that changed anything else."""
    for pick in picks:
        parent, _, key = pick.path.rpartition(".")
        place = places.at(before, parent) if parent else before
        if pick.data is None:
            del place[key]
        elif isinstance(place, list):
            place[int(key)] = pick.data
        else:
            place[key] = pick.data
    if before != after:
        raise PackError(
            "not-taken", "the fields cannot be filled without changing something else; nothing was written",
            why="the plan is a person's document, its comments and layout stay", fix="fill them by hand",
        )  # fmt: skip
