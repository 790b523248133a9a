"""Training steps as a user writes them, small; each function is `build` for one trace. Good ones first, then bad."""

import contextlib
import os
import threading
import time

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

WIDTH = 512


class Block(nn.Module):
    """Attention and feed-forward, as in a GPT."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.before, self.after = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        b, t, c = x.shape
        q, k, v = self.qkv(self.before(x)).view(b, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).reshape(b, t, c))
        return x + self.down(F.gelu(self.up(self.after(x))))


class Gpt(nn.Module):
    def __init__(self, layers, width, vocab, heads, recompute):
        super().__init__()
        self.tokens = nn.Embedding(vocab, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocab, bias=False)
        self.head.weight = self.tokens.weight
        self.recompute = recompute

    def forward(self, ids):
        x = self.tokens(ids)
        for block in self.blocks:
            x = checkpoint(block, x, use_reentrant=False) if self.recompute else block(x)
        return F.cross_entropy(self.head(self.norm(x)).flatten(0, 1), ids.flatten())


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.inner = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(True),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels),
        )  # fmt: skip

    def forward(self, x):
        return F.relu(x + self.inner(x))


def train(net, loss, *, update="foreach", accumulate=1, amp=None, scaler=False, optimizer=torch.optim.AdamW):
    flags = {"foreach": {}, "fused": {"fused": True}, "loop": {"foreach": False}}[update]
    opt = optimizer(net.parameters(), lr=1e-3, **flags)
    scale = torch.amp.GradScaler("cuda") if scaler else None

    def step():
        opt.zero_grad(set_to_none=True)
        for _ in range(accumulate):
            with torch.autocast("cuda", dtype=amp) if amp else contextlib.nullcontext():
                value = loss()
            (scale.scale(value) if scale else value).backward()
        if scale:
            scale.step(opt)
            scale.update()
        else:
            opt.step()

    return step


def mlp(batch=64, width=WIDTH, accumulate=1, device="cuda", **more):
    net = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)).to(device)
    return train(net, lambda: net(torch.randn(batch, width, device=device)).square().mean(),
                 accumulate=accumulate, **more)  # fmt: skip


def linear(batch=8):
    """1,048,576 weights and no bias: 4 MiB, so that every size is a whole number of blocks."""
    net = nn.Linear(1024, 1024, bias=False).to("cuda")
    return train(net, lambda: net(torch.randn(batch, 1024, device="cuda")).sum())


def asks(count=0):
    """Reads what a tensor is, not what it holds."""
    net = nn.Linear(1024, 1024, bias=False).to("cuda")

    def step():
        x = torch.randn(8, 1024, device="cuda")
        for _ in range(count):
            assert x.device.type == "cuda" and x.view(-1).numel() == x.numel() and x.is_contiguous()
        net(x).sum().backward()

    return step


def bf16():
    return mlp(amp=torch.bfloat16)


def fp16_scaled():
    return mlp(amp=torch.float16, scaler=True)


def gpt(batch=4, length=256, layers=4, width=256, vocab=1000, heads=4, recompute=False, amp=None):
    net = Gpt(layers, width, vocab, heads, recompute).to("cuda")
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16, None: None}[amp]
    return train(net, lambda: net(torch.randint(0, vocab, (batch, length), device="cuda")), amp=dtype)


def resnet(batch=8, size=64, blocks=4, channels=32, last=False):
    net = nn.Sequential(nn.Conv2d(3, channels, 3, padding=1), *[Residual(channels) for _ in range(blocks)]).to("cuda")
    shape = torch.channels_last if last else torch.contiguous_format
    net = net.to(memory_format=shape)
    return train(net, lambda: net(torch.randn(batch, 3, size, size, device="cuda").to(memory_format=shape)).mean())


def geomloss(n=512, m=512, d=2, p=2, gradient=True):
    from geomloss import SamplesLoss

    loss = SamplesLoss("sinkhorn", p=p, blur=0.05, backend="tensorized")
    x, y = torch.randn(n, d, device="cuda", requires_grad=gradient), torch.randn(m, d, device="cuda")

    def step():
        if gradient:
            torch.autograd.grad(loss(x, y), [x])
        else:
            with torch.no_grad():
                loss(x, y)

    return step


def rnn():
    net = nn.LSTM(64, 128, 2, batch_first=True).to("cuda")
    return train(net, lambda: net(torch.randn(8, 32, 64, device="cuda"))[0].mean())


def evaluation():
    net = nn.Linear(WIDTH, WIDTH).to("cuda").eval()

    def step():
        with torch.no_grad():
            net(torch.randn(64, WIDTH, device="cuda"))

    return step


def branches_on_values():
    """The schedule is small, so its values are known; the mask over activations is not."""
    net = nn.Linear(WIDTH, WIDTH).to("cuda")
    schedule = torch.tensor([1, 2, 4], device="cuda")

    def step():
        for count in schedule.tolist():
            y = net(torch.randn(1024 * count, WIDTH, device="cuda"))
            y[y.mean(1) > 0].sum().backward()

    return step


def compiled():
    net = torch.compile(nn.Linear(WIDTH, WIDTH).to("cuda"))
    return train(net, lambda: net(torch.randn(8, WIDTH, device="cuda")).sum())


def parallel():
    net = nn.DataParallel(nn.Linear(WIDTH, WIDTH).to("cuda"))
    return train(net, lambda: net(torch.randn(8, WIDTH, device="cuda")).sum())


def distributed():
    torch.distributed.init_process_group("nccl")
    net = nn.parallel.DistributedDataParallel(nn.Linear(1024, 1024, bias=False).to("cuda"))
    return train(net, lambda: net(torch.randn(8, 1024, device="cuda")).sum())


def leaks():
    net, kept = nn.Linear(WIDTH, WIDTH).to("cuda"), []

    def step():
        out = net(torch.randn(1024, WIDTH, device="cuda"))
        out.sum().backward()
        kept.append(out.detach())  # 2 MiB that nobody frees

    return step


def reads_values():
    net = nn.Linear(WIDTH, WIDTH).to("cuda")

    def step():
        loss = net(torch.randn(64, WIDTH, device="cuda")).mean()
        loss.backward()
        print(loss.item(), net.weight.detach().cpu().numpy().mean(), file=None)

    return step


def raises():
    net = nn.Linear(WIDTH, WIDTH).to("cuda")
    return lambda: net(torch.randn(3, WIDTH - 1, device="cuda"))


def hangs():
    def step():
        while True:
            time.sleep(0.05)

    return step


def returns_a_model():
    return nn.Linear(WIDTH, WIDTH)


def on_the_cpu():
    net = nn.Linear(WIDTH, WIDTH)
    return lambda: net(torch.randn(3, WIDTH)).sum().backward()


def second_gpu():
    return nn.Linear(WIDTH, WIDTH).to("cuda:1")


def writes(path="written.csv"):
    def step():
        with open(path, "a") as file:  # noqa: PTH123
            file.write("loss")

    return step


def removes(path):
    return lambda: os.remove(path)  # noqa: PTH107


def forks():
    return os.fork


def aborts():
    return os.abort


def exits():
    return lambda: exit(0)


def sparse():
    def step():
        where = torch.randint(0, 10, (2, 100), device="cuda")
        square = torch.sparse_coo_tensor(where, torch.randn(100, device="cuda"), (10, 10))
        (square @ torch.randn(10, 10, device="cuda")).sum()

    return step


def measures_itself():
    """Runs the code of `vram.py measure` on the fake device, which answers torch.cuda's questions; gives its answer."""

    def step():
        import importlib
        import json

        real = importlib.import_module("reproof_vram_child.real")
        found = real.measured(linear, {"batch": 8}, steps=2)
        short = {"categories": found["categories"], "peak": found["allocated_peak_bytes"],
                 "steps": len(found["step_s"]), "ran_out": found["ran_out"]}  # fmt: skip
        raise ValueError(json.dumps(short))

    return step


