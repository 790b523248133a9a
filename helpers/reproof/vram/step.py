"""The memory of one training step over time: forward, backward layer by layer, optimizer step; and where it peaks."""

from __future__ import annotations

from dataclasses import dataclass

from reproof.vram.nets import Again, Layer, Net
from reproof.vram.states import State, Widths

FP32 = 4


@dataclass(frozen=True)
class Moment:
    """What is allocated at one moment of a step, in bytes. The names are the rows of the report."""

    name: str
    weights: int
    optimizer: int
    ema: int
    gradients: int
    batch: int
    activations: int
    cast: int
    in_flight: int
    update: int

    @property
    def total(self) -> int:
        """Allocated by tensors at this moment."""
        return sum(size for key, size in vars(self).items() if key != "name")


def kept_bytes(layer: Layer, width: Widths) -> int:
    """Bytes per sample that autograd holds for a layer until its backward."""
    return _saved(layer, width)


def working_bytes(layer: Layer, width: Widths) -> int:
    """Bytes per sample of the gradients in flight while a layer runs backward."""
    alive = layer.starts if layer.again and layer.starts else layer.working
    return alive * (width.matmul if layer.half else width.other)


def again_bytes(layer: Layer, width: Widths) -> int:
    """Bytes per sample that a checkpointed block saves while it runs a second time."""
    return _saved(layer.again, width) if layer.again else 0


def _saved(counts: Layer | Again, width: Widths) -> int:
    cast = counts.cast * width.matmul + counts.up * FP32 if width.matmul < width.other else 0
    return counts.matmul * width.matmul + counts.other * width.other + counts.single * FP32 + counts.masks + cast


def moments(net: Net, state: State, width: Widths, micro_batch: int, *, accumulates: bool) -> list[Moment]:
    """Every moment at which a step can peak: each layer's backward, and the optimizer step.

    Backward frees what a layer saved and makes its gradients; the gradient of a skip connection lives from the layer
    that consumed the skip back to the layer that made it. With accumulation the gradients of the micro-batch before
    are there from the start, and `zero_grad(set_to_none=True)` is assumed between updates.
    """
    fixed = {"weights": state.weights_bytes, "optimizer": state.optimizer_bytes, "ema": state.ema_bytes}
    batch = micro_batch * (net.inputs * FP32 + net.named * width.matmul)
    saved = micro_batch * sum(kept_bytes(layer, width) for layer in net.layers)
    held = skipped = 0
    found = []
    for layer in reversed(net.layers):
        skipped += max(-layer.skip, 0)
        held += layer.params * width.gradient
        found.append(
            Moment(
                f"backward of {layer.name}",
                **fixed,
                gradients=state.gradients_bytes if accumulates else held,
                batch=batch,
                activations=saved,
                cast=state.cast_bytes,
                in_flight=micro_batch
                * (working_bytes(layer, width) + width.other * skipped + again_bytes(layer, width)),
                update=0,
            )
        )
        saved -= micro_batch * kept_bytes(layer, width)
        skipped -= max(layer.skip, 0)
    found.append(
        Moment(
            "optimizer step",
            **fixed,
            gradients=state.gradients_bytes,
            batch=batch,
            activations=0,
            cast=0,
            in_flight=0,
            update=state.update_bytes,
        )
    )
    return found


def peak(net: Net, state: State, width: Widths, micro_batch: int, *, accumulates: bool = False) -> Moment:
    """The moment with the most allocated; the first of them in time when several are equal."""
    return max(moments(net, state, width, micro_batch, accumulates=accumulates), key=lambda moment: moment.total)


def inference_bytes(net: Net, width: Widths, batch: int) -> int:
    """Activations of a forward pass without grad: skips that wait, and the tensors of the layer that runs."""
    waiting = most = 0
    for layer in net.layers:
        waiting += layer.skip
        most = max(most, waiting + layer.working)
    return batch * width.other * (most + net.inputs + net.named)
