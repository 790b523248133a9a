"""Functions that calls of the specs are given or compared with."""

import math

import torch


def decay(_t, y):
    """dy/dt = -5 y."""
    return -5 * y


def decay_swapped(y, _t):
    """The same with the arguments of another library."""
    return -5 * y


def to_the_mean(_t, y):
    """keepdim makes (B, 1), which broadcasts where -y was meant."""
    return -5 * y.mean(1, keepdim=True)


def decayed(_function, y, t):
    """The exact solution of `decay` at every time of t, time first."""
    return torch.stack([y * math.exp(-5 * float(moment)) for moment in t])


class Field(torch.nn.Module):
    """w y, with w captured and not registered."""

    def __init__(self, w):
        super().__init__()
        self.captured = [w]

    def forward(self, _t, y):
        return self.captured[0] * y


class Registered(torch.nn.Module):
    """w y, with w a parameter."""

    def __init__(self):
        super().__init__()
        self.w = torch.nn.Parameter(torch.tensor(-1.0))

    def forward(self, _t, y):
        return self.w * y


class Noisy(torch.nn.Module):
    """dy = -y dt + dW."""

    noise_type, sde_type = "diagonal", "ito"

    def f(self, _t, y):
        return -y

    def g(self, _t, y):
        return torch.ones_like(y)


def accuracy(scores, labels):
    """Share of samples whose largest score is at their label."""
    return (scores.argmax(1) == labels).float().mean()


def extract(schedule, t, x):
    """A coefficient per sample, times images; one axis short, so that it meets the channels."""
    return schedule[t][:, None, None] * x


def extract_right(schedule, t, x):
    """A coefficient per sample, times images."""
    return schedule[t][:, None, None, None] * x


def pairwise(x, y):
    """All squared distances through (N, M, D) numbers."""
    return ((x[:, None] - y[None]) ** 2).sum(-1)


def frechet_of_pixels(x, y):
    """FID with the first 64 pixels as features."""
    from torchmetrics.image.fid import FrechetInceptionDistance

    class Pixels(torch.nn.Module):
        num_features = 64

        def forward(self, images):
            return images.float().flatten(1)[:, :64] / 255

    fid = FrechetInceptionDistance(feature=Pixels(), input_img_size=(3, 8, 8))
    fid.update(x, real=True)
    fid.update(y, real=False)
    return fid.compute()


def optimizer(lr=0.1):
    """An optimizer of one number."""
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)


def euler_step(x):
    """One step of an Euler sampler, on a sample that was not scaled."""
    from diffusers import EulerDiscreteScheduler

    scheduler = EulerDiscreteScheduler()
    scheduler.set_timesteps(10)
    return scheduler.step(0 * x, scheduler.timesteps[0], x).prev_sample


class Sampler:
    """A sampling run that does not set its steps anew."""

    def __init__(self):
        from diffusers import DPMSolverMultistepScheduler

        self.scheduler = DPMSolverMultistepScheduler()
        self.scheduler.set_timesteps(5)

    def __call__(self, x):
        for t in self.scheduler.timesteps:
            x = self.scheduler.step(0.1 * x, t, x).prev_sample
        return x
