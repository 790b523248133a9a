"""README.md and LICENSE-NOTE.md of a project: what the plan and the estimates say, laid out by a template."""

from __future__ import annotations

import math
import re
from typing import Any

from reproof.document import Plan, sourced
from reproof.paths import TEMPLATES
from reproof.scaffold.ablations import ablation_rows
from reproof.scaffold.estimates import Estimate, sizes, tiers
from reproof.scaffold.overrides import Overrides

SESSION_S = 11.5 * 3600
URL = re.compile(r"https?://[^\s()<>\"'`\\]+")
UNSUPPORTED = [
    "FP8, quantized training, TPUs and Apple's MPS are not tried by the project's tests.",
    "Several machines: the launch is PyTorch's own (`torchrun`); only two processes on one machine are tested,"
    " on CPUs; FSDP was not run on GPUs.",
]


def flat(text: object) -> str:
    """On one line, without control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())


def prose(text: object) -> str:
    r"""Words of the plan in Markdown: no line breaks, no tags, no links, no code.

    >>> prose("a\n# b <script> [x](y) `z`")
    "a # b &lt;script> \\[x\\](y) 'z'"
    """
    shown = flat(text).replace("<", "&lt;").replace("[", "\\[").replace("]", "\\]")
    return shown.replace("`", "'").replace("|", "\\|")


def code(text: object) -> str:
    """Between backticks, also in a table."""
    return flat(text).replace("`", "'").replace("|", "\\|")


def readme(plan: Plan, estimate: Estimate, core: str, torch: str, fitted: Overrides) -> str:
    """The project's README."""
    experiments = [_experiment(plan, estimate, name, fitted.get(name, {})) for name in plan.experiments]
    return _filled(
        "pipeline/README.md.jinja",
        kind=plan.kind,
        title=plan.paper.title,
        name=plan.name,
        link=_link(plan),
        origin=code(f"{plan.port.repository} at {plan.port.commit[:12]}") if plan.port else "",
        adapters=plan_phases(plan) or [plan.name],
        core=core,
        torch=torch,
        experiments=experiments,
        source=estimate.source,
        note=estimate.note,
        precision=estimate.answer.get("precision", "fp32"),
        authors_time=_authors(plan),
        ablations=ablation_rows(plan),
        sessions=_sessions(experiments),
        unsupported=UNSUPPORTED,
        missing=plan.missing,
        open_inferences=[
            {"path": path, "value": item.value, "reason": item.inferred} for path, item in sourced(plan) if item.open
        ],
    )


def licence_note(plan: Plan) -> str:
    """Whose each part is."""
    licence = plan.port.licence if plan.port else plan.paper.licence
    said = {"title": plan.paper.title, "licence": licence, "kind": plan.kind, "name": plan.name}
    return _filled("scaffold_licence.md.jinja", references=plan.references, **said)


def plan_phases(plan: Plan) -> list[str]:
    """Names of all training phases, once each."""
    return list({n: n for e in plan.experiments for n, p in plan.settings_of(e).phases.items() if p.kind == "train"})


def _filled(template: str, **names: Any) -> str:
    from reproof.render import environment  # jinja2 only when something is rendered: --help stays fast

    env = environment(TEMPLATES)
    env.filters |= {"prose": prose, "code": code}
    return env.get_template(template).render(**names)


def _link(plan: Plan) -> str:
    url = plan.paper.url or (f"https://arxiv.org/abs/{plan.paper.arxiv}" if plan.paper.arxiv else "")
    return f"[{prose(plan.paper.title)}]({url})" if URL.fullmatch(url) else prose(plan.paper.title)


def _authors(plan: Plan) -> str:
    time, gpu = plan.compute.authors_time, plan.compute.authors_gpu
    if time is None:
        return ""
    return f"{time.value}{f' on a {gpu.value}' if gpu else ''} ({time.where or time.source or 'inferred'})"


def _experiment(plan: Plan, estimate: Estimate, name: str, fitted: dict[str, str]) -> dict[str, Any]:
    full = plan.settings_of(name)
    phases = []
    for phase_name, phase in full.phases.items():
        amount, unit = (phase.steps, "steps") if phase.kind == "train" else (phase.batches, "batches")
        planned = f"{amount.value if amount else '?'} {unit}"
        phases.append({"name": phase_name, "kind": phase.kind, "amount": planned, **sizes(estimate, name, phase_name)})
    return {
        "name": name,
        "summary": full.summary,
        "seeds": full.seeds,
        "phases": phases,
        "tiers": tiers(estimate, plan, name, fitted),
    }


def _sessions(experiments: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """How many sessions each experiment takes, where its time was estimated."""
    return [
        {
            "experiment": each["name"],
            "gpu": tier["gpu"],
            "low": max(1, math.ceil(tier["low_s"] / SESSION_S)),
            "high": max(1, math.ceil(tier["high_s"] / SESSION_S)),
        }
        for each in experiments
        for tier in each["tiers"]
        if tier["high_s"]
    ]
