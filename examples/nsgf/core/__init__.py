"""Neural Sinkhorn Gradient Flow: NSGF and NSGF++ (Zhu et al., arXiv:2401.14069).

Read in this order: sinkhorn (theorem 1), flow (the trajectory pool), losses (the three trainings), sampling. Around
them: nets and unet (the paper's sizes), data (toy and images), metrics.
"""

from ..engine.phases import BuildPool, Train
from .data import draw_truth, draw_truth_pair, load_data
from .flow import make_batch
from .losses import phase_predictor_loss, straight_flow_loss, velocity_matching_loss
from .metrics import w2
from .nets import phase_predictor, velocity_net
from .sampling import sample

PHASES = {
    "trajectory_pool": BuildPool(make_batch),  # algorithm 1, first loop
    "velocity_matching": Train(velocity_net, velocity_matching_loss),  # algorithm 1, second loop
    "straight_flow": Train(velocity_net, straight_flow_loss),  # NSGF++, algorithm 3
    "phase_predictor": Train(phase_predictor, phase_predictor_loss),  # NSGF++, algorithm 3
}
METRICS = {"w2": w2}

__all__ = ["METRICS", "PHASES", "draw_truth", "draw_truth_pair", "load_data", "sample"]
