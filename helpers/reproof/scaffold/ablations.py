"""configs/ablations.yaml: the changes that the plan wants tried, in the words of the configs."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

from reproof.document import Plan
from reproof.scaffold.configs import comment, line, scalar


def in_config(path: str) -> str:
    """A setting of the plan as the config calls it: what a phase's `settings` hold lies in the phase itself.

    >>> in_config("phases.fit.settings.blur"), in_config("model.width")
    ('phases.fit.blur', 'model.width')
    """
    parts = path.split(".")
    return ".".join(parts[:2] + parts[3:] if parts[0] == "phases" and parts[2:3] == ["settings"] else parts)


def ablations_text(plan: Plan) -> str:
    """All ablations of the plan, each value with its source."""
    lines = ["# Ablations of the plan: one experiment with some settings changed. `python run.py ablate` runs them."]
    for name, ablation in plan.ablations.items():
        lines += [f"{scalar(name)}:", line(1, "experiment", ablation.experiment), line(1, "why", ablation.why)]
        if ablation.seeds:
            lines.append(line(1, "seeds", ablation.seeds))
        if ablation.claims:
            lines.append(f"  # bears on {comment(', '.join(ablation.claims))}")
        lines.append("  overrides:")
        lines += [line(2, in_config(path), item.value, item.origin) for path, item in ablation.overrides.items()]
    return "\n".join(lines) + "\n"


def ablation_rows(plan: Plan) -> list[dict[str, Any]]:
    """For a table: name, experiment, changed settings as words of a command line, reason."""
    return [
        {"name": name, "experiment": each.experiment, "words": list(_words(each.values)), "why": each.why}
        for name, each in plan.ablations.items()
    ]


def _words(values: dict[str, Any]) -> Iterator[str]:
    for path, value in values.items():
        yield shlex.quote(f"{in_config(path)}={scalar(value)}")
