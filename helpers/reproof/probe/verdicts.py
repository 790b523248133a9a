"""From what a child wrote to a case's report: severities, traps, fixes, and the ending."""

from __future__ import annotations

import json
import math
import re
import signal
from typing import Any

from reproof.probe.code import described, expression
from reproof.probe.codes import CODES, WARNED
from reproof.probe.models import CaseReport, Finding, Growth, Outcome, Reference, Severity, Studied
from reproof.probe.spec import Wanted
from reproof.probe.traps import GENERIC, trap_of

NOISE = re.compile(r"^(USDT:|\[W|\s*$|\s+warnings?\.warn|.*Warning: )")  # a profiler's marks; warnings are told already


NO_DISPLAY = re.compile(
    r"no display name|connect to (the )?(X server|display)|(can ?not|unable to) open display|\$DISPLAY|"
    r"display environment variable|headless|platform plugin|no \$?display",
    re.IGNORECASE,
)


def finding(code: str, what: str, target: str, hint: str = "", accepted: bool = False) -> Finding:
    """A finding with its severity, the trap it is, and what to do."""
    severity, usual = CODES[code]
    trap = trap_of(target, code, what)
    known = trap.fix if trap else ""
    if accepted:
        severity, what = "note", f"{what} (accepted in the plan)"
    fix = "; ".join(dict.fromkeys(text for text in (hint, known) if text)) or usual
    return Finding(code=code, severity=severity, what=what, fix=fix, trap=trap.slug if trap else GENERIC.get(code, ""))


def outcome(findings: list[Finding]) -> Outcome:
    """The gravest finding decides."""
    worst: set[Severity] = {item.severity for item in findings}
    return "fail" if "fail" in worst else "warn" if "warn" in worst else "pass"


