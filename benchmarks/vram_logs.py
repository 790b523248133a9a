"""The traces of `vram.py` against training logs of others: peak memory of vision steps. Prints Markdown.

    python benchmarks/vram_logs.py --python PYTHON                  # one with torch, timm, torchvision
    python benchmarks/vram_logs.py --python PYTHON --only yolo
    python benchmarks/vram_logs.py --python PYTHON --out rows.json --budget-s 500     # again and again, to the end

Every record is torch.cuda.max_memory_allocated() or memory_reserved() of a run whose model, batch, size, precision and
optimizer are told, so that the step has no free parameter. The steps are written anew here, in plain torch, timm and
torchvision. All records and steps were written down before the first trace. After it, three rules of the torch of those
days, which a newer torch has not, were put into the steps, so that only groups video, lightly (but DINO), swin and
benchmark are as they were in the blind run: GELU in fp32 under autocast (dino), Adam's second temporary (vit), weights
that autocast keeps without a graph (yolo), and lightly's DINO did not build at first. Sources, in the order of the
groups:

- video: gpu_mem(M) of mmaction2's model zoo (github.com/open-mmlab/mmaction2, Apache-2.0: README.md and configs in
  configs/recognition/*, 2020): V100 32 GB, torch 1.3 to 1.6 with cuDNN 7.6, fp32, DDP, cudnn.benchmark off, MiB.
- lightly: "GPU Memory" and "Peak GPU Usage" of lightly's Imagenette benchmark (github.com/lightly-ai/lightly, MIT:
  docs/source/getting_started/benchmarks.rst, RTX A6000, and the head of imagenette_benchmark.py of 2022-03-05 beside
  it, "tested on a V100"): ResNet-18, 256 x 128 x 128, fp32 (TF32 convolutions on the A6000), one GPU,
  GiB to one decimal.
- vit: "Memory used" of github.com/rasbt/pytorch-memory-optim (no licence found, figures only; logs.md and the
  scripts): ViT-L/16, torch
  2.1 nightly (cu118), Adam, reserved, GB to two decimals. The GPU is not told; flash attention in bf16 wants sm80.
- dino, swin: "max mem" of DINO (issue 69 of github.com/facebookresearch/dino, Apache-2.0; V100, torch 1.7) and "mem" of
  Swin (issue 50 of github.com/microsoft/Swin-Transformer, MIT; apex O1, whose GELU runs in fp32), DDP, MiB.
- yolo: AutoBatch's tables, memory_reserved() after a few forward and backward passes with fp16 autocast, NCHW,
  cudnn.benchmark off, GB: pull request 5092 and issue 9287 of github.com/ultralytics/yolov5, issues 1451 and 4679 of
  github.com/ultralytics/ultralytics (AGPL-3.0: the nets are written anew from their description), and a log of a
  GTX 1080 Ti. What was allocated before is told in the log; the sizes tried before are tried here too, since autocast,
  which is never left in between, keeps them.
- benchmark: Mem (GB) of mmsegmentation's model zoo (github.com/open-mmlab/mmsegmentation, Apache-2.0: configs/fcn/
  README.md), V100, DDP, SyncBN, with cudnn.benchmark, which tries algorithms in workspaces of any size: not counted.

DDP's flat copies of the gradients are counted where the run was DDP (group dino, swin, video, benchmark).
"""

# ruff: noqa: D102
from __future__ import annotations

import argparse
import copy
import datetime
import itertools
import json
import statistics
import sys
import time
import types
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "helpers"))
sys.modules.setdefault("torchvision._meta_registrations", types.ModuleType("torchvision._meta_registrations"))

