"""Functions as a reproduction would write them, for the held-out traps and the right calls."""

import torch


def rmse(prediction, target):
    """Root mean squared error, without a look at the shapes."""
    return ((prediction - target) ** 2).mean().sqrt()


def optimizer(lr=0.1):
    """An optimizer of one number."""
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)


def real_tokens(batch, length):
    """True where a token is real; every sequence is one shorter than the one before."""
    return torch.arange(length)[None] < length - torch.arange(batch)[:, None] % (length // 2)


def padding(batch, length):
    """True where a token is padding."""
    return ~real_tokens(batch, length)


def js_divergence(p, q):
    """Jensen-Shannon divergence in nats, of each row."""
    from scipy.special import rel_entr

    middle = (p + q) / 2
    return (rel_entr(p, middle).sum(-1) + rel_entr(q, middle).sum(-1)) / 2


def rows(x):
    """A list of sequences."""
    return list(x)


def patches(x, **_):
    """Rows of four pixels, line after line, as an image."""
    return x.reshape(x.shape[0], 4, 4, x.shape[-1]).movedim(-1, 1)


def log_density(loc, scale, x):
    """Log density of a diagonal normal distribution; `scale` is read as the variance."""
    return torch.distributions.Normal(loc, scale.sqrt()).log_prob(x).sum(-1)


def orthonormal_dct(x):
    """The cosine transform that keeps lengths."""
    from scipy.fft import dct

    return dct(x, norm="ortho")


def scaled_deviation(x):
    """Median absolute deviation from the median, unscaled."""
    import numpy as np

    return np.median(np.abs(x - np.median(x, axis=0)), axis=0)


def covariance_product(f, g):
    """The product of two covariances, whose root the Frechet distance takes."""
    import numpy as np

    return np.cov(f, rowvar=False) @ np.cov(g, rowvar=False)


def quaternions():
    """Sixteen rotations."""
    q = torch.randn(16, 4)
    return q / q.norm(dim=-1, keepdim=True)
