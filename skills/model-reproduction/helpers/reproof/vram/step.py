"""The memory of one training step over time: forward, backward layer by layer, optimizer step; and where it peaks."""

from __future__ import annotations

from dataclasses import dataclass

from reproof.vram.nets import Net
from reproof.vram.states import State, Widths


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


def moments(net: Net, state: State, width: Widths, micro_batch: int, *, accumulates: bool) -> list[Moment]:
    """Every moment at which a step can peak: each layer's backward, and the optimizer step.

    Backward frees what a layer saved and makes its gradients; the gradient of a skip connection lives from the layer
    that consumed the skip back to the layer that made it. With accumulation the gradients of the micro-batch before
    are there from the start, and `zero_grad(set_to_none=True)` is assumed between updates.
    """
    fixed = {"weights": state.weights_bytes, "optimizer": state.optimizer_bytes, "ema": state.ema_bytes}
    batch = net.inputs * 4 * micro_batch
    saved = micro_batch * sum(layer.matmul * width.matmul + layer.other * width.other for layer in net.layers)
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
                in_flight=micro_batch * width.other * (layer.working + skipped),
                update=0,
            )
        )
        saved -= micro_batch * (layer.matmul * width.matmul + layer.other * width.other)
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
    return batch * width.other * (most + net.inputs)
