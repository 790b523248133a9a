"""Steps with quantised weights and states, small; those of `toy` need no library, the others need bitsandbytes."""

import sys
from pathlib import Path

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

WIDTH = 4096


class Packed(nn.Parameter):
    """A weight that halves its bytes when it moves to the GPU, as the library's do."""

    def __new__(cls, data, requires_grad=False):
        self = torch.Tensor._make_subclass(cls, data, requires_grad)
        self.scale = None
        return self

    def to(self, *args, **kwargs):
        if self.scale is not None:
            return Packed(super().to(*args, **kwargs))
        whole = self.data.to(*args, **kwargs)
        self.scale = whole.new_ones(whole.shape[0], dtype=torch.float32)
        self.data = whole.view(-1)[::2].to(torch.uint8)
        return self


def packed():
    """A weight of 1024 x 1024, and what its class says of it afterwards."""
    net = nn.Linear(1024, 1024, bias=False)
    net.weight = tied = Packed(net.weight.data)
    pair = nn.Sequential(net, nn.Linear(1024, 1024, bias=False))
    pair[1].weight = tied
    pair.to("cuda")
    pair.to(torch.float16)  # a module that is cast later keeps what its weights are
    weight = pair[0].weight
    assert type(weight).__name__ == "Packed" and isinstance(weight, Packed) and isinstance(weight, nn.Parameter)
    assert weight.device.type == "cuda" and weight.scale.device.type == "cuda" and weight.dtype == torch.uint8
    assert weight is tied is pair[1].weight, "ties are kept"
    assert [name for name, _ in pair.named_parameters()] == ["0.weight"]

    def step():
        assert pair[0].weight.numel() == 1024 * 512

    return step


def toy():
    sys.path.insert(0, str(Path(__file__).with_name("toy")))
    import bitsandbytes

    return bitsandbytes


def toy_kernel():
    """4 MiB in, 8 inside, 4 out; then the values are no longer known."""
    toy()
    x = torch.zeros(1024, 1024, device="cuda")

    def step():
        small = torch.zeros(4, device="cuda")
        torch.ops.bitsandbytes.toy_scaled(x, 2.0)
        assert small.sum().item() == 0
        torch.ops.bitsandbytes.toy_update(small)
        assert small.sum().item() == 1, "an unknown value is taken as 1"

    return step


def toy_paged():
    library = toy()
    kept = [library.functional.get_paged(1024, 1024, dtype=torch.uint8, device="cuda") for _ in range(2)]
    assert all(each.is_paged and each.device.type == "cpu" for each in kept)
    return lambda: torch.ones(4, device="cuda").sum()


def compiled_after():
    """The user's own compilation, after the library was imported."""
    toy()
    double = torch.compile(lambda x: 2 * x)
    return lambda: double(torch.ones(4, device="cuda"))


def extension(fake=True):
    """An operator of somebody's extension, with and without a fake kernel."""
    torch.library.define("somebody::doubled", "(Tensor x) -> Tensor")
    if fake:
        torch.library.register_fake("somebody::doubled")(lambda x: torch.empty_like(x))
    return lambda: torch.ops.somebody.doubled(torch.ones(1024, 256, device="cuda"))


def other():
    """A library of quantised layers that fails on fake tensors."""
    toy()
    import awq

    return lambda: awq.quantize(torch.ones(4, device="cuda"))


def masks():
    """A padded batch needs its mask, another none."""
    toy()
    import transformers

    whole = torch.ones(4, 8, dtype=torch.long, device="cuda")
    padded = whole.clone()
    padded[1, -2:] = 0

    def step():
        assert transformers.needs_mask(padded)
        assert not transformers.needs_mask(whole)

    return step


class Held(torch.Tensor):
    """A tensor that only holds another, of half its bytes, as torchao's do."""

    @staticmethod
    def __new__(cls, inner):
        shape = (2 * inner.shape[0], *inner.shape[1:])
        return torch.Tensor._make_wrapper_subclass(cls, shape, dtype=torch.float32, device=inner.device)

    def __init__(self, inner):
        self.inner = inner

    def __tensor_flatten__(self):
        return ["inner"], None

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        if func is torch.ops.aten.detach.default:
            return cls(args[0].inner)
        whole = [torch.cat([each.inner, each.inner]) if isinstance(each, cls) else each for each in args]
        return func(*whole, **(kwargs or {}))


