"""Papers whose facts are marked in the text: what is overlooked is known, word by word."""

import importlib.util
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
PAPERS = sorted((BENCHMARKS / "candidates_papers").iterdir())
OVERLOOKED = {
    "federated.md": ["Stack Overflow", "all"],
    "kge.tex": ["nothing", "Ax"],
    "policy.md": [],
    "weather.tex": ["fair"],
}


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("candidates_benchmark", BENCHMARKS / "candidates.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["candidates_benchmark"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", PAPERS, ids=lambda path: path.name)
def test_only_these_words_are_overlooked_and_no_number(benchmark, path):
    paper, facts = benchmark.marked(path)
    one, _ = benchmark.both_tiers(paper)
    assert [paper.text[a:b] for a, b in facts if not benchmark.is_found(paper, one, a, b)] == OVERLOOKED[path.name]


@pytest.mark.parametrize("path", PAPERS, ids=lambda path: path.name)
def test_nothing_is_overlooked_by_a_reader_of_the_whole_answer(benchmark, path):
    paper, facts = benchmark.marked(path)
    found = benchmark.all_tiers(paper)
    listed = [*found.announced, *found.others]
    left = [fact for fact in facts if not benchmark.is_found(paper, listed, *fact)]
    assert [paper.text[a:b] for a, b in left if not benchmark.is_stated(found, a, b)] == []
    assert all(benchmark.is_read(found, *fact) for fact in left)
    alone = [s for s in found.remainder if s.span not in {c.span for c in found.announced}]
    assert len(alone) <= 2


@pytest.mark.parametrize("path", PAPERS, ids=lambda path: path.name)
def test_most_that_is_listed_is_a_fact(benchmark, path):
    paper, facts = benchmark.marked(path)
    one, two = benchmark.both_tiers(paper)
    on = {rank: sum(any(c.start < e and s < c.end for s, e in facts) for c in one if c.rank == rank) for rank in "AB"}
    assert on["A"] >= 0.8 * sum(c.rank == "A" for c in one)
    assert sum(on.values()) >= 0.75 * len(one)
    assert len(two) <= 0.15 * len(one)


def test_a_fact_of_several_numbers_needs_each_of_them(benchmark, tmp_path):
    path = tmp_path / "p.md"
    path.write_text("# P\n\n## 1 Set-up\n\nWe use «4 and 8» layers with «Adam» twice.\n", "utf-8")
    paper, facts = benchmark.marked(path)
    one, _ = benchmark.both_tiers(paper)
    assert [paper.text[a:b] for a, b in facts] == ["4 and 8", "Adam"]
    assert [benchmark.is_found(paper, one, a, b) for a, b in facts] == [True, True]
    fewer = [c for c in one if c.raw != "8"]
    assert not benchmark.is_found(paper, fewer, *facts[0])


def test_a_fact_counts_as_stated_when_most_of_it_is_in_the_remainder(benchmark, tmp_path):
    path = tmp_path / "p.md"
    path.write_text("# P\n\n## 1 Set-up\n\nWe «tighten wobbles» by hand.\n\n## 2 Related work\n\nA «quark».\n", "utf-8")
    paper, facts = benchmark.marked(path)
    found = benchmark.all_tiers(paper)
    assert [benchmark.is_stated(found, *fact) for fact in facts] == [True, False]
    assert [benchmark.is_read(found, *fact) for fact in facts] == [True, False]
