#!/usr/bin/env python3
# /// script
# requires-python = ">=3.10"
# dependencies = ["pydantic>=2.7,<3", "jinja2>=3.1,<4", "pyyaml>=6,<7"]
# ///
"""Meet a known trap before it costs a day, and write down a new one so that the next reader meets it too.

  python helpers/learn.py find "loss is zero with pixels"         by symptom, in words
  python helpers/learn.py find --error run.log                    by the error that a run ended with
  python helpers/learn.py show metric-floor                       one entry, whole
  python helpers/learn.py add entry.yaml --project DIR            writes DIR/LEARNING.md
  python helpers/learn.py validate LEARNING.md                    form, doubles, and whether what catches it exists
  python helpers/learn.py promote SLUG --project DIR --clone PACK --skill paper-reproduction

Searches the project's LEARNING.md (--project) and those of the installed skills. An entry is YAML with slug, title,
what, symptom, impact, cause, prevention, shown_by, caught_by; kind is mistake (default) or principle. With `preflight`,
a command as a list of words, it also becomes a line of the project's preflight.json, which
  python helpers/learn.py preflight --project DIR                 runs, and records as evidence for the gate

New lessons go to the project: an installed skill is replaced on update. promote copies one into a clone of the pack.

stdout is the answer: Markdown, or JSON with --json. Errors go to stderr.
exit 0 found, added, all well · 4 nothing found, or a check failed · 2 bad input · 3 something is missing
"""

import sys
from os.path import dirname, realpath

sys.path.insert(0, dirname(realpath(__file__)))  # also under -P, -I and -m

from reproof.launch import launch

if __name__ == "__main__":
    raise SystemExit(launch("learn", __doc__))
