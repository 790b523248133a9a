"""A small library in which every call goes wrong in its own way, and a few go right."""

import ctypes
import os
import signal
import socket
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import torch

# right


def mean_squared(x, y):
    return ((x - y) ** 2).mean()


def summed(x, y):
    return ((x - y) ** 2).sum()


def double(x):
    return 2 * x


class Scale(torch.nn.Module):
    """A module with a parameter drawn at random, which is no reason to call it random."""

    def __init__(self, width, bias=True):
        super().__init__()
        self.layer = torch.nn.Linear(width, 1, bias=bias)

    def forward(self, x):
        return self.layer(x)


def decay(t, y):
    return -t * y


def apply(function, t, y):
    return function(t, y)


def pairwise(x, y):
    return ((x[:, None] - y[None]) ** 2).sum(-1)


def numpy_only(x):
    assert isinstance(x, np.ndarray), f"wants numpy, got {type(x).__name__}"
    return np.sort(x, axis=1)


def ordered(x):
    return x.sort(dim=0).values


# takes the process down, or tries to


def hangs(_x):
    while True:
        time.sleep(0.01)


def segfaults(_x):
    ctypes.string_at(0)


def eats_memory(_x):
    return torch.cat([torch.ones(2**25) for _ in range(1000)])


def aborts(_x):
    os.abort()


def exits(_x):
    sys.exit(3)


def leaves(_x):
    os._exit(7)


def kills_its_parent(_x):
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)


def forks(x):
    if os.fork() == 0:
        os.setsid()  # out of the group
        time.sleep(60)
        os._exit(0)
    return x.sum()


def returns_twice(x):
    os.fork()  # the child goes on, as a second prober
    return x.sum()


def prints(x):
    print("hello " * 100)
    return x.sum()


def floods(_x):
    line = b"x" * 2**20
    while True:
        os.write(1, line)


def calls_home(_x):
    socket.create_connection(("192.0.2.1", 80), timeout=5)


def writes(x):
    Path("left.txt").write_text("here")
    return x.sum()


def moves_away(x):
    os.chdir("/")
    return x.sum()


# returns something else


def column(x):
    return x[:, :1]


def not_a_number(x):
    return x.sum() * float("nan")


def zeros(x):
    return torch.zeros_like(x)


def text(_x):
    return "done"


def points_only(x, y):
    if x.dim() != 2:
        raise ValueError("x should be encoded as (N, D)")
    return ((x - y) ** 2).mean()


def lookup(x, t):
    return x * torch.arange(1000.0)[t][:, None]


# its gradient


def detached(x):
    return x.detach().sum()


def first_only(x, y):
    return x.sum() + y.detach().sum()


def rounded(x):
    return x.round().sum() + 1


def root(x):
    return (x - x).sqrt().sum() + 1


class _Off(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, factor):
        ctx.shape, ctx.factor = x.shape, factor
        return x.sum()

    @staticmethod
    def backward(ctx, gradient):
        return gradient.expand(ctx.shape) * ctx.factor, None


def wrong_gradient(x, factor):
    return _Off.apply(x, factor)


def by_size(x, slope):
    return torch.ones(1).sum() + slope * len(x)


# what it does on the side


def in_place(x):
    return x.mul_(2).sum()


def gradients_on(x):
    torch.set_grad_enabled(True)
    return x.sum()


def doubles(x):
    torch.set_default_dtype(torch.float64)
    return x.sum()


def torch_noise(x):
    return x + torch.randn_like(x)


def numpy_noise(x):
    return x + torch.as_tensor(np.random.randn(*x.shape), dtype=x.dtype)


def own_noise(x):
    return x + int.from_bytes(os.urandom(2), "big")


class Counter:
    """Keeps state from call to call."""

    def __init__(self):
        self.calls = 0

    def __call__(self, x):
        self.calls += 1
        return x.sum() * self.calls

    def once(self, x):
        if self.calls:
            raise RuntimeError("already used")
        self.calls = 1
        return x.sum()


def time_times_width(t, x):
    return t * x  # meant t[:, None]; goes through where batch and width coincide


def by_position(x):
    return x + torch.arange(len(x))[:, None]


def centred(x):
    return x - x.mean(0)


