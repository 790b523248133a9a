"""Two networks in plain torch for `vram_reports.py`, operator by operator as their projects describe them.

ImageToText: SigLIP-B/16 (arXiv:2303.15343) with pixel shuffle into SmolLM2-135M, as nanoVLM's default of May 2025.
DiffusionTransformer: DiT-XL/2 (arXiv:2212.09748, section 3.2, adaLN-Zero), its blocks checkpointed.
"""

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint


def heads_of(x, count):
    """(B, T, D) as (B, heads, T, D / heads)."""
    return x.view(*x.shape[:2], count, -1).transpose(1, 2)


def joined(x):
    """Back to (B, T, D)."""
    return x.transpose(1, 2).contiguous().flatten(2)


class VisionBlock(nn.Module):
    """Pre-norm, 12 heads, tanh GELU, biases."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(width, eps=1e-6) for _ in range(2))
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        """The same shape."""
        q, k, v = (heads_of(part, self.heads) for part in self.qkv(self.norms[0](x)).split(x.shape[-1], dim=2))
        x = x + self.out(joined(F.scaled_dot_product_attention(q, k, v)))
        return x + self.down(F.gelu(self.up(self.norms[1](x)), approximate="tanh"))


class RootMeanSquare(nn.Module):
    """x / rms(x) * weight in plain operators."""

    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        """The same shape."""
        scale = torch.rsqrt(torch.mean(x**2, dim=-1, keepdim=True) + 1e-5)
        return x * scale * self.weight


def turned(x, cos, sin):
    """Rotary position embedding."""
    left, right = x.chunk(2, dim=-1)
    return (x * cos) + (torch.cat((-right, left), dim=-1) * sin)


class TextBlock(nn.Module):
    """9 heads, 3 of keys and values repeated, SwiGLU; a padding mask beside the causal one."""

    def __init__(self, width=576, heads=9, kv_heads=3, inner=1536):
        super().__init__()
        self.heads, self.kv_heads = heads, kv_heads
        self.norms = nn.ModuleList(RootMeanSquare(width) for _ in range(2))
        side = width // heads * kv_heads
        self.q, self.out = (nn.Linear(width, width, bias=False) for _ in range(2))
        self.k, self.v = (nn.Linear(width, side, bias=False) for _ in range(2))
        self.gate, self.up = (nn.Linear(width, inner, bias=False) for _ in range(2))
        self.down = nn.Linear(inner, width, bias=False)

    def forward(self, x, cos, sin, mask):
        """(B, T, D) to the same."""
        return self.feed(x + self.attend(self.norms[0](x), cos, sin, mask))

    def attend(self, x, cos, sin, mask):
        """Attention, without residual."""
        q = heads_of(self.q(x), self.heads)
        k, v = (heads_of(part(x), self.kv_heads) for part in (self.k, self.v))
        q, k = turned(q, cos, sin), turned(k, cos, sin)
        k, v = (part.repeat_interleave(self.heads // self.kv_heads, dim=1) for part in (k, v))
        hidden = (1.0 - mask[:, None, None]) * torch.finfo(q.dtype).min
        return self.out(joined(F.scaled_dot_product_attention(q, k, v, attn_mask=hidden, is_causal=True)))

    def feed(self, x):
        """The feed-forward half, with its residual."""
        normed = self.norms[1](x)
        gate = F.silu(self.gate(normed))
        return x + self.down(gate * self.up(normed))


class ImageToText(nn.Module):
    """222M parameters: 196 patches become 49 tokens before the text; the output shares the embedding's weights."""

    def __init__(self, words=49152):
        super().__init__()
        self.patches = nn.Conv2d(3, 768, 16, 16)
        self.places = nn.Parameter(torch.rand(1, 196, 768))
        self.vision = nn.ModuleList(VisionBlock(768, 12) for _ in range(12))
        self.vision_norm = nn.LayerNorm(768, eps=1e-6)
        self.bridge = nn.Linear(768 * 4, 576, bias=False)
        self.words = nn.Embedding(words, 576)
        self.text = nn.ModuleList(TextBlock() for _ in range(30))
        self.norm = RootMeanSquare(576)
        self.register_buffer("frequencies", 1.0 / 100000 ** (torch.arange(0, 64, 2).float() / 64))

    def seen(self, image):
        """The 49 image tokens."""
        x = self.patches(image).flatten(2).transpose(1, 2) + self.places
        for block in self.vision:
            x = block(x)
        x = self.vision_norm(x).view(-1, 7, 2, 7, 2, 768).permute(0, 1, 3, 2, 4, 5).contiguous()
        return self.bridge(x.reshape(-1, 49, 768 * 4))

    @torch.no_grad()
    def rotations(self, batch, length):
        """Cosine and sine of every place, for each sample."""
        places = torch.arange(length, device=self.frequencies.device).expand(batch, -1)
        angles = torch.cat([places[..., None].float() * self.frequencies] * 2, dim=-1)
        return torch.cos(angles)[:, None], torch.sin(angles)[:, None]

    def forward(self, ids, image, mask, targets):
        """Logits of the text and the loss."""
        seen = self.seen(image)
        x = torch.cat((seen, self.words(ids)), dim=1)
        mask = torch.cat((torch.ones(seen.shape[:2], device=mask.device, dtype=mask.dtype), mask), dim=1)
        cos, sin = self.rotations(*x.shape[:2])
        for block in self.text:
            x = block(x, cos, sin, mask)
        logits = F.linear(self.norm(x), self.words.weight)[:, seen.shape[1] :]
        return logits, F.cross_entropy(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1), ignore_index=-100)


