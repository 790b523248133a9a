"""Claims about order and shape, floors that the plan asks for, summaries, and the files with figures."""

import json
import math

import numpy as np
import pytest

from reproof.compare.child import metrics
from reproof.compare.command import main
from reproof.compare.curves import at_x
from reproof.compare.orders import beats
from reproof.compare.resample import interval, iqm, kendall
from reproof.otherclaims import CurveClaim


@pytest.fixture
def rivals(project):
    """Two experiments whose order the paper claims: toy before plain."""
    project.plan["experiments"]["plain"] = json.loads(json.dumps(project.experiment))
    ranking = [{"method": n, "experiment": n, "condition": {"sampling_steps": 10}} for n in ("toy", "plain")]
    said = {"id": "order/toy", "metric": "w2", "direction": "lower", "quote": "toy wins", "where": "4"}
    project.plan["orders"] = [said | {"ranking": ranking}]
    return project


def both(project, toy, plain):
    project.results(*toy)
    project.results(*plain, experiment="plain")
    for at, line in enumerate(project.lines):
        record = json.loads(line)
        own = f"{record['experiment']}-{record['seed']}"
        project.lines[at] = json.dumps(record | {"run_id": own, "checkpoints": {"fit": own}})
    return project.compare().orders[0]


def test_an_order_that_all_seeds_show_is_a_match(rivals):
    order = both(rivals, [1.0, 1.1, 1.2, 1.0, 1.1], [2.0, 2.1, 2.2, 2.0, 2.1])
    assert (order.verdict, order.tau, order.tau_low) == ("MATCH", 1.0, 1.0)
    assert order.pairs[0].probability == 1.0


def test_a_reversed_order_fails_and_says_how_sure(rivals):
    order = both(rivals, [2.0, 2.1, 2.2, 2.0, 2.1], [1.0, 1.1, 1.2, 1.0, 1.1])
    assert (order.verdict, order.tau) == ("FAIL", -1.0)
    assert order.reason == "reversed in our runs: plain (sampling_steps 10) beats toy (sampling_steps 10) (P = 1.00)"


def test_seeds_that_do_not_tell_methods_apart_are_inconclusive_with_a_number_of_seeds(rivals):
    order = both(rivals, [1.0, 2.0, 1.5, 1.2, 1.9], [1.1, 1.9, 1.6, 1.3, 1.8])
    assert order.verdict == "INCONCLUSIVE"
    assert order.more_seeds >= 1


def test_two_seeds_show_no_order(rivals):
    assert both(rivals, [1.0, 1.1], [2.0, 2.1]).verdict == "INCONCLUSIVE"


def test_one_side_that_did_not_run_leaves_the_order_open(rivals):
    order = both(rivals, [1.0, 1.1, 1.2, 1.0, 1.1], [])
    assert (order.verdict, order.reason) == ("NOT_RUN", "plain (sampling_steps 10): not run")


def test_a_shortened_side_never_counts(rivals):
    rivals.results(1.0, 1.1, 1.2)
    rivals.results(2.0, 2.1, 2.2, experiment="plain", steps_done={"fit": 20})
    assert rivals.compare().orders[0].verdict == "SHORTENED"


def test_an_ablation_is_a_side_of_its_own_and_not_mixed_with_its_experiment(rivals):
    rivals.plan["ablations"] = {"half": {"experiment": "toy", "why": "shows it", "overrides": {
        "phases.fit.steps": {"value": 100, "inferred": "half"}}}}  # fmt: skip
    rivals.plan["orders"][0]["ranking"][1] = {"method": "half", "ablation": "half", "condition": {"sampling_steps": 10}}
    rivals.results(1.0, 1.1, 1.2, 1.05, 1.15)
    for seed in range(5):
        rivals.result(2.0 + seed / 10, seed, run_id=f"half{seed}", checkpoints={"fit": f"half{seed}"}, ablation="half",
                      steps_done={"fit": 100}, steps_planned={"fit": 100})  # fmt: skip
    answer = rivals.compare()
    assert answer.orders[0].verdict == "MATCH"
    assert answer.claims[0].ours.n == 5 and answer.claims[0].ours.mean == pytest.approx(1.1)


