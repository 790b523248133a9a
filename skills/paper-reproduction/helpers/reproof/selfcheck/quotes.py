"""Does the paper say what the plan says, and has a person signed what it does not say?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from reproof.document import Plan, sourced
from reproof.evidence import Evidence
from reproof.paths import hash_path
from reproof.selfcheck.chain import stale
from reproof.selfcheck.gather import Project, rows_in
from reproof.selfcheck.models import Item
from reproof.selfcheck.words import listed, many

CHECK = "python HELPERS/plan.py check PROJECT/plan.yaml --paper FILE"
GOOD = ("VERIFIED", "VOUCHED")
WRONG = ("NOT_IN_PAPER", "VALUE_NOT_IN_QUOTE", "NOT_IN_SOURCE", "VALUE_NOT_IN_SOURCE")


def items(project: Project) -> Iterator[Item]:
    """Quotes and inferences."""
    assert project.plan is not None, "asked only once the plan is known to be valid"
    yield quotes(project, project.plan)
    yield inferences(project.plan)


def quotes(project: Project, plan: Plan) -> Item:
    """Every quote of the plan was found in the paper's text."""
    item = Item(id="quotes-verified", what="every quote stands in the paper, with its value", state="PASS")
    record = project.latest("plan check")
    if record is None:
        return item.judged("MISSING", "no record of plan check", CHECK)
    changed = stale(project, record)
    if changed:
        return item.judged("STALE", changed, CHECK)
    status = {row.get("path"): row.get("status") for row in rows_in(record.answer, "items")}
    wanted = quoted_paths(plan)
    bad = [path for path in wanted if status.get(path) in WRONG]
    unknown = [path for path in wanted if status.get(path) not in GOOD and path not in bad]
    if bad:
        return item.judged("FAIL", f"not in the paper as quoted: {listed(bad)}", CHECK)
    if unknown:
        return item.judged("MISSING", f"not looked up in the text: {listed(unknown)}", CHECK)
    return item.judged("PASS", f"{many(len(wanted), 'value')} {reading(project, record)}")


def quoted_paths(plan: Plan) -> list[str]:
    """Where the plan quotes the paper."""
    return [path for path, value in sourced(plan) if not value.inferred] + [f"claims.{c.id}" for c in plan.claims]


def reading(project: Project, record: Evidence) -> str:
    """When the quotes were verified and against which text; a text outside the project does not travel with it."""
    vouched = record.answer.get("vouched")
    if isinstance(vouched, dict) and vouched.get("reading"):
        return str(vouched["reading"])
    digest = str(record.answer.get("text_sha256") or "unknown")
    words = f"verified on {record.created.date()} against text with hash {digest[:12]}"
    here = project.folder / Path(str(record.answer.get("text_source") or "none")).name
    if here.is_file() and hash_path(here) == digest:
        return words
    assert project.plan is not None, "asked only once the plan is known to be valid"
    arxiv = project.plan.paper.arxiv
    return f"{words}; the text is not here" + (f", get it from arXiv {arxiv}" if arxiv else "")


def inferences(plan: Plan) -> Item:
    """Every value that the paper does not state carries a person's signature."""
    item = Item(id="inferences-signed", what="a person signed every value that the paper does not state", state="PASS")
    inferred = [(path, value) for path, value in sourced(plan) if value.inferred]
    waiting = [path for path, value in inferred if value.open]
    if not inferred:
        return item.judged("PASS", "nothing is inferred")
    if waiting:
        command = "a person adds signed: {by: NAME, on: YYYY-MM-DD} to each of them in plan.yaml"
        why = f"{len(waiting)} of {len(inferred)} values wait for a person's sign-off: {listed(waiting)}"
        return item.judged("FAIL", why, command)
    words = Counter(f"{v.signed.by} on {v.signed.on}" for _, v in inferred if v.signed)
    return item.judged("SIGNED", "; ".join(f"{count} by {who}" for who, count in words.items()))
