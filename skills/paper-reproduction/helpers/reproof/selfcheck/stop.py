"""What the stop hook runs: the gate's answer in an agent's words."""

from __future__ import annotations

import json
import sys
from typing import Any, TextIO

from reproof.selfcheck.gate import gate
from reproof.selfcheck.models import GateRequest, StopAnswer, StopRequest

MOST = 12
BLOCK = 2  # Claude Code: the words on stderr go back to the agent, and it goes on


def said(stream: TextIO) -> dict[str, Any]:
    """The hook's JSON from stdin; empty where there is none."""
    if stream.isatty():
        return {}
    try:
        data = json.loads(stream.read() or "{}")
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def stop(request: StopRequest) -> StopAnswer:
    """Answer `selfcheck.py stop`. An agent that goes on because of this hook is let go the next time: no loop."""
    if said(sys.stdin).get("stop_hook_active") is True:
        return StopAnswer(ok=True, headline="this hook has sent the agent back once already; it may stop now")
    if not request.project.is_dir():
        return StopAnswer(ok=True, headline=f"there is no project at {request.project}: nothing to hold against it")
    found = gate(GateRequest(project=request.project))
    open_ = [item for item in found.items if item.blocks]
    if found.ok:
        return StopAnswer(ok=True, headline=found.headline)
    lines = [f"{i.id} {i.state}: {i.why}" + (f" Next: {i.command}" if i.command else "") for i in open_[:MOST]]
    lines += [f"and {len(open_) - MOST} more: selfcheck.py gate shows them"] if len(open_) > MOST else []
    print(f"{found.headline}. Do not describe the work as done; mend these or say that they are open:", file=sys.stderr)
    print("\n".join(f"- {line}" for line in lines), file=sys.stderr)
    return StopAnswer(ok=False, headline=found.headline, open=[item.id for item in open_])