def curve_claim(**changes):
    points = [[float(x), 1 / x] for x in range(1, 11)]
    said = {"id": "fig/toy", "figure": "Figure 3", "experiment": "toy", "metric": "w2", "quote": "it falls"}
    said |= {"series": "sampling_steps", "direction": "lower", "reading_error_y": 0.01, "where": "Fig. 3"}
    said |= {"points": points}
    return said | changes


def drawn(project, y, seeds=5, **changes):
    project.plan["curves"] = [curve_claim(**changes)]
    for seed in range(seeds):
        project.add({"kind": "series", "experiment": "toy", "seed": seed, "run_id": f"r{seed}", "config_hash": "c0",
                     "metric": "w2", "series": "sampling_steps", "core_hash": "k0",
                     "points": [[x / 2, y(x / 2) * (1 + 0.001 * seed)] for x in range(1, 22)]})  # fmt: skip
    return project.compare().curves[0]


@pytest.mark.parametrize(
    ("y", "verdict"),
    [(lambda x: 1 / x, "MATCH"), (lambda x: 1 / x + 0.06, "CLOSE"), (lambda x: 1 / x + 0.15, "DEVIATES"),
     (lambda x: x / 10, "FAIL")],
)  # fmt: skip
def test_a_curve_is_judged_at_the_points_that_were_read_off(project, y, verdict):
    found = drawn(project, y)
    assert found.verdict == verdict, found.reason
    assert found.seeds == [0, 1, 2, 3, 4] and len(found.ours) == 10


def test_a_curve_that_stays_near_and_runs_the_other_way_fails(project):
    def near(x):
        return 0.9 - 0.57 * (x - 1) if x <= 2 else 0.33 - 0.17 * (x - 2) if x <= 3 else 0.16 + 0.01 * (x - 3)

    found = drawn(project, near)
    assert found.verdict == "FAIL" and found.tau < 0.8, found.reason
    assert all(abs(a - b) < 0.18 for a, b in zip(found.ours, found.paper, strict=True))


def test_where_only_the_shape_counts_scale_and_offset_do_not(project):
    assert drawn(project, lambda x: 7 + 40 / x, direction="shape").verdict == "MATCH"


def test_a_curve_that_ends_early_is_not_judged_by_its_beginning(project):
    found = drawn(project, lambda x: 1 / x, points=[[1.0, 1.0], [10.0, 0.1], [100.0, 0.01]])
    assert found.verdict == "INCONCLUSIVE"
    assert found.reason == "1 of 3 points lie outside our curve"


def test_two_seeds_make_no_curve(project):
    assert drawn(project, lambda x: 1 / x, seeds=2).reason == "2 seeds; run 1 more"


def test_results_at_several_conditions_are_a_curve_too(project):
    project.plan["curves"] = [curve_claim(points=[[10.0, 1.0], [100.0, 0.5]])]
    for steps, value in ((10, 1.0), (100, 0.5)):
        project.results(value, value + 0.001, value - 0.001, condition={"sampling_steps": steps})
    assert project.compare().curves[0].verdict == "MATCH"


