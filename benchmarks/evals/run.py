#!/usr/bin/env python3
"""Does a skill change what an agent does? The same tasks with and without it, graded by machine.

  python benchmarks/evals/run.py prepare OUT [--arms with without] [--repeat 2] [--skill NAME] [--only NAME ...]
  python benchmarks/evals/run.py go OUT --agent "claude -p {prompt} --output-format stream-json --verbose" [--jobs 2]
  python benchmarks/evals/run.py grade OUT          one JSON per run, OUT/benchmark.json, a Markdown table on stdout
  python benchmarks/evals/run.py triggers OUT --agent "claude -p {prompt} --plugin-dir {pack} ..."

An agent is any command; {prompt}, {folder} and {pack} are filled in as one argument each (no shell). Where none can
be started, hand each OUT/<run>/task.md to an agent by hand: `prepare` and `grade` do not care who worked in the folder.
With the skill means: installed by helpers/install.py into the folder's .claude/skills and .agents/skills, nothing else.
Cost and tokens are taken from the agent's own stream where it prints them.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from graders import GRADERS, ROOT

SKILLS = ("paper-reproduction", "model-reproduction")
LIMIT_S = 1800


def evals_of(skill: str) -> list[dict[str, Any]]:
    """The cases of a skill."""
    cases: list[dict[str, Any]] = json.loads((ROOT / "skills" / skill / "evals" / "evals.json").read_text("utf-8"))[
        "evals"
    ]
    return cases


def prepare(out: Path, skills: list[str], arms: list[str], repeat: int, only: list[str]) -> list[Path]:
    """A folder per run, with the case's files, and the skill in the arm that has it."""
    made = []
    for skill in skills:
        for case in evals_of(skill):
            if only and case["name"] not in only:
                continue
            for arm in arms:
                made += [_prepared(out / f"{skill}.{case['name']}.{arm}.{n}", skill, case, arm) for n in range(repeat)]
    return made


def _prepared(folder: Path, skill: str, case: dict[str, Any], arm: str) -> Path:
    work = folder / "work"
    work.mkdir(parents=True)
    source = ROOT / "skills" / skill / "evals" / "files" / case["name"]
    shutil.copytree(source, work, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "task.md").write_text(case["prompt"] + "\n", encoding="utf-8")
    if arm == "with":
        for agent in ("claude", "agents"):
            command = [
                sys.executable,
                ROOT / "helpers" / "install.py",
                "install",
                agent,
                "--project",
                work,
                "--skill",
                skill,
            ]
            subprocess.run(command, check=True, capture_output=True)
    return folder


def go(out: Path, agent: str, jobs: int) -> None:
    """Start the agent in every folder that has no transcript yet."""
    due = [path for path in sorted(out.glob("*.*.*.*")) if not (path / "transcript.txt").exists()]
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(lambda folder: _one(folder, agent), due))


def _one(folder: Path, agent: str) -> None:
    prompt = (folder / "task.md").read_text(encoding="utf-8")
    filled = {"{prompt}": prompt, "{folder}": str(folder / "work"), "{pack}": str(ROOT)}
    words = [_fill(word, filled) for word in shlex.split(agent)]
    began = time.monotonic()
    with (folder / "transcript.part").open("wb") as said:
        child = subprocess.Popen(
            words, cwd=folder / "work", stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
        )
        try:
            code: int | None = child.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            if hasattr(os, "killpg") and child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
    seconds = round(time.monotonic() - began, 1)
    (folder / "timing.json").write_text(json.dumps({"seconds": seconds, "exit": code}), encoding="utf-8")
    (folder / "transcript.part").rename(folder / "transcript.txt")


