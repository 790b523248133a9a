# ruff: noqa: B905, D101, D102, D103, E402, E501, RUF100
"""The same three models in PyTorch, with the weights that the Keras side recorded. usage: side_torch.py RECORDERS.py RECORDED OUT [FAULT]."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

spec = importlib.util.spec_from_file_location("recorders", sys.argv[1])
recorders = importlib.util.module_from_spec(spec)
spec.loader.exec_module(recorders)
FAULT = sys.argv[4] if len(sys.argv) > 4 else ""


def held(folder: Path) -> tuple[dict, torch.Tensor]:
    rows = json.loads((folder / "manifest.json").read_text())["tensors"]
    found = {row["name"]: torch.from_numpy(np.load(folder / row["file"])) for row in rows if row["kind"] != "output"}
    return {
        name.partition("/")[2] if name.startswith(("sub", "sequential")) else name: each for name, each in found.items()
    }, found["input"]


class Functional(nn.Module):
    def __init__(self, w: dict) -> None:
        super().__init__()
        self.conv, self.second = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.bn, self.head = nn.BatchNorm2d(8, eps=1e-5 if FAULT == "eps" else 1e-3), nn.Linear(8, 5)
        for layer, name in ((self.conv, "conv"), (self.second, "second")):
            layer.weight.data, layer.bias.data = w[f"{name}/kernel"].permute(3, 2, 0, 1), w[f"{name}/bias"]
        self.bn.weight.data, self.bn.bias.data = w["bn/gamma"], w["bn/beta"]
        self.bn.running_mean.data, self.bn.running_var.data = w["bn/moving_mean"], w["bn/moving_variance"]
        self.head.weight.data, self.head.bias.data = w["head/kernel"].T, w["head/bias"]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.bn(self.conv(x.permute(0, 3, 1, 2))))
        x = x + self.second(x)
        return self.head(x.mean((2, 3))).softmax(-1)


class Sequential(nn.Module):
    def __init__(self, w: dict) -> None:
        super().__init__()
        self.table, self.norm = nn.Embedding(11, 6), nn.LayerNorm(6, 1e-6)
        self.gru, self.out = nn.GRU(6, 5, batch_first=True), nn.Linear(5, 3)
        self.table.weight.data = w["table/embeddings"]
        self.norm.weight.data, self.norm.bias.data = w["norm/gamma"], w["norm/beta"]

        def gates(each: torch.Tensor) -> torch.Tensor:  # Keras: update, reset, new; PyTorch: reset, update, new
            z, r, n = each.chunk(3)
            return torch.cat([r, z, n])

        cell = "gru/gru_cell/"
        self.gru.weight_ih_l0.data, self.gru.weight_hh_l0.data = (
            gates(w[cell + "kernel"].T),
            gates(w[cell + "recurrent_kernel"].T),
        )
        self.gru.bias_ih_l0.data, self.gru.bias_hh_l0.data = (gates(each) for each in w[cell + "bias"])
        self.out.weight.data, self.out.bias.data = w["out/kernel"].T, w["out/bias"]

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        y = self.norm(self.table(ids))
        return self.out(self.gru(y)[0][:, 0 if FAULT == "step" else -1])


class Subclassed(nn.Module):
    def __init__(self, w: dict) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(6, 16), nn.Linear(16, 4)
        self.act = nn.GELU(approximate="tanh" if FAULT == "gelu" else "none")
        for layer, name in ((self.up, "up"), (self.down, "down")):
            layer.weight.data, layer.bias.data = (
                next((v.T if v.ndim == 2 else v) for k, v in w.items() if k.endswith(f"{name}/{part}"))
                for part in ("kernel", "bias")
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.down(self.act(self.up(x)))


def main() -> None:
    for name, kind in (("functional", Functional), ("sequential", Sequential), ("subclassed", Subclassed)):
        weights, given = held(Path(sys.argv[2]) / name)
        model = kind(weights).eval()
        recorder = recorders.Recorder(str(Path(sys.argv[3]) / name), framework=f"torch {torch.__version__}")
        recorder.watch_torch(model)
        with torch.no_grad():
            model(given)
        recorder.close()


if __name__ == "__main__":
    main()
