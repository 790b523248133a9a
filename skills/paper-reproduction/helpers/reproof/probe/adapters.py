"""What to write instead, as code: one adapter per known trap and per kind of finding.

`{call}` stands for what is called, `{x}` for its first input, `{given}` for all of them as they are passed.
"""

from __future__ import annotations

import re

from reproof.apicalls import Call
from reproof.probe.code import callee, expression, positional
from reproof.probe.models import Finding

FLATTEN = """shape = {x}.shape
output = {call}({flat})
# a result per number, such as a velocity or a gradient, takes the images' shape again:
output = output.reshape(shape) if output.numel() == {x}.numel() else output"""

BY_TRAP: dict[str, str] = {
    "geomloss-4d": FLATTEN,
    "geomloss-3d-batch": FLATTEN,
    "pot-dist-4d": "M = ot.dist({flat})",
    "torchsde-4d": FLATTEN + "\n# inside f and g: y.reshape(-1, *shape[1:]) ... .flatten(1)",
    "geomloss-half-w2": "squared_w2 = 2 * {call}({given})\nw2 = squared_w2.clamp_min(0).sqrt()",
    "geomloss-default-grad-inaccurate": "loss = geomloss.SamplesLoss('sinkhorn', p=2, blur=..., scaling=0.97)\n"
    "output = loss({given})",
    "geomloss-n5000-keops": "loss = geomloss.SamplesLoss(..., backend='tensorized')\noutput = loss({given})",
    "geomloss-fp16-overflow": "with torch.autocast('cuda', enabled=False):\n    output = {call}({floats})",
    "geomloss-unknown-kw": "loss = geomloss.SamplesLoss('sinkhorn', p=2, blur=epsilon ** (1 / 2))",
    "geomloss-grad-mode": "with torch.no_grad():\n    output = {call}({given})\n    torch.set_grad_enabled(False)",
    "geomloss-kernel-zero-gradient": "blur = torch.pdist({x}).median().item()\n"
    "output = geomloss.SamplesLoss('gaussian', blur=blur)({given})",
    "pot-sinkhorn-underflow-zero": "plan = ot.sinkhorn(a, b, M, reg=0.05 * M.mean(), method='sinkhorn_log')",
    "pot-emd-plan-no-grad": "value = ot.emd2(a, b, M)  # has a gradient; the plan is a constant",
    "pot-emd-maxiter": "value = ot.emd2(a, b, M, numItermax=10_000_000)",
    "pot-swd-seed": "value = ot.sliced_wasserstein_distance({given}, seed=0)",
    "pot-w1d-per-column": "a = ot.unif(len({x}))\nvalue = ot.emd2(a, a, ot.dist({given}))  # between points",
    "pot-entropic-gw-zero": "C1, C2 = C1 / C1.max(), C2 / C2.max()",
    "torchdiffeq-fixed-grid-one-step": "x = torchdiffeq.odeint(f, y, t, method='rk4', options={{'step_size': 0.05}})",
    "torchdiffeq-time-first": "final = {call}({given})[-1]  # axis 0 is time",
    "torchdiffeq-adjoint-closure": "output = torchdiffeq.odeint_adjoint(f, y, t, adjoint_params=(*f.parameters(), w))",
    "torchsde-bm-levy": "bm = torchsde.BrownianInterval(t0, t1, size, levy_area_approximation='space-time')",
    "torchsde-default-dt-cost": "output = torchsde.sdeint(sde, y, t, method='euler', dt=0.05)",
    "torchmetrics-accuracy-macro": "metric = torchmetrics.classification.MulticlassAccuracy(classes, average='micro')",
    "torchmetrics-psnr-range": "metric = torchmetrics.image.PeakSignalNoiseRatio(data_range=2.0)  # data in [-1, 1]",
    "torchmetrics-accuracy-task": "metric = torchmetrics.Accuracy(task='multiclass', num_classes=classes)",
    "torchmetrics-state-not-reset": "metric.reset()  # before every epoch",
    "torchmetrics-broken-optional": "# python -m pip uninstall torch-fidelity, or a torchvision that fits torch",
    "einops-nhwc": "output = einops.rearrange({x}, pattern, c=3)  # a wrong layout now raises",
    "mse-broadcast": "assert prediction.shape == target.shape\noutput = {call}(prediction.squeeze(1), target)",
    "extract-channel-broadcast": "coefficient = schedule[t].view(-1, *[1] * (x.dim() - 1))\noutput = coefficient * x",
    "plateau-verbose": "scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)\nscheduler.get_last_lr()",
    "torch-tombstone": "values, vectors = torch.linalg.eigh({x})  # for symeig; else what the message names",
    "pairwise-memory": "distances = torch.cdist(x, y)  # or torch.cat([f(part, y) for part in x.split(256)])",
    "scipy-sqrtm-disp": "root = scipy.linalg.sqrtm({x}).real",
    "sklearn-tsne": "embedding = sklearn.manifold.TSNE(max_iter=500)",
    "fid-sample-size-bias": "value = fid.compute()  # with the sample count of the paper, printed beside it",
    "diffusers-float-t": "output = {call}(..., t.long())  # 0 to T - 1",
    "diffusers-beta-cosine": "scheduler = diffusers.DDPMScheduler(beta_schedule='squaredcos_cap_v2')",
    "diffusers-euler-unscaled": "x = x * scheduler.init_noise_sigma\nx_in = scheduler.scale_model_input(x, t)",
    "diffusers-unet-groups": "model = diffusers.UNet2DModel(..., norm_num_groups=16)  # divides every width",
    "diffusers-unet-default-size": "model = diffusers.UNet2DModel(..., block_out_channels=(128, 256, 256, 256))",
    "diffusers-dpm-reuse": "scheduler.set_timesteps(steps)  # before every sampling run",
    "transformers-adamw-removed": "optimizer = torch.optim.AdamW(parameters, lr=lr, weight_decay=0.0)",
    "transformers-schedule-kw": "transformers.get_cosine_schedule_with_warmup(optimizer, num_warmup_steps=..., "
    "num_training_steps=...)",
    "transformers-step-per-epoch": "for batch in loader:\n    optimizer.step()\n    scheduler.step()  # per update",
    "torchcfm-seed": "torch.manual_seed(seed)\nnumpy.random.seed(seed)  # the plan is sampled with numpy",
    "env-torchvision-upgrades-torch": "# one command: pip install torch==... torchvision==... -c constraints.txt",
}

