"""The algorithm. This one is a toy that shows what the engine expects: replace it, keep the five names below.

A flow is matched on pairs from a pool (phases `pairs`, `flow`), then a second model learns to make its whole way in
one step (phase `one_step`), after Lipman et al., arXiv:2210.02747, and Liu et al., arXiv:2209.03003.
"""

from ..engine.phases import BuildPool, Train
from .data import draw_truth, load_data, sliced_w2
from .flow import build_flow, build_one_step, flow_loss, one_step_loss, pair_noise_with_data, sample

PHASES = {
    "pairs": BuildPool(pair_noise_with_data),
    "flow": Train(build_flow, flow_loss),
    "one_step": Train(build_one_step, one_step_loss),
}
METRICS = {"sliced_w2": sliced_w2}

__all__ = ["METRICS", "PHASES", "draw_truth", "load_data", "sample"]
