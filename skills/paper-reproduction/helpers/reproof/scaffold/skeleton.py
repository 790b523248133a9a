"""A core to be written: the functions that the engine and the plan name, each citing what the plan says about it.

Text of the plan gets into code as a string literal or as a one-line comment, nothing else. Every function raises
`Unfinished`, by which the gate knows it.
"""

from __future__ import annotations

import keyword
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from reproof.document import Equation, Phase, Plan
from reproof.scaffold.names import place_of

WIDTH, MOST = 112, 2000
SCORES = "what needs no samples, like accuracy, goes into SCORES instead: (run, n) -> float on held-out data"
HEADS = {
    "batch": "def {name}(run: Run, phase: Config, index: int) -> dict[str, Tensor]:",
    "model": "def {name}(run: Run, phase: Config) -> nn.Module:",
    "loss": "def {name}(model: nn.Module, run: Run, phase: Config, n: int) -> Tensor:",
    "load_data": "def {name}(cfg: Config, device: torch.device) -> Any:",
    "draw_truth": 'def {name}(run: Run, n: int, variant: str = "iid") -> Tensor:',
    "sample": "def {name}(run: Run, n: int, steps: int) -> Tensor:",
    "metric": "def {name}(test: Tensor, generated: Tensor) -> float:",
    "function": "def {name}(*inputs: Tensor) -> Tensor:",
    "class": "class {name}(nn.Module):",
}
DOCS = {
    "batch": "One batch of the pool: named rows, first axis = rows. The engine has seeded torch for it.",
    "model": "The network that this phase trains.",
    "loss": "Scalar loss of a micro-batch of n samples. The engine has seeded torch for it.",
    "load_data": "The data set, deterministic in cfg; a toy with cfg.data.stand_in. FileNotFoundError: how to get it.",
    "draw_truth": "Draw n independent held-out samples of the target, (n, *shape); ValueError: no such variant.",
    "sample": "The whole path, (steps + 1, n, *shape); path[0] = source, path[-1] = result.",
    "metric": "A distance between two sets of samples; not squared unless its name says so.",
    "function": "Named by the plan; give it its arguments.",
    "class": "Named by the plan.",
}
ABOUT = {
    "losses": "What the networks are trained on.",
    "nets": "The networks.",
    "data": "The data, and draws of the truth.",
    "sampling": "From source samples to results.",
    "metrics": "How far two sets of samples are apart.",
    "pools": "What is simulated and stored.",
}


@dataclass
class Function:
    """One function to be written."""

    name: str
    kind: str
    says: str
    comments: list[str] = field(default_factory=list)

    @property
    def head(self) -> str:
        """Its signature."""
        return HEADS[self.kind].format(name=self.name)

    @property
    def doc(self) -> str:
        """What the engine expects of it."""
        return DOCS[self.kind]


class Modules:
    """Module name -> functions, each once."""

    def __init__(self) -> None:
        self.functions: dict[str, dict[str, Function]] = {}

    def add(self, module: str, name: str, kind: str, says: str, comments: list[str]) -> tuple[str, str]:
        """Where the function is; what is said about one that is there already is added to it."""
        for other, functions in self.functions.items():
            if name in functions and (other == module or kind != "function"):
                functions[name].comments += [text for text in comments if text not in functions[name].comments]
                return other, name
        self.functions.setdefault(module, {})[name] = Function(name, kind, says, list(comments))
        return module, name

    def taken(self, place: tuple[str, str]) -> bool:
        """Whether something is there."""
        return place[1] in self.functions.get(place[0], {})


def one_line(text: str) -> str:
    """Text for a comment: printable, cut, its indentation kept."""
    shown = "".join(c if c.isprintable() else " " for c in text).rstrip()
    return shown if len(shown) <= WIDTH else shown[: WIDTH - 1] + "…"


def wrapped(text: str) -> list[str]:
    """Prose for comments, on as many lines as it takes."""
    shown = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return [one_line(line) for line in textwrap.wrap(shown[:MOST], WIDTH, subsequent_indent="  ")]


def literal(text: object) -> str:
    """Any text as a Python string, on one line, in double quotes where that needs no escape."""
    shown = repr(" ".join(str(text).split()))
    return f'"{shown[1:-1]}"' if shown[0] == "'" and '"' not in shown else shown


