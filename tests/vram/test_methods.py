"""What fine-tuning methods do that plain layers do not: masks of the chosen few, counts of values, sparse tensors."""

import pytest

from reproof.errors import PackError
from reproof.vram import gpus
from reproof.vram.interpreter import Interpreter
from reproof.vram.timeline import Timeline
from reproof.vram.traced import TraceRequest

WIDE, CHOSEN = 16384, 100
STEPS = f"""
import torch

def _loss(weights):
    (weights.sum() * 0).backward()

def selected(how):
    x = torch.ones({WIDE}, device="cuda", requires_grad=True)
    kept = []

    def step():
        chosen = torch.randperm({WIDE}, device="cuda")[:{CHOSEN}]
        mask = torch.zeros({WIDE}, device="cuda")
        if how == "new":
            mask = mask.view(1, -1).scatter(1, chosen.view(1, -1), 1.0).view(-1)
        elif how != "unset":
            mask.view(1, -1).scatter_(1, chosen.view(1, -1), torch.ones(1, {CHOSEN}, device="cuda"))
        if how == "twice":
            mask.scatter_(0, chosen + 0, 1.0)
        if how == "written":
            mask.add_(torch.rand({WIDE}, device="cuda"))
        if how == "list":
            torch._foreach_add_([mask], [torch.rand({WIDE}, device="cuda")])
        if how == "out":
            torch.rand({WIDE}, device="cuda", out=mask)
        kept.append(mask == 0 if how == "inverted" else mask == 1.0)
        kept.append(kept[0].nonzero() if how != "copied" else kept[0].clone().float().gt(0.5).nonzero())
        _loss(x)

    return step

def bins(least):
    x = torch.ones(8, device="cuda", requires_grad=True)

    def step():
        many = torch.randint(0, 50, ({WIDE},), device="cuda")
        step.kept = torch.bincount(many, minlength=least)
        _loss(x)

    return step

def bins_of_known(least):
    x = torch.ones(8, device="cuda", requires_grad=True)

    def step():
        step.kept = torch.bincount(torch.tensor([0, 3000, 7], device="cuda"), minlength=least)
        _loss(x)

    return step

def different(many):
    x = torch.ones(8, device="cuda", requires_grad=True)

    def step():
        step.kept = torch.unique(torch.arange(many, device="cuda") // 2, return_inverse=True, return_counts=True)
        if many < 8192:
            assert step.kept[2].tolist() == [2] * (many // 2)
        _loss(x)

    return step

def sparse():
    x = torch.ones(8, 8, device="cuda", requires_grad=True)

    def step():
        places = torch.arange(4, device="cuda").repeat(2, 1)
        one = torch.sparse_coo_tensor(places, torch.ones(4, device="cuda"), (8, 8)).coalesce()
        _loss(torch.sparse.mm(one, x))

    return step
"""
pytestmark = [pytest.mark.torch, pytest.mark.linux]


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    """Traces a function of STEPS; gives the sizes of what an operator made, and the assumptions."""
    path = tmp_path_factory.mktemp("methods") / "methods.py"
    path.write_text(STEPS, encoding="utf-8")

    def asked(function, op="", **given):
        interpreter.request = TraceRequest(target=f"{path}:{function}", steps=1)
        result = interpreter.trace(gpus.find("T4"), given)
        line = Timeline.read(result)
        made = [size for what, key, size in line.events if what == "alloc" and line.moments[key].op == op]
        return made, " ".join(what for what, _, _ in result["assumed"])

    with Interpreter(TraceRequest(target=f"{path}:sparse")) as interpreter:
        yield asked


@pytest.mark.parametrize("how", ["set", "new", "copied"])
def test_a_mask_of_the_chosen_few_selects_no_more_than_were_set(ask, how):
    made, assumed = ask("selected", "aten::nonzero", how=how)
    assert CHOSEN * 8 in made
    assert "ever set" in assumed


def test_what_is_set_twice_counts_twice_since_nobody_knows_whether_it_differs(ask):
    assert CHOSEN * 2 * 8 in ask("selected", "aten::nonzero", how="twice")[0]


def test_zeros_in_which_nothing_was_set_select_nothing(ask):
    made, _ = ask("selected", "aten::nonzero", how="unset")
    assert not any(made)


@pytest.mark.parametrize("how", ["written", "list", "out", "inverted"])
def test_a_mask_that_anything_else_changed_may_select_all(ask, how):
    made, assumed = ask("selected", "aten::nonzero", how=how)
    assert WIDE * 8 in made
    assert "ever set" not in assumed


def test_what_is_known_of_a_tensor_goes_with_it():
    import torch

    from reproof.vram.child.filled import Filled

    filled, zeros = Filled(), torch.zeros(3)
    filled.follow(torch.ops.aten.zeros.default, ([3],), zeros, [zeros])
    assert filled.bound(zeros.view(1, 3)) == 0
    del zeros
    assert not filled._most  # else the next tensor at that place would be taken as zeros


@pytest.mark.parametrize(("many", "found", "word"), [(100, 50, ""), (WIDE, WIDE, "unique: all elements differ")])
def test_what_differs_is_counted_where_it_is_known_and_bounded_where_it_is_not(ask, many, found, word):
    made, assumed = ask("different", "aten::_unique2", many=many)
    assert made == [8 * found, 8 * many, 8 * found]
    assert word in assumed
    assert bool(word) == ("unique" in assumed)


def test_bins_of_unknown_values_are_the_least_that_was_asked_for(ask):
    made, assumed = ask("bins", "aten::bincount", least=4000)
    assert made == [4000 * 8]
    assert "minlength=4000" in assumed


def test_bins_of_known_values_reach_the_largest(ask):
    assert ask("bins_of_known", "aten::bincount", least=0)[0] == [3001 * 8]


def test_bins_of_unknown_values_without_a_least_are_refused(ask):
    with pytest.raises(PackError, match="minlength") as told:
        ask("bins", least=0)
    assert told.value.slug == "cannot-trace"


def test_sparse_tensors_are_refused_by_name_with_a_bound(ask):
    with pytest.raises(PackError, match=r"sparse tensors cannot be traced.*8 d") as told:
        ask("sparse")
    assert told.value.slug == "cannot-trace"