def squeezed(x):
    return x[: len(x) // 8].squeeze(0)


def warns_of_convergence(x):
    warnings.warn("did not converge, 100 iterations", UserWarning, stacklevel=2)
    return x.sum()


def warns_of_age(x):
    warnings.warn("use the other one", DeprecationWarning, stacklevel=2)
    return x.sum()


def warns_inside(x):
    warnings.warn("numpy will drop this", DeprecationWarning, stacklevel=1)
    return x.sum()


def slow(x):
    time.sleep(0.3)
    return x.sum()


# means something else than it seems to


def rmse(x, y):
    return ((x - y) ** 2).mean().sqrt()


def documented(x):
    """Mean.

    Args:
        x: probabilities of the classes
    """
    return x.mean()


def documented_logs(x):
    """Mean.

    Args:
        x: log-probabilities of the classes
    """
    return x.mean()


def documented_range(x, data_range=1.0):
    return (x / data_range).mean()


def ordered_names(y_true, y_pred):
    return (y_true - 2 * y_pred).mean()


def nothing_of_it(x):
    return torch.ones(()) + 0 * x.sum()


def first_of_two(x, y):
    return x.sum() + 0 * y.sum()


def clips(x, at):
    return x.clamp(-at, at)


def weighted(w, x):
    return (w[:, None] * x**2).sum()


def attends(x, dim=1):
    return torch.softmax(x, dim=dim) * 3


def keeps_true(x, mask):
    return (x * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)


def drops_true(x, mask):
    return keeps_true(x, ~mask)


def makes_on_cpu(x):
    return x + torch.zeros(2)


def makes_beside(x):
    return x + torch.zeros(2, device=x.device)


def reads_back(x):
    return x.cpu().numpy().sum()


def overflows(x):
    return (x * 1e5).mean()


def falls_to_half(x):
    return x.float().half().double().mean()


def root_of_difference(x, y):
    return ((x - y) ** 2).sum(1).sqrt().mean()


def switched(x, halve=False):
    return x.mean() / 2 if halve else x.mean()


def optimizer():
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)


def scaled_to(x, power):
    return (x.abs() ** power).mean()


# hidden from a single call


def ranked_forward(x):
    return x + torch.arange(len(x))[:, None]


def ranked_beside(x, table):
    return x + torch.arange(len(x))[:, None] + table.float().mean()


def runs_along(x):
    return x.cumsum(0)


def lagged(x):
    """Warns where it has one number only, as a correlation of a series with itself does."""
    if len(x) == 1:
        warnings.warn("invalid value encountered in divide", RuntimeWarning, stacklevel=2)
    return (x[1:] * x[:-1]).sum()


def levels(x):
    return (x.clamp(-1, 1) * 12).round() / 12


def neighbours(x):
    return x + x.roll(1, 0)


def pointed(x, edges):
    return x + torch.zeros_like(x).index_add(0, edges[1], x[edges[0]])


def shrinks(x):
    return (x[1:, 1:] + x[:-1, 1:] + x[1:, :-1] + x[:-1, :-1]) / 4


def seeds_anew(x):
    torch.manual_seed(7)
    return 2 * x


class Reuses:
    """Returns the same memory every time."""

    def __init__(self):
        self.memory = torch.zeros(8, 2)

    def __call__(self, x):
        self.memory.resize_(x.shape).copy_(x)
        return self.memory


def view(x):
    return x.view(-1)


def losing(x, y):
    """A loss that is one: zero where both are equal."""
    return ((x - y) ** 2).mean()


def similarity(x, y):
    return torch.exp(-((x - y) ** 2).mean())


def likelihood(x):
    """The log likelihood of x."""
    return -(x**2).mean()


def nll(x):
    """The negative log likelihood of x, turned once more."""
    return -(x**2).mean()


def whole_times(t, x):
    return x * t.floor()[:, None]


def waves(t):
    rates = 1000.0 ** -(torch.arange(16) / 16)
    return torch.cat([(t[:, None] * rates).sin(), (t[:, None] * rates).cos()], 1)


def shifted_inside(x, labels):
    return (x[:, :-1].mean((1, 2)) * labels[:, 1:].float().mean(1)).sum()


def found(x):
    return (x > 0).nonzero()


def rescales(image):
    return (image.double() / 255 if image.dtype == torch.uint8 else image.double()).mean(0)


def raw_memory(x):
    return x.as_strided(x.shape, torch.empty(x.shape).stride()) * 2


def cancels_at(x, at):
    return (x + at) - at


def projected(x, seed=0):
    """Along a direction of its own, another one for each type."""
    made = torch.Generator().manual_seed(seed)
    return x @ torch.randn(x.shape[1], generator=made, dtype=x.dtype)


def entropy(p):
    return -(p * p.log()).sum(-1)


def entropy_of_bits(p):
    return -(p * p.log2()).sum(-1)


def over_width(x):
    return x.softmax(-1)


def over_channels(x):
    return x.softmax(1)


class Droops(torch.nn.Module):
    """Has a layer that acts in training only."""

    def __init__(self, rate=0.5):
        super().__init__()
        self.norm = torch.nn.BatchNorm1d(2) if rate else torch.nn.Identity()

    def forward(self, x):
        return self.norm(x)


class Counts(torch.nn.Module):
    """Counts its calls, which does not change its results."""

    def __init__(self):
        super().__init__()
        self.register_buffer("seen", torch.zeros(1))

    def forward(self, x):
        self.seen += 1
        return 2 * x


class Gated(torch.nn.Module):
    """A branch behind a gate that begins at zero, and lets padding through."""

    def __init__(self, is_zero=True):
        super().__init__()
        self.gate = torch.nn.Parameter(torch.zeros(6) if is_zero else torch.ones(6))

    def forward(self, x, _mask):
        return x.mean(1) * 0 + self.gate * x.sum(1)


