#!/usr/bin/env python3
# /// script
# requires-python = ">=3.10"
# dependencies = ["pydantic>=2.7,<3", "jinja2>=3.1,<4", "pyyaml>=6,<7"]
# ///
"""Make each skill folder complete by itself, so that any installer, `cp -r` included, takes all it needs.

  python helpers/install.py sync            rebuild skills/*/helpers and skills/*/templates from this clone
  python helpers/install.py sync --check    change nothing; exit 4 when a copy is out of date

The copies are generated: edit helpers/ and templates/ at the top, never the copies.

stdout is the answer: Markdown, or JSON with --json. Errors go to stderr.
exit 0 done, or up to date · 4 out of date (--check) · 2 bad input · 3 something is not installed

Not there yet: install and uninstall into agents' folders, doctor, zips. Until then copy a skill's folder:
  cp -r skills/paper-reproduction ~/.claude/skills/
"""

import sys
from os.path import dirname, realpath

sys.path.insert(0, dirname(realpath(__file__)))  # also under -P, -I and -m

from reproof.launch import launch

if __name__ == "__main__":
    raise SystemExit(launch("install", __doc__))