def test_a_figure_of_training_is_held_against_the_logs(project):
    project.plan["curves"] = [curve_claim(metric="loss", series="step", points=[[50.0, 0.02], [200.0, 0.005]])]
    for seed in range(3):
        run = project.folder / f"results/toy/seed{seed}"
        run.mkdir(parents=True, exist_ok=True)
        (run / "run.json").write_text("{}")
        rows = [{"phase": "fit", "step": s, "loss": 1 / s} for s in range(1, 201)]
        (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"step": 20')
    assert project.compare().curves[0].verdict == "MATCH"


def test_interpolation_is_linear_in_the_axis_that_is_drawn():
    linear, log = (CurveClaim.model_validate(curve_claim(x_log=log)) for log in (False, True))
    points = [(1.0, 0.0), (100.0, 2.0)]
    assert at_x(points, 10.0, log) == pytest.approx(1.0)
    assert at_x(points, 50.5, linear) == pytest.approx(1.0)
    assert at_x(points, 101.0, linear) is None and at_x(points, 0.9, linear) is None


def test_probability_tau_and_iqm_by_hand():
    assert beats([1, 2], [2, 3], "lower") == (1 + 1 + 0.5 + 1) / 4
    assert beats([1, 2], [2, 3], "higher") == 0.5 / 4
    assert kendall([1, 2, 3, 4], [1, 3, 2, 4]) == pytest.approx(4 / 6)  # 5 agree, 1 does not
    assert iqm([0, 1, 2, 3, 4, 5, 6, 700]) == 3.5
    assert interval(lambda g: g.choice([0.0, 1.0]), 10) == (0.0, 1.0)


def floor(project, **changes):
    project.plan["floors"] = [{"experiment": "toy", "metric": "w2", "draws": 40} | changes]
    project.write()
    (project.folder / "truth.py").write_text(
        "import numpy as np\n"
        "def draw(n, seed):\n    return np.random.default_rng(seed).normal(size=(n, 2))\n"
        "def call(n_test, n_generated, seed):\n    return 0.5 + seed / 100\n"
        "def broken(n, seed):\n    raise KeyError('no data')\n"
    )
    return project.compare()


def test_a_floor_by_the_users_own_function_decides(project):
    project.results(1.0, 1.001, 0.999, 1.002, 0.998)
    project.claim["printed"] = "0.400"
    (claim,) = floor(project, call="truth.py:call").claims
    assert claim.verdict == "UNATTAINABLE"
    assert (claim.floor.n, claim.floor.mean) == (40, pytest.approx(0.5 + 39 / 200))


def test_a_built_in_floor_is_that_of_the_exact_metric(project):
    (claim,) = floor(project, by="w2", truth="truth.py:draw").claims
    by_hand = []
    for seed in range(40):
        both = np.random.default_rng(seed).normal(size=(128, 2))
        by_hand.append(metrics.w2(both[:64], both[64:]))
    assert claim.floor.mean == pytest.approx(np.mean(by_hand))


def test_a_floor_that_cannot_be_computed_is_said_and_claims_are_judged(project):
    project.results(1.0, 1.001, 0.999, 1.002, 0.998)
    answer = floor(project, by="w2", truth="truth.py:broken")
    assert answer.notes == ["floor of w2 in toy by w2: KeyError: 'no data'"]
    assert answer.claims[0].verdict == "MATCH"


def test_label_noise_bounds_accuracy(project):
    project.claim.update(metric="accuracy_percent", printed="99.9", direction="higher")
    project.experiment["evaluation"]["metric"]["value"] = "accuracy_percent"
    (claim,) = floor(project, by="accuracy", metric="accuracy_percent", label_noise_frac=0.1).claims
    assert claim.verdict == "UNATTAINABLE"
    assert claim.floor.mean == pytest.approx(90.0, abs=0.1)


def test_metrics_against_values_known_by_hand():
    x, y = np.array([[0.0], [1.0]]), np.array([[3.0], [5.0], [3.0], [5.0]])
    assert metrics.w1(x, y) == pytest.approx(3.5)
    assert metrics.w2_squared(x, y) == pytest.approx((9 + 16) / 2)
    flat = np.array([[0.0, 0.0], [1.0, 0.0]])
    assert metrics.w2(flat, flat + np.array([3.0, 4.0])) == pytest.approx(5.0)
    assert metrics.sinkhorn(flat, flat + np.array([3.0, 4.0]), blur=0.01) == pytest.approx(12.5, rel=1e-6)
    assert metrics.sinkhorn(flat, flat) == pytest.approx(0.0, abs=1e-12)
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(50_000, 2)), rng.normal(size=(50_000, 2)) * 2 + 1
    assert metrics.fid(a, b) == pytest.approx(2 * 1 + 2 * (1 + 4 - 4), rel=0.02)  # |m|^2 + sum (s1 - s2)^2
    small = [rng.normal(size=(40, 3)) for _ in range(2)]
    assert metrics.fid(small[0], small[0]) == pytest.approx(0.0, abs=1e-9)
    pairs = [(i, j) for i in range(40) for j in range(40) if i != j]
    kernel = lambda p, q: (float(p @ q) / 3 + 1) ** 3  # noqa: E731
    own = [sum(kernel(s[i], s[j]) for i, j in pairs) / len(pairs) for s in small]
    cross = sum(kernel(p, q) for p in small[0] for q in small[1]) / 1600
    assert metrics.kid(*small) == pytest.approx(sum(own) - 2 * cross)
    accuracies = metrics.accuracies(1000, 0.05, 199)
    assert np.mean(accuracies) == pytest.approx(0.95, abs=1e-3)
    assert np.std(accuracies) == pytest.approx(math.sqrt(0.05 * 0.95 / 1000), rel=0.03)