def one_convolution():
    net = nn.Conv2d(4, 16, 3, padding=1, bias=False).to("cuda")
    x = torch.randn(8, 4, 64, 64, device="cuda")
    return lambda: net(x)


class Lora(nn.Module):
    """Low-rank adapters beside a frozen layer, as in arXiv:2106.09685."""

    def __init__(self, base, rank):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.down = nn.Linear(base.in_features, rank, bias=False)
        self.up = nn.Linear(rank, base.out_features, bias=False)

    def forward(self, x):
        return self.base(x) + self.up(self.down(x))


def lora(rank=8, batch=4):
    net = Lora(nn.Linear(1024, 1024, bias=False), rank).to("cuda")
    opt = torch.optim.AdamW([each for each in net.parameters() if each.requires_grad])

    def step():
        opt.zero_grad()
        net(torch.randn(batch, 1024, device="cuda")).sum().backward()
        opt.step()

    return step


def sharded():
    from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard

    torch.distributed.init_process_group("nccl")
    inner = fully_shard(nn.Linear(1024, 1024, bias=False).to("cuda"))
    return train(FullyShardedDataParallel(inner), lambda: inner(torch.randn(8, 1024, device="cuda")).sum())


def sharded_on_a_mesh():
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh("cuda", (2, 4), mesh_dim_names=("replicate", "shard"))
    assert mesh["shard"].size() == 1
    net = fully_shard(nn.Linear(1024, 1024, bias=False).to("cuda"), mesh=mesh)
    return train(net, lambda: net(torch.randn(8, 1024, device="cuda")).sum())


