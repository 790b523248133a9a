import pytest

from reproof import yamlio
from reproof.errors import PackError


def test_exponents_without_a_point_are_numbers():
    assert yamlio.parse("lr: 1e-4", "x") == {"lr": 0.0001}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\na: 2", "key 'a' twice"),
        ("a: &x [1]\nb: *x", "aliases"),
        ("a: [1, 2", "line"),
        ("\ta: 1", "line 1"),
        ("? [1]\n: 2", "a key must be a word"),
    ],
)
def test_what_loses_or_multiplies_data_is_refused_with_its_line(text, says):
    with pytest.raises(PackError) as caught:
        yamlio.parse(text, "plan.yaml")
    assert caught.value.slug == "not-yaml"
    assert says in caught.value.what


def test_code_in_yaml_is_not_run():
    with pytest.raises(PackError):
        yamlio.parse("!!python/object/apply:os.system ['true']", "x")


def test_a_file_over_four_mebibytes_is_refused_and_one_at_the_limit_is_not():
    at_limit = "#" * yamlio.MAX_BYTES
    assert yamlio.parse(at_limit, "x") is None
    with pytest.raises(PackError) as caught:
        yamlio.parse(at_limit + "#", "x")
    assert caught.value.slug == "yaml-too-large"


@pytest.mark.parametrize(("depth", "fits"), [(yamlio.MAX_DEPTH, True), (yamlio.MAX_DEPTH + 1, False), (10**6, False)])
def test_a_deep_nest_is_an_error_and_not_a_crash(depth, fits):
    text = "[" * depth + "]" * depth
    if fits:
        assert yamlio.parse(text, "x") is not None
        return
    with pytest.raises(PackError, match="nested too deeply"):
        yamlio.parse(text, "x")


def test_a_date_that_is_none_is_an_error_with_the_file():
    with pytest.raises(PackError, match=r"plan\.yaml: "):
        yamlio.parse("on: 2026-99-99", "plan.yaml")


def test_the_slow_parser_answers_the_same(monkeypatch):
    """Machines without libyaml have yaml.SafeLoader only."""
    import importlib

    import yaml

    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    slow = importlib.reload(yamlio)
    try:
        assert slow.BASE is yaml.SafeLoader
        assert slow.parse("a: 1e-4", "x") == {"a": 1e-4}
        for text in ("a: 1\na: 2", "a: &x 1\nb: *x", "[" * 70 + "]" * 70):
            with pytest.raises(PackError):
                slow.parse(text, "x")
    finally:
        monkeypatch.undo()
        importlib.reload(yamlio)


def test_on_and_no_are_words_and_true_is_not():
    assert yamlio.parse("{on: no, off: yes, a: true, b: False}", "x") == {
        "on": "no",
        "off": "yes",
        "a": True,
        "b": False,
    }
