#!/usr/bin/env python3
# /// script
# requires-python = ">=3.10"
# dependencies = ["pydantic>=2.7,<3", "jinja2>=3.1,<4", "pyyaml>=6,<7"]
# ///
"""Do our runs reproduce the paper's numbers? A verdict per claim, by rule, without a model.

  python helpers/compare.py runs/nsgf [--out DIR]                  a generated project; DIR gets a page with figures
  python helpers/compare.py --plan plan.yaml --results results/    folders are searched for results
  python helpers/compare.py runs/nsgf --claim table1/moons/10      show and count one claim; all are recorded
  python helpers/compare.py runs/nsgf --python .venv/bin/python    for floors that the plan asks for

MATCH CLOSE BETTER DEVIATES FAIL come from the rule that the report prints; MATCH and CLOSE are reproduced. Before it:
UNATTAINABLE  independent draws of the truth do not reach the paper's number under the protocol as stated, whatever
              we got; other readings of the protocol that the plan names are shown beside it, never as the verdict
INCONCLUSIVE  too few seeds, too wide a spread (it says how many more seeds), typed values, seeds without a number,
              or a number better than the paper's without a leakage check of the same code
SHORTENED     a phase did fewer steps than the plan or the configuration says; never counts
NOT_RUN       no record at the protocol's sample sizes

Claims about order (`orders` of the plan): each pair held, reversed or open by P(A beats B) with a bootstrap interval
over seeds. Claims about a curve (`curves`): ours at the points read off the figure, from records of kind series, from
results at several conditions, or from the runs' logs. Tables and the paper have a bootstrap interval over their cells.

Results: records.jsonl, records.csv, records.json, and files of TensorBoard, MLflow, W&B (offline) and trackio, read
without their libraries. One record per evaluation: kind result, series ({"points": [[x, y]]}), floor or leakage_check
({"kind": "leakage_check", "experiment": "moons", "passed": true, "core_hash": "..."}). One without run_id or
config_hash, or of kind typed, was typed by hand and is never judged; settings files beside a tracker's file give them.
A seed counts once. Floors come from the runs, or from `floors` of the plan: w1, w2, sinkhorn, mmd, fid, kid, accuracy
with label noise, or FILE.py:FUNCTION of the project, which then runs in --python. Only --out and evidence are written.

stdout is the answer: Markdown, or JSON with --json. Errors go to stderr.
exit 0 every claim (asked for) is MATCH, CLOSE or BETTER · 4 some is not · 2 bad input · 3 something is not installed
"""

import sys
from os.path import dirname, realpath

sys.path.insert(0, dirname(realpath(__file__)))  # also under -P, -I and -m

from reproof.launch import launch

if __name__ == "__main__":
    raise SystemExit(launch("compare", __doc__))