def in_a_thread(wrong=False):
    """The step of `reads_values`, in a thread of its own."""
    net = nn.Linear(WIDTH, WIDTH).to("cuda")

    class Work(threading.Thread):
        def run(self):
            net(torch.randn(64, WIDTH - wrong, device="cuda")).mean().backward()

    def step():
        thread = Work()
        thread.start()
        thread.join()

    return step


def generates():
    net = nn.Linear(WIDTH, WIDTH).to("cuda")

    def step():
        yield net(torch.randn(64, WIDTH, device="cuda"))

    return step


def awaits():
    async def step():
        return torch.zeros(1, device="cuda")

    return step


def seventh_gpu():
    torch.cuda.set_device(7)


def own_extension():
    library = torch.library.Library("reproof_tests", "DEF")
    library.define("twice(Tensor x) -> Tensor")
    library.impl("twice", lambda x: x * 2, "CPU")
    x = torch.randn(8, device="cuda")
    return lambda: (library, torch.ops.reproof_tests.twice(x))


def selects():
    x = torch.randn(100_000, device="cuda", requires_grad=True)

    def step():
        kept = x[x > 0]
        if kept.sum() > 0:
            kept = torch.cat([kept, kept])
        kept.sum().backward()

    return step


def drops():
    """A layer that every draw leaves out, as layer dropout may; a mask of half the rows; a count of known values."""
    x = torch.randn(1000, 1000, device="cuda", requires_grad=True)

    def step():
        y = x
        if torch.rand([]) >= 2:
            y = x.sin()
        rows = y[torch.rand(1000, device="cuda").argsort() < 500]
        kept = rows[: int(torch.arange(10, device="cuda").sum())]
        kept.sum().backward()

    return step


def of_the_plan(batch, hidden, shape, lr=0.1):
    assert (lr, shape) == (0.001, [2]), (lr, shape)
    net = nn.Linear(shape[0], hidden, bias=False).to("cuda")
    return lambda: net(torch.randn(batch, *shape, device="cuda")).sum().backward()


def smoothed():
    """A GradScaler, a fused optimizer and an average of the weights."""
    net = nn.Linear(1024, 1024, bias=False).to("cuda")
    mean = torch.optim.swa_utils.AveragedModel(net)
    inner = train(net, lambda: net(torch.randn(8, 1024, device="cuda")).sum(), update="fused", amp=torch.float16,
                  scaler=True)  # fmt: skip

    def step():
        inner()
        mean.update_parameters(net)

    return step


def normalised(batch=8):
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)).to("cuda")
    return lambda: net(torch.randn(batch, 3, 16, 16, device="cuda")).sum().backward()


def pairwise(n, m, d):
    x, y = torch.randn(n, d, device="cuda"), torch.randn(m, d, device="cuda")
    return lambda: torch.cdist(x, y)
