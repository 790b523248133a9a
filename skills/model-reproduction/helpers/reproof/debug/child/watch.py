"""A few steps with a hook on every module: the first number that is not finite, gradients, activations."""

from __future__ import annotations

import math
import warnings
from typing import Any

import torch

from .subject import Subject

STEPS = 8
MOST_SILENT = 10


def tensors(item: Any) -> list[torch.Tensor]:
    """Floating tensors in what a module takes or gives."""
    if isinstance(item, torch.Tensor):
        return [item] if item.is_floating_point() else []
    if isinstance(item, dict):
        return [t for value in item.values() for t in tensors(value)]
    if isinstance(item, (tuple, list)):
        return [t for value in item for t in tensors(value)]
    return []


def finite(found: list[torch.Tensor]) -> bool:
    """Whether every number is."""
    return all(bool(torch.isfinite(t).all()) for t in found)


class Hooks:
    """On every module while the block lasts: the order of calls, the first bad output, statistics of outputs."""

    def __init__(self, subject: Subject, keep: bool = False) -> None:
        self.subject, self.keep = subject, keep
        self.bad: dict[str, Any] | None = None
        self.order: list[str] = []
        self.outputs: dict[str, dict[str, Any]] = {}
        self._handles: list[Any] = []

    def __enter__(self) -> Hooks:
        for name, module in self.subject.named():
            self._handles.append(module.register_forward_hook(self._hook(name, len(list(module.children())) == 0)))
        return self

    def __exit__(self, *error: Any) -> None:
        for handle in self._handles:
            handle.remove()

    def _hook(self, name: str, leaf: bool) -> Any:
        def hook(module: torch.nn.Module, given: Any, out: Any) -> None:
            found = tensors(out)
            if leaf or name not in self.order:
                self.order.append(name)
            if self.bad is None and not finite(found):
                self.bad = {
                    "module": name,
                    "kind": type(module).__name__,
                    "inputs_finite": finite(tensors(given)),
                    "parameters_finite": finite(list(module.parameters(recurse=False))),
                }
            if self.keep and found and (leaf or _has_own(module)):
                self.outputs[name] = described(module, found[0].detach())

        return hook


def _has_own(module: torch.nn.Module) -> bool:
    return any(True for _ in module.parameters(recurse=False))


def described(module: torch.nn.Module, out: torch.Tensor) -> dict[str, Any]:
    """Mean, spread, zeros, units that are zero for every sample, and saturation of one output."""
    values = out.float()
    kind = type(module).__name__
    found = {
        "kind": kind,
        "shape": list(out.shape),
        "mean": values.mean().item(),
        "std": _std(values),
        "abs_max": values.abs().max().item() if values.numel() else 0.0,
        "zero_frac": (values == 0).float().mean().item(),
    }
    if "ReLU" in kind and values.dim() > 1:
        axis = 1 if values.dim() == 4 else values.dim() - 1
        others = [d for d in range(values.dim()) if d != axis]
        found["dead_frac"] = (values.amax(dim=others) <= 0).float().mean().item()
    if kind in ("Tanh", "Sigmoid", "Hardtanh", "Hardsigmoid"):
        low = 0.0 if "igmoid" in kind else -1.0
        near = 0.01 * (1.0 - low)
        found["saturated_frac"] = ((values > 1.0 - near) | (values < low + near)).float().mean().item()
    return found


def _std(values: torch.Tensor) -> float:
    return values.std(unbiased=False).item() if values.numel() > 1 else 0.0