BY_CODE: dict[str, str] = {
    "domain": "# {x} as the documentation asks: log_softmax(z, 1) for log-probabilities, z itself for logits",
    "perfect": "# {x} as the documentation asks: log_softmax(z, 1) for log-probabilities, z itself for logits",
    "unnormalised": "a = a / a.sum()",
    "integer_arithmetic": "output = {call}({floats})",
    "broadcast_warning": "assert prediction.shape == target.shape",
    "mask_inverted": "mask = ~mask",
    "grad_mode": "before = torch.is_grad_enabled()\noutput = {call}({given})\ntorch.set_grad_enabled(before)",
    "seed_ignored": "torch.manual_seed(0); numpy.random.seed(0); random.seed(0)",
    "input_changed": "output = {call}({clones})",
    "second_call_error": "# construct it anew, or reset it, before every use",
    "second_call_differs": "# construct it anew, or reset it, before every use",
    "keeps_state": "metric.reset()  # before every epoch and every use",
    "pairs_of_samples": "output = {call}({x}.T)",
    "non_finite": "output = {call}({floats})  # in float32 at least, inputs of a moderate size",
    "clipped": "# data in [-1, 1], or the clipping switched off (clip_sample=False and its like)",
    "consumed": "items = list(items)",
    "output_reused": "output = {call}({given}).clone()",
    "shares_memory": "output = {call}({given}).clone()",
    "layout": "output = {call}({pieces})",
    "cancellation": "output = {call}({doubles})",
    "few_digits": "output = {call}({doubles})",
    "larger_is_better": "loss = -{call}({given})",
    "sum_over_batch": "loss = {call}({given}) / len({x})",
    "sum_by_default": "output = {call}({given}, reduction='mean')",
    "complex_result": "output = {call}({given}).real",
    "training_mode": "model.eval()",
    "reseeds": "kept = torch.get_rng_state()\noutput = {call}({given})\ntorch.set_rng_state(kept)",
    "truncates": "# whole numbers in the place of fractions, as in (t * steps).long()",
    "flat": "# {x} scaled to the range that it is made for, as in 1000 * {x}",
    "random": "model.eval()  # or training=False",
    "squared": "distance = {call}({given}).clamp_min(0).sqrt()",
    "deprecated": "# the name that the message gives",
    "version_mismatch": "# {fix}",
}
WORKS = re.compile(r"works with (.+?)(;|$)")
SETTING = re.compile(r"^(\w+)=([\w.-]+)$")


def adapter(call: Call, found: Finding) -> str:
    """Code that makes the call right, or nothing where only a person can tell."""
    names = positional(call)
    words = {
        "call": callee(call),
        "x": names[0] if names else "x",
        "given": ", ".join(names),
        "flat": ", ".join(f"{name}.flatten(1)" for name in names),
        "floats": ", ".join(f"{name}.float()" for name in names),
        "doubles": ", ".join(f"{name}.double()" for name in names),
        "pieces": ", ".join(f"{name}.contiguous()" for name in names),
        "clones": ", ".join(f"{name}.clone()" for name in names),
        "fix": found.fix,
    }
    works = WORKS.search(found.fix)
    if works and ".flatten(1)" in works[1]:
        return FLATTEN.format(**words)
    if works:
        changed = dict(part.split(" ", 1) for part in _by_name(works[1], names))
        return f"output = {words['call']}({', '.join(changed.get(name, name) for name in names)})"
    setting = SETTING.match(found.fix.split(";")[0])
    if setting and found.code in ("wrong_axis", "batch_axis"):
        return f"# {setting[0]}, as in\n# {_with(call, setting[1], setting[2])}"
    if found.trap in BY_TRAP:
        return BY_TRAP[found.trap].format(**words)
    return BY_CODE[found.code].format(**words) if found.code in BY_CODE else ""


def _by_name(works: str, names: list[str]) -> list[str]:
    """Each input that is changed, and its change: x.long() as "x x.long()"."""
    return [f"{name} {part}" for part in works.split(", ") for name in names if re.search(rf"\b{name}\b", part)]


def _with(call: Call, key: str, value: str) -> str:
    """The call in one line with one more setting, where it belongs."""
    if call.init is not None and key not in call.kwargs:
        return expression(call.model_copy(update={"init": {**call.init, key: _literal(value)}}))
    return expression(call.model_copy(update={"kwargs": {**call.kwargs, key: _literal(value)}}))


def _literal(value: str) -> object:
    return {"True": True, "False": False}.get(value, int(value) if re.fullmatch(r"-?\d+", value) else value)
