"""First-run success: many different plans, each generated, linted, trained, evaluated and tested at its first try.

    python benchmarks/scaffold_plans.py                    all plans, two at a time; about ten minutes on two cores
    python benchmarks/scaffold_plans.py gan dqn            only these
    python benchmarks/scaffold_plans.py --quick            in one process, without the projects' own tests
    python benchmarks/scaffold_plans.py --quick --tests    in one process, then each project's own tests
    python benchmarks/scaffold_plans.py --options          every combination of training options on one plan

The cores are in benchmarks/plans/, 20 to 60 lines each; the plans are made here. stdout is a Markdown table; exit
code 4 if anything failed. mypy is run without --strict: a core is recipe code.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib
import io
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
HELPER = HERE.parent / "helpers" / "scaffold.py"
SHORT = ["--device", "cpu", "--train-iters", "3", "evaluation.n_samples=16", "evaluation.n_test=16"]
SHORT += ["evaluation.floor_draws=2", "evaluation.sampling_steps=[2]"]
LINT = ["check", "--no-cache", "--isolated", "--line-length", "120", "--select", "E,F,W,I,B"]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def said(value: Any) -> dict[str, Any]:
    """A value of a plan that nobody has stated."""
    return {"value": value, "inferred": "a case of this benchmark"}


def phase(kind: str = "train", **own: Any) -> dict[str, Any]:
    """A phase with small sizes; keys that a plan does not know go into its settings."""
    settings = {k: said(v) for k, v in own.pop("settings", {}).items()}
    sizes = (
        {"batches": 3, "batch_size": 16}
        if kind == "pool"
        else {"steps": 40, "batch_size": 16, "optimizer": "adam", "lr": 0.003}
    )
    weights = own.pop("weights", {})
    made = {"kind": kind, **{k: said(v) for k, v in {**sizes, **own}.items()}, "settings": settings}
    if weights:
        made["objective"] = {"formula": said("a weighted sum"), "weights": {k: said(v) for k, v in weights.items()}}
    return made


def experiment(
    phases: dict[str, Any], data: dict[str, Any], model: dict[str, Any], metric: str = "gap"
) -> dict[str, Any]:
    """One experiment."""
    return {
        "summary": "a case of this benchmark",
        "data": {k: said(v) for k, v in data.items()},
        "model": {k: said(v) for k, v in ({"width": 16} | model).items()},
        "phases": phases,
        "evaluation": {
            "metric": said(metric),
            "n_test": said(64),
            "n_samples": said(64),
            "sampling_steps": said([1, 4]),
        },
    }


def plan(name: str, experiments: dict[str, Any]) -> dict[str, Any]:
    """A plan with these experiments."""
    return {
        "schema_version": 1,
        "name": f"case_{name}",
        "paper": {"title": f"A case: {name.replace('_', ' ')}"},
        "problem": "Does a project of this kind run at its first try?",
        "contribution": "It is one of many kinds.",
        "experiments": experiments,
    }


def case(core: str, phases: dict[str, Any], data: str = "blobs", **more: Any) -> tuple[str, dict[str, Any]]:
    """Core and experiments of a case with one experiment."""
    metric = "accuracy" if core == "classification" else "gap"  # a score, which needs no samples
    return core, {"toy": experiment(phases, {"name": data, **more.pop("data_keys", {})}, more, metric)}


GAN = {"optimizers": {"critic": {"lr": 0.004, "betas": [0.5, 0.9]}, "generator": {"lr": 0.001}}}
WGAN = {"optimizers": {"critic": {"updates": 5}, "generator": {}}, "penalty": 10.0}
REPLAY = {"collect_every": 1, "collect_first": 4, "capacity": 64}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "classification": case(
        "classification", {"fit": phase(optimizer="sgd", lr=0.1, schedule="cosine", warmup_steps=2)}
    ),
    "regression": case("regression", {"fit": phase(schedule="linear", accumulate=2)}, "line"),
    "gan": case("gan", {"gan": phase(settings=GAN)}),
    "wgan": case("wgan", {"gan": phase(settings=WGAN, ema_decay=0.9)}),
    "diffusion": case(
        "diffusion", {"denoise": phase(ema_decay=0.99, grad_clip=1.0, optimizer="adamw", weight_decay=0.01)}
    ),
    "flow_pool": case(
        "flow_pool", {"pairs": phase("pool"), "flow": phase(), "straight_pairs": phase("pool"), "reflow": phase()}
    ),
    "contrastive": case(
        "contrastive", {"encoder": phase(settings={"temperature": 0.2}), "probe": phase(optimizer="sgd")}
    ),
    "momentum_encoder": case("momentum_encoder", {"moco": phase(settings={**REPLAY, "follow": 0.99})}),
    "distillation": case(
        "distillation",
        {"teacher": phase(), "student": phase(settings={"temperature": 2.0}, weights={"soft": 0.7, "hard": 0.3})},
    ),
    "lora": case("lora", {"base": phase(settings={"shift": 0}), "lora": phase(settings={"shift": 1, "rank": 2})}),
    "dqn": case("dqn", {"dqn": phase(settings=REPLAY)}, "env"),
    "policy_gradient": case("policy_gradient", {"policy": phase(grad_clip=1.0, settings={"moves": 5})}, "env"),
    "actor_critic": case("actor_critic", {"ddpg": phase(settings=REPLAY)}, "env"),
    "language_model": case(
        "language_model", {"lm": phase(optimizer="adamw", warmup_steps=4, schedule="cosine")}, "words", vocabulary=7
    ),
    "masked_model": case("masked_model", {"pretrain": phase(settings={"masked": 0.3}), "classify": phase()}, "words"),
    "translation": case("translation", {"translate": phase(betas=[0.9, 0.98], warmup_steps=4)}, "words"),
    "recurrent": case("recurrent", {"forecast": phase(grad_clip=0.5)}, "line"),
    "vae": case("vae", {"vae": phase(settings={"beta": 1.0})}, "pictures", code=4),
    "autoencoder": case(
        "autoencoder",
        {"autoencoder": phase(), "codes": phase("pool"), "flow": phase(ema_decay=0.9)},
        "pictures",
        width=4,
    ),
    "vector_quantized": case("vector_quantized", {"vq": phase()}, "pictures", entries=8),
    "detection": case("detection", {"detect": phase(weights={"box": 5.0, "side": 1.0})}, "pictures", width=4),
    "graph": case("graph", {"gcn": phase(weight_decay=0.0005)}, "graph", data_keys={"nodes": 24}),
    "normalizing_flow": case("normalizing_flow", {"flow": phase()}, layers=4),
    "score_matching": case("score_matching", {"score": phase(ema_decay=0.9)}),
    "meta_learning": case(
        "meta_learning", {"maml": phase(batch_size=8, settings={"tasks": 2, "inner_lr": 0.05})}, "line"
    ),
    "physics_informed": case("physics_informed", {"solve": phase()}, "line"),
    "self_distillation": case("self_distillation", {"byol": phase(settings={"follow": 0.99, "collect_every": 1})}),
    "two_towers": case("two_towers", {"clip": phase(accumulate=1)}, "pictures"),
    "super_resolution": case("super_resolution", {"sr": phase()}, "pictures", width=4),
    "recommender": case("recommender", {"factors": phase(optimizer="sgd", lr=0.1)}, "graph"),
    "ensemble": case("ensemble", {f"member_{k}": phase(steps=10 * k) for k in (1, 2, 3, 4)}, "line"),
    "bf16": case("diffusion", {"denoise": phase(accumulate=4, ema_decay=0.99)}),
    "many_options": case(
        "classification",
        {
            "fit": phase(
                optimizer="adamw",
                schedule="cosine",
                warmup_steps=3,
                grad_clip=0.5,
                ema_decay=0.9,
                accumulate=2,
                weight_decay=0.1,
            )
        },
    ),
    "two_shapes": (
        "segmentation",
        {
            f"side{side}": experiment({"segment": phase()}, {"name": "pictures", "side": side}, {"width": 4})
            for side in (8, 16)
        },
    ),
}


def write(folder: Path, name: str) -> tuple[Path, Path]:
    """Plan and core of a case, as a user has them."""
    core_name, experiments = CASES[name]
    core = folder / "core"
    core.mkdir(parents=True)
    shutil.copy(HERE / "plans" / f"{core_name}.py", core / "__init__.py")
    shutil.copy(HERE / "plans" / "common.py", core)
    (folder / "plan.yaml").write_text(yaml.safe_dump(plan(name, experiments), sort_keys=False), encoding="utf-8")
    return folder / "plan.yaml", core


def command(words: list[object], cwd: Path, timeout_s: float = 300) -> tuple[int, str, float]:
    """Exit code, output, seconds."""
    began = time.monotonic()
    try:
        done = subprocess.run(
            [sys.executable, *map(str, words)], cwd=cwd, env=ENVIRONMENT,
            capture_output=True, text=True, timeout=timeout_s, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return -1, f"not within {timeout_s} s", time.monotonic() - began
    return done.returncode, done.stdout + done.stderr, time.monotonic() - began


def attempt(folder: Path, name: str) -> dict[str, Any]:
    """One plan from nothing to green: what each step gave."""
    plan_file, core = write(folder, name)
    project, row = folder / "project", {"name": name, "failed": ""}
    extra = ["--precision", "bf16"] if name == "bf16" else []
    steps: list[tuple[str, list[object]]] = [("new", [HELPER, "new", plan_file, "--core", core, "--out", project])]
    steps += [("lint", ["-m", "ruff", *LINT, project])]
    for each in CASES[name][1]:
        pools = (
            ["--pool-batches", "2"] if any(p["kind"] == "pool" for p in CASES[name][1][each]["phases"].values()) else []
        )
        words = [each, *SHORT, *pools, *extra]
        steps += [(f"train {each}", [project / "run.py", "train", *words])]
        steps += [(f"again {each}", [project / "run.py", "train", *words])]
        steps += [(f"evaluate {each}", [project / "run.py", "evaluate", *words])]
    steps += [("smoke", [HELPER, "smoke", project, "--json"])]
    for step, words in steps:
        code, output, seconds = command(words, folder)
        row[step.split()[0]] = row.get(step.split()[0], 0.0) + seconds
        if code != 0:
            row["failed"] = f"{row['failed']} {step}".strip()
            row["said"] = row.get("said", "") + output
            if step != "lint":  # the rest would only repeat it
                return row
        if step == "smoke":
            row["tests"] = json.loads(output[output.index("{") : output.rindex("}") + 1])["passed"]
    return row


def engine_of(project: Path, name: str) -> Any:
    """The command line of a project, imported into this process: torch is imported once for all."""
    sys.path.insert(0, str(project / "src"))
    return importlib.import_module(f"case_{name}.engine.cli").main


def interrupted(main: Any, words: list[str], project: Path) -> int:
    """Train, and get a SIGTERM after the second optimizer step; the exit code."""
    from torch.optim.optimizer import register_optimizer_step_post_hook

    steps = itertools.count(1)
    hook = register_optimizer_step_post_hook(lambda *_: next(steps) == 2 and os.kill(os.getpid(), signal.SIGTERM))
    try:
        return int(main(words, project))
    finally:
        hook.remove()


def digests(results: Path, name: str) -> dict[str, str]:
    """Weights of each trained phase, by their bits."""
    facts = json.loads(next(results.glob(f"{name}/seed0/run.json")).read_text())["phases"]
    return {phase: fact["digest"] for phase, fact in facts.items() if "digest" in fact}


def attempt_here(folder: Path, name: str, tests: bool = False) -> dict[str, Any]:
    """Generate, lint, train three steps, evaluate; then once more with a SIGTERM in between, to the same bits."""
    plan_file, core = write(folder, name)
    project, row = folder / "project", {"name": name, "failed": ""}
    code, said, row["new"] = command([HELPER, "new", plan_file, "--core", core, "--out", project], folder)
    lint, more, _ = command(["-m", "ruff", *LINT, project], folder)
    row["said"] = said + more
    row["failed"] = "new" if code else "lint" if lint else ""
    if code:
        return row
    output, began = io.StringIO(), time.monotonic()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        for each in CASES[name][1]:
            words = [each, *SHORT, *(["--precision", "bf16"] if name == "bf16" else [])]
            here, there = str(folder / "here"), str(folder / "there")
            try:
                main = engine_of(project, name)
                outcomes = {
                    "train": main(["train", *words, "--results", here], project),
                    "evaluate": main(["evaluate", *words, "--results", here], project),
                    "stop": interrupted(main, ["train", *words, "--results", there], project) - 75,
                    "resume": main(["train", *words, "--results", there], project),
                }
                outcomes["same bits"] = int(digests(Path(here), each) != digests(Path(there), each))
            except Exception as error:  # whatever a project raises is the finding
                outcomes = {repr(error): 1}
            row["failed"] += " ".join(f" {step} {each}" for step, wrong in outcomes.items() if wrong)
    row["train"], row["said"] = time.monotonic() - began, row["said"] + output.getvalue()
    if tests:
        own_tests(project, row)
    return row


def own_tests(project: Path, row: dict[str, Any]) -> None:
    """The project's own tests, into the row."""
    code, said, row["smoke"] = command([HELPER, "smoke", project, "--json"], project)
    row["failed"] += " smoke" * bool(code)
    row["said"] += said if code else ""
    row["tests"] = json.loads(said[said.index("{") : said.rindex("}") + 1])["passed"] if "{" in said else 0


