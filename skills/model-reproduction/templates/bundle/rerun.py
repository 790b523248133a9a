#!/usr/bin/env python3
"""Check this archive and run it again, with one command.

  python rerun.py              a new environment, every run, the verdicts, and what differs from the report
  python rerun.py --check      only: are all files as they were packed?
  python rerun.py --smoke      the project's own tests, in about a minute
  python rerun.py --here       with the interpreter that runs this, instead of a new environment

Finished runs of the archive are put aside to results-of-the-archive/, so that nothing is taken over from them.
exit 0 every claim has the verdict of the report · 4 a file, a test or a verdict differs · other: the step that failed
"""

import hashlib
import json
import shutil
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent


def check():
    """Whether every file has the digest that it was packed with."""
    wrong = []
    for line in (HERE / "SHA256SUMS").read_text(encoding="utf-8").splitlines():
        digest, _, name = line.partition("  ")
        path = HERE / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            wrong.append(name)
    print(f"{len(wrong)} files differ: " + ", ".join(wrong[:10]) if wrong else "all files are as they were packed")
    return not wrong


def step(*words):
    """Run one command; where it fails, its exit code is ours."""
    print("+", *words, flush=True)
    code = subprocess.run(words, cwd=HERE).returncode
    if code:
        sys.exit(code)


def interpreter():
    """The Python of a new environment that holds the pinned packages."""
    if "--here" in sys.argv:
        return sys.executable
    folder = HERE / ".venv"
    if not folder.exists():
        venv.create(folder, with_pip=True)
    python = str(folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python"))
    step(python, "-m", "pip", "install", "-r", "requirements.txt", "pydantic>=2.7,<3", "jinja2>=3.1,<4", "pyyaml>=6,<7")
    return python


def number(value):
    """A number in words.

    >>> number(0.28612), number(None)
    ('0.28612', 'no number')
    """
    return "no number" if value is None else f"{value:.6g}"


def against_the_report(python):
    """Each claim's verdict and our number, in the report and now; the number of verdicts that differ."""
    done = subprocess.run([python, "helpers/compare.py", ".", "--json"], cwd=HERE, stdout=subprocess.PIPE)
    now = {claim["id"]: claim for claim in json.loads(done.stdout)["claims"]}
    reported = json.loads((HERE / "report.json").read_text(encoding="utf-8"))["report"]["claims"]
    print("\nAgainst the report\n")
    differ = 0
    for claim in reported:
        again = now[claim["id"]]
        mean = (again["ours"] or {}).get("mean")
        same = again["verdict"] == claim["verdict"]
        differ += not same
        then = f"{claim['verdict']}, {number(claim['ours_mean'])}"
        print(f"{'same' if same else 'DIFFERS'}  {claim['id']}: {then}; now {again['verdict']}, {number(mean)}")
    print(f"\n{len(reported) - differ} of {len(reported)} verdicts are the report's")
    return differ


def main():
    """Check, run again, judge, and compare with the report."""
    aside = HERE / "results-of-the-archive"
    if not aside.exists() and not check():
        return 4
    if "--check" in sys.argv:
        return 0
    python = interpreter()
    if "--smoke" in sys.argv:
        return 4 if subprocess.run([python, "-m", "pytest", "-q", "tests"], cwd=HERE).returncode else 0
    if (HERE / "results").exists() and not aside.exists():
        shutil.move(str(HERE / "results"), str(aside))
    for words in json.loads((HERE / "runs.json").read_text(encoding="utf-8")):
        step(python, "run.py", *words)
    judged = subprocess.run([python, "helpers/compare.py", "."], cwd=HERE).returncode
    if judged not in (0, 4) or not (HERE / "report.json").is_file():
        return judged
    return 4 if against_the_report(python) else 0


if __name__ == "__main__":
    sys.exit(main())
