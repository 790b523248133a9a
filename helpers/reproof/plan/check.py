"""Check a plan: schema, every quote, every value against its quote, and what is still open."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from reproof import evidence
from reproof.document import Plan, load_plan, sourced
from reproof.errors import PackError
from reproof.paths import hash_path, read_text, sha256
from reproof.plan.models import CheckAnswer, CheckRequest, Item, Status, Vouched
from reproof.plan.quotes import Text, find, text_of, value_in
from reproof.records import Sourced

GOOD: tuple[Status, ...] = ("VERIFIED", "VOUCHED", "SIGNED")
ORDER: tuple[Status, ...] = (*GOOD, "OPEN", "UNCHECKED", "VALUE_NOT_IN_QUOTE", "NOT_IN_PAPER")
MAX_TEXT_BYTES = 64 * 2**20
NOT_HERE = "verified on {date} against text with hash {hash}; the text is not here, get it from {source}"


def check(request: CheckRequest) -> CheckAnswer:
    """Answer `plan.py check`."""
    plan = load_plan(request.plan)
    text = _paper(request.paper) if request.paper else None
    record = None if text else earlier_record(request.plan)
    known = {item["fingerprint"] for item in record.answer["items"]} if record else set()
    items = [judge(path, value, text, known) for path, value in quoted_and_inferred(plan)]
    counts = Counter(item.status for item in items)
    return CheckAnswer(
        ok=all(item.status in GOOD for item in items),
        headline=_headline(counts, len(items)),
        counts={status: counts[status] for status in ORDER if counts[status]},
        items=items,
        text_sha256=hash_path(request.paper) if request.paper else "",
        text_source=str(request.paper or ""),
        vouched=_vouched(record, plan) if record else None,
        plan_sha256=hash_path(request.plan),
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


def _paper(path: Path) -> Text:
    if path.suffix.lower() not in (".txt", ".md"):
        raise PackError(
            "paper-format",
            f"--paper {str(path)!r}: {path.suffix or 'no suffix'} is not read yet",
            why="quotes are looked up in plain text; a wrong extraction would reject true quotes",
            fix="save the paper's text as .txt or .md and pass that",
        )
    if path.is_file() and path.stat().st_size > MAX_TEXT_BYTES:
        size = path.stat().st_size
        raise PackError(
            "paper-too-large",
            f"--paper {str(path)!r} has {size} bytes",
            why=f"a paper's text is far below {MAX_TEXT_BYTES} bytes",
            fix="pass the text of the paper only",
        )
    return text_of(read_text(path, "paper"))


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