MIB, GIB, GB = 2**20, 2**30, 10**9
# group, name, card, what was measured, bytes, function, its arguments, steps
VIDEO = [
    ("TSN, ResNet-50, 96 images", 8344, {"net": "resnet50", "shape": [96, 3, 224, 224], "clips": 3}),
    ("TSN, ResNet-50, 128 images, frozen statistics", 10978,
     {"net": "resnet50", "shape": [128, 3, 224, 224], "clips": 8, "classes": 174, "frozen": True}),
    ("TSN, ResNet-50, 64 images, frozen statistics", 5691,
     {"net": "resnet50", "shape": [64, 3, 224, 224], "clips": 16, "classes": 174, "frozen": True}),
    ("TSN, ResNet-50, 256 images", 21558, {"net": "resnet50", "shape": [256, 3, 224, 224], "clips": 8}),
    ("TSN, ResNet-101, 80 images, many labels", 10467,
     {"net": "resnet101", "shape": [80, 3, 224, 224], "clips": 5, "classes": 313, "many": True}),
    ("SlowOnly, ResNet-50, 8 x 4 images", 3168, {"net": "slowonly", "shape": [8, 3, 4, 224, 224]}),
    ("SlowOnly, ResNet-50, 8 x 8 images", 5820, {"net": "slowonly", "shape": [8, 3, 8, 224, 224]}),
    ("I3D, ResNet-50, 8 x 32 images", 5170, {"net": "i3d", "shape": [8, 3, 32, 224, 224]}),
    ("C3D, 30 x 16 images", 6067, {"net": "c3d", "shape": [30, 3, 16, 112, 112], "classes": 101}),
]  # fmt: skip
LIGHTLY = {  # method: (A6000, V100 16 GB)
    "SimCLR": (3.7, 3.9), "BYOL": (4.3, 4.3), "SimSiam": (3.9, 3.9), "BarlowTwins": (4.0, 4.0), "MoCo": (4.3, 4.2),
    "SwAV": (6.4, 6.6), "DINO": (6.6, 6.7),
}  # fmt: skip
VIT = [
    ("ViT-L/16, 64 images, fp32", 26.79, {"batch": 64}),
    ("ViT-L/16, 64 images, fp16 autocast", 18.21, {"batch": 64, "precision": "amp"}),
    ("ViT-L/16, 64 images, bf16", 13.82, {"batch": 64, "precision": "bf16"}),
    ("ViT-L/16, 16 images, bf16", 5.69, {"batch": 16, "precision": "bf16"}),
    ("ViT-L/16, 4 x 4 images accumulated, bf16", 3.91, {"batch": 4, "precision": "bf16", "accumulate": 4}),
]
YOLO = [  # name, card, settings, GiB allocated before, GB reserved at batches 1, 2, 4, 8, 16
    ("v5s, 640, A100", "A100 40GB", {"kind": "v5", "width": 0.5, "side": 640, "classes": 80}, 0.0813,
     (0.296, 0.568, 1.007, 1.797, 3.280)),
    ("v5n, 416, RTX 3070", "RTX 3060", {"kind": "v5", "width": 0.25, "side": 416, "classes": 4}, 0.01,
     (0.069, 0.109, 0.187, 0.327, 0.707)),
    ("v5m, 416, RTX 3070", "RTX 3060", {"kind": "v5", "width": 0.75, "depth": 0.67, "side": 416, "classes": 4}, 0.16,
     (0.371, 0.482, 0.778, 1.277, 2.374)),
    ("v8n, 480, RTX 4090", "RTX 4090", {"kind": "v8", "width": 0.25, "side": 480, "classes": 1}, 0.05,
     (0.285, 0.445, 0.470, 0.719, 1.197)),
    ("v8s, 640, T4", "T4", {"kind": "v8", "width": 0.5, "side": 640, "classes": 10, "counted": False}, 0.12,
     (0.654, 0.757, 1.223, 2.208, 4.154)),
    ("v8n, 640, GTX 1080 Ti", "P100", {"kind": "v8", "width": 0.25, "side": 640, "classes": 20}, 0.07,
     (0.210, 0.296, 0.581, 1.065, 2.334)),
]  # fmt: skip
FCN = [
    ("FCN, ResNet-50, 2 x 512 x 1024", 5.6, {"depth": 50, "size": [512, 1024]}),
    ("FCN, ResNet-101, 2 x 512 x 1024", 9.1, {"depth": 101, "size": [512, 1024]}),
    ("FCN, ResNet-50, 2 x 769 x 769", 6.3, {"depth": 50, "size": [769, 769]}),
    ("FCN, ResNet-101, 2 x 769 x 769", 10.3, {"depth": 101, "size": [769, 769]}),
]


def records():
    """Group, name, card, allocated or reserved, bytes, function, arguments, steps."""
    for name, size, given in VIDEO:
        yield "video", name, "V100 32GB", "allocated", size * MIB, "video_step", given, 2
    for card, column in (("A10", 0), ("V100 16GB", 1)):  # the A10 stands for the A6000, of the same capability
        for name, sizes in LIGHTLY.items():
            shown = f"{name}, ResNet-18, 256 x 128 x 128, {'A6000' if column == 0 else 'V100'}"
            yield "lightly", shown, card, "allocated", sizes[column] * GIB, "lightly_step", {"method": name}, 2
    for name, size, given in VIT:
        yield "vit", name, "A100 40GB", "reserved", size * GB, "vit_step", given, 3
    yield "dino", "ViT-S/16, 64 images, 2 + 8 crops", "V100 32GB", "allocated", 13871 * MIB, "dino_step", {}, 2
    yield "swin", "Swin-T, 128 images", "V100 16GB", "allocated", 11818 * MIB, "swin_step", {}, 2
    for name, card, given, before, sizes in YOLO:
        for index, size in enumerate(sizes):
            shown = f"YOLO{name}, {2**index} images"
            yield "yolo", shown, card, "reserved", size * GB, "yolo_step", {**given, "before": before}, index + 1
    for name, size, given in FCN:
        yield "benchmark", name, "V100 32GB", "allocated", size * GIB, "fcn_step", given, 2


