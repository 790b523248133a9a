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


def test_a_deep_nest_is_an_error_and_not_a_crash():
    with pytest.raises(PackError) as caught:
        yamlio.parse("[" * 5000, "x")
    assert caught.value.slug == "not-yaml"
