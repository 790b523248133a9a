"""Check a plan: schema, every quote, every value against its quote, and what is still open."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from reproof import evidence
from reproof.document import Plan, load_plan, sourced
from reproof.paths import hash_path, sha256
from reproof.plan.consistency import Finding, findings
from reproof.plan.contradictions import contradictions
from reproof.plan.coverage import coverage
from reproof.plan.draft import Open, loaded, open_fields, quoted
from reproof.plan.models import (
    CheckAnswer,
    CheckRequest,
    CoverageAnswer,
    CoverageRequest,
    Item,
    Status,
    Vouched,
)
from reproof.plan.quotes import Text, find, value_in, wrong_where
from reproof.records import Sourced
from reproof.text.load import load
from reproof.text.quotes import text_from

GOOD: tuple[Status, ...] = ("VERIFIED", "VOUCHED", "SIGNED")
ORDER: tuple[Status, ...] = (*GOOD, "OPEN", "UNCHECKED", "VALUE_NOT_IN_QUOTE", "NOT_IN_PAPER")
NOT_HERE = "verified on {date} against text with hash {hash}; the text is not here, get it from {source}"


def check(request: CheckRequest) -> CheckAnswer:
    """Answer `plan.py check`."""
    data = loaded(request.plan)
    still_open = list(open_fields(data))
    text = text_from(load(request.paper)) if request.paper else None
    if still_open:
        return _draft(request, data, still_open, text)
    plan = load_plan(request.plan)
    record = None if text else earlier_record(request.plan)
    known = {item["fingerprint"] for item in record.answer["items"]} if record else set()
    items = [judge(path, value, text, known) for path, value in quoted_and_inferred(plan)]
    counts = Counter(item.status for item in items)
    found = findings(plan)
    errors = sum(finding.level == "error" for finding in found)
    covered = coverage((item.quote for _, item in quoted_and_inferred(plan) if item.quote), text) if text else None
    return CheckAnswer(
        ok=all(item.status in GOOD for item in items) and not errors,
        headline=_headline(counts, len(items)) + (f"; {errors} fields do not fit together" if errors else ""),
        counts={status: counts[status] for status in ORDER if counts[status]},
        items=items,
        text_sha256=hash_path(request.paper) if request.paper else "",
        text_source=str(request.paper or ""),
        vouched=_vouched(record, plan) if record else None,
        plan_sha256=hash_path(request.plan),
        findings=found,
        misplaced=list(_misplaced(plan, text)) if text else [],
        contradictions=contradictions(plan, text) if text else [],
        untouched=covered.untouched if covered else [],
        lost=covered.lost if covered else [],
    )


def _misplaced(plan: Plan, text: Text) -> Iterator[Finding]:
    for path, item in quoted_and_inferred(plan):
        if item.quote and item.where:
            wrong = wrong_where(item.where, find(item.quote, text), text)
            if wrong:
                yield Finding(level="warning", path=path, what=wrong)


def _draft(request: CheckRequest, data: object, still_open: list[Open], text: Text | None) -> CheckAnswer:
    """A plan with open fields: what is quoted already is checked, the rest is listed."""
    items = []
    for path, given in quoted(data):
        said = {key: given[key] for key in ("quote", "where", "read_as") if key in given}
        shown = given.get("value", given.get("printed"))
        number = float(shown) if "printed" in given and isinstance(shown, str) and _is_number(shown) else shown
        item = Sourced[object].model_validate({"value": number, "where": "not said", **said})
        items.append(judge(path, item, text, set()))
    counts = Counter(item.status for item in items)
    return CheckAnswer(
        ok=False,
        headline=f"a draft: {len(still_open)} fields are open; {_headline(counts, len(items))}",
        counts={status: counts[status] for status in ORDER if counts[status]},
        items=items,
        text_sha256=hash_path(request.paper) if request.paper else "",
        text_source=str(request.paper or ""),
        plan_sha256=hash_path(request.plan),
        open_fields=still_open,
        lost=text.located.lost if text else [],
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def cover(request: CoverageRequest) -> CoverageAnswer:
    """Answer `plan.py coverage`."""
    text = text_from(load(request.paper))
    quotes = [str(given["quote"]) for _, given in quoted(loaded(request.plan))]
    covered = coverage(quotes, text)
    untouched = covered.untouched
    worst = ", ".join(f"{p.name} ({p.candidates} candidates)" for p in untouched[:3])
    return CoverageAnswer(
        ok=not untouched,
        headline=f"{len(untouched)} parts with candidates were never cited: {worst}"
        if untouched
        else "every part that has candidates is cited",
        places=covered.places,
        unused=covered.unused,
        lost=covered.lost,
    )


def quoted_and_inferred(plan: Plan) -> Iterator[tuple[str, Sourced[object]]]:
    """Every sourced value of the plan, and every claim as one."""
    yield from sourced(plan)
    for claim in plan.claims:
        yield f"claims.{claim.id}", Sourced[object](value=claim.value, quote=claim.quote, where=claim.where)


def judge(path: str, item: Sourced[object], text: Text | None, known: set[str]) -> Item:
    """What is known about one value."""
    status, section, reason = _status(path, item, text, known)
    return Item(
        path=path,
        value=item.value,
        status=status,
        where=item.where or "",
        section=section,
        reason=reason,
        fingerprint=fingerprint(path, item),
    )


def _status(path: str, item: Sourced[object], text: Text | None, known: set[str]) -> tuple[Status, str, str]:
    if item.inferred:
        return ("SIGNED" if item.signed else "OPEN"), "", item.inferred
    if item.source:
        return "UNCHECKED", "", "source lines of a port are not checked yet"
    assert item.quote, "a sourced value has a quote, a source or an inference"
    wrong = value_in(item.value, item.quote, item.read_as)
    if wrong:
        return "VALUE_NOT_IN_QUOTE", "", wrong
    if text is None:
        vouched = fingerprint(path, item) in known
        return ("VOUCHED", "", "") if vouched else ("UNCHECKED", "", "the paper's text is not here: pass --paper FILE")
    match = find(item.quote, text)
    return ("VERIFIED" if match.found else "NOT_IN_PAPER"), match.section, match.reason


def fingerprint(path: str, item: Sourced[object]) -> str:
    """What an earlier verification of this value is known by."""
    return sha256(json.dumps([path, item.quote, item.value, item.read_as], sort_keys=True, default=str))


def earlier_record(plan_path: Path) -> evidence.Evidence | None:
    """The latest intact record, in the evidence folder beside the plan, that verified quotes against a text."""
    records, findings = evidence.audit(plan_path.resolve().parent / "evidence")
    broken = {finding.file for finding in findings}
    for record in reversed(records):
        is_check = record.helper == "plan check" and record.answer.get("text_sha256")
        if is_check and not any(name.startswith(f"{record.number:04d}-") for name in broken):
            kept = [i for i in record.answer["items"] if i["status"] == "VERIFIED"]
            return record.model_copy(update={"answer": {**record.answer, "items": kept}})
    return None


def _vouched(record: evidence.Evidence, plan: Plan) -> Vouched:
    date, digest = record.created.date().isoformat(), str(record.answer["text_sha256"])
    source = f"arXiv {plan.paper.arxiv}" if plan.paper.arxiv else plan.paper.url or "its publisher"
    reading = NOT_HERE.format(date=date, hash=digest[:12], source=source)
    return Vouched(record=f"{record.number:04d}-plan-check", date=date, text_sha256=digest, reading=reading)


def _headline(counts: Counter[Status], total: int) -> str:
    words: dict[Status, str] = {
        "VERIFIED": "quotes verified in the text",
        "VOUCHED": "quotes vouched for by an earlier record",
        "SIGNED": "inferred values signed",
        "OPEN": "inferred values wait for a person's sign-off",
        "UNCHECKED": "not checked",
        "VALUE_NOT_IN_QUOTE": "values that their quote does not state",
        "NOT_IN_PAPER": "quotes that are not in the paper",
    }
    parts = [f"{counts[status]} {words[status]}" for status in ORDER if counts[status]]
    return f"{total} values and claims: " + (", ".join(parts) or "none")
