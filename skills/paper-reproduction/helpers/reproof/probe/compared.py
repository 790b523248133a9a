"""The same calls in two interpreters: what differs."""

from __future__ import annotations

from collections.abc import Iterator

from reproof.probe.models import CaseReport, Difference, RunAnswer

UNTOLD = ("version_mismatch", "skipped", "not_measured", "widens")  # the last is told by the outputs
SAME = 1e-4  # of the mean of an output; another build of the same code rounds differently


def differences(here: RunAnswer, there: RunAnswer) -> list[Difference]:
    """Versions first, then call by call."""
    found = list(_versions(here, there))
    others = {(case.library, case.id): case for case in there.cases}
    for case in here.cases:
        found += _of_call(case, others[case.library, case.id])
    return found


def _versions(here: RunAnswer, there: RunAnswer) -> Iterator[Difference]:
    if here.python != there.python:
        yield Difference(where="Python", what="version", here=here.python, there=there.python)
    for ours, theirs in zip(here.libraries, there.libraries, strict=True):
        if ours.installed != theirs.installed:
            versions = [item.installed or "not installed" for item in (ours, theirs)]
            yield Difference(where=ours.distribution, what="version", here=versions[0], there=versions[1])


def _of_call(ours: CaseReport, theirs: CaseReport) -> Iterator[Difference]:
    def made(what: str, here: object, there: object) -> Difference:
        return Difference(where=ours.id, what=what, here=str(here), there=str(there))

    if ours.signature and theirs.signature and ours.signature != theirs.signature:
        yield made("signature", *_where_they_part(ours.signature, theirs.signature))
    if ours.outcome != theirs.outcome:
        yield made("verdict", ours.outcome, theirs.outcome)
    mine, others = ({item.code: item.what for item in case.findings} for case in (ours, theirs))
    for code in [*mine, *(code for code in others if code not in mine)]:
        # versions are told above, and a measurement that was left out says nothing about the library
        if (code in mine) != (code in others) and code not in UNTOLD:
            yield made(code, mine.get(code, "no"), others.get(code, "no"))
    if ours.outputs != theirs.outputs:
        yield made("outputs", ", ".join(ours.outputs) or "none", ", ".join(theirs.outputs) or "none")
    elif not _is_random(ours, theirs):
        for place, (a, b) in enumerate(zip(ours.means, theirs.means, strict=True)):
            if _far(a, b):
                yield made(
                    f"mean of output {place}",
                    "not finite" if a is None else f"{a:.6g}",
                    "not finite" if b is None else f"{b:.6g}",
                )


def _where_they_part(here: str, there: str) -> tuple[str, str]:
    """The parameters that only one of two signatures has, with defaults; both in full when only the order differs."""
    ours, theirs = (signature.strip("()").split(", ") for signature in (here, there))
    only = [", ".join(item for item in a if item not in b) for a, b in ((ours, theirs), (theirs, ours))]
    return (only[0] or "nothing more", only[1] or "nothing more") if any(only) else (here, there)


def _is_random(ours: CaseReport, theirs: CaseReport) -> bool:
    """A call that no seed repeats has no value to compare."""
    return any(item.code == "seed_ignored" for case in (ours, theirs) for item in case.findings)


def _far(a: float | None, b: float | None) -> bool:
    if a is None or b is None:
        return a is not b
    return abs(a - b) > SAME * max(abs(a), abs(b), 1e-6)
