"""Steps on what the child itself decides: known values, masks, threads, groups of processes, closures, switches."""

import math
import threading

import torch
from torch import nn

ROWS, COLUMNS = 4, 10_000
"""More numbers than are kept as known values."""


def _unknown(*shape):
    size = math.prod(shape)
    return torch.empty(max(size, COLUMNS), device="cuda").sin()[:size].view(shape)


def _chosen(dtype=torch.bool, rows=ROWS):
    """Of each row five."""
    mask = torch.zeros(rows, COLUMNS, device="cuda", dtype=dtype)
    return mask.scatter_(1, _unknown(rows, COLUMNS).topk(5, 1).indices, 1)


def _part_of_a_zeroed():
    mask = _unknown(ROWS, COLUMNS)
    mask[0].zero_()
    return mask > 0


def _part_of_the_chosen():
    mask = _chosen(torch.float32)
    mask[0].zero_()  # what is known of the whole still holds
    return mask > 0


def _columns():
    mask = torch.zeros(ROWS, COLUMNS, device="cuda").index_fill_(1, _unknown(3).long(), 1.0)
    return mask != 0


def _added():
    mask = _chosen(torch.float32)
    return mask.add_(_unknown(1)) > 0


MASKS = {
    "chosen": _chosen,
    "chosen twice": lambda: _chosen().scatter_(1, _unknown(ROWS, 7).long(), True),
    "out of place": lambda: torch.zeros_like(_chosen()).scatter(1, _unknown(ROWS, 7).long(), True),
    "copied": lambda: _chosen(torch.float32).clone().abs().to(torch.bool),
    "above 0": lambda: _chosen(torch.float32) > 0,
    "from 0": lambda: _chosen(torch.float32) >= 0,
    "is 1": lambda: _chosen(torch.float32) == 1,
    "is 0": lambda: _chosen(torch.float32) == 0,
    "below 0": lambda: _chosen(torch.float32) < 0,
    "up to 0": lambda: _chosen(torch.float32) <= 0,
    "expanded": lambda: _chosen(rows=1).expand(ROWS, -1),
    "part of a zeroed": _part_of_a_zeroed,
    "part of the chosen": _part_of_the_chosen,
    "columns": _columns,
    "added": _added,
    "emptied": lambda: _chosen().zero_(),
}


def selects(mask):
    x = _unknown(ROWS, COLUMNS)
    return lambda: x[MASKS[mask]()]


def _in_place_beside_an_unknown():
    scale = torch.tensor([3, 4], device="cuda")
    _unknown(COLUMNS, 2).mul_(scale)
    return scale.tolist()


def _written_by_out():
    total = torch.zeros(2, device="cuda")
    torch.add(_unknown(2), 1.0, out=total)
    return total.tolist()


def _written_in_place():
    total = torch.zeros(2, device="cuda")
    total.add_(_unknown(2))
    return total.tolist()


def _written_in_a_view():
    whole = torch.zeros(4, device="cuda")
    whole[:2].add_(1)
    return whole.tolist()


def _written_by_a_list():
    first, second = torch.zeros(2, device="cuda"), torch.zeros(2, device="cuda")
    torch._foreach_add_([first], [_unknown(2)])
    return first.tolist(), second.tolist()


def _masked():
    mask = torch.tensor([True, False], device="cuda")
    _unknown(2)[mask] = _unknown(1)
    return mask.tolist()


VALUES = {
    "in place beside an unknown": _in_place_beside_an_unknown,
    "written by out": _written_by_out,
    "written in place": _written_in_place,
    "written in a view": _written_in_a_view,
    "written by a list": _written_by_a_list,
    "masked": _masked,
    "the most": lambda: torch.ones(8192, device="cuda").sum().tolist(),
    "never set": lambda: torch.empty(3, device="cuda").tolist(),
    "too many": lambda: torch.zeros(8193, device="cuda").sum(0, keepdim=True).tolist(),
}


def tells(value):
    """Ends with what the step was told."""

    def step():
        raise ValueError(repr(VALUES[value]()))

    torch.zeros(1, device="cuda")
    return step


def closure(way, width=256, batch=1024):
    """One update, with the loss before it or, as Lightning does it, inside of it."""
    net = nn.Sequential(*[nn.Sequential(nn.Linear(width, width), nn.GELU()) for _ in range(2)]).to("cuda")
    opt = torch.optim.AdamW(net.parameters())

    def inner():
        opt.zero_grad()
        loss = net(torch.randn(batch, width, device="cuda")).square().mean()
        loss.backward()
        return loss

    def before():
        inner()
        opt.step()

    def cleared():
        opt.step(inner)
        opt.zero_grad()

    ways = {"before": before, "inside": lambda: opt.step(inner), "named": lambda: opt.step(closure=inner)}
    return {**ways, "cleared": cleared}[way]