def modulated(x, shift, scale):
    """adaLN: x (1 + scale) + shift."""
    return x * (1 + scale.unsqueeze(1)) + shift.unsqueeze(1)


class AdaptiveBlock(nn.Module):
    """Norms without weights whose shift, scale and gate come from time and label."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(width, elementwise_affine=False, eps=1e-6) for _ in range(2))
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.adaptive = nn.Sequential(nn.SiLU(), nn.Linear(width, 6 * width))

    def forward(self, x, condition):
        """(B, T, D) to the same."""
        s1, c1, g1, s2, c2, g2 = self.adaptive(condition).chunk(6, dim=1)
        x = x + g1.unsqueeze(1) * self.attend(modulated(self.norms[0](x), s1, c1))
        inner = F.gelu(self.up(modulated(self.norms[1](x), s2, c2)), approximate="tanh")
        return x + g2.unsqueeze(1) * self.down(inner)

    def attend(self, x):
        """Attention, without residual."""
        batch, length, width = x.shape
        q, k, v = self.qkv(x).reshape(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        return self.out(joined(F.scaled_dot_product_attention(q, k, v)))


class DiffusionTransformer(nn.Module):
    """675M parameters, latents of 4 x 32 x 32, patches of 2, noise and its variance out."""

    def __init__(self, width=1152, depth=28, heads=16):
        super().__init__()
        self.patches = nn.Conv2d(4, width, 2, 2)
        self.places = nn.Parameter(torch.zeros(1, 256, width), requires_grad=False)
        self.time = nn.Sequential(nn.Linear(256, width), nn.SiLU(), nn.Linear(width, width))
        self.label = nn.Embedding(1001, width)
        self.blocks = nn.ModuleList(AdaptiveBlock(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.adaptive = nn.Sequential(nn.SiLU(), nn.Linear(width, 2 * width))
        self.out = nn.Linear(width, 2 * 2 * 8)

    def forward(self, x, t, labels):
        """(B, 4, 32, 32) to (B, 8, 32, 32)."""
        x = self.patches(x).flatten(2).transpose(1, 2) + self.places
        angles = t[:, None] * torch.exp(-torch.arange(128, device=t.device) / 14)
        condition = self.time(torch.cat([torch.cos(angles), torch.sin(angles)], dim=-1)) + self.label(labels)
        for block in self.blocks:
            x = checkpoint(block, x, condition, use_reentrant=True)
        x = self.out(modulated(self.norm(x), *self.adaptive(condition).chunk(2, dim=1)))
        x = x.reshape(-1, 16, 16, 2, 2, 8)
        return torch.einsum("nhwpqc->nchpwq", x).reshape(-1, 8, 32, 32)
