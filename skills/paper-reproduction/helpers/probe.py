#!/usr/bin/env python3
# /// script
# requires-python = ">=3.10"
# dependencies = ["pydantic>=2.7,<3", "jinja2>=3.1,<4", "pyyaml>=6,<7"]
# ///
r"""Call a library with the exact shapes of every experiment before building on it.

  python helpers/probe.py run examples/nsgf/plan.yaml
  python helpers/probe.py run calls.yaml --only value_2d --python .venv/bin/python --fix-hints --write-tests tests
  python helpers/probe.py diff plan.yaml --against other/bin/python
  python helpers/probe.py scan src --plan plan.yaml
  python helpers/probe.py call ot.emd2 a=1024,equal_weights b=1024,equal_weights M=1024x1024,uniform --output scalar

Each call gets a verdict of its own, in processes of its own: one that hangs, crashes, fills the memory, prints, forks
or ends the process takes only itself down. It looks first (is it there, which version, its signature, what was written
about versions in between), then constructs, calls, goes backward, and asks what raises nothing: shape, dtype, NaN,
zero, gradients (differences in float64), changes left behind, seeds, a second call, B + 3 samples, another order, a
reference (and how the two are related), warnings; numbers, names and units against the documentation, a deviation
taken for a variance, the cost of a perfect prediction, inputs that do not matter, which axis is the batch, what True
means in a mask, whether padding leaks, along which axes positions see each other, integers that wrap, fractions cut
off, a sum for a mean, keywords that nothing reads, clipping, other defaults, 16 bits, autocast, extreme scales,
tensors made on the CPU. Time and memory at three batches and widths, carried on to at_batch, at_width or 8-fold.

calls.yaml is the plan's `libraries` section alone; a call that cannot be read is a finding there, not the end:

  libraries:
    - name: geomloss                # as it is imported
      distribution: geomloss        # as it is installed
      version: {value: "0.3.1", inferred: newest when this was written}
      calls:
        - id: value_2d
          target: geomloss.SamplesLoss
          init: {loss: sinkhorn, p: 2, blur: 0.5, scaling: 0.8}
          inputs: {x: {shape: [256, 2], requires_grad: true}, y: {shape: [256, 2], shift: 3.0}}
          experiments: [moons]
          expect: {shapes: [[]], grad: [x], zero_on_equal: true, symmetric: true}

An input is drawn to a `shape` (`dist`: normal, uniform, zeros, ones, weights, equal_weights, integers, grid, valid), or
`values`, or an `object` by its dotted name, or `made_by` another call, as M: {made_by: ot.dist, args: [x, y]}.
`init_inputs` go to the constructor; with `steps` a schedule is stepped instead of called. `raises: ValueError` keeps a
trap on record, `accepts: [grad_mismatch]` a known finding from failing the run; `mixes: [2]` names axes along which
positions may see each other, `tuples: [size]` gives a list as a tuple; names such as std, images or q_wxyz are read.

stdout is the report, Markdown or JSON (--json); --fix-hints adds adapters as code. Errors and progress go to stderr.
exit 0 no call fails (warnings may stand) · 4 one does, something differs, or a name is wrong · 2 bad input
3 no interpreter or library. A probe has no network.

scan follows names, not methods of objects. No GPU is used: marks on tensors tell what it would refuse. Tested on Linux;
elsewhere the memory limit may not hold, and on Windows every case starts a new interpreter.
"""

import sys
from os.path import dirname, realpath

sys.path.insert(0, dirname(realpath(__file__)))  # also under -P, -I and -m

from reproof.launch import launch

if __name__ == "__main__":
    raise SystemExit(launch("probe", __doc__))