def at_start(subject: Subject) -> dict[str, Any]:
    """The loss before anything is learned, and what theory needs to say what it should be."""
    given, labels, inputs = subject.given, subject.labels(), subject.inputs()
    with torch.no_grad():
        losses = [subject.loss().item() for _ in range(2)]
    found: dict[str, Any] = {
        "loss": losses[0],
        "same_twice": losses[0] == losses[1] or all(math.isnan(loss) for loss in losses),
        "classes": given.get("classes"),
        "expected_loss": given.get("expected_loss"),
        "finite_batch": finite(tensors(subject.batch)),
    }
    if inputs is not None and inputs.is_floating_point() and inputs.numel():
        found["inputs"] = {
            "mean": inputs.mean().item(),
            "std": _std(inputs),
            "min": inputs.min().item(),
            "max": inputs.max().item(),
            "shape": list(inputs.shape),
        }
    if labels is not None and not labels.is_floating_point() and labels.numel():
        found["labels"] = {
            "min": int(labels.min()),
            "max": int(labels.max()),
            "distinct": int(torch.unique(labels).numel()),
        }
    elif labels is not None and labels.numel():
        found["targets"] = {"mean_square": labels.square().mean().item(), "variance": labels.var(unbiased=False).item()}
    outputs = _root_output(subject)
    if outputs is not None and outputs.is_floating_point():
        found["outputs"] = {
            "shape": list(outputs.shape),
            "std": _std(outputs.float()),
            "mean": outputs.float().mean().item(),
        }
        guess = outputs.shape[-1] if outputs.dim() in (2, 3) else outputs.shape[1] if outputs.dim() == 4 else None
        integer = labels is not None and not labels.is_floating_point()
        rows = outputs.float().sum(-1)
        found["outputs_are_shares"] = bool((outputs >= 0).all() and ((rows - 1).abs() < 1e-4).all())
        found["classes_guess"] = (
            guess if integer and guess and guess > 1 and _is_entropy(outputs, labels, losses[0]) else None
        )
    return found


def _is_entropy(outputs: torch.Tensor, labels: torch.Tensor | None, loss: float) -> bool:
    """Whether the loss is the mean cross-entropy of these outputs and labels: then ln C is its theory."""
    if labels is None or outputs.shape[0] != labels.shape[0]:
        return False
    logits = outputs.float().transpose(1, -1) if outputs.dim() == 3 else outputs.float()
    try:
        ours = torch.nn.functional.cross_entropy(logits, labels.long()).item()
    except (RuntimeError, IndexError, ValueError):
        return False
    return abs(ours - loss) <= 0.02 * max(abs(ours), 1e-6) + 1e-6


def _root_output(subject: Subject) -> torch.Tensor | None:
    kept: list[torch.Tensor] = []
    handle = subject.model.register_forward_hook(lambda _m, _i, o: kept.extend(_logits(o)[:1]))
    try:
        with torch.no_grad():
            subject.loss()
    finally:
        handle.remove()
    return kept[0] if kept else None


def _logits(out: Any) -> list[torch.Tensor]:
    if hasattr(out, "logits") and isinstance(out.logits, torch.Tensor):
        return [out.logits]
    return tensors(out)


def steps(subject: Subject) -> dict[str, Any]:
    """A few steps with the user's optimizer, watched."""
    losses: list[float] = []
    gradients: dict[str, dict[str, Any]] = {}
    found: dict[str, Any] = {"losses": losses, "first_bad": None, "steps": 0, "activations": [], "gradients": []}
    if not subject.trainable():
        return {**found, "no_grad": True}
    optimizer = subject.optimizer(own=True)
    subject.model.train()
    outputs: dict[str, dict[str, Any]] = {}
    for step in range(STEPS):
        optimizer.zero_grad(set_to_none=True)
        with Hooks(subject, keep=True) as hooks:
            loss = subject.loss()
        losses.append(loss.item())
        outputs = hooks.outputs
        bad = hooks.bad or ({"module": "the loss", "kind": "loss"} if not finite([loss.detach()]) else None)
        if bad:
            found["first_bad"] = {"step": step, "at": "forward", **bad}
            break
        if not loss.requires_grad:
            found["no_grad"] = True
            break
        loss.backward()  # type: ignore[no-untyped-call]
        culprit = _gradients(subject, hooks.order, gradients)
        if culprit:
            found["first_bad"] = {"step": step, "at": "gradient", "module": culprit, "detail": _anomaly(subject)}
            break
        before = [p.detach().clone() for p in subject.trainable()]
        optimizer.step()
        found["steps"] = step + 1
        found["moved"] = any(not torch.equal(a, b) for a, b in zip(before, subject.trainable()))  # noqa: B905
    found["activations"] = [{"module": name, **outputs[name]} for name in outputs]
    found["gradients"] = [{"module": name, **values} for name, values in gradients.items()]
    silent = [row for row in found["gradients"] if row["called"] and not any(n is not None for n in row["norms"])]
    for row in silent[:MOST_SILENT] if not found["first_bad"] else []:
        row["loss_depends"] = _depends(subject, dict(subject.named())[row["module"]])
    return found


