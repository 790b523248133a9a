#!/usr/bin/env python3
# /// script
# requires-python = ">=3.10"
# dependencies = ["pydantic>=2.7,<3", "jinja2>=3.1,<4", "pyyaml>=6,<7"]
# ///
"""The gate and the report: is every number of this reproduction backed by evidence that still holds?

  python helpers/selfcheck.py gate runs/nsgf               what passes, what does not, and the command for each gap
  python helpers/selfcheck.py gate runs/nsgf --json
  python helpers/selfcheck.py report runs/nsgf             report.md, report.html and report.json, beside the plan
  python helpers/selfcheck.py report runs/nsgf --out DIR

The gate reads plan.yaml, configs/, src/, results/ and evidence/ of a project and looks again at what can be looked at
cheaply, instead of believing the record: the chain of records, hashes of inputs, the algorithm's source, the settings
against the plan, the results against the runs that made them, our means and floors against compare's.
Each item is PASS, FAIL, STALE (an input changed since), MISSING (the command that makes it is named) or SIGNED (a
person's word, with name and date). A green gate says that the verdicts rest on evidence, not that they are good.

The report is rendered from records only, and the same records always give the same bytes; so the gate renders it again
and sees an edit by hand. report.html needs no network and no script.

exit 0 everything required passes (report: written) · 4 the gate is red · 2 bad input · 3 something is not installed

Not there yet: signing evidence against someone who rewrites the whole chain, running the project's tests itself,
flags reaching every phase, the field's checklists (NeurIPS, REFORMS, ...), a stop hook for agents, a release archive.
"""

import sys
from os.path import dirname, realpath

sys.path.insert(0, dirname(realpath(__file__)))  # also under -P, -I and -m

from reproof.launch import launch

if __name__ == "__main__":
    raise SystemExit(launch("selfcheck", __doc__))