def held():
    """A parameter of 4 MiB that takes 2; a step makes 4 MiB of it for a moment, and a result of 4."""
    net = nn.Module()
    net.weight = nn.Parameter(Held(torch.ones(512, 1024, device="cuda")), requires_grad=False)

    def step():
        assert net.weight is not None
        net.weight.mul(2.0)

    return step


class Low(torch.optim.Optimizer):
    """An optimizer with such a state, of which the update is only ever compiled."""

    def step(self):
        for weight in self.param_groups[0]["params"]:
            state = self.state[weight]
            if not state:
                state["moment"] = Held(torch.zeros(512, 1024, device="cuda"))
            torch.compile(_compiled)(weight.detach(), weight.grad)


def _compiled(weight, gradient):
    weight.sub_(gradient.exp().exp())


_compiled.__module__ = "torchao.optim.adam"


def low():
    """4 MiB of weights, 4 of gradients, 2 of state; the update would make 8 for a moment."""
    weight = nn.Parameter(torch.ones(1024, 1024, device="cuda"))
    optimizer = Low([weight], {})

    def step():
        weight.grad = torch.ones_like(weight)
        optimizer.step()
        optimizer.zero_grad()
        torch.ones(2048, 1024, device="cuda")  # 8 more: what comes after the update is seen again

    return step


# ---- with bitsandbytes


def linear4(nested=False, kind="nf4", tokens=4096, gradient=True):
    import bitsandbytes as bnb

    layer = bnb.nn.Linear4bit(WIDTH, WIDTH, bias=False, compute_dtype=torch.bfloat16, quant_type=kind,
                              compress_statistics=nested)  # fmt: skip
    layer.weight.data = layer.weight.data.bfloat16()
    layer.to("cuda")
    assert isinstance(layer.weight, bnb.nn.Params4bit)

    def step():
        x = torch.randn(tokens, WIDTH, device="cuda", dtype=torch.bfloat16, requires_grad=gradient)
        out = layer(x)
        if gradient:
            out.backward(torch.ones_like(out))

    return step


def linear8(tokens=4096):
    import bitsandbytes as bnb

    layer = bnb.nn.Linear8bitLt(WIDTH, WIDTH, bias=False, has_fp16_weights=False, threshold=6.0).to("cuda")

    def step():
        x = torch.randn(tokens, WIDTH, device="cuda", dtype=torch.float16, requires_grad=True)
        out = layer(x)
        out.backward(torch.ones_like(out))

    return step


class Adapted(nn.Module):
    """A frozen layer and a low-rank one beside it."""

    def __init__(self, base, rank):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.down, self.up = nn.Linear(WIDTH, rank, bias=False), nn.Linear(rank, WIDTH, bias=False)

    def forward(self, x):
        return x + self.base(x) + self.up(self.down(x))


def qlora(bits=4, layers=4, tokens=512, rank=16, optimizer="PagedAdamW8bit"):
    import bitsandbytes as bnb

    def base():
        if bits == 16:
            return nn.Linear(WIDTH, WIDTH, bias=False)
        layer = bnb.nn.Linear4bit(WIDTH, WIDTH, bias=False, compute_dtype=torch.bfloat16, quant_type="nf4")
        layer.weight.data = layer.weight.data.bfloat16()
        return layer

    net = nn.ModuleList(Adapted(base(), rank) for _ in range(layers)).bfloat16().to("cuda")
    update = getattr(bnb.optim, optimizer)([each for each in net.parameters() if each.requires_grad], lr=1e-4)

    def step():
        x = torch.randn(tokens, WIDTH, device="cuda", dtype=torch.bfloat16)
        for layer in net:
            x = checkpoint(layer, x, use_reentrant=False)
        x.float().square().mean().backward()
        update.step()
        update.zero_grad()

    return step


def update(name="AdamW8bit", count=2**22, **settings):
    """One parameter of that many numbers, updated."""
    import bitsandbytes as bnb

    weight = nn.Parameter(torch.ones(count, device="cuda"))
    optimizer = getattr(bnb.optim, name)([weight], lr=1e-3, **settings)

    def step():
        weight.grad = torch.ones_like(weight)
        optimizer.step()
        optimizer.zero_grad()

    return step