def told(row: dict[str, Any]) -> dict[str, Any]:
    """Say on stderr how it went, as soon as it is known."""
    print(f"{row['name']}: {row['failed'] or 'green'} {row.get('tests', '')}", file=sys.stderr, flush=True)
    return row


def types(folder: Path) -> tuple[int, str]:
    """All packages at once: mypy reads torch's types only once."""
    sources = [str(path) for path in sorted(folder.glob("*/project/src/*")) if path.is_dir()]
    words = ["-m", "mypy", "--cache-dir", str(folder / "mypy"), "--config-file=", "--explicit-package-bases"]
    words += ["--ignore-missing-imports", "--check-untyped-defs", "--no-error-summary"]
    environment = ENVIRONMENT | {"MYPYPATH": os.pathsep.join(str(Path(source).parent) for source in sources)}
    done = subprocess.run(
        [sys.executable, *words, *sources], env=environment, capture_output=True, text=True, check=False
    )
    return len(sources), done.stdout + done.stderr if done.returncode else ""


def options(folder: Path) -> int:
    """Every combination of training options on one plan, three steps each, in one process; how many failed."""
    plan_file, core = write(folder, "classification")
    command([HELPER, "new", plan_file, "--core", core, "--out", folder / "project"], folder)
    sys.path.insert(0, str(folder / "project"))
    main = __import__("run").main
    axes = {
        "phases.fit.optimizer": ["adam", "adamw", "sgd"],
        "phases.fit.schedule": ["constant", "linear", "cosine"],
        "phases.fit.warmup_steps": ["0", "2"],
        "phases.fit.accumulate": ["1", "4"],
        "phases.fit.grad_clip": ["null", "0.5"],
        "phases.fit.ema_decay": ["null", "0.9"],
        "precision": ["fp32", "bf16"],
        "checkpointing": ["false", "true"],
    }
    failed, count, began = [], 0, time.monotonic()
    quiet = open(os.devnull, "w")  # noqa: PTH123
    for values in itertools.product(*axes.values()):
        words = [f"{key}={value}" for key, value in zip(axes, values, strict=True)]
        kept, sys.stdout = sys.stdout, quiet
        try:
            code = main(
                ["train", "toy", *SHORT[:4], "--results", str(folder / "results" / str(count)), *words],
                folder / "project",
            )
        finally:
            sys.stdout = kept
        count += 1
        failed += [words] if code else []
    print(
        f"{count} combinations of {len(axes)} options, {count - len(failed)} trained three steps, "
        f"{time.monotonic() - began:.0f} s"
    )
    for words in failed[:10]:
        print("-", " ".join(words))
    return len(failed)


