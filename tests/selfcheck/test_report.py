"""The report: complete, self-contained, the same bytes from the same records, and safe with text from outside."""

import json
import re
from types import SimpleNamespace

import pytest
import yaml

from reproof.selfcheck import conclusion
from reproof.selfcheck.chart import chart
from reproof.selfcheck.report_models import ClaimRow

EVIL = '<script>alert(1)</script> "><img src=http://evil/a.png> ![x](http://evil/b.png) | `tick` **bold** {{ 7 * 7 }}'


def read(project, name):
    return (project.folder / name).read_text(encoding="utf-8")


def test_the_same_records_give_the_same_bytes(project):
    names = ("report.md", "report.html", "report.json")
    before = [read(project, name) for name in names]
    project.report()
    assert [read(project, name) for name in names] == before


def test_the_page_fetches_nothing_and_runs_nothing(project):
    page = read(project, "report.html")
    assert not re.search(r"<script|<link|<iframe|@import|url\(|javascript:|\son\w+=", page)
    assert set(re.findall(r'(?:src|href)="(.{5})', page)) <= {"data:", "#clai", "#ran\"", "#not\"", "#infe", "#miss",
        "#prob", "#memo", "#cost", "#reru", "#envi", "#gate", "#evid", "#note", "#inte", "#chec"}  # fmt: skip


def test_every_figure_of_a_run_is_in_the_page_and_linked_in_markdown(project):
    assert read(project, "report.html").count("data:image/png;base64,") == 3
    assert read(project, "report.md").count("![") == 3
    assert "](results/toy/seed0/figures/trajectories_10.png)" in read(project, "report.md")


def test_what_only_calls_itself_png_and_links_out_of_the_project_are_left_out(project, tmp_path):
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"\x89PNG\r\n\x1a\nsecret")
    folder = project.folder / "results/toy/seed0/figures"
    (folder / "linked.png").symlink_to(secret)
    (folder / "fake.png").write_text("<svg onload=alert(1)>")
    project.report()
    assert read(project, "report.html").count("data:image/png;base64,") == 3


@pytest.fixture
def poisoned(project):
    """A plan whose every free text is an attack, and a report of it."""
    data = yaml.safe_load(read(project, "plan.yaml"))
    data["paper"] |= {"title": EVIL, "authors": EVIL, "licence": EVIL}
    data |= {"problem": EVIL, "contribution": EVIL}
    data["missing"] = [{"what": EVIL, "impact": EVIL}]
    data["deviations"] = [{"what": EVIL, "why": EVIL, "impact": EVIL}]
    data["equations"] = [{"id": EVIL, "states": EVIL, "implemented_by": EVIL, "note": EVIL}]
    data["experiments"]["toy"]["summary"] = EVIL
    data["experiments"]["toy"]["data"]["name"] = {"value": EVIL, "inferred": EVIL, "alternatives": [EVIL]}
    data["claims"][0] |= {"method": EVIL, "table": EVIL}
    project.plan(data)
    project.report()
    return project


def test_text_from_outside_is_text_in_html(poisoned):
    page = read(poisoned, "report.html")
    assert "<script" not in page
    assert "<img src=http" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "49" not in re.sub(r"[0-9a-f]{12,}", "", page.partition("<h1>")[2].partition("</h1>")[0])


def test_text_from_outside_is_text_in_markdown(poisoned):
    text = read(poisoned, "report.md")
    assert "<script" not in text
    assert "<img" not in text
    assert "![x]" not in text
    assert not re.search(r"(?<!\\)\]\(http", text)


def test_a_table_row_has_as_many_cells_as_its_head_whatever_the_text(poisoned):
    for block in re.findall(r"(?:^\|.*\n)+", read(poisoned, "report.md"), re.MULTILINE):
        lines = block.splitlines()
        cells = [len(re.findall(r"(?<!\\)\|", line)) for line in lines]
        assert len(set(cells)) == 1, lines[cells.index(max(cells))]


def test_the_verdict_comes_first(project):
    text = read(project, "report.md")
    assert text.index("**1 of 1 claim reproduced (1 MATCH).**") < text.index("## What was claimed")


def test_json_holds_the_digests_of_the_pages(project):
    from reproof.paths import hash_path

    data = json.loads(read(project, "report.json"))
    assert data["files"] == {name: hash_path(project.folder / name) for name in ("report.md", "report.html")}
    assert data["digest"] in read(project, "report.md")
    assert data["digest"] in read(project, "report.html")


def test_a_report_elsewhere_links_back_to_the_figures(project, tmp_path):
    from reproof.selfcheck.command import main

    assert main(["report", str(project.folder), "--out", str(tmp_path / "out")]) == 0
    text = (tmp_path / "out" / "report.md").read_text()
    assert "](../project/results/toy/seed0/figures/trajectories_10.png)" in text


def test_a_report_needs_a_plan(project, capsys):
    from reproof.selfcheck.command import main

    project.write("plan.yaml", "name: [")
    assert main(["report", str(project.folder)]) == 2
    assert "error[bad-plan]" in capsys.readouterr().err


def test_before_anything_ran_the_report_says_so(project):
    import shutil

    shutil.rmtree(project.folder / "results")
    shutil.rmtree(project.folder / "evidence")
    project.report()
    text = read(project, "report.md")
    assert "No claim has been compared with the paper yet; the plan makes 1." in text
    assert "toy: a toy (1 claim rests on it)" in text


def claim(**numbers):
    base = {"id": "a", "table": "T", "method": "M", "experiment": "toy", "metric": "w2", "direction": "lower"}
    return ClaimRow(**base, condition="", printed="0.2", paper=0.2, verdict="MATCH", **numbers)


def test_places_on_the_axis_are_shares_of_its_length():
    row = chart("w2", [claim(ours_mean=0.5, ours_low=0.4, ours_high=0.6, floor_mean=0.8, floor_sd=0.1)])
    assert [tick.label for tick in row.ticks] == ["0", "0.2", "0.4", "0.6", "0.8", "1"]
    place = row.rows[0]
    assert (place.paper, place.ours, place.low, place.width) == (20.0, 50.0, 40.0, 20.0)
    assert (place.floor, place.floor_low, place.floor_width) == (80.0, 70.0, 20.0)


def test_negative_numbers_have_a_place_too():
    row = chart("w2", [claim(ours_mean=-0.2)])
    assert row.rows[0].ours == 0.0
    assert row.ticks[-1].label == "0.2"


def test_a_better_number_is_not_counted_as_reproduced():
    rows = [{"verdict": verdict} for verdict in ("MATCH", "BETTER", "BETTER", "FAIL")]
    claims = [SimpleNamespace(**row) for row in rows]
    assert conclusion._reproduced(claims) == (
        "1 of 4 claims reproduced (1 MATCH). 2 BETTER than printed, which is not the paper's number."
    )
    assert conclusion._reproduced(claims[1:3]).startswith("None of the 2 claims is reproduced as printed. 2 BETTER")
