"""Steps that ask for values a trace does not have; what they count in Python they check themselves."""

import copy
import os
import random
import time
from contextlib import suppress
from pathlib import Path

import torch
from torch import nn

ROWS = 65536  # more than a trace keeps the values of


def unknown(*shape):
    return torch.randn(*shape or (ROWS, 8), device="cuda")


def checks():
    def step():
        x = unknown()
        loss = x.square().sum()
        assert loss > 0
        assert not torch.isnan(x).sum().item()
        assert torch.allclose(x, x + 1)
        torch.testing.assert_close(x, x + 1)
        torch._assert(x.min() >= 0, "negative")
        if loss < 10:
            passed = True
        else:
            raise ValueError("the branch that raises")
        if not (x > 0).any() or torch.isnan(x).any() or not torch.isfinite(loss):
            raise ValueError("another one")
        assert passed
        assert (x > 0).sum().item() == x.numel()  # masks select all

    return step


def branches():
    net = nn.Linear(8, 8, bias=False).to("cuda")
    optimizer = torch.optim.SGD(net.parameters(), momentum=0.9)

    def step():
        x = unknown()
        taken = []
        if (x > 0).sum() > 0:
            taken.append("mask")
        if torch.isnan(x).any():
            taken.append("nan")
        if torch.isnan(x).any() | torch.isinf(x).any():
            taken.append("either")
        net(x).sum().backward()
        if net.weight.grad.norm() < 10:
            optimizer.step()
            taken.append("update")
        if x.sum() > 3:
            taken.append("first")
        else:
            taken.append("second")
        assert taken == ["mask", "update", "second"], taken
        assert optimizer.state[net.weight]

    return step


def loops(masked=16, until=16, endless=16):
    def step():
        passes = {"endless": 0, "masked": 0, "until": 0, "for": 0, "two": 0, "continue": 0, "known": 0}
        while True:
            passes["endless"] += 1
            if unknown().max() < 2:
                break
        while (unknown() > 0).any():
            passes["masked"] += 1
        while unknown().sum() > 3:
            passes["until"] += 1
        for _ in range(48):
            passes["for"] += 1
            if (unknown() > 0).all():
                break
        while passes["two"] < 40 and not (unknown() > 0).all():
            passes["two"] += 1
        for _ in range(5):
            if (unknown() > 0).sum() == 0 or unknown().max() < 5:
                continue
            passes["continue"] += 1
        for _ in range(5):
            going = torch.ones(4, dtype=torch.long, device="cuda")
            while True:  # as text is generated: until a word that is not known, or the longest length
                passes["known"] += 1
                stops = unknown(4, ROWS) @ unknown(ROWS) > 0
                going = going & ~(stops | torch.full((4,), passes["known"] % 5 == 0, device="cuda"))
                if going.max() == 0:
                    break
        told = {"endless": endless, "masked": masked, "until": until}
        assert passes == {**told, "for": 48, "two": 40, "continue": 5, "known": 25}, passes

    return step


def torchs_own_loops():
    nn.init.trunc_normal_(nn.Linear(512, 512).to("cuda").weight)
    weight = nn.Parameter(unknown(300, 300))
    optimizer = torch.optim.LBFGS([weight], history_size=2)

    def step():
        def closure():
            optimizer.zero_grad()
            loss = weight.square().mean()
            loss.backward()
            return loss

        optimizer.step(closure)

    return step


def blamed():
    def step():
        rows = []
        if unknown().max() > 0.25:
            rows = []
        if unknown().max() > 0.5:
            rows.append(1)
        else:
            rows += []
        return rows[0]

    return step


def waits():
    return lambda: time.sleep(1000)


def asks_for_ever():
    def step():
        while True:
            unknown(8192, 2).max().item()

    return step


def optimizer_before_the_move():
    net = nn.Linear(4096, 4096, bias=False)
    optimizer, held = torch.optim.Adam(net.parameters()), list(net.parameters())
    net.to("cuda")
    assert held[0] is net.weight
    assert held[0].device.type == "cuda"
    x = unknown(8, 4096)

    def step():
        optimizer.zero_grad()
        net(x).sum().backward()
        optimizer.step()

    return step


