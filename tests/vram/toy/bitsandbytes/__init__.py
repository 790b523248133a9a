"""A toy of the library's shape, for machines where it is not installed: operators, a native library, paged states."""

import torch

from . import functional

torch.library.define("bitsandbytes::toy_scaled", "(Tensor x, float by) -> Tensor")
torch.library.define("bitsandbytes::toy_update", "(Tensor(a!) x) -> ()")


@torch.library.register_fake("bitsandbytes::toy_scaled")
def _(x, _by):
    return torch.empty_like(x)


@torch.library.register_kernel("bitsandbytes::toy_scaled", "cuda")
def _(x, _by):
    """Twice the input while it runs; the fake kernel does not say so."""
    hidden = torch.empty(2 * x.numel(), dtype=x.dtype, device=x.device)
    functional.lib.ctoy(x.data_ptr(), hidden.data_ptr())
    if (hidden[:4] > 1).any():  # as where outliers are looked for
        raise ValueError("all checks pass")
    return torch.empty_like(x)


@torch.library.register_fake("bitsandbytes::toy_update")
def _(_x):
    return None


@torch.library.register_kernel("bitsandbytes::toy_update", "cuda")
def _(x):
    functional.lib.ctoy(functional.get_ptr(x))
