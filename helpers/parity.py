#!/usr/bin/env python3
# /// script
# requires-python = ">=3.10"
# dependencies = ["pydantic>=2.7,<3", "jinja2>=3.1,<4", "pyyaml>=6,<7"]
# ///
r"""Prove that a port is the same model: run both, find the first difference and name its line.

  python helpers/parity.py check --reference ref.py --port port.py
  python helpers/parity.py check parity.yaml --python .venv/bin/python --save-map map.npz --json
  python helpers/parity.py bisect --reference ref.py --port port.py --what loss
  python helpers/parity.py selftest --reference ref.py --port port.py --faults 12
  python helpers/parity.py record --reference ref.py --out recorded; then check --reference recorded --port port.py
  python helpers/parity.py convert --map map.npz --weights model.safetensors --out port.safetensors
  python helpers/parity.py compare --reference dumps/tf --port dumps/torch

A side is a Python file. Only `build` is needed; each further hook opens rungs, and a rung without it is "not compared":

  def build(config): return Model(...)           # with `config = {...}` in the file, or without argument
  cases = ["default", "long"]                    # inputs(case): tuple or dict; only the reference's are used
  def inputs(case): return {"idx": torch.randint(0, 100, (2, 16))}
  def batch(seed): ...                           # for the loss; only the reference's are used
  def loss(model, batch): ...                    # a scalar
  def optimizer(model): ...; def schedule(optimizer): ...; steps = 100; micro = 2
  small = {"n_layer": 2, "n_embd": 32}           # over config; above 50 million weights: trained so, streamed in full
  def train_step(model, optimizer, schedule, batches, state): ...   # returns {"loss": ...}; else a plain step
  def state(model): return {"ema": copy.deepcopy(model)}
  def raw(): ...; def preprocess(raw, seed, train): ...; def tokenize(text): ...
  def predictions(): ...; def metric(predictions, targets): ...
  def call(model, inputs): ...; def adapt(batch): ...; def output(returned): ...  # where names or outputs differ

parity.yaml: reference: {target: "transformers:GPT2Model", kwargs: {args: [{class: transformers.GPT2Config}]}},
port: {file: port.py}, inputs: {default: {input_ids: {shape: [2, 9], below: 99}}}; python, framework, path per side.

Weights are mapped by execution, without names; shaken away from their start; float32 is promoted to float64 on the
CPU; dropout is forced, not left out. The ladder stops at the first rung that fails (--keep-going climbs on).
"Faithful" is said only of the levels with evidence, and of "the small configuration only" where it rests on that:
static, forward and gradients, training dynamics, data, metric.
stdout is the report: Markdown, or JSON with --json. Errors and progress go to stderr. No network on either side.
exit 0 no rung fails and outputs and gradients are proven · 4 a rung fails, or they are not proven · 2 bad input
3 no interpreter, or something a side needs is not installed
"""

import sys
from os.path import dirname, realpath

sys.path.insert(0, dirname(realpath(__file__)))  # also under -P, -I and -m

from reproof.launch import launch

if __name__ == "__main__":
    raise SystemExit(launch("parity", __doc__))
