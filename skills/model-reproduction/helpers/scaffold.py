#!/usr/bin/env python3
# /// script
# requires-python = ">=3.10"
# dependencies = ["pydantic>=2.7,<3", "jinja2>=3.1,<4", "pyyaml>=6,<7"]
# ///
"""Turn a plan into a complete training project that runs at once, and keep it up to date without losing your edits.

  python helpers/scaffold.py new plan.yaml --out runs/nsgf --core examples/nsgf/core
  python helpers/scaffold.py new plan.yaml --out runs/mine                 a skeleton core that cites the plan
  python helpers/scaffold.py update runs/nsgf --dry-run                    what a newer plan or template would change
  python helpers/scaffold.py update runs/nsgf                              merge it with your edits
  python helpers/scaffold.py smoke runs/nsgf --python .venv/bin/python     its own tests, kept as evidence

The project: configs/ (one complete file per experiment, each value with its source; ablations.yaml), src/<name>/core
(the algorithm), src/<name>/engine (phases, loop, checkpoints, pools, evaluation), run.py, tests/, README.md,
requirements.txt with exact versions, Dockerfile, notebook.ipynb for Kaggle and Colab, LICENSE-NOTE.md. It is yours from
then on. A folder that holds other work is refused; all files are there, or none.

The README takes memory, disk and time from --estimate FILE, which vram.py plan --json printed, or from its newest
record in evidence/; and flags that make it fit from --overrides EXPERIMENT=FILE, written by vram.py fit --write FILE

update needs git to merge (no repository). What both sides changed is marked in the file, as git does; the file as it
was lies in .scaffold/before/. A file you deleted stays deleted; a core you began to write, or gave, is left alone
unless --core names a newer one, which is merged.

A plan of kind port gives a wrapper: the ported code in core/ported/, one adapter per training phase, and a test that
wants a green parity record for the files that lie there.

smoke limits each process to --memory of private memory, and all to --timeout-s; it lists what was installed.

stdout is the answer: Markdown, or JSON with --json. Errors go to stderr.
exit 0 done, tests green · 4 tests red, or places for you to decide · 2 bad input · 3 something is not installed

Not done: the Docker image was never built, and Kaggle and Colab were only imitated.
"""

import sys
from os.path import dirname, realpath

sys.path.insert(0, dirname(realpath(__file__)))  # also under -P, -I and -m

from reproof.launch import launch

if __name__ == "__main__":
    raise SystemExit(launch("scaffold", __doc__))