def cites(text: str, name: str) -> bool:
    """Whether `name`, like Eq. 1, stands in `text` as a whole.

    >>> cites("Eq. 1; Algorithm 2", "Eq. 1"), cites("Eq. 12", "Eq. 1")
    (True, False)
    """
    return bool(name) and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def skeleton(plan: Plan, adapters: Sequence[str] = ()) -> dict[str, str]:
    """Relative path -> text of every file of the core; phases named in `adapters` are theirs."""
    modules, phases = Modules(), []
    for name, (phase, keys) in phases_of(plan).items():
        if name in adapters:
            adapter = f'ADAPTERS["{name}"]'
            phases.append({"name": name, "kind": "train", "model": f"{adapter}.build_model", "loss": f"{adapter}.loss",
                           "places": [("adapters", "ADAPTERS")]})  # fmt: skip
        else:
            phases.append(_wired(plan, modules, name, phase, keys))
    contract = [("load_data", "data"), ("draw_truth", "data"), ("sample", "sampling")]
    fixed = [modules.add(_module_of(plan, name, module), name, name, name, _equations(plan, name))
             for name, module in contract]  # fmt: skip
    metrics = [(name, modules.add("metrics", _function_name(name), "metric", f"metric {name}", [SCORES]))
               for name in _metrics(plan)]  # fmt: skip
    for equation in plan.equations if not adapters else ():  # what is ported has its functions already
        place = place_of(equation.implemented_by)
        if place and not modules.taken(place):
            kind = "class" if place[1][0].isupper() else "function"
            modules.add(*place, kind, equation.id, [*_cited(equation), *_pseudocode(plan, equation.id)])
    places = [*fixed, *(place for _, place in metrics), *(p for phase in phases for p in phase.pop("places"))]
    files = {f"{name}.py": _module(name, list(found.values())) for name, found in sorted(modules.functions.items())}
    files["unfinished.py"] = _unfinished(plan)
    files["__init__.py"] = rendered(
        "core_skeleton.py.jinja",
        imports=[(m, sorted({n for module, n in places if module == m})) for m in sorted({m for m, _ in places})],
        phases=phases,
        kinds=sorted({"BuildPool" if phase["kind"] == "pool" else "Train" for phase in phases}),
        metrics=[(name, place[1]) for name, place in metrics],
    )
    return files


def phases_of(plan: Plan) -> dict[str, tuple[Phase, list[str]]]:
    """Each phase once, with the names of all settings that any experiment gives it."""
    found: dict[str, tuple[Phase, list[str]]] = {}
    for name in plan.experiments:
        for phase_name, phase in plan.settings_of(name).phases.items():
            first, keys = found.setdefault(phase_name, (phase, []))
            keys += [key for key in phase.settings if key not in keys]
            if not first.loss and phase.loss:
                found[phase_name] = (phase, keys)
    return found


def _wired(plan: Plan, modules: Modules, name: str, phase: Phase, keys: list[str]) -> dict[str, Any]:
    """The functions of one phase, and how `PHASES` names them."""
    what = "batch" if phase.kind == "pool" else "loss"
    place = next((p for e in plan.equations if cites(phase.loss, e.id) and (p := _free(e, modules))), None)
    module, function = place or ("pools" if what == "batch" else "losses", f"{name}_{what}")
    comments = about_phase(plan, phase, keys)
    places = [modules.add(module, function, what, f"{name}: {phase.loss or what}", comments)]
    if phase.kind == "pool":
        return {"name": name, "kind": "pool", "batch": places[0][1], "places": places}
    places.append(modules.add("nets", f"{name}_model", "model", f"{name}: the network", model_comments(plan)))
    return {"name": name, "kind": "train", "model": places[1][1], "loss": places[0][1], "places": places}


def about_phase(plan: Plan, phase: Phase, keys: Sequence[str]) -> list[str]:
    """What the plan says about a phase, as comments."""
    comments = wrapped(f"plan: {phase.loss}") if phase.loss else []
    comments += _objective(phase)
    comments += [text for e in plan.equations if cites(phase.loss, e.id) for text in _cited(e)]
    comments += _pseudocode(plan, phase.loss)
    comments += [f'frozen: run.models["{other}"]' for other in phase.frozen if other.isidentifier()]
    return comments + (wrapped(f"settings: {', '.join(f'phase.{key}' for key in keys)}") if keys else [])


def _objective(phase: Phase) -> list[str]:
    if phase.objective is None:
        return []
    said = phase.objective
    lines = wrapped(f"{said.equation or 'formula'}: {said.formula.value} ({said.formula.origin})")
    lines += wrapped(f"reduction: {said.reduction.value} ({said.reduction.origin})") if said.reduction else []
    return lines + [text for key, item in said.weights.items() for text in wrapped(f"weight {key} = {item.value}")]


