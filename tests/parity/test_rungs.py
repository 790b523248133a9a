# ruff: noqa: ARG002, ARG005
"""What decides in the ladder: thresholds on and just past them, the order, where it stops, what is claimed."""

from types import SimpleNamespace

import numpy as np
import pytest

from reproof.parity import models, verdicts
from reproof.parity.child import ladder, rungs_data, rungs_model, rungs_random, rungs_training
from reproof.parity.child.automap import Found
from reproof.parity.child.transport import SideError


class Side:
    """Answers that are given beforehand: a value, or a function of the question."""

    def __init__(self, **answers):
        self.answers = answers

    def ask(self, do, **args):
        if do not in self.answers:
            raise SideError("reference", "not-recorded", do, "")
        found = self.answers[do]
        return found(**args) if callable(found) else found


class Pair(SimpleNamespace):
    """As much of a pair as the rungs look at."""

    streamed, thorough = False, True

    def __init__(self, reference=None, port=None, **more):
        super().__init__(reference=reference or Side(), port=port or Side(), said={}, units={}, ran_there={}, lines={},
                         left={"framework": "torch", "hooks": [], "micro": 1, "steps": 5},
                         right={"framework": "torch", "hooks": [], "micro": 1, "steps": 5}, **more)  # fmt: skip

    def weights(self):
        return np.zeros(2), np.zeros(2)

    def moved(self, weights):
        return weights

    def inputs(self, case):
        return {}

    def cases(self):
        return ["default"]

    def variations(self):
        return [("default", {})]

    def both(self, hook):
        return True

    either = both

    def batch(self, seed):
        return {"seed": seed}

    def force(self, side, mask=1, sizes=None):
        return {"mask": mask}

    def reference_takes(self, weights, inputs):
        return self.reference.ask("outputs", weights=weights, inputs=inputs)


def outputs(value):
    return Side(outputs={"outputs": [np.array([1.0, value])], "said": []})


@pytest.mark.parametrize(("apart", "status"), [(0.9e-9, "pass"), (1.1e-9, "fail")])
def test_outputs_may_differ_by_the_promise_and_no_more(apart, status):
    found = rungs_model.forward(Pair(outputs(0.5), outputs(0.5 + apart)))
    assert (found["status"], found["tolerance"]) == (status, 1e-9)


def test_an_object_without_tensors_is_said_and_not_measured():
    found = rungs_model.forward(Pair(outputs(0.5), Side(outputs={"outputs": [], "said": []})))
    assert found["status"] == "fail" and "output(returned)" in found["says"]


@pytest.mark.parametrize(("apart", "status"), [(0.9e-6, "pass"), (1.1e-6, "fail")])
def test_training_mode_with_forced_draws_may_differ_as_much_as_a_float32_schedule(monkeypatch, apart, status):
    monkeypatch.setattr(rungs_random, "choose_extremes", lambda pair: None)
    sides = [Side(gradients={"loss": each, "gradients": np.ones(2), "draws": []}) for each in (1.0, 1.0 + apart)]
    pair = Pair(*sides, map=Found(np.arange(2), True, 1))
    assert rungs_random.forced(pair)["status"] == status


@pytest.mark.parametrize(
    ("curve", "beyond", "status"),
    [(1e-7, 1.0, "pass"), (1.1e-7, 0.0, "fail"), (0.0, 1.001, "fail")],
)
def test_updates_and_the_loss_curve_each_have_their_limit(monkeypatch, curve, beyond, status):
    monkeypatch.setattr(rungs_training, "compared", lambda pair, scale: (curve, 0.0, beyond, ""))
    monkeypatch.setattr(rungs_training, "_floors", lambda pair, scale: {})
    monkeypatch.setattr(rungs_training, "_explained", lambda pair, result, what: result)
    assert rungs_training.update(Pair())["status"] == status


