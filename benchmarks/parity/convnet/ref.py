# ruff: noqa: ARG001, ARG002, ARG005, B007, B905, D101, D102, D103, E501, E741, RUF012, RUF100
"""A residual convolutional net: batch norm, SGD with Nesterov, step schedule, mixup-free recipe, resize and crop."""

import torch
import torch.nn as nn
import torch.nn.functional as F

config = {"width": 6, "classes": 5, "momentum": 0.1}
cases = ["default", "odd"]
steps = 12


class Basic(nn.Module):
    def __init__(self, i, o, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o)
        self.conv2, self.bn2 = nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o)
        self.down = (
            nn.Sequential(nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o)) if stride > 1 or i != o else None
        )
        nn.init.zeros_(self.bn2.weight)

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        h = self.bn2(self.conv2(h))
        return F.relu(h + (x if self.down is None else self.down(x)))


class Net(nn.Module):
    def __init__(self, c):
        super().__init__()
        w = c["width"]
        self.stem = nn.Sequential(
            nn.Conv2d(3, w, 5, 2, 2, bias=False), nn.BatchNorm2d(w), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
        )
        self.stages = nn.Sequential(Basic(w, w, 1), Basic(w, 2 * w, 2))
        self.fc = nn.Linear(2 * w, c["classes"])
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
        nn.init.normal_(self.fc.weight, 0, 0.01)
        nn.init.zeros_(self.fc.bias)

    def forward(self, x):
        h = self.stages(self.stem(x))
        return self.fc(F.dropout(h.mean((2, 3)), 0.3, self.training))


def build(c):
    return Net(c)


def inputs(case):
    return {"x": torch.randn(3, 3, {"default": 20, "odd": 23}[case], 20)}


def batch(seed):
    return {"x": torch.randn(6, 3, 20, 20), "y": torch.randint(0, 5, (6,))}


CLASS = [1.0, 2.0, 0.5, 1.0, 1.5]


def loss(model, b):
    return F.cross_entropy(model(b["x"]), b["y"], weight=torch.tensor(CLASS, dtype=b["x"].dtype))


def optimizer(model):
    opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4)
    return opt, torch.optim.lr_scheduler.MultiStepLR(opt, milestones=[5, 9], gamma=0.1)


def raw():
    return torch.randint(0, 256, (3, 3, 22, 18)).float()


def preprocess(raw, seed, train):
    x = F.interpolate(raw, size=(24, 24), mode="bilinear", align_corners=False, antialias=True)
    x = x / 127.5 - 1
    if train:
        gain = 0.8 + 0.4 * torch.rand(())
        x = (x * gain).clamp(-1, 1)
        if torch.rand(()) < 0.5:
            x = x.flip(-1)
    return x[:, :, 2:22, 2:22]


def predictions():
    return [torch.rand(60), torch.randint(0, 2, (60,))]


def metric(scores, labels):
    hit = (scores >= 0.5).long()
    tp = ((hit == 1) & (labels == 1)).sum()
    return {"f1": 2 * tp / (hit.sum() + labels.sum()).clamp(min=1), "brier": ((scores - labels) ** 2).mean()}