def _free(equation: Equation, modules: Modules) -> tuple[str, str] | None:
    """Where the plan wants the equation's function, if that is one that a phase can call."""
    place = place_of(equation.implemented_by)
    fits = place is not None and not place[1][0].isupper() and place[1] not in ("sample", "load_data", "draw_truth")
    used = {name for functions in modules.functions.values() for name in functions}
    return place if fits and place and place[1] not in used else None


def model_comments(plan: Plan) -> list[str]:
    """The settings of the network that the plan knows, as a comment."""
    keys = sorted({key for name in plan.experiments for key in plan.settings_of(name).model})
    return wrapped(f"settings: {', '.join(f'run.cfg.model.{key}' for key in keys)}") if keys else []


def _module_of(plan: Plan, name: str, default: str) -> str:
    """Where the plan wants one of the engine's five names."""
    found = [p[0] for e in plan.equations if (p := place_of(e.implemented_by)) and p[1] == name]
    return found[0] if found else default


def _equations(plan: Plan, name: str) -> list[str]:
    mine = [e for e in plan.equations if (p := place_of(e.implemented_by)) and p[1] == name]
    return [text for e in mine for text in (*_cited(e), *_pseudocode(plan, e.id))]


def _cited(equation: Equation) -> list[str]:
    return wrapped(f"{equation.id}: {equation.states}") + (wrapped(f"note: {equation.note}") if equation.note else [])


def _pseudocode(plan: Plan, text: str) -> list[str]:
    return [line for name, words in plan.pseudocode.items() if cites(text, name) for line in _quoted(name, words)]


def _quoted(name: str, words: str) -> Iterator[str]:
    yield one_line(f"{name}, in the words of the plan:")
    yield from (one_line(f"    {text}") if text.strip() else "" for text in words.splitlines())


def _metrics(plan: Plan) -> list[str]:
    return sorted({e.metric.value for e in (plan.settings_of(n).evaluation for n in plan.experiments) if e})


def _function_name(metric: str) -> str:
    """A function's name for a metric of any name."""
    word = re.sub(r"\W+", "_", metric.lower(), flags=re.ASCII).strip("_")
    usable = word.isidentifier() and not keyword.iskeyword(word) and word not in ("load_data", "draw_truth", "sample")
    return word if usable else f"metric_{word}".rstrip("_")


def _module(name: str, functions: list[Function]) -> str:
    heads = "\n".join(f.head for f in functions) + (" Tensor" if any(f.kind == "class" for f in functions) else "")
    tensors = [word for word in ("Tensor", "nn") if re.search(rf"\b{word}\b", heads)]
    engine = [word for word in ("Config", "Run") if re.search(rf"\b{word}\b", heads)]
    typing = [word for word in ("Any",) if re.search(rf"\b{word}\b", heads)]
    typing += ["TYPE_CHECKING"] if engine else []
    names = ", ".join(sorted(typing, key=lambda word: (not word.isupper(), word)))
    imports = [f"from typing import {names}", ""] if names else []
    imports += ["import torch"] if "torch." in heads else []
    imports += [f"from torch import {', '.join(tensors)}"] if tensors else []
    imports += [*([""] if tensors else []), "from .unfinished import Unfinished"]
    imports += ["", "if TYPE_CHECKING:"] if engine else []
    imports += [f"    from ..engine.{word.lower()} import {word}" for word in engine]
    about = ABOUT.get(name, "Named by the plan.")
    return rendered("scaffold_core_module.py.jinja", about=about, imports=imports, functions=functions)


def _unfinished(plan: Plan) -> str:
    lines = [
        '"""What is not written yet raises this. Delete the file when nothing imports it any more."""',
        "",
        "",
        "class Unfinished(NotImplementedError):",
        '    """This part of the algorithm is not written yet."""',
    ]
    fixed = len(lines)
    losses = [phase.loss for name in plan.experiments for phase in plan.settings_of(name).phases.values()]
    cited = [*(equation.id for equation in plan.equations), *losses]
    loose = {name: words for name, words in plan.pseudocode.items() if not any(cites(text, name) for text in cited)}
    for name, words in loose.items():
        lines += [*([""] if len(lines) == fixed else []), "", *(f"# {text}".rstrip() for text in _quoted(name, words))]
    return "\n".join(lines) + "\n"


def rendered(template: str, **names: Any) -> str:
    """Python from a template; `| py` makes a literal of any text."""
    from reproof.render import environment  # jinja2 only when something is rendered: --help stays fast

    env = environment()
    env.filters["py"] = literal
    return env.get_template(template).render(**names)