def averages_padding(x, mask):
    return x.mean(1) + (x * mask[..., None]).mean(1)


def swallows(x, **options):
    return x * options.get("factor", 1)


def documented_default(x, factor=2.0):
    """Scale.

    Args:
        x: numbers
        factor: how much, default: 3.0
    """
    return x * factor


def documented_well(x, factor=2.0):
    """Scale.

    Args:
        x: numbers
        factor: how much, default: 2.0
    """
    return x * factor


def type_decides(x, size):
    return x * (sum(size) if isinstance(size, tuple) else len(size))


def wants_a_tuple(x, size):
    assert isinstance(size, tuple), "size must be a tuple"
    return x * sum(size)


def overlap_loss(z, t):
    """A loss of probabilities: nothing where they are right."""
    return 1 - (2 * (z * t).sum() + 1e-5) / (z.sum() + t.sum() + 1e-5)


def least_squares_loss(z, t):
    return ((z - t) ** 2).mean()


def needs_sorted(x, batch):
    """Pool.

    Args:
        x: numbers
        batch: index of each row, must be sorted
    """
    return torch.zeros(4, x.shape[1]).index_add(0, batch, x)


def thresholded(p):
    """Overlap.

    Args:
        p: predictions, must be binarized
    """
    return p.mean()


def between(a, bounds):
    return (a - bounds[0]) / (bounds[1] - bounds[0] + 1)


def wants_a_display(_x):
    raise RuntimeError("no display name and no $DISPLAY environment variable")


def dies_without_display(_x):
    sys.stderr.write("qt.qpa.xcb: could not connect to display\n")
    sys.stderr.flush()
    os.abort()


def asks_for_display(x):
    return x * float("DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ)


def one_fails(x):
    return (x - x.mean(0)) / x.std(0)


def loses_its_batch(x):
    return (2 * x).squeeze(0)


def computes_in_float32(x):
    return (x.float() ** 2).mean()


def every_pair(p, t):
    return ((p - t) ** 2).mean(0)


def wrong_in_float32(x):
    return wrong_gradient(x.float(), 1.2)


# what an input is called, and what it is taken for


def gaussian_cost(x, mean, var):
    """Half of the negative log density, but for a constant."""
    return 0.5 * (var.log() + (x - mean) ** 2 / var).mean()


def deviates(x, mean, sig):
    """Weigh.

    Args:
        x: numbers
        mean: where they lie
        sig: the standard deviation
    """
    return (x - mean) / sig


def waits(x, rate):
    return (rate - x).exp()


def turned_by(x, q):
    """Rotate by quaternions in XYZW order."""
    return x * q[:, 3:]


def percentile(x, q=50.0):
    """Percentile.

    Args:
        x: numbers
        q: which one, between 0 and 100
    """
    return torch.quantile(x, q / 100)


def turns(x, angle):
    """Turn.

    Args:
        x: numbers
        angle: rotation in degrees
    """
    return x * torch.as_tensor(angle).deg2rad().cos()


def turns_in_radians(x, angle):
    """Turn.

    Args:
        x: numbers
        angle: in radians
    """
    return x * torch.as_tensor(angle).cos()


def with_margin(x, margin=28.6):
    return x * torch.as_tensor(margin).deg2rad().cos()


def rounds_to_complex(x):
    return x + 1e-9j * x


def truly_complex(x):
    return x + 1e-2j * x


def sums_or_means(x, y, reduction="sum"):
    return getattr((x - y).abs(), reduction)((1, 2))


def unit_rows(x, dim=1):
    return x / x.norm(dim=dim, keepdim=True)


def normalised(x):
    return torch.nn.functional.batch_norm(x, None, None, training=True)


def blurred(image, channel_axis=None):
    """Take the mean off, of every colour or of all of them."""
    return image - image.mean() if channel_axis is None else image - image.mean((0, 1), keepdim=True)


def over_rows(images):
    return images.softmax(-2)


def over_sides(images):
    return images.flatten(2).softmax(-1).reshape(images.shape)


def product(x, std):
    return x * std


def draws_itself():
    return torch.randn(8, 2)


def rolls(x):
    return x.roll((1,) * x.dim(), tuple(range(x.dim())))


def placed_at(x, grid):
    """Place numbers.

    `grid` says where, in parts of the size of `x`. It should have values in [-1, 1].
    """
    return x + grid


def turned_about(x, by):
    return x * by.deg2rad().cos()


def cosine(angle):
    return angle.cos()


def apart(m1, m2, cov):
    return (m1 - m2).norm() * cov.trace()


def never_zero_loss(z, t):
    """Costs a tenth at the best."""
    return 0.1 + 0.9 * overlap_loss(z, t)


def over_time(tokens):
    return tokens / tokens.norm(dim=1, keepdim=True)


def mean_off(image):
    return image - image.mean()


def centred_growth(x, rate):
    return (x - x.mean()).exp() + 0 * rate


def spread_by(x, scale):
    """Spread.

    Args:
        x: numbers
        scale: the variance
    """
    return x * scale
