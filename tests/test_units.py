import pytest

from reproof.units import parse_bytes, parse_count, show_bytes, show_seconds


def test_gib_and_gb_are_different_units():
    assert parse_bytes("1GiB") == 1073741824
    assert parse_bytes("1GB") == 1000000000


@pytest.mark.parametrize("text", ["7Q", "", "GiB", "1..5", "1 2"])
def test_what_cannot_be_read_says_so_with_the_text(text):
    with pytest.raises(ValueError, match="cannot read"):
        parse_count(text)


def test_the_unit_changes_exactly_at_1024():
    assert show_bytes(1023) == "1023 B"
    assert show_bytes(1024) == "1.0 KiB"
    assert show_bytes(1024**3 - 1) == "1024.0 MiB"
    assert show_bytes(1024**3) == "1.0 GiB"
    assert show_bytes(2048 * 1024**3) == "2048.0 GiB"


def test_seconds_turn_into_minutes_at_sixty():
    assert show_seconds(59.4) == "59 s"
    assert show_seconds(59.6) == "1 min 0 s"
    assert show_seconds(3600) == "1 h 0 min"
