#!/usr/bin/env python3
# /// script
# requires-python = ">=3.10"
# dependencies = ["pydantic>=2.7,<3", "jinja2>=3.1,<4", "pyyaml>=6,<7"]
# ///
"""Can this model learn, and if not, what is broken first? Looks at a model of your project while it runs.

  python helpers/debug.py train.py:subject --python .venv/bin/python --out debug/
  python helpers/debug.py runs/nsgf                           every training phase of a scaffolded project, tiny
  python helpers/debug.py runs/nsgf --experiment moons --phase fit --full --device cuda

FUNCTION returns a dict: model (torch.nn.Module), step(model, batch) -> loss, batch; and, to have more judged:
classes or expected_loss (loss at initialisation), labels and inputs (their key in the batch; by default x, y or the
first two), optimizer(parameters), lr, loss_floor, train and test ((inputs, labels) or a Dataset), and expect, what
the paper says of the data: {"range": [-1, 1], "mean": 0, "std": 1, "train_size": 60000, "test_size": 10000,
"balanced": true, "class_shares": {"0": 0.5}}.

It answers, in the order in which to mend things: is the loss at initialisation ln C or what you expect; which module
and step first gave NaN or Inf; do gradients reach every module, vanish, explode; are ReLUs dead, tanh and sigmoid
saturated; does a sample's output depend on other samples; can one batch be learned by heart; does the loss move when
labels are shuffled and inputs blanked; what do attention heads look at; is the data what the paper says (range,
normalisation, class balance, copies, overlap of test and train).

The code runs in its own process, in the interpreter of --python, with limits of time and memory; the model is put
back between checks. torch models only. Files are written only with --out, or into debug/ of a project.

stdout is the answer: Markdown, or JSON with --json. Errors go to stderr.
exit 0 nothing broken was found · 4 something is · 2 bad input · 3 no such interpreter, or no torch in it
"""

import sys
from os.path import dirname, realpath

sys.path.insert(0, dirname(realpath(__file__)))  # also under -P, -I and -m

from reproof.launch import launch

if __name__ == "__main__":
    raise SystemExit(launch("debug", __doc__))
