"""The port: examples/ports/gpt2.py, from scratch, [out, in] matrices and split projections, in the same size."""

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "examples" / "ports"))

from gpt2 import GPT2, loss  # noqa: F401

config = {"vocab_size": 50257, "n_positions": 1024, "n_embd": 768, "n_layer": 12, "n_head": 12}
small = {"vocab_size": 89, "n_positions": 24, "n_embd": 32, "n_layer": 2, "n_head": 4}


def build(config):
    return GPT2(**config)


def optimizer(model):
    return torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