def main() -> int:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="PLAN", help=f"of {', '.join(CASES)}")
    parser.add_argument("--quick", action="store_true", help="without the projects' own tests")
    parser.add_argument("--tests", action="store_true", help="with --quick: the projects' own tests all the same")
    parser.add_argument("--options", action="store_true", help="combinations of training options instead")
    parser.add_argument("--part", default="1/1", metavar="I/N", help="only every N-th plan, from the I-th")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--no-types", action="store_true", help="without mypy")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="plans-") as place:
        if asked.options:
            return 4 * bool(options(Path(place)))
        part, _, parts = asked.part.partition("/")
        names = asked.names or list(CASES)[int(part) - 1 :: int(parts)]
        if asked.quick:
            rows = [told(attempt_here(Path(place) / name, name, asked.tests)) for name in names]
        else:
            with ThreadPoolExecutor(asked.jobs) as pool:
                rows = list(pool.map(lambda name: told(attempt(Path(place) / name, name)), names))
        count, wrong = types(Path(place)) if not asked.no_types else (0, "")
    print(
        "| plan | core lines | new s | train s | evaluate s | smoke s | tests | outcome |\n"
        "|---|---:|---:|---:|---:|---:|---:|---|"
    )
    for row in rows:
        lines = len(ast.unparse(ast.parse((HERE / "plans" / f"{CASES[row['name']][0]}.py").read_text())).splitlines())
        seconds = " | ".join(f"{row[key]:.1f}" if key in row else "" for key in ("new", "train", "evaluate", "smoke"))
        print(
            f"| {row['name']} | {lines} | {seconds} | {row.get('tests', '')} "
            f"| {'failed: ' + row['failed'] if row['failed'] else 'green'} |"
        )
    bad = [row for row in rows if row["failed"]]
    for row in bad:
        print(f"\n{row['name']}, {row['failed']}:\n{row['said'][-1500:]}", file=sys.stderr)
    print(
        f"\n{len(rows) - len(bad)} of {len(rows)} green at the first try; "
        f"slowest generation {max(r['new'] for r in rows):.2f} s",
        end="",
    )
    print(f"; mypy on {count} packages: {'clean' if not wrong else 'errors'}" if count else "")
    print(wrong, file=sys.stderr, end="")
    return 4 * bool(bad or wrong)


if __name__ == "__main__":
    raise SystemExit(main())
