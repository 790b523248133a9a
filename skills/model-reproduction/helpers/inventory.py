#!/usr/bin/env python3
# /// script
# requires-python = ">=3.10"
# dependencies = ["pydantic>=2.7,<3", "jinja2>=3.1,<4", "pyyaml>=6,<7"]
# ///
"""What does a repository or package hold? Read, never imported, never run; every finding with file:line.

  python helpers/inventory.py read DIR                          for a person
  python helpers/inventory.py read DIR --json                   everything, for a program
  python helpers/inventory.py read DIR --plan plan.yaml         writes the plan's model-reproduction part, as a draft
  python helpers/inventory.py tag pkg/utils.py::rescale core --source DIR --by "Ada Lovelace" --reason "scales the loss"
  python helpers/inventory.py compare REFERENCE PORT            hyperparameters that differ, by name

files            each with its role
units            every class and function: algorithm core (changing it can change a number) or engineering, with the
                 reason: what its body computes, who takes its value and for what. Lines of core units that only
                 report or check are named. `tag` overrides the rule, and the record keeps both
hyperparameters  argparse, click, typer, absl, dataclasses (tyro too), pydantic, attrs, config classes and dictionaries,
                 ml_collections, sacred, hydra-zen; YAML (hydra, merges), JSON, jsonnet, TOML, INI, gin, .env; function
                 defaults, `get("lr", 0.1)`, `x or 0.1`, `if x is None: x = 1`, module constants; literals handed to
                 layers, optimizers, schedules, losses, initialisers, augmentations; numbers in formulas; options on
                 command lines in scripts, READMEs and notebooks
conflicts        one name, several values
details          initialisation, regularisation, precision, schedules, clipping, EMA, seeds, augmentation, ...
calls, dependencies (pinned or not), licence, commit (read from .git; git is not run)

The source is data: links are not followed, files over 2 MiB and what does not parse are listed and said. Python 2 is
read after a mechanical rewriting; notebooks by their code cells. What is computed at run time is shown as source text.

stdout is the answer: Markdown, or JSON with --json. Errors go to stderr.
exit 0 read, or equal · 4 compare: something differs · 2 bad input · 3 something is not installed
"""

import sys
from os.path import dirname, realpath

sys.path.insert(0, dirname(realpath(__file__)))  # also under -P, -I and -m

from reproof.launch import launch

if __name__ == "__main__":
    raise SystemExit(launch("inventory", __doc__))