def _events(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """What the child wrote; a line cut off by a crash is left out."""
    events = []
    for line in answer["events"]:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            events.append(event)
    return events


def _kind(category: str, message: str) -> str:
    """The finding that a warning is."""
    if category in ("DeprecationWarning", "PendingDeprecationWarning", "FutureWarning"):
        return "deprecated"
    return next((code for words, code in WARNED if re.search(words, message, re.IGNORECASE)), "warning")


def _ending(answer: dict[str, Any], stage: str) -> tuple[str, str] | None:
    """Code and text when the process did not end by itself."""
    ended = str(answer["ended"])
    if ended == "timeout":
        return "timeout", f"still in stage {stage!r} when its time was up, after {answer['took_s']:.1f} s"
    if ended.startswith("signal"):
        number = int(ended.split()[1])
        name = signal.Signals(number).name if number in list(signal.Signals) else str(number)
        return _crash(answer, f"killed by {name} in stage {stage!r}", is_told=False)
    if ended != "exit 0":
        return _crash(answer, f"ended with {ended} in stage {stage!r}", is_told=True)
    return None


def _crash(answer: dict[str, Any], what: str, is_told: bool) -> tuple[str, str]:
    """A process that ended itself; some toolkits do where there is no display."""
    said = [line for line in str(answer["stderr"]).strip().splitlines() if not NOISE.match(line)]
    display = next((line for line in said if NO_DISPLAY.search(line)), "")
    if display:
        return "display", f"{what}: {display[:300]}"
    return "crash", what + (f": {said[-1]}" if said and is_told else "")


def report(want: Wanted, probed: dict[str, Any], further: dict[str, dict[str, Any]]) -> CaseReport:
    """The report of one call, from the answers of its jobs: the probe itself, and `further` ones by name."""
    assert want.call is not None, "a call that cannot be read is not sent"
    call, events = want.call, _events(probed)
    findings: list[Finding] = []

    def add(code: str, what: str, hint: str = "") -> None:
        new = finding(code, what, call.target, hint, code in call.expect.accepts)
        is_told = code == "broadcast_warning" and code in [item.code for item in findings]  # by a warning of torch
        if new not in findings and not is_told:  # each job looks first
            findings.append(new)

    stage = "start"
    later = [event for answer in further.values() for event in _events(answer)]
    for event in events + later:
        stage = event.get("stage", stage)
        if "code" in event:
            is_display = event["code"] in ("call_error", "init_error", "input_error", "import_error")
            is_display = is_display and bool(NO_DISPLAY.search(event["what"]))
            add("display" if is_display else event["code"], event["what"], event["hint"])
        elif "warning" in event:
            code = _kind(event["warning"], event["what"])
            is_theirs = code == "deprecated" and not event["is_ours"]
            add("deprecated_inside" if is_theirs else code, f"{event['warning']}: {event['what']}")
    ending = _ending(probed, _last_stage(probed))
    if ending:
        add(*ending)
    for name, answer in further.items():
        ending = _ending(answer, _last_stage(answer))
        if ending:  # the call itself went through; only what was asked beyond it did not
            add("not_measured", f"{name}: {ending[1]}")
    for code, what in _traces(probed):
        add(code, what)
    return CaseReport(
        **identity(want),
        outcome=outcome(findings),
        findings=sorted(findings, key=lambda item: ("fail", "warn", "note").index(item.severity)),
        took_s=round(sum(answer["took_s"] for answer in (probed, *further.values())), 3),
        **_measured(events + later),
    )


def identity(want: Wanted) -> dict[str, Any]:
    """Which call a report is about."""
    call = want.call
    return {
        "library": want.library.name,
        "id": want.id,
        "experiments": call.experiments if call else [],
        "call": expression(call) if call else "",
        "inputs": [described(name, spec) for name, spec in call.inputs.items()] if call else [],
        "because": call.because if call else "",
    }


def _last_stage(answer: dict[str, Any]) -> str:
    stages = [event["stage"] for event in _events(answer) if "stage" in event]
    return str(stages[-1]) if stages else "start"


def _traces(probed: dict[str, Any]) -> list[tuple[str, str]]:
    """What the call left on the streams and in the process table."""
    found = []
    if probed["stdout_bytes"]:
        found.append(("prints", f"{probed['stdout_bytes']} bytes on stdout"))
    said = [line for line in str(probed["stderr"]).splitlines() if not NOISE.match(line)]
    if said and probed["ended"] == "exit 0":
        text = " ".join(said[-1].split())[:300]
        code = _kind("", text)
        found.append((code if code != "warning" else "stderr", f"on stderr: {text}"))
    if probed["strays"]:
        found.append(("strays", f"left {probed['strays']} processes running"))
    return found


def _measured(events: list[dict[str, Any]]) -> dict[str, Any]:
    facts = {event["fact"]: event["value"] for event in events if "fact" in event}
    return {
        "outputs": facts.get("outputs", []),
        "means": [mean if mean is None or math.isfinite(mean) else None for mean in facts.get("means", [])],
        "modules": facts.get("modules", {}),
        "signature": facts.get("signature", ""),
        "call_s": facts.get("call_s"),
        "growth": Growth(**facts["growth"]) if "growth" in facts else None,
        "width_growth": Growth(**facts["width_growth"]) if "width_growth" in facts else None,
        "studied": Studied(**{name: facts[name] for name in Studied.model_fields if name in facts}),
        "reference": Reference(**facts["reference"]) if "reference" in facts else None,
    }


def told(answer: dict[str, Any], fact: str) -> Any:
    """One fact that a child wrote, or None."""
    return next((event["value"] for event in _events(answer) if event.get("fact") == fact), None)


def told_changes(answer: dict[str, Any]) -> list[str]:
    """What a child found written about the versions in between."""
    return [line for event in _events(answer) if event.get("fact") == "changes" for line in event["value"]]


def unreadable(want: Wanted) -> CaseReport:
    """The report of a call that is no call."""
    found = finding("bad_call", want.problem, want.library.name)
    return CaseReport(**identity(want), outcome="fail", findings=[found])


def looked(answer: dict[str, Any], target: str) -> tuple[dict[str, Any], Finding | None]:
    """Facts about a name, or the finding that it leads nowhere."""
    facts: dict[str, Any] = {}
    found = None
    for event in _events(answer):
        if event.get("fact") == "look":
            facts = event["value"]
        elif "code" in event:
            found = finding(event["code"], event["what"], target, event["hint"])
    ending = _ending(answer, "look")
    if ending:
        found = finding(*ending, target)
    return facts, found
