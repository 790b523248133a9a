"""A person's decision on inferred values, written into the plan without touching anything else in it."""

from __future__ import annotations

import datetime
import json
import re
from typing import Any

from reproof.document import load_plan, sourced
from reproof.errors import PackError, near
from reproof.paths import read_text, write_atomically
from reproof.plan import places
from reproof.plan.models import SignedValue, SignoffAnswer, SignoffRequest
from reproof.yamlio import parse

NOBODY = set(
    "agent ai assistant bot llm model claude gpt chatgpt codex copilot gemini cursor devin llama mistral opus sonnet "
    "haiku user me you anonymous unknown someone nobody name tbd todo root admin none system auto automatic default "
    "human person reviewer author helper".split()
)


def signoff(request: SignoffRequest) -> SignoffAnswer:
    """Answer `plan.py signoff`.

    Raises:
        PackError: no person's name, a path that is not an open inference, or an edit that would change anything else.
    """
    name = person(request.by)
    plan = load_plan(request.plan)
    known = dict(sourced(plan))
    if request.over is not None:
        return _settle(request, name, known)
    wrong = [_wrong(path, known) for path in request.path]
    if any(wrong):
        raise PackError(
            "not-open", "; ".join(w for w in wrong if w), why="a person signs exactly what is inferred and open",
            fix=f"plan.py check {request.plan} lists the open values with their paths",
        )  # fmt: skip
    text = read_text(request.plan, "plan")
    signature = {"by": name, "on": (request.on or datetime.date.today()).isoformat()}
    signature |= {"note": request.note} if request.note else {}
    edited = text
    for path in request.path:
        edited = places.with_key(edited, path, "signed", places.flow(signature), str(request.plan))
    _same_but(parse(text, "plan"), parse(edited, "plan"), request.path, signature)
    write_atomically(request.plan, edited)
    signed = [SignedValue(path=p, value=known[p].value, inferred=known[p].inferred or "") for p in request.path]
    left = sum(item.open for item in known.values()) - len(signed)
    return SignoffAnswer(
        ok=True, headline=f"{len(signed)} values signed by {name} on {signature['on']}; {left} still open",
        by=name, signed=signed, still_open=left,
    )  # fmt: skip


def _settle(request: SignoffRequest, name: str, known: dict[str, Any]) -> SignoffAnswer:
    """Write down which of two things that the paper says holds."""
    path = request.path[0]
    if len(request.path) > 1 or path not in known or not known[path].quote:
        raise PackError(
            "not-quoted", f"{', '.join(request.path)}: --over needs the path of one quoted value{near(path, known)}",
            why="a contradiction is between what the plan quotes and another place of the paper",
            fix=f"plan.py check {request.plan} --paper FILE lists the contradictions with their paths",
        )  # fmt: skip
    text = read_text(request.plan, "plan")
    signature = {"by": name, "on": (request.on or datetime.date.today()).isoformat()}
    signature |= {"note": request.note} if request.note else {}
    shown = f"{{path: {json.dumps(path)}, over: {request.over!r}, signed: {places.flow(signature)}}}"
    edited = places.with_item(text, "settled", shown, str(request.plan))
    after = parse(edited, "plan")
    added = after["settled"].pop()
    if added["path"] != path or {"settled": [], **parse(text, "plan")} != after:
        raise _not_written(path)
    write_atomically(request.plan, edited)
    return SignoffAnswer(
        ok=True, headline=f"{path} {known[path].value!r} holds over {request.over:g}, decided by {name} on "
        f"{signature['on']}", by=name,
        signed=[SignedValue(path=path, value=known[path].value, inferred=f"the paper also says {request.over:g}")],
        still_open=sum(item.open for item in known.values()),
    )  # fmt: skip


def person(name: str) -> str:
    """`name`, when it can be a person's.

    >>> person("Ada Lovelace")
    'Ada Lovelace'
    """
    words = re.findall(r"[^\W\d_]+", name.lower())
    if len(name.strip()) < 2 or not words or any(word in NOBODY for word in words):
        raise PackError(
            "not-a-person", f"--by {name!r} is not a person's name",
            why="an inferred value becomes part of the reproduction by the decision of a person who can be asked",
            fix="ask the person, and pass the name they give: --by 'Ada Lovelace'",
        )  # fmt: skip
    return " ".join(name.split())


def _wrong(path: str, known: dict[str, Any]) -> str:
    if path not in known:
        return f"no value at {path!r}{near(path, known)}"
    if not known[path].inferred:
        return f"{path} is quoted, not inferred"
    return f"{path} is signed already by {known[path].signed.by}" if known[path].signed else ""


def _same_but(before: Any, after: Any, paths: list[str], signature: dict[str, str]) -> None:
    """Refuse an edit that changed anything but the signatures."""
    for path in paths:
        target = places.at(after, path)
        found = target.pop("signed", None) if isinstance(target, dict) else None
        on = found.get("on") if isinstance(found, dict) else None
        if not isinstance(found, dict) or found.get("by") != signature["by"] or str(on) != signature["on"]:
            raise _not_written(path)
    if before != after:
        raise _not_written(paths[0])


def _not_written(path: str) -> PackError:
    return PackError(
        "not-signed", f"the signature for {path} cannot be placed without changing something else; nothing was written",
        why="the plan is a person's document, its comments and layout stay",
        fix="add signed: {by: NAME, on: YYYY-MM-DD} to that value by hand",
    )  # fmt: skip
