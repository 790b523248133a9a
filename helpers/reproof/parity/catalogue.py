# ruff: noqa: E501
"""The catalogue of causes: what a divergence of this operation and size usually is."""

from __future__ import annotations

from typing import Any

KINDS = (
    (("layer_norm", "batch_norm", "group_norm", "rms_norm", "rsqrt", "var", "var_mean"), "a norm: epsilon ({attrs}), inside or outside the root, biased variance, axes, momentum"),
    (("gelu", "silu", "relu", "tanh", "sigmoid", "erf", "mish", "elu", "leaky_relu", "hardswish", "softplus"), "an activation: its kind or variant (GELU erf, tanh or quick; SiLU), its slope, or its place before or after the norm"),
    (("softmax", "_softmax", "_safe_softmax", "log_softmax", "_log_softmax"), "a softmax: axis, temperature, or the mask and scale of the scores before it"),
    (("masked_fill", "where", "tril", "triu", "le", "lt", "ge", "gt", "eq"), "a mask: off by one, its value, its direction, or rows that are padded"),
    (("cos", "sin", "outer", "polar", "arange", "reciprocal", "view_as_complex", "pow", "exp"), "positions: base of the rotary embedding, start index, halves or interleaved pairs"),
    (("upsample_bilinear2d", "upsample_nearest2d", "upsample_bicubic2d", "_upsample_bilinear2d_aa"), "resizing: mode, align_corners, antialias"),
    (("convolution", "_convolution"), "a convolution: padding (SAME is not symmetric), stride, groups, dilation, flipped kernel"),
    (("avg_pool2d", "max_pool2d_with_indices", "mean", "amax", "_adaptive_avg_pool2d"), "pooling: kind, kernel, padding counted or not, axes"),
    (("constant_pad_nd", "reflection_pad2d", "replication_pad2d"), "padding: zeros or reflection, sides"),
    (("nll_loss_forward", "nll_loss2d_forward", "mse_loss", "smooth_l1_loss", "binary_cross_entropy_with_logits", "huber_loss"), "the loss: reduction, ignored targets, label smoothing, class weights, shift of the labels"),
    (("native_dropout", "bernoulli", "rand", "rand_like", "uniform"), "dropout: probability, place, element or channel, missing 1 / keep"),
    (("mul", "div"), "a factor: scale of attention or of a residual, 1 / keep, temperature, normalisation of the batch"),
    (("add", "sub"), "a sum: a missing or misplaced residual, a bias, an offset"),
    (("mm", "addmm", "bmm", "baddbmm", "linear"), "a matrix product on other operands: pre- or post-norm, a missing step before it, transposed or permuted heads"),
    (("cat", "stack"), "an order of concatenation"),
    (("clamp", "clamp_min", "clamp_max", "_foreach_mul", "_foreach_norm", "linalg_vector_norm"), "clipping: norm or value, its limit, before or after unscaling, per micro-batch"),
    (("lerp", "_foreach_lerp", "_foreach_addcdiv", "addcdiv", "addcmul", "_foreach_addcmul", "_foreach_sqrt", "_fused_adamw"), "the update rule: betas, epsilon, decay decoupled or not, order with the average"),
)  # fmt: skip
BY_RUNG = {
    "init": "initialisation: standard deviation, truncation, scaled residual projections, zeroed layers or biases",
    "forced": "dropout or stochastic depth: missing, another probability, no 1 / keep, another place",
    "draws": "dropout: per element or per channel, once or per layer",
    "optimizer": "optimizer: kind, betas, epsilon, weight decay, which weights decay",
    "lr": "schedule: warm-up off by one, floor, per step or per epoch, order of step and schedule",
    "stress": "clipping missing, by value instead of norm, at another place; epsilon of the optimizer",
    "ema": "averaged weights: decay, start, before or after the update",
    "data": "preprocessing: mean and standard deviation, range, channel order, resizing, augmentation probabilities",
    "tokenizer": "tokenizer: normalisation, special tokens, added prefix space",
    "metric": "metric: averaging, threshold, ties, which samples count",
    "gradients": "gradient: a detach, a frozen weight, a straight-through step, in-place under no_grad",
}


def diagnosis(rung: str, divergence: dict[str, Any] | None, observed: float | None) -> list[str]:
    """Causes from the catalogue that fit the operation, the rung and the size of the error."""
    found = []
    for side in ("reference", "port"):
        operation = (divergence or {}).get(side)
        if not operation:
            continue
        attrs = ", ".join(f"{each:g}" for each in operation["attrs"] if isinstance(each, float)) or "not stated"
        if operation["op"] in ("add", "sub") and any(
            isinstance(a, float) and 0 < abs(a) <= 1e-3 for a in operation["attrs"]
        ):
            found.append(f"an epsilon ({attrs}): its value, or inside or outside the root")
        name = operation["op"].removeprefix("native_").removeprefix("_").removesuffix("_backward")
        found += [text.format(attrs=attrs) for ops, text in KINDS if {name, operation["op"]} & set(ops)]
    if divergence and divergence.get("only_reference"):
        found.append("an operation of the reference that the port leaves out")
    if rung in BY_RUNG:
        found.append(BY_RUNG[rung])
    if observed is not None and 1e-9 < observed < 2e-7 and rung in ("forward", "loss", "gradients"):
        found.append("an error of this size is a float32 table or cast made outside the framework, or a tiny epsilon")
    return list(dict.fromkeys(found))[:4]
