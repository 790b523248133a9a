"""The networks of appendix E: the velocity MLP for 2D, the UNet for images, the phase predictor."""

import math

import torch
from torch import Tensor, nn

from .unet import UNet

ACTIVATIONS = {"relu": nn.ReLU, "selu": nn.SELU, "silu": nn.SiLU}


def velocity_net(run, _cfg) -> nn.Module:
    """v_theta, and with the same architecture u_delta: net(x, t) with x (n, *shape), t (n,) in [0, 1]."""
    model = run.cfg.model
    if model.kind == "mlp":
        return VelocityMLP(math.prod(run.data.shape), model.hidden_layers, model.hidden_units, model.activation)
    return UNet(
        run.data.shape,
        num_channels=model.num_channels,
        num_res_blocks=model.num_res_blocks,
        channel_mult=model.channel_mult,
        num_heads=model.num_heads,
        num_head_channels=model.num_head_channels,
        attention_resolutions=model.attention_resolutions,
        dropout=model.dropout,
    )


def phase_predictor(run, _cfg) -> nn.Module:
    """t_phi."""
    return PhasePredictor(run.data.shape, run.cfg.model.predictor_channels)


class VelocityMLP(nn.Module):
    """Hidden layers of one width (app. E.1: 3 of 256); the time is one more input, as in the code cited there."""

    def __init__(self, dim: int, hidden_layers: int, hidden_units: int, activation: str) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width in [dim + 1] + [hidden_units] * (hidden_layers - 1):
            layers += [nn.Linear(width, hidden_units), ACTIVATIONS[activation]()]
        self.layers = nn.Sequential(*layers, nn.Linear(hidden_units, dim))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """(n, dim), (n,) -> (n, dim)."""
        return self.layers(torch.cat([x, t[:, None]], dim=1))


class PhasePredictor(nn.Module):
    """Image -> time in (0, 1): 3x3 convolutions with ReLU and 2x2 average pooling, one linear layer, sigmoid (E.2)."""

    def __init__(self, shape: tuple[int, int, int], channels: tuple[int, ...]) -> None:
        super().__init__()
        height, width = shape[1] >> len(channels), shape[2] >> len(channels)  # every pooling halves, rounding down
        if min(height, width) < 1:
            raise ValueError(f"{len(channels)} poolings do not fit a {shape[1]}x{shape[2]} image: shorten "
                             "model.predictor_channels")  # fmt: skip
        layers: list[nn.Module] = []
        for before, after in zip((shape[0], *channels), channels, strict=False):
            layers += [nn.Conv2d(before, after, 3, stride=1, padding=1), nn.ReLU(), nn.AvgPool2d(2)]
        self.features = nn.Sequential(*layers, nn.Flatten())
        self.head = nn.Linear(channels[-1] * height * width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(n, C, H, W) -> (n,)."""
        return torch.sigmoid(self.head(self.features(x))).squeeze(1)
