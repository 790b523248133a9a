"""What points at the cause of a failed rung beside the line where its values part: hints, read in the source."""

from __future__ import annotations

from typing import Any

from . import origins

MOST = 4


def hints(rung: dict[str, Any]) -> list[dict[str, str]]:
    """Lines of the port, most telling first: left out, numbers that one side alone has, numbers set elsewhere."""
    divergence = rung.get("first_divergence") or {}
    port, reference = divergence.get("port") or {}, divergence.get("reference") or {}
    findings = rung.get("findings") or []
    places = [port.get("line", ""), port.get("made", ""), *(each["port_line"] for each in findings[:2])]
    pairs = [(reference.get("line", ""), port.get("line", ""))]
    pairs += [(each["reference_line"], each["port_line"]) for each in findings[:1]]
    unused = any("is not used" in each["what"] for each in findings[:1])
    found = [] if unused else _left_out(divergence, reference)
    for one in dict.fromkeys(pair for pair in pairs if all(pair)):
        found += [_hint(what, at, line) for what, at, line in origins.apart(*one)]
    for place in dict.fromkeys(each for each in places if each):
        found += [_hint(f"{name}, which stands there, is set here", place, at) for name, at in origins.given(place)]
    seen = {each for each in places if each}
    kept = {each["port_line"]: each for each in reversed(found) if each["port_line"] not in seen}
    return [each for each in found if kept.get(each["port_line"]) is each][:MOST]


def _left_out(divergence: dict[str, Any], reference: dict[str, Any]) -> list[dict[str, str]]:
    """Where the step would stand: after the last line that still agrees; at the end of its block, that line itself."""
    before, made, follows = divergence.get("left_out") or ("", "", "")
    line = reference.get("line", "")
    what = (
        f"the reference computes {reference.get('op')} there, the port nothing that differs before its next operation"
    )
    next_one = origins.beside(before or follows, 1 if before else -1)
    places = [next_one] if next_one else [before, made]
    return [_hint(what, line, at) for at in places if at]


def _hint(what: str, reference: str, port: str) -> dict[str, str]:
    return {"what": what, "reference_line": reference, "port_line": port}