def _fill(word: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        word = word.replace(name, value)
    return word


def grade(out: Path) -> dict[str, Any]:
    """Grade every folder again, from its files; writes grading.json in each and benchmark.json above."""
    runs = [_graded(folder) for folder in sorted(out.glob("*.*.*.*")) if (folder / "work").is_dir()]
    summary = {arm: _summary([run for run in runs if run["configuration"] == arm]) for arm in ("with", "without")}
    found = {"runs": runs, "run_summary": summary}
    (out / "benchmark.json").write_text(json.dumps(found, indent=1, ensure_ascii=False), encoding="utf-8")
    return found


def _graded(folder: Path) -> dict[str, Any]:
    skill, name, arm, number = folder.name.split(".")
    case = next(case for case in evals_of(skill) if case["name"] == name)
    results = list(GRADERS[(skill, name)](folder / "work"))
    assert len(results) == len(case["expectations"]), f"{name}: a grader per expectation"
    rows = [
        {"text": text, "passed": passed, "evidence": evidence}
        for text, (_, passed, evidence) in zip(case["expectations"], results, strict=True)
    ]
    passed = sum(row["passed"] for row in rows)
    spent = {"seconds": None, **_json(folder / "timing.json"), **cost_of(folder / "transcript.txt")}
    record = {"eval_name": f"{skill}/{name}", "configuration": arm, "run_number": int(number), "passed": passed,
              "total": len(rows), "expectations": rows, **spent}  # fmt: skip
    (folder / "grading.json").write_text(json.dumps(record, indent=1, ensure_ascii=False), encoding="utf-8")
    return record


def _json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def cost_of(transcript: Path) -> dict[str, Any]:
    """Cost and tokens, where the agent's stream ends with them."""
    if not transcript.is_file():
        return {}
    for line in reversed(transcript.read_text(encoding="utf-8", errors="replace").splitlines()):
        if '"total_cost_usd"' in line:
            said = json.loads(line)
            return {
                "cost_usd": said["total_cost_usd"],
                "tokens": sum(v for v in said.get("usage", {}).values() if isinstance(v, int)),
            }
    return {}


def _summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    rates = [run["passed"] / run["total"] for run in runs]
    return {
        "runs": len(runs),
        "pass_rate": round(statistics.mean(rates), 3) if rates else None,
        "stddev": round(statistics.stdev(rates), 3) if len(rates) > 1 else None,
        "all_passed": sum(rate == 1 for rate in rates),
    }


def table(found: dict[str, Any]) -> str:
    """Both arms side by side, case by case, losses included."""
    lines = ["| case | with: expectations met | without | with: seconds | without |", "|---|---|---|---|---|"]
    names = sorted({run["eval_name"] for run in found["runs"]})
    for name in names:
        cells = []
        for arm in ("with", "without"):
            runs = [run for run in found["runs"] if run["eval_name"] == name and run["configuration"] == arm]
            cells.append((", ".join(f"{run['passed']}/{run['total']}" for run in runs) or "not run",
                          ", ".join(str(run["seconds"] or "-") for run in runs) or "-"))  # fmt: skip
        lines.append(f"| {name} | {cells[0][0]} | {cells[1][0]} | {cells[0][1]} | {cells[1][1]} |")
    whole = found["run_summary"]
    lines.append(f"| mean share met | {whole['with']['pass_rate']} | {whole['without']['pass_rate']} | | |")
    return "\n".join(lines)


def triggers(out: Path, skills: list[str], agent: str, repeat: int) -> list[dict[str, Any]]:
    """Whether each query makes the agent load the skill: its stream is searched for the Skill tool and our name."""
    rows = []
    for skill in skills:
        queries = json.loads((ROOT / "skills" / skill / "evals" / "trigger_evals.json").read_text("utf-8"))
        for index, item in enumerate(queries):
            hits = 0
            for n in range(repeat):
                folder = out / f"trigger.{skill}.{index}.{n}"
                (folder / "work").mkdir(parents=True, exist_ok=True)
                (folder / "task.md").write_text(item["query"], encoding="utf-8")
                _one(folder, agent)
                hits += loaded(folder / "transcript.txt", skill)
            rows.append(
                {
                    **item,
                    "skill": skill,
                    "loaded": hits,
                    "of": repeat,
                    "right": (hits * 2 > repeat) == item["should_trigger"],
                }
            )
    (out / "triggers.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False), encoding="utf-8")
    return rows


def loaded(transcript: Path, skill: str) -> bool:
    """A tool call that loads this skill, or reads its SKILL.md."""
    text = transcript.read_text(encoding="utf-8", errors="replace")
    return any(
        '"tool_use"' in line and (f'{skill}"' in line or f"{skill}/SKILL.md" in line) for line in text.splitlines()
    )


def main() -> int:
    """Parse, act, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["prepare", "go", "grade", "triggers"])
    parser.add_argument("out", type=Path)
    parser.add_argument("--agent", default="")
    parser.add_argument("--arms", nargs="+", default=["with", "without"], choices=["with", "without"])
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--skill", choices=SKILLS, action="append")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    skills = given.skill or list(SKILLS)
    if given.command in ("go", "triggers") and not given.agent:
        parser.error("--agent is the command that starts the agent")
    if given.command == "prepare":
        print("\n".join(map(str, prepare(given.out.resolve(), skills, given.arms, given.repeat, given.only))))
    elif given.command == "go":
        go(given.out.resolve(), given.agent, given.jobs)
    elif given.command == "triggers":
        rows = triggers(given.out.resolve(), skills, given.agent, given.repeat)
        print(f"{sum(row['right'] for row in rows)} of {len(rows)} queries right")
    else:
        print(table(grade(given.out.resolve())))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
