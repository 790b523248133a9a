#!/usr/bin/env python3
# /// script
# requires-python = ">=3.10"
# dependencies = ["pydantic>=2.7,<3", "jinja2>=3.1,<4", "pyyaml>=6,<7"]
# ///
"""Is the port's algorithm the reference's? Verbatim, or proven. Code is read, never run; `graphs` alone exports models.

  python helpers/fidelity.py compare REFERENCE PORT                       every core unit, both lines of each change
  python helpers/fidelity.py compare REFERENCE PORT --records evidence/   changed units count if parity covers them
  python helpers/fidelity.py graphs ref.py port.py                        exported operators in order, parity's files
  python helpers/fidelity.py placeholders CORE                            code that only looks finished
  python helpers/fidelity.py freeze CORE --out core.lock.json             once the core is accepted
  python helpers/fidelity.py check core.lock.json --core CORE             wherever it is adapted later
  python helpers/fidelity.py optimise --core CORE --unit net.py::Block.forward --what "fused qkv" --why "1.4x faster"
      --records evidence --before 0003-parity-check.json --after 0007-parity-check.json

verbatim  equal syntax trees; comments, formatting and docstrings aside
renamed   equal once locals, units and a class's own attributes have the reference's names
allowed   imports, device moves, annotations, logging, guards that only raise, loader and kernel arguments
proven    differs, and a green parity record of exactly this file ran it, at the level that it needs
changed   differs otherwise: constant, operator, default, call, argument, branch, layer, statement, ...
missing   no unit of the port answers it

What is core: `inventory.py read` says it with the reason, `inventory.py tag` overrides it (--tags FILE). A unit that
was renamed and rewritten is paired with --unit OLD=NEW. Reasons for allowed changes come from `engineering` of --plan.
An optimisation needs parity before and after; `check` accepts a frozen unit that changed only with such a record.

`graphs` compares computing operators, constants and sizes in order, after decomposition to core ATen; not the wiring. A
different graph is a place to look, never a failure by itself: exit 0 either way, "could not be exported" too. Its
record also tells `compare` which units of the reference ran: a port from scratch is proven through those (--scope).

Equal trees are not everything: versions of libraries, defaults of what is called, data and weights are not compared
here. That is parity's part.

stdout is the answer: Markdown, or JSON with --json. Errors go to stderr.
exit 0 verbatim or proven, nothing unfinished · 4 something is not · 2 bad input · 3 something is not installed
"""

import sys
from os.path import dirname, realpath

sys.path.insert(0, dirname(realpath(__file__)))  # also under -P, -I and -m

from reproof.launch import launch

if __name__ == "__main__":
    raise SystemExit(launch("fidelity", __doc__))
