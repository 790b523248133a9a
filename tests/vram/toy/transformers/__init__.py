"""A toy of the library's shape: whether a mask is needed is read from it, unless it is a fake tensor."""

from .utils.import_utils import is_tracing


def needs_mask(mask):
    return is_tracing(mask) or not bool(mask.sum() == mask.numel())
