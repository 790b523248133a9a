# ruff: noqa
"""A small diffusion UNet with its schedule and sampler, written for these faults."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

TIMESTEPS = 1000


def timestep_embedding(t, dim, max_period=10000):
    half = dim // 2
    freqs = torch.exp(-math.log(max_period) * torch.arange(half, dtype=torch.float32) / half)
    args = t[:, None].float() * freqs[None]
    return torch.cat([torch.cos(args), torch.sin(args)], dim=-1)


def cosine_betas(timesteps=TIMESTEPS, s=0.008):
    steps = torch.linspace(0, timesteps, timesteps + 1, dtype=torch.float64) / timesteps
    alphas = torch.cos((steps + s) / (1 + s) * math.pi * 0.5) ** 2
    alphas = alphas / alphas[0]
    betas = 1 - alphas[1:] / alphas[:-1]
    return torch.clip(betas, 0, 0.999)


class ResBlock(nn.Module):
    def __init__(self, c_in, c_out, c_time, dropout=0.1):
        super().__init__()
        self.norm1 = nn.GroupNorm(8, c_in)
        self.conv1 = nn.Conv2d(c_in, c_out, 3, padding=1)
        self.time = nn.Linear(c_time, 2 * c_out)
        self.norm2 = nn.GroupNorm(8, c_out)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1)
        self.skip = nn.Conv2d(c_in, c_out, 1) if c_in != c_out else nn.Identity()
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x, emb):
        h = self.conv1(F.silu(self.norm1(x)))
        scale, shift = self.time(F.silu(emb))[:, :, None, None].chunk(2, dim=1)
        h = self.norm2(h) * (1 + scale) + shift
        h = self.conv2(self.dropout(F.silu(h)))
        return self.skip(x) + h


class Upsample(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        x = F.interpolate(x, scale_factor=2, mode="nearest")
        return self.conv(x)


class UNet(nn.Module):
    def __init__(self, channels=32, mults=(1, 2)):
        super().__init__()
        self.embed_dim = channels
        self.time = nn.Sequential(nn.Linear(channels, 4 * channels), nn.SiLU(), nn.Linear(4 * channels, 4 * channels))
        self.stem = nn.Conv2d(3, channels, 3, padding=1)
        self.down1 = ResBlock(channels, channels, 4 * channels)
        self.pool = nn.Conv2d(channels, channels, 3, stride=2, padding=1)
        self.down2 = ResBlock(channels, channels * mults[1], 4 * channels)
        self.middle = ResBlock(channels * mults[1], channels * mults[1], 4 * channels)
        self.up = Upsample(channels * mults[1])
        self.up1 = ResBlock(channels * mults[1] + channels, channels, 4 * channels)
        self.out = nn.Sequential(nn.GroupNorm(8, channels), nn.SiLU(), nn.Conv2d(channels, 3, 3, padding=1))

    def forward(self, x, t):
        emb = self.time(timestep_embedding(t, self.embed_dim))
        h1 = self.down1(self.stem(x), emb)
        h = self.down2(self.pool(h1), emb)
        h = self.middle(h, emb)
        h = self.up1(torch.cat([self.up(h), h1], dim=1), emb)
        return self.out(h)


class Diffusion:
    def __init__(self, model, betas):
        self.model = model
        alphas = 1.0 - betas
        self.bar = torch.cumprod(alphas, dim=0)
        self.betas = betas

    def loss(self, x0, t, noise):
        a = self.bar[t][:, None, None, None]
        x_t = a.sqrt() * x0 + (1 - a).sqrt() * noise
        return F.mse_loss(self.model(x_t, t), noise)

    @torch.no_grad()
    def p_sample(self, x, t, clip_denoised=True):
        a = self.bar[t]
        eps = self.model(x, t)
        x0 = (x - (1 - a).sqrt() * eps) / a.sqrt()
        if clip_denoised:
            x0 = x0.clamp(-1, 1)
        before = self.bar[t - 1] if t > 0 else torch.ones_like(a)
        mean = x0 * before.sqrt() * self.betas[t] / (1 - a) + x * (1 - self.betas[t]).sqrt() * (1 - before) / (1 - a)
        var = self.betas[t] * (1 - before) / (1 - a)
        return mean + var.sqrt() * torch.randn_like(x)
