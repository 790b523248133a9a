"""Steps whose every allocation is known by hand: tensors of 1 MiB, and what operators hold beside them."""

import torch
from torch.nn import functional as F

SIDE = 512
"""512 x 512 floats are 1 MiB."""


def _matrix(**more):
    return torch.randn(SIDE, SIDE, device="cuda", **more)


CALLS = {
    "logsumexp": lambda x, _: x.logsumexp(1),
    "dist": lambda x, y: torch.dist(x, y),
    "bce": lambda x, y: F.binary_cross_entropy_with_logits(x, y),
    "soft margin": lambda x, y: F.soft_margin_loss(x, y),
    "safe softmax": lambda x, _: torch.ops.aten._safe_softmax(x, 1),
    "cdist": lambda x, y: torch.cdist(x, y),
    "logcumsumexp": lambda x, _: x.logcumsumexp(1),
}


def composite(call):
    """One operator without a gradient, on two matrices."""
    x, y = _matrix(), _matrix()
    return lambda: CALLS[call](x, y)


def without_gradients(call, mode):
    """An evaluation; 'no_grad' or 'inference_mode'."""
    x, y = _matrix(), _matrix()
    heads = x.view(2, 4, 512, 64)
    recurrent = torch.nn.LSTM(64, 128, batch_first=True).to("cuda")
    calls = {
        "product of batches": lambda: heads @ y.view(4, 64, 1024)[:, :, :256],
        "attention": lambda: F.scaled_dot_product_attention(heads, heads, heads),
        "recurrent": lambda: recurrent(heads[0]),
    }

    def step():
        with getattr(torch, mode)():
            calls[call]()

    return step


def evaluates_twice(batch=8):
    net = torch.nn.Linear(1024, 1024, bias=False).to("cuda")
    x = torch.randn(batch, 1024, device="cuda")

    def step():
        with torch.no_grad():
            net(x)
            net(x)

    return step


def asks_what_is_allocated():
    """Makes a tensor of as many bytes as it is told are allocated, or were at most: the answers are in the record."""
    kept = [torch.empty(100, dtype=torch.uint8, device="cuda"), torch.empty(513, dtype=torch.uint8, device="cuda")]

    def noted(size):
        torch.empty(size, dtype=torch.uint8, device="cuda")

    def step():
        noted(torch.cuda.memory_allocated())
        noted(1)  # the most was before
        noted(torch.cuda.max_memory_allocated())
        kept.pop()
        noted(torch.cuda.memory_allocated())
        torch.cuda.reset_peak_memory_stats()
        noted(torch.cuda.max_memory_allocated())
        noted(torch.cuda.mem_get_info()[1] - torch.cuda.mem_get_info()[0])

    return step