SWITCHES = {
    "": lambda: None,
    "matmul": lambda: setattr(torch.backends.cuda.matmul, "fp32_precision", "tf32"),
    "all": lambda: setattr(torch.backends, "fp32_precision", "tf32"),
    "none": lambda: setattr(torch.backends, "fp32_precision", "ieee"),
    "old": lambda: setattr(torch.backends.cuda.matmul, "allow_tf32", True),
}


def switched(switch):
    """A convolution of 128 FLOPs and a product of matrices of 16."""
    SWITCHES[switch]()
    conv, linear = nn.Conv2d(2, 4, 1, bias=False).to("cuda"), nn.Linear(2, 4, bias=False).to("cuda")
    x, y = torch.randn(2, 2, 2, 2, device="cuda"), torch.randn(1, 2, device="cuda")
    return lambda: (conv(x), linear(y))


def missing(what):
    class Net(nn.Module):
        pass

    class Abstract(nn.Module):
        def forward(self, _):
            raise NotImplementedError("a subclass says how")

    net = {"forward": Net, "method": Abstract}[what]()
    x = torch.zeros(1, device="cuda")
    return lambda: net(x)


def thread_that_exits():
    x = torch.zeros(1024, device="cuda")

    def step():
        thread = threading.Thread(target=lambda: exit(0))
        thread.start()
        thread.join()
        x.add_(1)

    return step


def group(what):
    dist = torch.distributed
    assert not dist.is_initialized()
    dist.init_process_group("nccl")
    x = torch.zeros(8, device="cuda")
    asks = {
        "rank": lambda: dist.get_rank(group=None),
        "size": lambda: dist.get_world_size(group=None),
        "backend": dist.get_backend,
        "handle": lambda: dist.all_reduce(x, async_op=True).wait(),
        "no handle": lambda: dist.all_reduce(x),
        "initialized": dist.is_initialized,
        "gather": lambda: dist.all_gather([x], x),
    }

    def step():
        raise ValueError(repr(asks[what]()))

    return step


def buckets(view=False):
    """4 MiB of trained weights and 4 of frozen ones."""
    net = nn.Sequential(nn.Linear(1024, 1024, bias=False), nn.Linear(1024, 1024, bias=False)).to("cuda")
    net[1].requires_grad_(False)
    net = nn.parallel.DistributedDataParallel(net, gradient_as_bucket_view=view)

    def step():
        with net.no_sync():
            net(torch.randn(8, 1024, device="cuda")).sum().backward()

    return step


def lazy():
    """A module that makes its weights, 4 MiB, when it first sees its input."""

    class Late(nn.Module):
        def forward(self, x):
            if not hasattr(self, "inner"):
                self.inner = nn.Linear(x.shape[1], 1024, bias=False, device="cuda")
            return self.inner(x)

    net = Late()
    assert not list(net.parameters())
    return lambda: net(torch.randn(8, 1024, device="cuda")).sum().backward()


def bare_parameters():
    """Parameters of no module, 4 MiB, which only the optimizer knows."""
    weight = nn.Parameter(torch.randn(1024, 1024, device="cuda"))
    opt = torch.optim.SGD([weight], momentum=0.9)

    def step():
        opt.zero_grad()
        (torch.randn(8, 1024, device="cuda") @ weight).sum().backward()
        opt.step()

    return step


def lists(inner="blocks"):
    """A checkpoint of every block: the members of the outermost list that holds more than one."""
    shapes = {
        "blocks": lambda: nn.ModuleList(nn.Sequential(nn.Linear(4, 4), nn.GELU()) for _ in range(3)),
        "stages": lambda: nn.ModuleList(
            nn.ModuleList(nn.Sequential(nn.Linear(4, 4)) for _ in range(2)) for _ in range(2)
        ),
        "single": lambda: nn.Sequential(nn.Sequential(nn.Linear(4, 4))),
    }
    net = nn.Module()
    net.parts = shapes[inner]().to("cuda")
    assert type(net.parts)

    def step():
        wrapped = [name for name, each in net.named_modules() if "forward" in each.__dict__]
        raise ValueError(repr(wrapped))

    return step


def fused_already(fused=True):
    weight = nn.Parameter(torch.zeros(4, device="cuda"))
    opt = torch.optim.AdamW([weight], fused=fused)

    def step():
        assert opt.param_groups
        raise ValueError(repr([(group["fused"], group["foreach"]) for group in opt.param_groups]))

    return step
