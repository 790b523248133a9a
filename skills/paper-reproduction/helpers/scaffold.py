#!/usr/bin/env python3
# /// script
# requires-python = ">=3.10"
# dependencies = ["pydantic>=2.7,<3", "jinja2>=3.1,<4", "pyyaml>=6,<7"]
# ///
"""Turn a plan into a complete training project that runs at once.

  python helpers/scaffold.py new plan.yaml --out runs/nsgf --core examples/nsgf/core
  python helpers/scaffold.py new plan.yaml --out runs/mine                 a skeleton core that cites the plan
  python helpers/scaffold.py new plan.yaml --out runs/nsgf --update        after the plan or the pack changed
  python helpers/scaffold.py smoke runs/nsgf --python .venv/bin/python     its own tests, kept as evidence

The project: configs/ (one per experiment, each value with its source), src/<name>/core (the algorithm),
src/<name>/engine (phases, loop, checkpoints, pools, evaluation), run.py (train, evaluate, sample, plot, status),
tests/, README.md, requirements.txt. It is yours from then on. A folder that holds other work is refused;
--update leaves every file alone that was edited since it was generated.

stdout is the answer: Markdown, or JSON with --json. Errors go to stderr.
exit 0 done, tests green · 4 tests red · 2 bad input · 3 something is not installed

Not there yet: merging template changes into edited files, ablations, notebooks, Dockerfile, several GPUs.
"""

import sys
from os.path import dirname, realpath

sys.path.insert(0, dirname(realpath(__file__)))  # also under -P, -I and -m

from reproof.launch import launch

if __name__ == "__main__":
    raise SystemExit(launch("scaffold", __doc__))
