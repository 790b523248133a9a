"""Honest projects of other shapes: none of them may raise an alarm about what it did."""

import json
import shutil

import pytest
import yaml

FINE = {"PASS", "SIGNED"}


def rebuilt(project, change=lambda _: None, run=None, seeds=(0, 1, 2), **result):
    """The honest project with another plan and other runs, every helper run again."""
    data = yaml.safe_load((project.folder / "plan.yaml").read_text())
    change(data)
    project.plan(data)
    shutil.rmtree(project.folder / "results")
    shutil.rmtree(project.folder / "evidence")
    project.code()
    for step in (project.check, project.probe, project.vram, project.smoke):
        step()
    for seed in seeds:
        (run or project.run)(seed, **result)
    project.compare()
    project.report()
    return project


def toy(data):
    return data["experiments"]["toy"]


def five_seeds(project):
    rebuilt(project, lambda d: toy(d).update(seeds=[0, 1, 2, 3, 4]), seeds=range(5))


def accuracy(name, printed, values):
    def build(project):
        def change(data):
            toy(data)["evaluation"]["metric"]["value"] = name
            data["claims"][0] |= {
                "metric": name,
                "printed": printed,
                "direction": "higher",
                "quote": f"Ours {printed} 0.144",
            }

        (project.folder / "paper.md").write_text("")
        training = "## 3 Training\n\nWe train the network for 200 steps with batch size 16."
        text = f"# A Small Paper\n\n{training}\n\n## Table 1\n\nOurs {printed} 0.144\n"
        project.check = lambda: _check(project, text)
        rebuilt(project, change, lambda seed: project.run(seed, metric=name, value=values[seed]))

    return build


def _check(project, text):
    from reproof.plan.command import main

    return main(["check", str(project.folder / "plan.yaml"), "--paper", str(project.write("paper.md", text))])


def twice_the_same_accuracy(project):
    accuracy("accuracy", "0.875", [0.875, 0.875, 0.859375])(project)


def two_tables(project):
    def change(data):
        other = {"id": "table2/toy", "table": "Table 2", "printed": "0.144", "condition": {"sampling_steps": 100}}
        data["claims"].append(data["claims"][0] | other)

    def run(seed):
        project.run(seed)
        rows = project.rows(f"results/toy/seed{seed}/records.jsonl")
        other = rows[-1] | {"condition": {"sampling_steps": 100}, "value": 0.144 + seed / 9999}
        project.lines(f"results/toy/seed{seed}/records.jsonl", [*rows, other])

    rebuilt(project, change, run)


def resumed(project):
    path = project.folder / "results/toy/seed0/metrics.jsonl"
    rows = project.rows("results/toy/seed0/metrics.jsonl")
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows[:3], *rows[1:]]))
    project.compare()
    project.report()


def moved(project):
    away = project.folder.with_name("another place")
    project.folder.rename(away)
    project.folder = away


def another_time_zone(project):
    for seed in (0, 1, 2):
        project.run(seed, created=f"2026-01-06T2{seed}:00:00+09:00")
    project.compare()
    project.report()


def windows_line_ends_in_logs(project):
    for path in (project.folder / "results").rglob("metrics.jsonl"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


def run_again_after_an_edit(project):
    project.change("src/small/core/__init__.py", "Mean squared error.", "The mean squared error.")
    project.smoke()
    for seed in (0, 1, 2):
        project.run(seed)
    project.compare()
    project.report()


def evaluated_twice(project):
    rows = project.rows("results/toy/seed0/records.jsonl")
    project.lines("results/toy/seed0/records.jsonl", [*rows, rows[-1]])
    project.compare()
    project.report()


def evidence_made_twice(project):
    for step in (project.probe, project.vram, project.smoke, project.compare, project.compare, project.report):
        step()


def extra_files(project):
    project.write("notes.txt", "what I thought")
    project.write("results/toy/seed0/wandb/debug.log", "nothing")
    project.write("tests/test_mine.py", "def test_mine():\n    assert 1\n")
    project.smoke()
    project.report()


def unattainable(project):
    for seed in (0, 1, 2):
        rows = project.rows(f"results/toy/seed{seed}/records.jsonl")
        rows[0]["values"] = [value + 0.1 for value in rows[0]["values"]]
        project.lines(f"results/toy/seed{seed}/records.jsonl", rows)
    project.compare()
    project.report()


def failed(project):
    for seed in (0, 1, 2):
        project.run(seed, value=0.9 + seed / 1000)
    project.compare()
    project.report()


def own_draws_on_record(project):
    for seed in (0, 1, 2):
        values = [0.285 + 0.001 * seed, 0.2851 + 0.001 * seed]
        project.run(seed, values=values, value=sum(values) / 2, test_draws=2)
    project.compare()
    project.report()


def code_with_both_splits(project):
    text = (
        "\n\ndef load_data(root):\n    train = MNIST(root, train=True)\n    test = MNIST(root, train=False)\n"
        "    return {'train': train, 'test': test}\n\n\ndef total(train_loss, test_loss):\n"
        "    return train_loss + test_loss\n\n\ndef both(x_train, y_train):\n    return torch.cat([x_train, y_train])\n"
    )
    path = project.folder / "src/small/core/__init__.py"
    path.write_text(path.read_text() + text)
    project.smoke()
    for seed in (0, 1, 2):
        project.run(seed)
    project.compare()
    project.report()


def notes_of_a_person(project):
    project.write("notes.yaml", "by: Ada Lovelace\non: 2026-01-07\neasy: [the loss]\nhard: [the data]\n")
    project.report()


def signed_by_someone_with_a_telling_name(project):
    text = (project.folder / "plan.yaml").read_text()
    (project.folder / "plan.yaml").write_text(text.replace("Ada Lovelace", "Aidan Botha-Scripter"))
    rebuilt(project)


def without_checkpoints_on_disk(project):
    assert not list(project.folder.rglob("*.ckpt"))


def no_report_yet(project):
    for name in ("report.md", "report.html", "report.json"):
        (project.folder / name).unlink()


def explained_drop(project):
    project.run(3)
    data = yaml.safe_load((project.folder / "plan.yaml").read_text())
    toy(data)["seeds"] = [0, 1, 2, 3]
    project.plan(data)
    for step in (project.check, project.probe, project.vram, project.smoke, project.compare, project.report):
        step()


HONEST = [
    five_seeds,
    accuracy("accuracy", "0.875", [0.86, 0.88, 0.89]),
    twice_the_same_accuracy,
    two_tables,
    accuracy("accuracy_percent", "87.5", [86.9, 87.9, 87.6]),
    resumed,
    moved,
    another_time_zone,
    windows_line_ends_in_logs,
    run_again_after_an_edit,
    evaluated_twice,
    evidence_made_twice,
    extra_files,
    unattainable,
    failed,
    own_draws_on_record,
    code_with_both_splits,
    notes_of_a_person,
    signed_by_someone_with_a_telling_name,
    without_checkpoints_on_disk,
    no_report_yet,
    explained_drop,
]


@pytest.mark.parametrize("make", HONEST, ids=lambda make: make.__name__)
def test_an_honest_project_of_another_shape_raises_no_alarm(project, make):
    make(project)
    assert {name: item.why for name, item in project.items().items() if item.blocks} == {}


def test_a_project_that_is_partly_run_is_incomplete_and_not_accused(project):
    shutil.rmtree(project.folder / "results/toy/seed2")
    project.compare()
    project.report()
    states = {item.state for item in project.items().values() if item.blocks}
    assert states == {"MISSING"}
    assert "Not established" not in (project.folder / "report.md").read_text()
