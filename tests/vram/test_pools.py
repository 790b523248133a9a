"""Trajectory pools beside the sizes that the NSGF paper states (appendix E.2)."""

import pytest

from reproof.vram.pools import pool_size


@pytest.mark.parametrize(
    ("batches", "batch_size", "shape", "gigabytes"),
    [(1500, 256, [1, 28, 28], (12.0, 13.2, 14.5)), (2500, 128, [3, 32, 32], (39.3, 43.3, 47.2))],
)
def test_the_three_layouts_of_the_papers_pools(batches, batch_size, shape, gigabytes):
    found = pool_size(batches, batch_size, 5, shape)
    assert tuple(round(layout.bytes / 1e9, 1) for layout in found.layouts) == gigabytes


def test_about_45_gb_is_met_within_five_percent_only_by_storing_the_end_state():
    found = pool_size(2500, 128, 5, [3, 32, 32], stated=45 * 10**9)
    assert [layout.of_stated for layout in found.layouts] == [0.874, 0.961, 1.049]


def test_a_row_is_a_pair_and_its_time():
    found = pool_size(3, 10, 5, [2])
    assert (found.rows, found.row_bytes) == (150, 4 * (2 + 2 + 1))
    assert found.host_bytes == found.disk_bytes == 150 * 20


def test_where_the_stated_size_is_from_is_kept():
    assert pool_size(3, 10, 5, [2], stated=1, stated_source="appendix E.2").stated_source == "appendix E.2"
