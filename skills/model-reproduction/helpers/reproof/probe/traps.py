"""Traps that are known by name: where one springs, the finding carries its slug and its fix.

A slug is an entry of LEARNING.md. Each was reproduced with the versions named there.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Trap(NamedTuple):
    """A finding of a target that has been seen before."""

    slug: str
    target: str
    """Regular expression on the dotted name, from its start."""
    codes: str
    """Finding codes, separated by spaces."""
    says: str
    """Regular expression anywhere in the finding."""
    fix: str


IN_CALL = "call_error raises_as_recorded"
IN_INIT = "unknown_keyword bind_error init_error raises_as_recorded"

TRAPS: list[Trap] = [
    Trap("geomloss-4d", r"geomloss\.", IN_CALL, r"should be encoded as \(N,D\)", "flatten images to (N, D)"),
    Trap(
        "geomloss-3d-batch",
        r"geomloss\.",
        "shape",
        "",
        "three axes are a batch of clouds, (B, N, D), and give one value each: flatten images to (N, D)",
    ),
    Trap(
        "geomloss-half-w2",
        r"geomloss\.",
        "differs",
        r"ratio (0\.5|0\.49\d*|2|1\.9\d*|2\.0\d*)[;,]",
        "p=2 returns half of W2²: multiply by 2 to compare with POT or a paper",
    ),
    Trap(
        "geomloss-default-grad-inaccurate",
        r"geomloss\.",
        "grad_mismatch",
        "",
        "the value is right and its gradient is not: raise scaling (0.5 → 0.9 → 0.97), or take the potentials",
    ),
    Trap(
        "geomloss-n5000-keops",
        r"geomloss\.",
        IN_CALL,
        "generic_logsumexp",
        'above 5,000 points backend="auto" wants KeOps: install pykeops or pass backend="tensorized"',
    ),
    Trap(
        "geomloss-fp16-overflow",
        r"geomloss\.",
        "non_finite",
        "",
        "compute transport in float32 or float64, outside of autocast",
    ),
    Trap("geomloss-unknown-kw", r"geomloss\.", IN_INIT, "epsilon", "geomloss takes blur; epsilon = blur ** p"),
    Trap(
        "geomloss-grad-mode",
        r"geomloss\.",
        "grad_mode",
        "",
        "the solver switches gradients on at its end: afterwards torch.set_grad_enabled(False) in evaluation code",
    ),
    Trap(
        "geomloss-kernel-zero-gradient",
        r"geomloss\.",
        "grad_zero",
        "",
        "kernel losses with the default blur 0.05 are flat in high dimension: blur near the median distance",
    ),
    Trap("pot-dist-4d", r"ot\.", f"{IN_CALL} input_error", r"einsum|number of subscripts", "flatten images to (N, D)"),
    Trap(
        "pot-sinkhorn-underflow-zero",
        r"ot\.(bregman\.)?sinkhorn",
        "all_zero numerical_warning not_converged",
        "",
        'reg is far below the cost: method="sinkhorn_log", and reg relative to M.mean()',
    ),
    Trap("pot-emd-plan-no-grad", r"ot\.(lp\.)?emd$", "no_grad", "", "the plan is a constant: emd2 has the gradient"),
    Trap("pot-emd-maxiter", r"ot\.(lp\.)?emd", "not_converged", "numItermax", "numItermax=10**7 from 2,000 points on"),
    Trap("pot-swd-seed", r"ot\.(sliced\.)?(sliced|max_sliced)", "seed_ignored", "", "pass seed="),
    Trap(
        "pot-w1d-per-column",
        r"ot\.(lp\.)?(wasserstein|emd2?)_1d",
        "shape",
        "",
        "it returns one value per column and is no distance between points in several dimensions",
    ),
    Trap(
        "pot-entropic-gw-zero",
        r"ot\.gromov\.entropic",
        "all_zero numerical_warning not_converged",
        "",
        "normalise C, or raise epsilon",
    ),
    Trap(
        "torchdiffeq-fixed-grid-one-step",
        r"torchdiffeq\.",
        "differs wrong_value",
        "",
        "fixed-step solvers take one step between the given times: options={'step_size': ...} or a fine grid; "
        "func is called as (t, y)",
    ),
    Trap(
        "torchdiffeq-time-first",
        r"torchdiffeq\.",
        "shape",
        "",
        "axis 0 is time: the final state is out[-1]; t is shared by the batch",
    ),
    Trap(
        "torchdiffeq-adjoint-closure",
        r"torchdiffeq\.odeint_adjoint",
        "grad_none",
        "",
        "the adjoint sees parameters only: register the tensor, or pass adjoint_params",
    ),
    Trap(
        "torchsde-4d",
        r"torchsde\.",
        IN_CALL,
        r"2-dimensional tensor",
        "y0 is (batch, d): flatten, and reshape inside f and g",
    ),
    Trap(
        "torchsde-bm-levy",
        r"torchsde\.",
        IN_CALL,
        "levy_area_approximation",
        'levy_area_approximation="space-time" for SRK',
    ),
    Trap("torchsde-default-dt-cost", r"torchsde\.", "slow", "", "the default is SRK with dt=1e-3: give method and dt"),
    Trap(
        "torchmetrics-accuracy-macro",
        r"torchmetrics\.",
        "differs wrong_value",
        "",
        'classes are averaged: average="micro"',
    ),
    Trap(
        "torchmetrics-psnr-range",
        r"torchmetrics\.",
        IN_INIT,
        "data_range",
        "data_range is required; 2.0 for data in [-1, 1]",
    ),
    Trap("torchmetrics-accuracy-task", r"torchmetrics\.Accuracy", IN_INIT, "task", 'task="multiclass"'),
    Trap(
        "torchmetrics-state-not-reset",
        r"torchmetrics\.",
        "keeps_state second_call_differs wrong_value",
        "",
        "reset() before every epoch",
    ),
    Trap(
        "torchmetrics-broken-optional",
        r"torchmetrics",
        "import_error",
        "",
        "an installed but broken optional dependency: mend or remove it",
    ),
    Trap("einops-nhwc", r"einops\.", "shape", "", "give the sizes in the call (c=3), so that einops checks them"),
    Trap("mse-broadcast", r"", "broadcast_warning", "", "(N, 1) against (N,) becomes (N, N): squeeze one of them"),
    Trap("plateau-verbose", r"torch\.optim\.lr_scheduler", IN_INIT, "verbose", "drop verbose; read get_last_lr()"),
    Trap(
        "torch-tombstone",
        r"torch\.",
        "call_error",
        r"now removed|has been removed",
        "the name is there only to say that it is gone: use what the message names",
    ),
    Trap("scipy-sqrtm-disp", r"scipy\.linalg\.sqrtm", "deprecated", "disp", "drop disp and take .real"),
    Trap("diffusers-float-t", r"diffusers\.", IN_CALL, "used as indices must be", "integer timesteps, 0 to T - 1"),
    Trap(
        "diffusers-beta-cosine",
        r"diffusers\.",
        IN_INIT,
        "cosine is not implemented",
        'beta_schedule="squaredcos_cap_v2"',
    ),
    Trap(
        "diffusers-euler-unscaled",
        r"",
        "ignored_argument",
        "scale_model_input",
        "x * init_noise_sigma at the start, scale_model_input before every call of the model",
    ),
    Trap(
        "diffusers-unet-groups",
        r"diffusers\.",
        IN_INIT,
        "divisible by num_groups",
        "norm_num_groups divides every width",
    ),
    Trap("diffusers-unet-default-size", r"diffusers\.", "parameters", "", "give block_out_channels as in the paper"),
    Trap(
        "diffusers-dpm-reuse",
        r"",
        "second_call_error",
        r"index \d+ is out of bounds for dimension 0",
        "set_timesteps before every run",
    ),
    Trap(
        "transformers-adamw-removed",
        r"transformers\.AdamW",
        "no_attribute import_error",
        "",
        "torch.optim.AdamW (weight_decay 0.01)",
    ),
    Trap("transformers-schedule-kw", r"transformers\.get_", f"{IN_INIT} {IN_CALL}", "warmup_steps", "num_warmup_steps"),
    Trap("transformers-step-per-epoch", r"transformers\.get_", "schedule", "", "step per update"),
    Trap("torchcfm-seed", r"torchcfm\.", "seed_ignored", "", "seed numpy, too: the plan is sampled with it"),
    Trap(
        "env-torchvision-upgrades-torch",
        r"torch$",
        "version_mismatch",
        "",
        "another package has replaced it: install all pins in one command, or with -c constraints.txt",
    ),
    Trap("sklearn-tsne", r"sklearn\.manifold\.TSNE", IN_INIT, "n_iter", "max_iter"),
    Trap("fid-sample-size-bias", r".*(fid|frechet)", "size_dependent", "", "state n beside FID, and use the paper's"),
    Trap(
        "extract-channel-broadcast",
        r"",
        "fails_at_other_batch",
        r"must match|size mismatch|broadcast|same size|expand",
        "two sizes coincide and the wrong axes meet: give the smaller input the rank of the other",
    ),
    Trap("pairwise-memory", r"", "memory_limit", "", "torch.cdist, or chunks: (N, 1, D) - (1, M, D) is N·M·D numbers"),
]


GENERIC: dict[str, str] = {
    "domain": "argument-domain", "perfect": "argument-domain", "swapped": "swapped-arguments",
    "constant": "constant-output", "ignores_input": "ignored-input", "integer_arithmetic": "integer-arithmetic",
    "clipped": "clipped-data", "unnormalised": "unnormalised-weights", "wrong_axis": "batch-axis",
    "batch_axis": "batch-axis", "pairs_of_samples": "rows-as-variables", "same_sizes": "equal-axes",
    "mask_inverted": "mask-polarity", "schedule": "schedule-units", "random": "random-at-evaluation",
    "not_deterministic": "random-at-evaluation", "squared": "squared-distance", "degree": "squared-distance",
    "device_mix": "cpu-tensor-inside", "device_mix_ahead": "cpu-tensor-inside", "defaults": "defaults-that-matter",
    "default_changed": "defaults-that-matter", "seed_ignored": "seed-ignored", "grad_mode": "gradient-mode-left",
    "keeps_state": "state-between-calls", "second_call_differs": "state-between-calls",
    "second_call_error": "state-between-calls", "input_changed": "input-changed", "consumed": "input-changed",
    "grad_mismatch": "gradient-of-another-function", "grad_none": "gradient-stops", "no_grad": "gradient-stops",
    "grad_zero": "gradient-zero", "all_zero": "exactly-zero", "half_precision": "sixteen-bits",
    "differs": "other-convention", "parameters": "other-size", "batch_mixing": "samples-coupled",
    "order_counts": "samples-coupled",
    "order_error": "samples-coupled", "fails_at_other_batch": "one-batch-only", "rank_changes": "one-batch-only",
    "fails_at_one": "one-batch-only", "output_reused": "result-overwritten", "shares_memory": "result-overwritten",
    "reseeds": "generator-reseeded", "doc_default": "defaults-that-matter", "list_or_tuple": "list-or-tuple",
    "larger_is_better": "sign-of-the-objective", "sum_over_batch": "sum-or-mean", "truncates": "fraction-cut-off",
    "flat": "embedding-scale", "ignores_part": "shifted-inside", "shape_by_values": "shape-from-values",
    "rescaled": "range-by-type", "layout": "memory-order", "few_digits": "digits-lost", "cancellation": "digits-lost",
    "log_base": "other-convention", "axes_seen": "axes-exchanged", "layout_mixed": "axes-exchanged",
    "other_quantity": "other-quantity", "other_unit": "other-unit", "complex_result": "complex-by-rounding",
    "sum_by_default": "sum-or-mean", "shape_by_luck": "shape-from-values", "training_mode": "training-mode",
    "zero_init": "zero-at-the-start", "mask_leaks": "mask-leaks", "ignored_argument": "swallowed-keyword",
    "display": "needs-a-display",
}  # fmt: skip
"""Findings without a trap of their own: the entry that explains their kind."""


def trap_of(target: str, code: str, what: str) -> Trap | None:
    """The known trap that a finding is, if any.

    >>> trap_of("geomloss.SamplesLoss", "non_finite", "output 0: 1 of 1 numbers are NaN").slug
    'geomloss-fp16-overflow'
    """
    for trap in TRAPS:
        if code in trap.codes.split() and re.match(trap.target, target) and re.search(trap.says, what):
            return trap
    return None
