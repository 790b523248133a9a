"""What is known about one value of a plan: looked up now, vouched for by an earlier record, signed, open, or wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from reproof import evidence
from reproof.document import Plan, sourced
from reproof.paths import sha256
from reproof.plan.models import Item, Status, Vouched
from reproof.plan.quotes import Text, find, value_in
from reproof.plan.sources import Clone, passage, value_in_code, wrong_form
from reproof.records import Sourced

NOT_HERE = "verified on {date} against text with hash {hash}; the text is not here, get it from {source}"
CLONE_NOT_HERE = "verified on {date} against commit {hash}; the clone is not here, get it from {source}"
NO_PORT = "the plan has no `port`: of which repository and commit is this a line?"


@dataclass
class Origins:
    """Where values can be looked up, and what earlier records say where the origin is not here."""

    text: Text | None = None
    clone: Clone | None = None
    known: set[str] = field(default_factory=set)
    """Fingerprints of values that an intact record verified."""


def quoted_and_inferred(plan: Plan) -> Iterator[tuple[str, Sourced[object]]]:
    """Every sourced value of the plan, and every claim as one."""
    yield from sourced(plan)
    for claim in plan.claims:
        yield f"claims.{claim.id}", Sourced[object](value=claim.value, quote=claim.quote, where=claim.where)
    for kind, others in (("orders", plan.orders), ("curves", plan.curves)):
        for other in others:  # what the quote states is no number: that it stands there is what can be checked
            yield f"{kind}.{other.id}", Sourced[object](value=True, quote=other.quote, where=other.where)


def judge(path: str, item: Sourced[object], origins: Origins, plan: Plan | None = None) -> Item:
    """What is known about one value."""
    status, section, reason = _by_source(path, item, origins, plan) if item.source else _status(path, item, origins)
    return Item(
        path=path,
        value=item.value,
        status=status,
        where=item.where or item.source or "",
        section=section,
        reason=reason,
        fingerprint=fingerprint(path, item),
    )


def _status(path: str, item: Sourced[object], origins: Origins) -> tuple[Status, str, str]:
    if item.inferred:
        return ("SIGNED" if item.signed else "OPEN"), "", item.inferred
    assert item.quote, "a sourced value has a quote, a source or an inference"
    wrong = value_in(item.value, item.quote, item.read_as)
    if wrong:
        return "VALUE_NOT_IN_QUOTE", "", wrong
    if origins.text is None:
        vouched = fingerprint(path, item) in origins.known
        return ("VOUCHED", "", "") if vouched else ("UNCHECKED", "", "the paper's text is not here: pass --paper FILE")
    match = find(item.quote, origins.text)
    return ("VERIFIED" if match.found else "NOT_IN_PAPER"), match.section, match.reason


def _by_source(path: str, item: Sourced[object], origins: Origins, plan: Plan | None) -> tuple[Status, str, str]:
    assert item.source, "asked only for values of a port"
    if plan is None or plan.port is None:
        return "NOT_IN_SOURCE", "", NO_PORT
    wrong = wrong_form(item.source, plan.port)
    if wrong:
        return "NOT_IN_SOURCE", "", wrong
    if origins.clone is None:
        vouched = fingerprint(path, item) in origins.known
        return ("VOUCHED", "", "") if vouched else ("UNCHECKED", "", "the clone is not here: pass --source DIR")
    code, wrong = passage(item.source, origins.clone)
    if wrong:
        return "NOT_IN_SOURCE", "", wrong
    wrong = value_in_code(item.value, code)
    return ("VALUE_NOT_IN_SOURCE", "", wrong) if wrong else ("VERIFIED", "", "")


def fingerprint(path: str, item: Sourced[object]) -> str:
    """What an earlier verification of this value is known by."""
    said = [path, item.quote, item.value, item.read_as, *([item.source] if item.source else [])]
    return sha256(json.dumps(said, sort_keys=True, default=str))


def earlier_records(plan_path: Path) -> list[evidence.Evidence]:
    """The latest intact records, in the evidence folder beside the plan, that looked values up in text and in code."""
    records, findings = evidence.audit(plan_path.resolve().parent / "evidence")
    broken = {finding.file for finding in findings}
    found: dict[str, evidence.Evidence] = {}
    for record in reversed(records):
        if record.helper != "plan check" or any(name.startswith(f"{record.number:04d}-") for name in broken):
            continue
        for key in ("text_sha256", "source_commit"):
            if record.answer.get(key):
                found.setdefault(key, record)
    return list({record.number: record for record in found.values()}.values())


def verified_in(records: list[evidence.Evidence]) -> set[str]:
    """Fingerprints of the values that these records verified."""
    items = [item for record in records for item in record.answer["items"]]
    return {item["fingerprint"] for item in items if item["status"] == "VERIFIED"}


def vouched(record: evidence.Evidence, plan: Plan) -> Vouched:
    """What to print about the record that vouches."""
    date, digest = record.created.date().isoformat(), str(record.answer.get("text_sha256") or "")
    source = f"arXiv {plan.paper.arxiv}" if plan.paper.arxiv else plan.paper.url or "its publisher"
    reading = NOT_HERE.format(date=date, hash=digest[:12], source=source)
    if not digest and plan.port:
        commit = str(record.answer["source_commit"])
        reading = CLONE_NOT_HERE.format(date=date, hash=commit[:12], source=plan.port.repository)
    return Vouched(record=f"{record.number:04d}-plan-check", date=date, text_sha256=digest, reading=reading)
