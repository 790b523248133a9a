"""Networks written for the tests, by hand and in torch, to count against; and two ways to measure memory on a CPU."""

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.profiler import ProfilerActivity, profile


class Residual(nn.Module):
    def __init__(self, c_in, c_out, time):
        super().__init__()
        self.first = nn.Sequential(nn.GroupNorm(32, c_in), nn.SiLU(), nn.Conv2d(c_in, c_out, 3, padding=1))
        self.shift = nn.Sequential(nn.SiLU(), nn.Linear(time, c_out))
        self.second = nn.Sequential(nn.GroupNorm(32, c_out), nn.SiLU(), nn.Conv2d(c_out, c_out, 3, padding=1))
        self.shortcut = nn.Identity() if c_in == c_out else nn.Conv2d(c_in, c_out, 1)

    def forward(self, x, time):
        return self.shortcut(x) + self.second(self.first(x) + self.shift(time)[:, :, None, None])


class Attention(nn.Module):
    def __init__(self, channels, heads, fused):
        super().__init__()
        self.heads, self.fused = heads, fused
        self.norm = nn.GroupNorm(32, channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.out = nn.Conv1d(channels, channels, 1)

    def forward(self, x, _time):
        b, c, *size = x.shape
        x = x.reshape(b, c, -1)
        q, k, v = self.qkv(self.norm(x)).reshape(b * self.heads, 3 * c // self.heads, -1).chunk(3, dim=1)
        if self.fused:
            q, k, v = (each.transpose(1, 2)[:, None].contiguous() for each in (q, k, v))
            h = F.scaled_dot_product_attention(q, k, v)[:, 0].transpose(1, 2)
        else:
            scale = (c // self.heads) ** -0.25
            weight = torch.softmax(torch.einsum("bct,bcs->bts", q * scale, k * scale), dim=-1)
            h = torch.einsum("bts,bcs->bct", weight, v)
        return (x + self.out(h.reshape(b, c, -1))).reshape(b, c, *size)


class Down(nn.Conv2d):
    def forward(self, x, _time):
        return super().forward(x)


class Up(nn.Conv2d):
    def forward(self, x, _time):
        return super().forward(F.interpolate(x, scale_factor=2, mode="nearest"))


class Unet(nn.Module):
    """Dhariwal and Nichol, without classes, scale-shift norm or residual resampling."""

    def __init__(self, s):
        super().__init__()
        base, time = s.num_channels, 4 * s.num_channels
        self.base = base
        self.time = nn.Sequential(nn.Linear(base, time), nn.SiLU(), nn.Linear(time, time))
        width, factor = base * s.channel_mult[0], 1
        self.enter = nn.Conv2d(s.in_channels, width, 3, padding=1)
        self.down, widths = nn.ModuleList(), [width]
        attend = lambda c: [Attention(c, s.heads(c), s.attention == "fused")]  # noqa: E731
        for level, mult in enumerate(s.channel_mult):
            for _ in range(s.num_res_blocks):
                block = [Residual(width, mult * base, time)]
                width = mult * base
                self.down.append(nn.ModuleList(block + (attend(width) if factor in s.attention_factors else [])))
                widths.append(width)
            if level < len(s.channel_mult) - 1:
                self.down.append(nn.ModuleList([Down(width, width, 3, stride=2, padding=1)]))
                widths.append(width)
                factor *= 2
        self.middle = nn.ModuleList([Residual(width, width, time), *attend(width), Residual(width, width, time)])
        self.up = nn.ModuleList()
        for level, mult in reversed(list(enumerate(s.channel_mult))):
            for i in range(s.num_res_blocks + 1):
                block = [Residual(width + widths.pop(), mult * base, time)]
                width = mult * base
                block += attend(width) if factor in s.attention_factors else []
                if level and i == s.num_res_blocks:
                    block.append(Up(width, width, 3, padding=1))
                    factor //= 2
                self.up.append(nn.ModuleList(block))
        self.leave = nn.Sequential(
            nn.GroupNorm(32, width), nn.SiLU(), nn.Conv2d(width, s.out_channels or s.in_channels, 3, padding=1)
        )

    def forward(self, x, t):
        half = self.base // 2
        angle = t[:, None] * torch.exp(-math.log(10000) * torch.arange(half) / half)
        time = self.time(torch.cat([angle.cos(), angle.sin()], dim=1))
        h = self.enter(x)
        skips = [h]
        for block in self.down:
            for layer in block:
                h = layer(h, time)
            skips.append(h)
        for layer in self.middle:
            h = layer(h, time)
        for block in self.up:
            h = torch.cat([h, skips.pop()], dim=1)
            for layer in block:
                h = layer(h, time)
        return self.leave(h)


class Mlp(nn.Module):
    def __init__(self, s):
        super().__init__()
        widths = [s.dim + s.time_channels] + [s.hidden] * s.layers
        act = nn.ReLU if s.activation == "relu" else nn.SiLU
        layers = [m for i in range(s.layers) for m in (nn.Linear(widths[i], widths[i + 1]), act())]
        self.net = nn.Sequential(*layers, nn.Linear(s.hidden, s.dim))

    def forward(self, x, t):
        return self.net(torch.cat([x, t[:, None]], dim=1))


class Cnn(nn.Module):
    def __init__(self, s):
        super().__init__()
        widths = [s.in_channels, *s.predictor_channels]
        layers = []
        for c_in, c_out in itertools.pairwise(widths):
            layers += [nn.Conv2d(c_in, c_out, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2)]
        side = s.image_size >> len(s.predictor_channels)
        self.net = nn.Sequential(*layers, nn.Flatten(), nn.Linear(widths[-1] * side * side, s.outputs), nn.Sigmoid())

    def forward(self, x):
        return self.net(x)


class Block(nn.Module):
    def __init__(self, width, heads, fused):
        super().__init__()
        self.heads, self.fused = heads, fused
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        b, t, c = x.shape
        q, k, v = (e.view(b, t, self.heads, -1).transpose(1, 2) for e in self.qkv(self.norm1(x)).chunk(3, dim=2))
        if self.fused:
            h = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            scores = (q @ k.transpose(-2, -1)) * (c // self.heads) ** -0.5
            mask = torch.ones(t, t, dtype=torch.bool).tril()
            h = torch.softmax(scores.masked_fill(~mask, -math.inf), dim=-1) @ v
        x = x + self.out(h.transpose(1, 2).contiguous().view(b, t, c))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class Gpt(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.tokens, self.places = nn.Embedding(s.vocab, s.width), nn.Embedding(s.seq, s.width)
        self.blocks = nn.Sequential(*[Block(s.width, s.num_heads, s.attention == "fused") for _ in range(s.layers)])
        self.norm = nn.LayerNorm(s.width)
        self.head = nn.Linear(s.width, s.vocab, bias=False)
        self.head.weight = self.tokens.weight

    def forward(self, ids, targets):
        x = self.tokens(ids) + self.places(torch.arange(ids.shape[1]))
        logits = self.head(self.norm(self.blocks(x)))
        return logits, F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def size(*tensors):
    return sum(tensor.nbytes for tensor in tensors)


def step_of(family, sizes, batch):
    """The module, a function that runs its forward pass and returns the loss, and the bytes of its inputs."""
    torch.manual_seed(0)
    if family == "mlp":
        net = Mlp(sizes)
        x, y, t = torch.randn(batch, sizes.dim), torch.randn(batch, sizes.dim), torch.rand(batch)
        return net, lambda: F.mse_loss(net(x, t), y), size(x, y, t)
    if family == "transformer":
        net = Gpt(sizes)
        ids = torch.randint(sizes.vocab, (batch, sizes.seq))
        targets = torch.randint(sizes.vocab, (batch, sizes.seq))
        return net, lambda: net(ids, targets), size(ids, targets)
    image = torch.randn(batch, sizes.in_channels, sizes.image_size, sizes.image_size)
    if family == "cnn":
        net, y = Cnn(sizes), torch.rand(batch, sizes.outputs)
        return net, lambda: F.mse_loss(net(image), y), size(image, y)
    net, y, t = Unet(sizes), torch.randn_like(image), torch.rand(batch)
    return net, lambda: F.mse_loss(net(image, t), y), size(image, y, t)


def saved_bytes(net: nn.Module, forward) -> int:
    """Bytes of the distinct storages that autograd holds after `forward`, parameters not counted."""
    own = {p.untyped_storage().data_ptr() for p in net.parameters()}
    seen: dict[int, int] = {}
    keep = []  # a storage that dies would lend its address to the next one

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            seen[storage.data_ptr()] = storage.nbytes()
            keep.append(storage)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = forward()
    del result
    return sum(seen.values())


def peak_bytes(step) -> int:
    """Most bytes the CPU allocator held above the start while `step` ran, temporaries inside operators included."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
        result = step()
    del result
    events = [e for e in record.profiler.kineto_results.events() if e.name() == "[memory]"]
    now = most = 0
    for event in sorted(events, key=lambda e: e.start_ns()):
        now += event.nbytes()
        most = max(most, now)
    return most