def moves_a_small_known_parameter():
    net = nn.Module()
    net.scale = nn.Parameter(torch.full((3,), 0.1))
    net.half().to("cuda").float()
    # a tenth, as a half has it: the value goes with the conversion
    assert net.scale.tolist() == torch.full((3,), 0.1).half().float().tolist()
    return lambda: net.scale.sum().backward()


def habits(folder):
    torch.manual_seed(0)
    copied = copy.deepcopy(torch.tensor(3.0))
    assert copied.item() == 3

    def step():
        with torch.cuda.nvtx.range("step"):
            torch.cuda.nvtx.mark("here")
        os.makedirs(f"{folder}/made/below", exist_ok=True)  # noqa: PTH103 - as people write it
        Path(folder).mkdir(exist_ok=True)
        with suppress(FileExistsError):
            Path(folder).mkdir()
            raise AssertionError("it is there already")
        data = torch.utils.data.TensorDataset(torch.arange(16.0).reshape(4, 4))
        workers = {"num_workers": 4, "prefetch_factor": 2, "persistent_workers": True}
        workers["multiprocessing_context"] = "spawn"
        loader = torch.utils.data.DataLoader(data, 2, **workers)
        rows = []
        for (batch,) in loader:
            moved = batch.to("cuda", non_blocking=True)
            moved.record_stream(torch.cuda.current_stream())
            rows += batch.tolist()
        assert rows == torch.arange(16.0).reshape(4, 4).tolist()
        unknown(random.randint(1, 9))

    return step


def uniques():
    def step():
        sides, counts = torch.unique_consecutive(torch.tensor([224, 224, 96]), return_counts=True)
        assert (sides.tolist(), counts.tolist()) == ([224, 96], [2, 1])
        rows, inverse = torch.unique(torch.tensor([[1, 1], [1, 1], [2, 3]]), dim=0, return_inverse=True)
        assert (rows.tolist(), inverse.tolist()) == ([[1, 1], [2, 3]], [0, 0, 1])
        assert torch.unique(torch.tensor([[1, 1, 2], [1, 1, 3]]), dim=-1).tolist() == [[1, 2], [1, 3]]
        x = unknown(100_000, 4)
        assert torch.unique(x).shape == (400_000,)
        rows, inverse, counts = torch.unique(x, dim=0, return_inverse=True, return_counts=True)
        assert (rows.shape, inverse.shape, counts.shape) == (x.shape, (100_000,), (100_000,))

    return step


def kept_boxes():
    library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor boxes, Tensor scores, float threshold) -> Tensor")
    boxes, scores = torch.zeros(10_000, 4, device="cuda"), torch.zeros(10_000, device="cuda")
    return lambda: (library, torch.ops.torchvision.nms(boxes, scores, 0.5))


def routed(experts=8):
    x = torch.randn(4096, 256, device="cuda", requires_grad=True)
    logits = unknown(4096, experts)

    def step():
        chosen = logits.topk(2).indices
        mask = nn.functional.one_hot(chosen, experts).permute(2, 1, 0)
        total = torch.zeros((), device="cuda")
        for expert in range(experts):
            _, rows = torch.where(mask[expert])
            assert len(rows) == 4096 * 2 // experts
            total = total + x[rows].sin().sum()
        total.backward()

    return step


def penalised():
    net = nn.Sequential(nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1)).to("cuda")

    def step():
        x = torch.randn(16, 64, device="cuda", requires_grad=True)
        (gradient,) = torch.autograd.grad(net(x).sum(), x, create_graph=True)
        gradient.square().sum().backward()

    return step


class Doubled(torch.autograd.Function):
    """Makes a constant on the GPU in its backward, as adjoint solvers do."""

    @staticmethod
    def forward(_ctx, x):
        return x * 2

    @staticmethod
    def backward(_ctx, gradient):
        return gradient * torch.as_tensor(2.0, device=gradient.device) + torch.tensor([1.0], device="cuda")


def makes_constants_in_backward():
    x = torch.randn(1000, device="cuda", requires_grad=True)
    return lambda: Doubled.apply(x).sum().backward()


def reads_a_length():
    lengths = unknown(ROWS).to(torch.int64)
    return lambda: torch.zeros(lengths.max().item(), 1000, device="cuda")
