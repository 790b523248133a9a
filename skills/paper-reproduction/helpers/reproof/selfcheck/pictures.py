"""Learning curves of an experiment, all seeds in one picture, drawn from the logs of the runs."""

from __future__ import annotations

import math

from reproof import svg
from reproof.document import Plan
from reproof.selfcheck.gather import Project

MOST_POINTS, MOST_CURVES = 200, 6


def curves(project: Project, plan: Plan) -> list[str]:
    """One picture per experiment and phase that was trained."""
    found = []
    for name in plan.experiments:
        runs = project.runs_of(name)
        for phase in plan.settings_of(name).phases:
            lines = []
            for run in runs[:MOST_CURVES]:
                rows = [(step, loss) for step, loss in run.losses.get(phase, []) if math.isfinite(loss)]
                every = max(1, -(-len(rows) // MOST_POINTS))
                kept = rows[::every]
                if kept:
                    lines.append(svg.Line(f"seed {run.seed}", [float(s) for s, _ in kept], [loss for _, loss in kept]))
            low = min((y for line in lines for y in line.y), default=0.0)
            picture = svg.lines(
                lines, f"{name}, {phase}: loss by step", f"{name}, {phase}: step", "loss", log_y=low > 0
            )
            found += [picture] if picture else []
    return found
