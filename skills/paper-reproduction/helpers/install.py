#!/usr/bin/env python3
# /// script
# requires-python = ">=3.10"
# dependencies = ["pydantic>=2.7,<3", "jinja2>=3.1,<4", "pyyaml>=6,<7"]
# ///
"""Put the skills into an agent's folder, look after them there, and say whether they work on this machine.

  python helpers/install.py doctor                              what works here, and the command for what is missing
  python helpers/install.py doctor --python .venv/bin/python    the same for your project's interpreter
  python helpers/install.py list                                agents, their folders, what lies there
  python helpers/install.py install claude                      both skills, for all your projects
  python helpers/install.py install codex --project .           for the project in this folder
  python helpers/install.py install --to DIR                    for an agent that is not in the list
  python helpers/install.py uninstall claude                    removes what install wrote
  python helpers/install.py zip --out dist                      archives for upload: same sources, same bytes
  python helpers/install.py sync [--check]                      in a clone: rebuild skills/*/helpers and templates

Agents: claude, codex, gemini, opencode, cursor, copilot, agents (the shared .agents/skills).

An installed skill is a complete copy: the clone may go. What install did not write it never overwrites or removes; a
file that you changed stays as it is and is named (exit 4), until --replace, which keeps yours as FILE.local.

stdout is the answer: Markdown, or JSON with --json. Errors go to stderr.
exit 0 done, up to date, all works · 4 something was kept, stale or is missing · 2 bad input · 3 not installed
"""

import sys
from os.path import dirname, realpath

sys.path.insert(0, dirname(realpath(__file__)))  # also under -P, -I and -m

from reproof.launch import launch

if __name__ == "__main__":
    raise SystemExit(launch("install", __doc__))