def _depends(subject: Subject, module: torch.nn.Module) -> bool:
    """Whether the loss changes with a module's parameters although no gradient reaches them."""
    with torch.no_grad():
        before = subject.loss().item()
        kept = [p.detach().clone() for p in module.parameters(recurse=False)]
        for p in module.parameters(recurse=False):
            p.add_(torch.randn_like(p) if p.is_floating_point() else 1)
        after = subject.loss().item()
        for p, old in zip(module.parameters(recurse=False), kept):  # noqa: B905
            p.copy_(old)
    return before != after


def _gradients(subject: Subject, order: list[str], kept: dict[str, dict[str, Any]]) -> str:
    """Norms by module, in the order of the forward pass; returns the first module of the backward pass that is bad."""
    named = dict(subject.named())
    place = {name: index for index, name in reversed(list(enumerate(order)))}
    bad: list[tuple[int, str]] = []
    for name, module in named.items():
        own = [p for p in module.parameters(recurse=False) if p.requires_grad]
        if not own:
            continue
        grads = [p.grad.detach().float() for p in own if p.grad is not None]
        row = kept.setdefault(
            name,
            {
                "kind": type(module).__name__,
                "order": place.get(name, -1),
                "norms": [],
                "parameters": sum(p.numel() for p in own),
                "called": name in place,
            },
        )
        norm = float(sum(g.square().sum().item() for g in grads) ** 0.5) if grads else None
        row["norms"].append(norm)
        row["weight_norm"] = float(sum(p.detach().float().square().sum().item() for p in own) ** 0.5)
        if grads and not finite(grads):
            bad.append((place.get(name, -1), name))
    return max(bad)[1] if bad else ""


def _anomaly(subject: Subject) -> str:
    """What autograd itself says about the first backward function that gave NaN."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it says that it is slow, and prints the forward call
            with torch.autograd.detect_anomaly(check_nan=True):
                subject.loss().backward()  # type: ignore[no-untyped-call]
    except RuntimeError as error:
        return str(error).splitlines()[0][:200]
    return ""


def mixing(subject: Subject) -> dict[str, Any]:
    """Whether the first sample's output in eval mode depends on the others' inputs: then a batch leaks."""
    kept: list[Any] = []
    handle = subject.model.register_forward_pre_hook(lambda _, args: kept.append(args))
    try:
        with torch.no_grad():
            subject.loss()
    finally:
        handle.remove()
    args = kept[0] if len(kept) == 1 else None
    if not args or not isinstance(args[0], torch.Tensor) or not args[0].is_floating_point() or args[0].shape[0] < 2:
        return {"skipped": "the model is not called once with a batch of floating-point inputs as first argument"}
    subject.model.eval()
    inputs = args[0].detach().clone().requires_grad_(True)
    torch.manual_seed(subject.seed)
    out = tensors(subject.model(inputs, *args[1:]))
    if not out or out[0].dim() == 0 or out[0].shape[0] != inputs.shape[0]:
        return {"skipped": "the output has no sample axis"}
    (grad,) = torch.autograd.grad(out[0][0].sum(), inputs, allow_unused=True)
    if grad is None:
        return {"skipped": "the output does not depend on the first argument"}
    own, others = grad[0].abs().sum().item(), grad[1:].abs().sum().item()
    return {"own": own, "others": others}