@pytest.mark.parametrize(
    ("floor", "size", "within"),
    [(0.0, 0.9e-6, True), (0.0, 1.1e-6, False), (1e-8, 0.9e-5, True), (1.0, 0.049, True), (1.0, 0.051, False)],
)
def test_an_update_may_differ_by_its_noise_but_never_by_a_twentieth(monkeypatch, floor, size, within):
    ours = SimpleNamespace(tensors=[{"name": "w", "kind": "parameter"}], span=lambda number: slice(0, 2))
    pair = Pair(map=Found(np.arange(2), True, 1), ours=ours)
    run = {"losses": [1.0], "snaps": [np.array([1.0, 1.0])]}
    moved = {"losses": [1.0], "snaps": [np.array([1.0, 1.0 + size])]}
    monkeypatch.setattr(rungs_training, "runs", lambda pair, scale: (run, moved))
    monkeypatch.setattr(rungs_training, "_floors", lambda pair, scale: {"w": floor})
    assert (rungs_training.compared(pair, 1.0)[2] <= 1) is within


def preprocessed(value, heads=200):
    def answer(raw, seed, train, times=1):  # noqa: ARG001
        if not train:
            return [np.array([value])]
        return [np.array([float(k < heads)]) for k in range(times)]

    return Side(preprocess=answer, raw=np.zeros(1), places={}, trace_preprocess={"nodes": []})


@pytest.mark.parametrize(("apart", "status"), [(0.9e-6, "pass"), (1.1e-6, "fail")])
def test_preprocessing_may_differ_by_rounding_in_float32(apart, status):
    assert rungs_data.data(Pair(preprocessed(1.0), preprocessed(1.0 - apart)))["status"] == status


@pytest.mark.parametrize(("heads", "status"), [(238, "pass"), (245, "fail")])
def test_outcomes_of_an_augmentation_are_counted(heads, status):
    # of 400 draws: 38 more are 38**2 / 438 + 38**2 / 362 = 7.3, z (7.3 - 1) / sqrt(2) = 4.4; 45 more 10.3, z 6.5
    assert rungs_data.data(Pair(preprocessed(1.0), preprocessed(1.0, heads)))["status"] == status


@pytest.mark.parametrize(("shift", "same"), [(0.052, True), (0.06, False)])
def test_a_mean_counts_from_five_and_a_half_standard_errors(shift, same):
    x = np.random.default_rng(0).standard_normal(20_000)  # one standard error of the difference is 0.01
    assert (rungs_random.differs(x, x + shift * x.std())[0] == "") is same


def test_a_cut_off_counts_where_more_than_forty_values_pass_it():
    x = np.random.default_rng(1).standard_normal(20_000)
    calm = x[np.abs(x) < 2.9]
    for count, cut_off in ((40, False), (41, True)):
        wide = calm.copy()
        wide[:count] = 3.5
        assert rungs_random._beyond(calm, wide) is cut_off


@pytest.mark.parametrize(("used", "missing", "status"), [(1.0, [], "pass"), (0.99, [], "fail"), (1.0, ["w"], "fail")])
def test_a_map_is_whole_on_both_sides_or_fails(used, missing, status):
    found = Found(np.arange(2), True, 1)
    tensors = SimpleNamespace(tensors=[{"name": "w"}], named=lambda event: ["w"])
    pair = Pair(
        make_map=lambda: found, unresolved=lambda: missing, used_frac=lambda: used, ours=tensors, theirs=tensors
    )
    assert rungs_model.weight_map(pair)["status"] == status


def climbs(monkeypatch, statuses, **pair):
    """A ladder of rungs with these outcomes, in this order."""
    known = {name: (title, level) for name, title, level, _ in ladder.RUNGS}
    rungs = [
        (name, *known[name], lambda pair, s=status: {"status": s, "says": ""}) for name, status in statuses.items()
    ]
    monkeypatch.setattr(ladder, "RUNGS", rungs)
    return SimpleNamespace(**{"streamed": False, "map": Found(np.arange(1), True, 1), **pair})