def buckets(net):
    """What DDP keeps beside the gradients: flat copies of them, 1 MiB first and then 25 MiB each."""
    sizes, limit = [0], MIB
    for each in reversed([each for each in net.parameters() if each.requires_grad]):
        if sizes[-1] >= limit:
            sizes, limit = [*sizes, 0], 25 * MIB
        sizes[-1] += each.numel() * each.element_size()
    return [torch.empty(size // 4, device="cuda") for size in sizes]


def sgd(net, decay=1e-4):
    return torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9, weight_decay=decay, foreach=False)


class Block3d(nn.Module):
    """A bottleneck block whose first convolution may look over three frames."""

    def __init__(self, inside, width, stride, over):
        super().__init__()
        out = 4 * width
        self.inner = nn.Sequential(
            nn.Conv3d(inside, width, (3, 1, 1) if over else 1, padding=(int(over), 0, 0), bias=False),
            nn.BatchNorm3d(width), nn.ReLU(True),
            nn.Conv3d(width, width, (1, 3, 3), (1, stride, stride), (0, 1, 1), bias=False),
            nn.BatchNorm3d(width), nn.ReLU(True), nn.Conv3d(width, out, 1, bias=False), nn.BatchNorm3d(out),
        )  # fmt: skip
        self.short = nn.Identity()
        if stride != 1 or inside != out:
            self.short = nn.Sequential(
                nn.Conv3d(inside, out, 1, (1, stride, stride), bias=False), nn.BatchNorm3d(out)
            )  # fmt: skip
        self.relu = nn.ReLU(True)

    def forward(self, x):
        return self.relu(self.inner(x) + self.short(x))


def resnet3d(kernel, stride, pool, later, over, classes):
    """ResNet-50 over videos; stride and pool: of time, in the stem; later: pool time after the first stage."""
    layers = [nn.Conv3d(3, 64, (kernel, 7, 7), (stride, 2, 2), (kernel // 2, 3, 3), bias=False), nn.BatchNorm3d(64),
              nn.ReLU(True), nn.MaxPool3d((1, 3, 3), (pool, 2, 2), (0, 1, 1))]  # fmt: skip
    inside = 64
    for stage, count in enumerate((3, 4, 6, 3)):
        for index in range(count):
            width, wide = 64 * 2**stage, over[stage][index % len(over[stage])]
            layers.append(Block3d(inside, width, 2 if stage and not index else 1, wide))
            inside = 4 * width
        if later and not stage:
            layers.append(nn.MaxPool3d((2, 1, 1), (2, 1, 1)))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Dropout(0.5), nn.Linear(2048, classes))


def c3d(classes):
    layers, inside = [], 3
    for stage, widths in enumerate(((64,), (128,), (256, 256), (512, 512), (512, 512))):
        for width in widths:
            layers += [nn.Conv3d(inside, width, 3, padding=1), nn.ReLU(True)]
            inside = width
        shape = (1 if stage == 0 else 2, 2, 2)
        layers.append(nn.MaxPool3d(shape, shape, (0, 1, 1) if stage == 4 else 0))
    head = [nn.Flatten(), nn.Linear(8192, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU()]
    return nn.Sequential(*layers, *head, nn.Dropout(), nn.Dropout(), nn.Linear(4096, classes))


def video_net(net, classes):
    import torchvision

    if net == "slowonly":
        return resnet3d(1, 1, 1, False, ((0,), (0,), (1,), (1,)), classes)
    if net == "i3d":
        return resnet3d(5, 2, 2, True, ((1,), (1, 0), (1, 0), (0, 1)), classes)
    return c3d(classes) if net == "c3d" else getattr(torchvision.models, net)(num_classes=classes)


def video_step(net, shape, clips=1, classes=400, frozen=False, many=False):
    """DDP, SGD with momentum, gradients clipped in a loop; the scores of a video's clips are averaged."""
    net = video_net(net, classes).cuda()
    for each in net.modules():
        if frozen and isinstance(each, nn.BatchNorm2d):
            each.eval()
    optimizer, kept = sgd(net), buckets(net)
    videos = shape[0] // clips

    def step():
        x = torch.randn(*shape, device="cuda")
        scores = net(x).view(videos, clips, classes).mean(1)
        wanted = torch.rand(videos, classes, device="cuda") if many else torch.zeros(videos, device="cuda").long()
        loss = (F.binary_cross_entropy_with_logits if many else F.cross_entropy)(scores, wanted)
        optimizer.zero_grad(set_to_none=False)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 40.0, foreach=False)
        optimizer.step()
        return kept

    return step


def mlp(*widths, norm=True, last=False):
    """Linear, batch norm and ReLU, and a linear layer at the end (with `last`: batch norm after it too)."""
    layers = []
    for index, (a, b) in enumerate(itertools.pairwise(widths)):
        final = index == len(widths) - 2
        layers += [nn.Linear(a, b, bias=final or not norm)]
        layers += [nn.BatchNorm1d(b)] if norm and (last or not final) else []
        layers += [] if final else [nn.ReLU()]
    return nn.Sequential(*layers)


def backbone():
    import torchvision

    return nn.Sequential(*list(torchvision.models.resnet18().children())[:-1], nn.Flatten())


def contrast(a, b, temperature=0.5):
    """NT-Xent of two views."""
    whole = F.normalize(torch.cat([a, b]), dim=1)
    scores = whole @ whole.t() / temperature
    rows = torch.arange(len(whole), device="cuda")
    scores = scores[rows[:, None] != rows[None, :]].view(len(whole), -1)
    return F.cross_entropy(scores, (rows + len(a) - (rows < len(a)).long()) % (len(whole) - 1))


def decorrelate(a, b):
    """Barlow Twins' loss."""
    a, b = [(each - each.mean(0)) / each.std(0) for each in (a, b)]
    both = a.t() @ b / len(a)
    off = (both - torch.eye(len(both), device="cuda")).pow(2)
    off[~torch.eye(len(both), dtype=torch.bool, device="cuda")] *= 5e-3
    return off.sum()


def lightly_step(method, batch=256, side=128):
    """One GPU, SGD with momentum (SwAV: Adam); the losses are small beside two views through a ResNet-18."""
    body = backbone()
    heads = {"SimCLR": mlp(512, 512, 128), "BYOL": mlp(512, 4096, 256),
             "SimSiam": mlp(512, 2048, 2048, 2048, last=True), "BarlowTwins": mlp(512, 2048, 2048, 2048),
             "MoCo": mlp(512, 2048, 128, norm=False), "SwAV": mlp(512, 2048, 128),
             "DINO": mlp(512, 2048, 2048, 256)}  # fmt: skip
    ends = {"BYOL": mlp(256, 4096, 256), "SimSiam": mlp(2048, 512, 2048), "SwAV": nn.Linear(128, 3000, bias=False),
            "DINO": nn.utils.weight_norm(nn.Linear(256, 2048, bias=False))}  # fmt: skip
    net, end = nn.Sequential(body, heads[method]).cuda(), ends.get(method, nn.Identity()).cuda()
    slow = copy.deepcopy(net).requires_grad_(False) if method in ("BYOL", "MoCo", "DINO") else None
    if method == "DINO":  # weight_norm's weight cannot be copied
        slow.append(nn.utils.weight_norm(nn.Linear(256, 2048, bias=False)).cuda().requires_grad_(False))
    trained = nn.ModuleList([net, end])
    optimizer = torch.optim.Adam(trained.parameters(), foreach=False) if method == "SwAV" else sgd(trained, 5e-4)
    bank = F.normalize(torch.randn(128, 4096, device="cuda"), dim=0)
    sides = [side, side] + [64] * (6 if method in ("SwAV", "DINO") else 0)

    def nearer(a, b):
        return -F.cosine_similarity(a, b.detach()).mean()

    def queue(a, b):
        a, b = F.normalize(a, dim=1), F.normalize(b, dim=1)
        scores = torch.cat([(a * b).sum(1, keepdim=True), a @ bank], 1) / 0.1
        return F.cross_entropy(scores, torch.zeros(batch, dtype=torch.long, device="cuda"))

    def sharpened(teachers, students):
        """Cross-entropy of every pair of different views."""
        pairs = [(q, p) for i, q in enumerate(teachers) for j, p in enumerate(students) if i != j]
        return sum(-(q * F.log_softmax(p / 0.1, 1)).sum(1).mean() for q, p in pairs) / len(pairs)

    def loss_of(views):
        x0, x1 = views[:2]
        if method == "SimCLR":
            return contrast(net(x0), net(x1))
        if method == "BarlowTwins":
            return decorrelate(net(x0), net(x1))
        if method == "SimSiam":
            z0, z1 = net(x0), net(x1)
            return (nearer(end(z0), z1) + nearer(end(z1), z0)) / 2
        if method == "BYOL":
            p0, z0 = end(net(x0)), slow(x0)
            p1, z1 = end(net(x1)), slow(x1)
            return (nearer(p0, z1) + nearer(p1, z0)) / 2
        if method == "MoCo":
            shuffled = torch.randperm(batch, device="cuda")
            first = queue(net(x0), slow(x1[shuffled]))
            return (first + queue(net(x1), slow(x0[shuffled]))) / 2
        if method == "DINO":
            teachers = [F.softmax(slow(x) / 0.04, 1) for x in views[:2]]
            return sharpened(teachers, [end(F.normalize(net(x), dim=1)) for x in views])
        students = [end(F.normalize(net(x), dim=1)) for x in views]
        return sharpened([F.softmax(each.detach() / 0.05, 0) for each in students[:2]], students)

    def step():
        views = [torch.randn(batch, 3, each, each, device="cuda") for each in sides]
        loss = loss_of(views)
        optimizer.zero_grad(set_to_none=False)
        loss.backward()
        optimizer.step()

    return step


def second_temporary(optimizer):
    """Adam of torch 2.0 and of June 2023 had two lists as large as the parameters at its peak; now it is one."""
    roots = torch._foreach_sqrt([state["exp_avg_sq"] for state in optimizer.state.values()])
    torch._foreach_add(roots, 1e-8)


def vit_step(batch, precision="fp32", accumulate=1):
    """Torchvision's ViT-L/16, ten classes; fp16 autocast has a GradScaler, bf16 is all of the net."""
    from torchvision.models import vit_l_16

    net = vit_l_16()
    net.heads.head = nn.Linear(1024, 10)
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    net = net.to(device="cuda", dtype=dtype)
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-5)
    optimizer.register_step_post_hook(lambda *_: second_temporary(optimizer))
    scaler = torch.amp.GradScaler("cuda", enabled=precision == "amp")

    def step():
        for _ in range(accumulate):
            x = torch.randn(batch, 3, 224, 224, device="cuda").to(dtype)
            with torch.autocast("cuda", dtype=torch.float16, enabled=precision == "amp"):
                out = net(x)
            loss = F.cross_entropy(out.float() if precision == "amp" else out, torch.zeros(batch, device="cuda").long())
            if accumulate == 1:
                optimizer.zero_grad()
            scaler.scale(loss / accumulate).backward()
        scaler.step(optimizer)
        scaler.update()
        if accumulate > 1:
            optimizer.zero_grad()

    return step


class DropPath(nn.Module):
    """Stochastic depth as DINO wrote it: the division first, then the product."""

    def __init__(self, share):
        super().__init__()
        self.keep = 1 - share

    def forward(self, x):
        if self.keep == 1 or not self.training:
            return x
        mask = (self.keep + torch.rand(len(x), 1, 1, dtype=x.dtype, device="cuda")).floor_()
        return x.div(self.keep) * mask


class VitBlock(nn.Module):
    """Attention written out, as it was before torch had an operator for it."""

    def __init__(self, width, heads, drop):
        super().__init__()
        self.before, self.after, self.heads = nn.LayerNorm(width), nn.LayerNorm(width), heads
        self.qkv, self.out, self.drop = nn.Linear(width, 3 * width), nn.Linear(width, width), DropPath(drop)
        self.up, self.down, self.act = nn.Linear(width, 4 * width), nn.Linear(4 * width, width), WideGelu()

    def attend(self, x):
        b, t, c = x.shape
        q, k, v = self.qkv(x).reshape(b, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        weights = ((q @ k.transpose(-2, -1)) * (c // self.heads) ** -0.5).softmax(dim=-1)
        return self.out((weights @ v).transpose(1, 2).reshape(b, t, c)), weights

    def forward(self, x):
        y, _weights = self.attend(self.before(x))
        x = x + self.drop(y)
        return x + self.drop(self.down(self.act(self.up(self.after(x)))))


class Vit(nn.Module):
    """ViT-S/16 of DINO; smaller images get an interpolated position."""

    def __init__(self, drop):
        super().__init__()
        self.patch = nn.Conv2d(3, 384, 16, 16)
        self.cls, self.places = nn.Parameter(torch.zeros(1, 1, 384)), nn.Parameter(torch.zeros(1, 197, 384))
        self.blocks = nn.Sequential(*(VitBlock(384, 6, drop * index / 11) for index in range(12)))
        self.norm = nn.LayerNorm(384)

    def forward(self, x):
        side = x.shape[-1] // 16
        x = torch.cat([self.cls.expand(len(x), -1, -1), self.patch(x).flatten(2).transpose(1, 2)], 1)
        places = self.places
        if side != 14:
            grid = places[:, 1:].reshape(1, 14, 14, 384).permute(0, 3, 1, 2)
            grid = F.interpolate(grid, size=(side, side), mode="bicubic").permute(0, 2, 3, 1).view(1, -1, 384)
            places = torch.cat([places[:, :1], grid], 1)
        return self.norm(self.blocks(x + places))[:, 0]


class Crops(nn.Module):
    """Crops of one size go through the net together, and all of them through the head."""

    def __init__(self, drop):
        super().__init__()
        self.body, self.last = Vit(drop), nn.utils.weight_norm(nn.Linear(256, 65536, bias=False))
        self.head = nn.Sequential(
            nn.Linear(384, 2048), nn.GELU(), nn.Linear(2048, 2048), nn.GELU(), nn.Linear(2048, 256)
        )
        self.last.weight_g.requires_grad = False

    def forward(self, crops):
        whole = torch.empty(0, device="cuda")
        for side in sorted({each.shape[-1] for each in crops}, reverse=True):
            whole = torch.cat((whole, self.body(torch.cat([each for each in crops if each.shape[-1] == side]))))
        return self.last(F.normalize(self.head(whole), dim=-1))


def dino_step(batch=64, crops=8):
    """The first epoch: the last layer has no gradient when the optimizer runs."""
    student, teacher = Crops(0.1).cuda(), Crops(0.0).cuda().requires_grad_(False)
    named = list(student.named_parameters())
    split = [[each for _, each in named if each.dim() > 1], [each for _, each in named if each.dim() < 2]]
    optimizer = torch.optim.AdamW([{"params": split[0]}, {"params": split[1], "weight_decay": 0.0}], foreach=False)
    scaler, kept, center = torch.amp.GradScaler("cuda"), buckets(student), torch.zeros(1, 65536, device="cuda")

    def loss_of(students, teachers):
        students = (students / 0.1).chunk(2 + crops)
        wanted = F.softmax((teachers - center) / 0.04, dim=-1).detach().chunk(2)
        pairs = [(q, p) for i, q in enumerate(wanted) for j, p in enumerate(students) if i != j]
        return sum(torch.sum(-q * F.log_softmax(p, dim=-1), dim=-1).mean() for q, p in pairs) / len(pairs)

    def step():
        sides = [224] * 2 + [96] * crops
        images = [torch.randn(batch, 3, side, side, device="cuda") for side in sides]
        with torch.autocast("cuda", dtype=torch.float16):
            teachers, students = teacher(images[:2]), student(images)
            loss = loss_of(students, teachers)
            teachers.sum(dim=0, keepdim=True)
        optimizer.zero_grad(set_to_none=False)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        for _, each in named:
            if each.grad is not None:
                each.grad.norm(2)
        for each in student.last.parameters():
            each.grad = None
        scaler.step(optimizer)
        scaler.update()
        with torch.no_grad():
            for fast, slow in zip(student.parameters(), teacher.parameters(), strict=True):
                slow.mul_(0.996).add_(0.004 * fast)
        return kept

    return step


class WideGelu(nn.Module):
    """GELU in fp32, as apex O1 and torch's autocast up to 1.8 have it (aten/src/ATen/autocast_mode.cpp)."""

    def forward(self, x):
        with torch.autocast("cuda", enabled=False):
            return F.gelu(x.float())


def swin_step(batch=128):
    import timm

    timm.layers.set_fused_attn(False)
    net = timm.create_model("swin_tiny_patch4_window7_224", drop_path_rate=0.2)
    for each in net.modules():
        if hasattr(each, "act") and isinstance(each.act, nn.GELU):
            each.act = WideGelu()
    net = net.cuda()
    optimizer = torch.optim.AdamW(net.parameters(), weight_decay=0.05, foreach=False)
    scaler, kept = torch.amp.GradScaler("cuda"), buckets(net)

    def step():
        x, wanted = torch.randn(batch, 3, 224, 224, device="cuda"), torch.rand(batch, 1000, device="cuda")
        with torch.autocast("cuda", dtype=torch.float16):
            loss = torch.sum(-wanted * F.log_softmax(net(x), dim=-1), dim=-1).mean()
        optimizer.zero_grad(set_to_none=False)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(net.parameters(), 5.0, foreach=False)
        scaler.step(optimizer)
        scaler.update()
        return kept

    return step


def cell(inside, out, kernel=1, stride=1):
    """Convolution, batch norm and SiLU in place."""
    norm = nn.BatchNorm2d(out, eps=1e-3, momentum=0.03)
    return nn.Sequential(nn.Conv2d(inside, out, kernel, stride, kernel // 2, bias=False), norm, nn.SiLU(inplace=True))


class Short(nn.Module):
    """Two cells, and the input added."""

    def __init__(self, width, first, add):
        super().__init__()
        self.inner, self.add = nn.Sequential(cell(width, width, first), cell(width, width, 3)), add

    def forward(self, x):
        return x + self.inner(x) if self.add else self.inner(x)


class C3(nn.Module):
    """Half of the channels go through `count` blocks; version 5 of the net."""

    def __init__(self, inside, out, count, add):
        super().__init__()
        self.one, self.two, self.last = cell(inside, out // 2), cell(inside, out // 2), cell(out, out)
        self.blocks = nn.Sequential(*(Short(out // 2, 1, add) for _ in range(count)))

    def forward(self, x):
        return self.last(torch.cat((self.blocks(self.one(x)), self.two(x)), 1))


class C2f(nn.Module):
    """As C3, and every block's output is kept for the end; version 8."""

    def __init__(self, inside, out, count, add):
        super().__init__()
        self.first, self.last = cell(inside, out), cell((2 + count) * (out // 2), out)
        self.blocks = nn.ModuleList(Short(out // 2, 3, add) for _ in range(count))

    def forward(self, x):
        parts = list(self.first(x).chunk(2, 1))
        parts.extend(block(parts[-1]) for block in self.blocks)
        return self.last(torch.cat(parts, 1))


class Pool(nn.Module):
    """A pool of five pixels, three times over."""

    def __init__(self, width):
        super().__init__()
        self.first, self.last, self.pool = cell(width, width // 2), cell(2 * width, width), nn.MaxPool2d(5, 1, 2)

    def forward(self, x):
        parts = [self.first(x)]
        for _ in range(3):
            parts.append(self.pool(parts[-1]))
        return self.last(torch.cat(parts, 1))


class Yolo(nn.Module):
    """Versions 5 (6.x) and 8, whose parameters are as many as the logs tell."""

    def __init__(self, kind, width, depth, classes):
        super().__init__()
        a, b, c, d, e = (int(each * width) for each in (64, 128, 256, 512, 1024))
        few, more, most = (max(round(each * depth), 1) for each in ((3, 6, 9) if kind == "v5" else (3, 6, 6)))
        block, old = (C3, True) if kind == "v5" else (C2f, False)
        stem = cell(3, a, 3, 2)
        if old:
            stem[0] = nn.Conv2d(3, a, 6, 2, 2, bias=False)
        self.old, self.classes = old, classes
        self.low = nn.Sequential(
            stem, cell(a, b, 3, 2), block(b, b, few, True), cell(b, c, 3, 2), block(c, c, more, True)
        )
        self.middle = nn.Sequential(cell(c, d, 3, 2), block(d, d, most, True))
        self.high = nn.Sequential(cell(d, e, 3, 2), block(e, e, few, True), Pool(e))
        self.thin1, self.thin2 = (cell(e, d), cell(d, c)) if old else (nn.Identity(), nn.Identity())
        self.up, (up1, up2) = nn.Upsample(scale_factor=2), (d if old else e, c if old else d)
        self.mix1, self.mix2 = block(up1 + d, d, few, False), block(up2 + c, c, few, False)
        self.down1, self.down2 = cell(c, c, 3, 2), cell(d, d, 3, 2)
        self.mix3, self.mix4 = block(c + (c if old else d), d, few, False), block(d + (d if old else e), e, few, False)
        boxes, labels = max(16, c // 4, 64), max(c, min(classes, 100))

        def tail(inside, inner, out):
            return nn.Sequential(cell(inside, inner, 3), cell(inner, inner, 3), nn.Conv2d(inner, out, 1))

        self.boxes = nn.ModuleList(
            nn.Conv2d(each, 3 * (classes + 5), 1) if old else tail(each, boxes, 64) for each in (c, d, e)
        )
        self.labels = nn.ModuleList(tail(each, labels, classes) for each in ((c, d, e) if not old else ()))

    def forward(self, x):
        low = self.low(x)
        middle = self.middle(low)
        high = self.thin1(self.high(middle))
        first = self.thin2(self.mix1(torch.cat((self.up(high), middle), 1)))
        fine = self.mix2(torch.cat((self.up(first), low), 1))
        mean = self.mix3(torch.cat((self.down1(fine), first), 1))
        coarse = self.mix4(torch.cat((self.down2(mean), high), 1))
        levels = (fine, mean, coarse)
        if not self.old:
            return [torch.cat((self.boxes[i](each), self.labels[i](each)), 1) for i, each in enumerate(levels)]
        found = [layer(each) for layer, each in zip(self.boxes, levels, strict=True)]
        return [
            each.view(len(each), 3, self.classes + 5, *each.shape[2:]).permute(0, 1, 3, 4, 2).contiguous()
            for each in found
        ]


def yolo_step(kind, width, side, classes, before, depth=1 / 3, counted=True):
    """Step i passes 2**i images through the net three times, as AutoBatch does; autocast is never left.

    Where FLOPs were counted first, that was in no_grad, and autocast kept weights and image cast without a graph: in
    torch up to 2.1 (github.com/pytorch/pytorch/issues/65766) convolutions then got no gradient.
    """
    net = Yolo(kind, width, depth, classes).cuda()
    for each in net.modules():
        if counted and isinstance(each, nn.Conv2d):
            each.requires_grad_(False)
    own = sum(each.numel() * each.element_size() for each in (*net.parameters(), *net.buffers()))
    kept = torch.empty(max(0, int(before * GIB) - own) // 4, device="cuda")
    inside = torch.autocast("cuda", dtype=torch.float16)
    inside.__enter__()
    counts, cast = iter((1, 2, 4, 8, 16)), [kept]

    def step():
        x = torch.zeros(next(counts), 3, side, side, device="cuda")
        if counted:
            cast.append(x.half())
        else:
            x.requires_grad_()
        for _ in range(3):
            found = net(cast[-1] if counted else x)
            sum(each.sum() for each in found).sum().backward()
        del found, x
        torch.cuda.empty_cache()

    return step


class Fcn(nn.Module):
    """ResNet with dilation, two heads of 19 classes; the logits are brought to the size of the image."""

    def __init__(self, depth):
        import torchvision

        super().__init__()
        net = getattr(torchvision.models, f"resnet{depth}")(replace_stride_with_dilation=[False, True, True])
        parts = list(net.children())
        self.low, self.high = nn.Sequential(*parts[:7]), parts[7]

        def conv(inside, out):
            return nn.Sequential(nn.Conv2d(inside, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU(True))

        self.main, self.join = nn.Sequential(conv(2048, 512), conv(512, 512)), conv(2560, 512)
        self.end = nn.Sequential(nn.Dropout2d(0.1), nn.Conv2d(512, 19, 1))
        self.side = nn.Sequential(conv(1024, 256), nn.Dropout2d(0.1), nn.Conv2d(256, 19, 1))

    def forward(self, x, wanted):
        low = self.low(x)
        high = self.high(low)
        out = self.end(self.join(torch.cat([high, self.main(high)], dim=1)))
        whole = [F.interpolate(each, x.shape[2:], mode="bilinear") for each in (out, self.side(low))]
        losses = [F.cross_entropy(each, wanted, reduction="none").mean() for each in whole]
        return losses[0] + 0.4 * losses[1]


def fcn_step(depth, size):
    net = Fcn(depth).cuda()
    optimizer, kept = sgd(net, 5e-4), buckets(net)

    def step():
        x, wanted = torch.randn(2, 3, *size, device="cuda"), torch.zeros(2, *size, device="cuda").long()
        loss = net(x, wanted)
        optimizer.zero_grad(set_to_none=False)
        loss.backward()
        optimizer.step()
        return kept

    return step


def traced(interpreter, request, card, function, given, steps):
    """Bytes allocated and reserved, with the guessed workspaces and without them."""
    from reproof.vram.allocator import Settings, replay
    from reproof.vram.timeline import Timeline

    interpreter.request = request(function, steps)
    line = Timeline.read(interpreter.trace(card, given))
    whole, least = replay(line.events, Settings()), replay(line.calibrated(), Settings())
    at = line.at(whole.peak_event)
    return {"allocated": whole.allocated_bytes, "reserved": whole.reserved_bytes,
            "sure_allocated": least.allocated_bytes, "sure_reserved": least.reserved_bytes,
            "at": f"{at.phase}, {at.op}"}  # fmt: skip


def ratios(row):
    """Trace over record, with the guessed workspaces and without them."""
    found, what = row["found"], row["what"]
    return found[what] / row["bytes"], found[f"sure_{what}"] / row["bytes"]


def figures(name, errors):
    """Median, 95th percentile, worst under- and overestimate, and how many underestimates are over 5 %."""
    sizes = sorted(abs(each) for each in errors)
    under = sum(each < -0.05 for each in errors)
    most = sizes[-(-len(sizes) * 95 // 100) - 1]
    return (f"| {name} | {len(errors)} | {statistics.median(sizes):.1%} | {most:.1%} | {min(errors):+.1%} | "
            f"{max(errors):+.1%} | {under} |")  # fmt: skip


def table(rows):
    """Every record, then the figures of each group."""
    yield "| group | record | card traced | | on record, GiB | trace / record | without the guessed workspaces |"
    yield "|---|---|---|---|---:|---:|---:|"
    for row in rows:
        said = f"not traced: {row['why']} | |" if row["why"] else "{:.4f} | {:.4f} |".format(*ratios(row))
        yield (f"| {row['group']} | {row['name']} | {row['card']} | {row['what']} | {row['bytes'] / GIB:.3f} | "
               f"{said}")  # fmt: skip
    yield "\n| group | records | median error | 95th percentile | lowest | highest | under by over 5 % |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    done = [row for row in rows if not row["why"]]
    counted = [row for row in done if row["group"] != "benchmark"]
    groups = [*dict.fromkeys(row["group"] for row in done)]
    named = [(group, [row for row in done if row["group"] == group]) for group in groups]
    for name, chosen in [*named, ("all but benchmark", counted)]:
        for index, how in enumerate(("", ", without the guessed workspaces")):
            if chosen:
                yield figures(name + how, [ratios(row)[index] - 1 for row in chosen])


def main() -> None:
    """Print the tables."""
    from reproof.errors import PackError
    from reproof.vram import gpus
    from reproof.vram.interpreter import Interpreter
    from reproof.vram.traced import TraceRequest

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", type=Path, help="an interpreter with torch, timm and torchvision")
    parser.add_argument("--only", default="", help="records whose group and name hold this")
    parser.add_argument("--budget-s", type=float, default=3600.0, help="start no further record after this time")
    parser.add_argument("--out", type=Path, help="keep the rows there, as JSON; those already there are not run again")
    words = parser.parse_args()
    kept = json.loads(words.out.read_text(encoding="utf-8")) if words.out and words.out.is_file() else []
    done, ends = {row["name"] for row in kept}, time.monotonic() + words.budget_s

    def request(function, steps):
        return TraceRequest(target=f"{__file__}:{function}", python=words.python, steps=steps)

    with Interpreter(request("video_step", 2)) as interpreter:
        print(f"{datetime.date.today()}, torch {interpreter.hello['torch']}", file=sys.stderr)
        for group, name, card, what, size, function, given, steps in records():
            if words.only not in f"{group} {name}" or name in done or time.monotonic() > ends:
                continue
            row = {"group": group, "name": name, "card": card, "what": what, "bytes": size, "why": "", "found": None}
            try:
                row["found"] = traced(interpreter, request, gpus.find(card), function, given, steps)
            except PackError as error:
                row["why"] = error.what[:200]
            kept.append(row)
            print(group, name, ratios(row) if row["found"] else row["why"], file=sys.stderr, flush=True)
            if words.out:
                words.out.write_text(json.dumps(kept), encoding="utf-8")
    print("\n".join(table(kept)))


if __name__ == "__main__":
    main()
