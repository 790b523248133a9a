#!/usr/bin/env python3
# /// script
# requires-python = ">=3.10"
# dependencies = ["pydantic>=2.7,<3", "jinja2>=3.1,<4", "pyyaml>=6,<7"]
# ///
"""Do our runs reproduce the paper's numbers? A verdict per claim, by rule, without a model.

  python helpers/compare.py runs/nsgf                              a generated project: plan.yaml and results/
  python helpers/compare.py --plan plan.yaml --results results/    folders are searched for records.jsonl
  python helpers/compare.py runs/nsgf --json

MATCH CLOSE BETTER DEVIATES FAIL come from the rule that the report prints. Before it:
UNATTAINABLE  independent draws of the truth do not reach the paper's number under the protocol as stated, whatever
              we got; other readings of the protocol that the plan names are shown beside it, never as the verdict
INCONCLUSIVE  too few seeds, too wide a spread (it says how many more seeds), typed values, seeds without a number,
              or a number better than the paper's without a leakage check of the same code
SHORTENED     a phase did fewer steps than the plan or the configuration says; never counts
NOT_RUN       no record at the protocol's sample sizes

Records are JSON Lines, one per evaluation: kind result, floor or leakage_check ({"kind": "leakage_check",
"experiment": "moons", "passed": true, "core_hash": "..."}). One without run_id or config_hash, or of kind typed, was
typed by hand and is never judged. A seed counts once. Nothing is written but the evidence record.

stdout is the answer: Markdown, or JSON with --json. Errors go to stderr.
exit 0 every claim is MATCH, CLOSE or BETTER · 4 some claim is not · 2 bad input · 3 something is not installed

Not there yet: claims about order or curves, figures, CSV and tracker files (MLflow, W&B, TensorBoard), floors of
FID, KID or accuracy and floors from a callable (it uses the floors that the runs recorded), bootstrap intervals per
table, links to LEARNING.md.
"""

import sys
from os.path import dirname, realpath

sys.path.insert(0, dirname(realpath(__file__)))  # also under -P, -I and -m

from reproof.launch import launch

if __name__ == "__main__":
    raise SystemExit(launch("compare", __doc__))
