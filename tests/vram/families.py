"""Networks of the families that the closed form claims, as users write them, as steps to be traced on 'cuda'."""

import importlib.util
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

SPEC = importlib.util.spec_from_file_location("families_reference", Path(__file__).with_name("reference.py"))
reference = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(reference)
DTYPES = {"amp-bf16": torch.bfloat16, "amp-fp16": torch.float16}


class Again(nn.Module):
    """A block that is run again in backward."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, *inputs):
        return checkpoint(self.inner, *inputs, use_reentrant=False)


class Bottleneck(nn.Module):
    """Of a ResNet: two or three convolutions with batch norm, and a shortcut."""

    def __init__(self, c_in, middle, c_out, stride, deep):
        super().__init__()

        def part(a, b, kernel, step):
            return [nn.Conv2d(a, b, kernel, step, kernel // 2, bias=False), nn.BatchNorm2d(b)]

        relu = nn.ReLU(inplace=True)
        if deep:
            layers = [
                *part(c_in, middle, 1, 1),
                relu,
                *part(middle, middle, 3, stride),
                relu,
                *part(middle, c_out, 1, 1),
            ]
        else:
            layers = [*part(c_in, middle, 3, stride), relu, *part(middle, c_out, 3, 1)]
        self.inner = nn.Sequential(*layers)
        plain = stride == 1 and c_in == c_out
        self.short = nn.Identity() if plain else nn.Sequential(*part(c_in, c_out, 1, stride))

    def forward(self, x):
        out = self.inner(x)
        out += self.short(x)
        return F.relu(out, inplace=True)


STAGES = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}


def resnet(s, wrap):
    deep, width = s.depth >= 50, s.width
    layers = [nn.Conv2d(s.in_channels, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True),
              nn.MaxPool2d(3, 2, 1)]  # fmt: skip
    for stage, blocks in enumerate(STAGES[s.depth]):
        middle = s.width * 2**stage
        for index in range(blocks):
            out = middle * (4 if deep else 1)
            layers.append(wrap(Bottleneck(width, middle, out, 2 if stage and not index else 1, deep)))
            width = out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, s.outputs))


class Block(nn.Module):
    """Of GPT-2 and of a vision transformer."""

    def __init__(self, s, causal):
        super().__init__()
        d = s.width
        self.heads, self.kind, self.p, self.causal = s.num_heads, s.attention, s.dropout, causal
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.qkv, self.out = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.up, self.down = nn.Linear(d, 4 * d), nn.Linear(4 * d, d)

    def forward(self, x):
        b, t, c = x.shape
        q, k, v = (each.view(b, t, self.heads, -1).transpose(1, 2) for each in self.qkv(self.norm1(x)).chunk(3, dim=2))
        if self.kind == "fused":
            h = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal, dropout_p=self.p)
        else:
            scores = (q @ k.transpose(-2, -1)) * (c // self.heads) ** -0.5
            h = F.dropout(scores.softmax(-1), self.p) @ v if self.p else scores.softmax(-1) @ v
        out = self.out(h.transpose(1, 2).reshape(b, t, c))
        x = x + (F.dropout(out, self.p) if self.p else out)
        out = self.down(F.gelu(self.up(self.norm2(x))))
        return x + (F.dropout(out, self.p) if self.p else out)


class Rms(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        y = x.float()
        return self.weight * (y * torch.rsqrt(y.pow(2).mean(-1, keepdim=True) + 1e-6)).to(x.dtype)


class Gated(nn.Module):
    """Of LLaMA: RMS norms, rotated queries and keys, grouped keys and values, SwiGLU."""

    def __init__(self, s, _causal):
        super().__init__()
        d, f, k = s.width, s.feed_forward or 4 * s.width, s.width // s.num_heads * (s.kv_heads or s.num_heads)
        self.heads, self.groups = s.num_heads, s.kv_heads or s.num_heads
        self.norm1, self.norm2 = Rms(d), Rms(d)
        self.q, self.k, self.v = (nn.Linear(d, each, bias=False) for each in (d, k, k))
        self.o, self.gate = nn.Linear(d, d, bias=False), nn.Linear(d, f, bias=False)
        self.up, self.down = nn.Linear(d, f, bias=False), nn.Linear(f, d, bias=False)

    def forward(self, x):
        b, t, c = x.shape
        y = self.norm1(x)
        q, k, v = (layer(y).view(b, t, heads, -1).transpose(1, 2) for layer, heads in
                   ((self.q, self.heads), (self.k, self.groups), (self.v, self.groups)))  # fmt: skip
        turn = torch.ones(t, q.shape[-1], dtype=q.dtype, device=x.device)
        q, k = (each * turn + torch.cat([-each.chunk(2, -1)[1], each.chunk(2, -1)[0]], -1) * turn for each in (q, k))
        more = {"enable_gqa": True} if self.groups != self.heads else {}
        h = F.scaled_dot_product_attention(q, k, v, is_causal=True, **more)
        x = x + self.o(h.transpose(1, 2).reshape(b, t, c))
        y = self.norm2(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


class Decoder(nn.Module):
    def __init__(self, s, wrap):
        super().__init__()
        self.gated, self.p = s.gated, s.dropout
        self.tokens = nn.Embedding(s.vocab, s.width)
        self.places = None if s.gated else nn.Embedding(s.seq, s.width)
        make = Gated if s.gated else Block
        self.blocks = nn.Sequential(*[wrap(make(s, True)) for _ in range(s.layers)])
        self.norm = Rms(s.width) if s.gated else nn.LayerNorm(s.width)
        self.head = nn.Linear(s.width, s.vocab, bias=False)
        if not s.untied:
            self.head.weight = self.tokens.weight

    def forward(self, ids, targets):
        x = self.tokens(ids)
        if self.places is not None:
            x = x + self.places(torch.arange(ids.shape[1], device=ids.device))
        x = F.dropout(x, self.p) if self.p else x
        logits = self.head(self.norm(self.blocks(x)))
        return logits, F.cross_entropy(logits.flatten(0, 1), targets.flatten())


class Vit(nn.Module):
    def __init__(self, s, wrap):
        super().__init__()
        count = (s.image_size // s.patch) ** 2 + 1
        self.patches = nn.Conv2d(s.in_channels, s.width, s.patch, s.patch)
        self.first = nn.Parameter(torch.zeros(1, 1, s.width))
        self.places = nn.Parameter(torch.zeros(1, count, s.width))
        self.blocks = nn.Sequential(*[wrap(Block(s, False)) for _ in range(s.layers)])
        self.norm, self.head = nn.LayerNorm(s.width), nn.Linear(s.width, s.outputs)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.first.expand(x.shape[0], -1, -1), x], dim=1) + self.places
        return self.head(self.norm(self.blocks(x))[:, 0])


def network(family, s, wrap):
    if family == "resnet":
        return resnet(s, wrap)
    if family == "vit":
        return Vit(s, wrap)
    if family == "transformer":
        return Decoder(s, wrap)
    return {"mlp": reference.Mlp, "cnn": reference.Cnn, "unet": reference.Unet}[family](s)


def inputs(family, s, batch):
    """What the loader would give, and the loss."""
    if family == "transformer":
        ids = torch.randint(s.vocab, (batch, s.seq))
        return (ids, torch.randint(s.vocab, (batch, s.seq))), lambda net, x: net(*x)
    if family == "mlp":
        x = (torch.randn(batch, s.dim), torch.rand(batch), torch.randn(batch, s.dim))
        return x, lambda net, x: F.mse_loss(net(x[0], x[1]).float(), x[2])
    image = torch.randn(batch, s.in_channels, s.image_size, s.image_size)
    if family == "unet":
        x = (image, torch.rand(batch), torch.randn_like(image))
        return x, lambda net, x: F.mse_loss(net(x[0], x[1]).float(), x[2])
    if family == "cnn":
        return (image, torch.rand(batch, s.outputs)), lambda net, x: F.mse_loss(net(x[0]).float(), x[1])
    return (image, torch.randint(s.outputs, (batch,))), lambda net, x: F.cross_entropy(net(x[0]), x[1])


def sized(family, sizes):
    """The sizes as attributes, with two derived ones that the reference U-Net asks for."""
    import types

    s = types.SimpleNamespace(**sizes)
    if family == "unet":
        s.attention_factors = {s.image_size // each for each in s.attention_resolutions}
        s.heads = lambda channels: channels // s.num_head_channels if s.num_head_channels > 0 else s.num_heads
    return s


def build(family, sizes, batch, precision="fp32", optimizer="adam", update="foreach", ema=False, checkpointing=False,
          device="cuda"):  # fmt: skip
    """One training step of that family; sizes is a dictionary."""
    import copy

    torch.set_default_device(device)
    s = sized(family, sizes)
    net = network(family, s, Again if checkpointing else lambda block: block)
    if precision == "bf16":
        net = net.to(torch.bfloat16)
    kinds = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}
    more = {"lr": 0.1, "momentum": 0.9} if optimizer == "momentum" else {}
    more |= {"fused": True} if update == "fused" else {}
    opt = kinds.get(optimizer, torch.optim.SGD)(net.parameters(), **more)
    mean = copy.deepcopy(net).requires_grad_(False) if ema else None

    def step():
        opt.zero_grad(set_to_none=True)
        x, loss = inputs(family, s, batch)
        x = tuple(each.bfloat16() if precision == "bf16" and each.is_floating_point() else each for each in x)
        with torch.autocast("cuda", dtype=DTYPES.get(precision), enabled=precision in DTYPES):
            value = loss(net, x)
        (value[1] if isinstance(value, tuple) else value).backward()
        opt.step()
        if mean is not None:
            with torch.no_grad():
                for a, b in zip(mean.parameters(), net.parameters(), strict=True):
                    a.lerp_(b, 0.01)

    return step