def seen(found):
    return [each["status"] for each in found]


def test_the_ladder_ends_at_the_first_failure_unless_told_to_go_on(monkeypatch):
    pair = climbs(monkeypatch, {"structure": "pass", "map": "fail", "forward": "pass", "loss": "pass"})
    assert seen(ladder.climbed(pair)) == ["pass", "fail", "not reached", "not reached"]
    assert seen(ladder.climbed(pair, keep_going=True)) == ["pass", "fail", "pass", "pass"]
    pair = climbs(monkeypatch, {"structure": "fail", "map": "pass"})
    assert seen(ladder.climbed(pair)) == ["fail", "not reached"]


def test_without_a_map_nothing_that_needs_it_is_tried(monkeypatch):
    pair = climbs(monkeypatch, {"forward": "pass", "update": "pass", "tokenizer": "pass"}, map=None)
    assert seen(ladder.climbed(pair)) == ["not reached", "not reached", "pass"]


def test_initial_values_are_not_judged_under_a_map_that_is_not_verified(monkeypatch):
    pair = climbs(monkeypatch, {"map": "pass", "init": "fail", "forward": "pass"}, map=Found(np.arange(1), False, 1))
    assert seen(ladder.climbed(pair)) == ["pass", "not compared", "pass"]


def test_a_streamed_pair_leaves_out_by_name_what_needs_whole_models(monkeypatch):
    pair = climbs(monkeypatch, {"init": "pass", "forced": "pass", "update": "pass", "ema": "pass"}, streamed=True)
    assert seen(ladder.climbed(pair)) == ["pass", "not compared", "not compared", "not compared"]


def test_the_rungs_are_climbed_in_the_order_of_the_manual():
    order = [name for name, *_ in ladder.RUNGS]
    assert order == list(models.RUNGS)
    for earlier, later in (("map", "init"), ("init", "forward"), ("forward", "loss"), ("loss", "gradients"),
                           ("gradients", "forced"), ("optimizer", "update"), ("update", "stress"),
                           ("ema", "data")):  # fmt: skip
        assert order.index(earlier) < order.index(later)


@pytest.mark.parametrize(("gap", "word"), [("pass", "proven"), ("not compared", "not compared"), ("fail", "failed")])
def test_a_level_is_claimed_only_when_every_rung_it_rests_on_passed(gap, word):
    rungs = [{"id": name, "level": level, "status": "pass"} for name, _, level, _ in ladder.RUNGS]
    next(each for each in rungs if each["id"] == "gradients")["status"] = gap
    found = {each["level"]: each["status"] for each in ladder.claims(rungs)}
    assert found["forward and gradients"] == word
    assert found["static"] == "proven"


@pytest.mark.parametrize(("word", "ok"), [("proven", True), ("not compared", False)])
def test_no_failure_is_not_yet_a_yes(word, ok):
    side = {"framework": "torch", "python": "3.11", "versions": {}, "files": [], "hooks": []}
    data = {"rungs": [], "claims": [{"level": "forward and gradients", "status": word, "rungs": [], "says": ""}],
            "reference": side, "port": side, "map": None, "executed": [], "reference_executed": [], "weaker": [],
            "took_s": 0.0}  # fmt: skip
    assert verdicts.answered(data, {"reference": {"file": "r"}, "port": {"file": "p"}}, None).ok is ok


@pytest.mark.parametrize(("n", "same"), [(160, True), (190, False)])
def test_the_shape_alone_counts_from_a_probability_of_a_millionth(n, same):
    # plus and minus one against a uniform distribution of the same spread: 0.2887 apart, p = 2 exp(-0.2887**2 n)
    two, uniform = np.repeat([-1.0, 1.0], n // 2), np.linspace(-(3**0.5), 3**0.5, n)
    assert (rungs_random.differs(two, uniform)[0] == "") is same
