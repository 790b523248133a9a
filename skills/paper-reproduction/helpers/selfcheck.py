#!/usr/bin/env python3
# /// script
# requires-python = ">=3.10"
# dependencies = ["pydantic>=2.7,<3", "jinja2>=3.1,<4", "pyyaml>=6,<7"]
# ///
"""The gate and the report: is every number of this reproduction backed by evidence that still holds?

  python helpers/selfcheck.py gate runs/nsgf               what passes, what does not, and the command for each gap
  python helpers/selfcheck.py report runs/nsgf [--out DIR] report.md, report.html and report.json, beside the plan
  python helpers/selfcheck.py bundle runs/nsgf             nsgf.zip: a stranger checks it and runs it with one command
  python helpers/selfcheck.py hook on runs/nsgf            Claude Code may not stop while the gate is red; off: hook off

The gate reads plan.yaml, configs/, src/, results/ and evidence/ of a project and looks again at what can be looked at
cheaply, instead of believing the record: the chain of records and its clocks, hashes of inputs, the algorithm's source
(stubs, test data in training, the paper's numbers as constants), settings against the plan, results against the runs
that made them, and compare, which is asked again. It runs `run.py status` of the project to see that flags reach every
phase; what is dear (training, the project's tests, probes) it does not run, but names the command.
Each item is PASS, FAIL, STALE (an input changed since), MISSING (the command that makes it is named) or SIGNED (a
person's word, with name and date). preflight/ items are the list to go through before a dear run; one of them shuts
the gate only when it was tried and failed. A green gate says that verdicts rest on evidence, not that they are good.

The report is rendered from records only, and the same records always give the same bytes; so the gate renders it again
and sees an edit by hand. What was easy, hard and learned comes from notes.yaml (by, on, easy, hard, lessons). It holds
the checklists of the field, each item answered by a record or not answered. report.html needs no network, no script.

The hook is off until switched on, sends an agent back once per stop, and leaves all other settings as they are.
The chain shows tampering; it cannot stop someone who makes all of it anew, with runs that never were.

exit 0 everything required passes (report: written) · 4 the gate is red · 2 bad input (stop: the agent goes on)
3 something is not installed
"""

import sys
from os.path import dirname, realpath

sys.path.insert(0, dirname(realpath(__file__)))  # also under -P, -I and -m

from reproof.launch import launch

if __name__ == "__main__":
    raise SystemExit(launch("selfcheck", __doc__))