def test_a_table_and_the_paper_have_a_standing_with_an_interval(project):
    project.plan["claims"] += [project.claim | {"id": f"t2/{i}", "table": "Table 2", "printed": f"{p:.2f}"}
                               for i, p in enumerate((1.0, 0.5, 1.0))]  # fmt: skip
    project.results(1.0, 1.001, 0.999, 1.002, 0.998)
    answer = project.compare()
    assert [t.standing for t in answer.tables] == ["all reproduced", "some reproduced"]
    (paper,) = answer.papers
    assert (paper.claims, paper.reproduced) == (4, 3)
    assert paper.share_interval[0] < 0.75 < paper.share_interval[1] == 1.0


def test_one_claim_can_be_asked_for_and_all_are_recorded(project, capsys):
    project.plan["claims"].append(project.claim | {"id": "t2/other", "printed": "9.00"})
    project.results(1.0, 1.001, 0.999, 1.002, 0.998)
    folder = project.write()
    assert main([str(folder), "--claim", project.claim["id"]]) == 0
    assert "t2/other" not in capsys.readouterr().out.split("## Where")[0]
    assert main([str(folder), "--claim", project.claim["id"], "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["claims"]) == 2
    assert main([str(folder), "--claim", "t2/othr"]) == 2
    assert "did you mean t2/other" in capsys.readouterr().err


def test_the_page_holds_a_figure_per_metric_and_curve_and_fetches_nothing(project, tmp_path):
    drawn(project, lambda x: 1 / x)
    project.results(1.0, 1.001, 0.999, 1.002, 0.998)
    main([str(project.write()), "--out", str(tmp_path / "out")])
    page = (tmp_path / "out" / "compare.html").read_text()
    assert page.count("<svg") == 2
    assert "<script" not in page and "src=" not in page
    assert json.loads((tmp_path / "out" / "compare.json").read_text())["curves"][0]["verdict"] == "MATCH"


def test_every_cause_links_to_an_entry_that_exists_and_a_check_of_debug():
    from pathlib import Path

    from reproof.compare.causes import LOOK_AT

    root = Path(__file__).resolve().parents[2]
    learning = (root / "skills/paper-reproduction/LEARNING.md").read_text()
    code = "".join(p.read_text() for p in (root / "helpers/reproof/debug").glob("*.py"))
    for cause in LOOK_AT:
        assert not cause.learning or f"`{cause.learning}`" in learning
        for check in cause.debug.split(", ") if cause.debug else ():
            name = check.removeprefix("data-train-").removeprefix("data-test-")
            assert f'"{check}"' in code or f"-{name}" in code, check
