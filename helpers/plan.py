#!/usr/bin/env python3
# /// script
# requires-python = ">=3.10"
# dependencies = ["pydantic>=2.7,<3", "jinja2>=3.1,<4", "pyyaml>=6,<7"]
# ///
"""Check that nothing in a plan is made up, and show the plan to a person.

  python helpers/plan.py check plan.yaml --paper paper.txt     every quote is looked up in the paper's text
  python helpers/plan.py check plan.yaml                       without the text: quotes count if an intact record
                                                               in evidence/ beside the plan verified them before
  python helpers/plan.py render plan.yaml > PLAN.md

A value needs a quote that stands in the paper (layout may differ; numbers, signs, units, words may not), and the
number in the value must be the number in the quote. Otherwise it is `inferred`, with a reason, and stays open until
a person adds `signed: {by: NAME, on: DATE}` to it in the plan; this helper never signs.

stdout is the answer: Markdown, or JSON with --json. Errors go to stderr.
exit 0 all verified or signed · 4 something is open, unchecked or wrong · 2 bad input · 3 something is not installed

Not there yet: reading PDF, LaTeX or HTML (pass .txt or .md), plan init, diff and signoff, consistency between
fields (steps against epochs, heads against width), coverage of the paper's sections, source lines of a port.
"""

import sys
from os.path import dirname, realpath

sys.path.insert(0, dirname(realpath(__file__)))  # also under -P, -I and -m

from reproof.launch import launch

if __name__ == "__main__":
    raise SystemExit(launch("plan", __doc__))
