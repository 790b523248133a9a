"""Check a plan: schema, every quote, every value against its quote, and what is still open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from reproof.document import Plan, load_plan
from reproof.errors import PackError
from reproof.paths import hash_path
from reproof.plan.consistency import Finding, findings
from reproof.plan.contradictions import Contradiction, contradictions
from reproof.plan.coverage import Covered, coverage
from reproof.plan.draft import Offered, Open, loaded, offered, quoted
from reproof.plan.judge import (
    Origins,
    earlier_records,
    judge,
    quoted_and_inferred,
    verified_in,
    vouched,
)
from reproof.plan.models import CheckAnswer, CheckRequest, CoverageAnswer, CoverageRequest, Status
from reproof.plan.quotes import Text, find, wrong_where
from reproof.plan.sources import Clone
from reproof.protocol import missing_in
from reproof.records import Sourced
from reproof.text.load import load
from reproof.text.quotes import text_from

GOOD: tuple[Status, ...] = ("VERIFIED", "VOUCHED", "SIGNED")
WRONG: tuple[Status, ...] = ("VALUE_NOT_IN_QUOTE", "NOT_IN_PAPER", "VALUE_NOT_IN_SOURCE", "NOT_IN_SOURCE")
ORDER: tuple[Status, ...] = (*GOOD, "OPEN", "UNCHECKED", *WRONG)
WORDS: dict[Status, str] = {
    "VERIFIED": "verified where they are said to stand",
    "VOUCHED": "vouched for by an earlier record",
    "SIGNED": "inferred values signed",
    "OPEN": "inferred values wait for a person's sign-off",
    "UNCHECKED": "not checked",
    "VALUE_NOT_IN_QUOTE": "values that their quote does not state",
    "NOT_IN_PAPER": "quotes that are not in the paper",
    "VALUE_NOT_IN_SOURCE": "values that are not on their line of code",
    "NOT_IN_SOURCE": "source lines that are not there",
}


def check(request: CheckRequest) -> CheckAnswer:
    """Answer `plan.py check`.

    Raises:
        PackError: no plan, no readable paper, or no clone with the plan's commit.
    """
    data = loaded(request.plan)
    still_open = offered(data)
    text = text_from(load(request.paper)) if request.paper else None
    if still_open:
        return _draft(request, data, still_open, text)
    plan = load_plan(request.plan)
    origins = Origins(text, _clone(request, plan))
    all_here = text is not None and (origins.clone is not None or plan.port is None)
    records = [] if all_here else earlier_records(request.plan)
    origins.known = verified_in(records)
    items = [judge(path, value, origins, plan) for path, value in quoted_and_inferred(plan)]
    used = [r for r in records if any(i.status == "VOUCHED" and i.fingerprint in verified_in([r]) for i in items)]
    counts = Counter(item.status for item in items)
    problems = _Problems(plan, text)
    good = all(item.status in GOOD for item in items) and not problems.blocking
    return CheckAnswer(
        ok=good,
        headline="; ".join([_headline(counts, len(items)), *problems.blocking]),
        counts={status: counts[status] for status in ORDER if counts[status]},
        items=items,
        text_sha256=hash_path(request.paper) if request.paper else "",
        text_source=str(request.paper or ""),
        source_commit=plan.port.commit if origins.clone and plan.port else "",
        vouched=vouched(used[0], plan) if used else None,
        plan_sha256=hash_path(request.plan),
        findings=problems.findings,
        incomplete=problems.incomplete,
        misplaced=problems.misplaced,
        contradictions=problems.contradictions,
        settled=problems.settled,
        untouched=problems.covered.untouched if problems.covered else [],
        lost=problems.covered.lost if problems.covered else [],
    )


def _clone(request: CheckRequest, plan: Plan) -> Clone | None:
    if request.source is None:
        return None
    if plan.port is None:
        raise PackError(
            "no-port", f"--source {request.source}, and the plan has no `port`",
            why="without its repository and commit nobody knows which lines are meant",
            fix="add port: {repository: URL, commit: 40 digits, licence: ...} and kind: port",
        )  # fmt: skip
    return Clone.at(request.source, plan.port)


class _Problems:
    """Everything about a plan beyond single values; `blocking` says what keeps the answer from being yes."""

    def __init__(self, plan: Plan, text: Text | None) -> None:
        self.findings = findings(plan)
        self.incomplete = list(_incomplete(plan)) if plan.kind == "paper" else []
        self.misplaced = list(_misplaced(plan, text)) if text else []
        found = contradictions(plan, text) if text else []
        self.settled = [c for c in found if _is_settled(c, plan)]
        self.contradictions = [c for c in found if c not in self.settled]
        self.covered = _covered(plan, text) if text else None

    @property
    def blocking(self) -> list[str]:
        """What has to be mended or decided first, in words."""
        errors = sum(finding.level == "error" for finding in self.findings)
        counted = [
            (errors, "fields do not fit together"),
            (len(self.incomplete), "parts of the protocol are not said"),
            (len(self.misplaced), "quotes stand elsewhere than the plan says"),
            (len(self.contradictions), "contradictions of the paper wait for a person's decision"),
        ]
        return [f"{count} {what}" for count, what in counted if count]


def _incomplete(plan: Plan) -> Iterator[Open]:
    """Parts that a complete plan says, each once: what a group lacks is not repeated for its experiments."""
    seen = set()
    for name in plan.experiments:
        for path, what in missing_in(plan.settings_of(name)):
            group = plan.experiments[name].group
            at = f"groups.{group}" if group else f"experiments.{name}"
            if (at, path) not in seen:
                seen.add((at, path))
                yield Open(path=f"{at}.{path}", what=what)


def _is_settled(found: Contradiction, plan: Plan) -> bool:
    return any(said.path == found.path and said.over == found.other for said in plan.settled)


def _covered(plan: Plan, text: Text) -> Covered:
    return coverage((item.quote for _, item in quoted_and_inferred(plan) if item.quote), text)


def _misplaced(plan: Plan, text: Text) -> Iterator[Finding]:
    for path, item in quoted_and_inferred(plan):
        if item.quote and item.where:
            wrong = wrong_where(item.where, find(item.quote, text), text)
            if wrong:
                yield Finding(level="error", path=path, what=wrong)


def _draft(request: CheckRequest, data: object, still_open: list[Offered], text: Text | None) -> CheckAnswer:
    """A plan with open fields: what is quoted already is checked, the rest is listed."""
    items = []
    for path, given in quoted(data):
        said = {key: given[key] for key in ("quote", "where", "read_as") if key in given}
        shown = given.get("value", given.get("printed", True))
        number = float(shown) if "printed" in given and isinstance(shown, str) and _is_number(shown) else shown
        item = Sourced[object].model_validate({"value": number, "where": "not said", **said})
        items.append(judge(path, item, Origins(text)))
    counts: Counter[Status] = Counter(item.status for item in items)
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


def _headline(counts: Counter[Status], total: int) -> str:
    parts = [f"{counts[status]} {WORDS[status]}" for status in ORDER if counts[status]]
    return f"{total} values and claims: " + (", ".join(parts) or "none")
