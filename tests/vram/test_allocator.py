"""The caching allocator's rules, each worked out by hand from the constants in CUDACachingAllocator.cpp."""

import random

import pytest

from reproof.vram.allocator import MIB, Allocator, Settings, replay
from reproof.vram.timeline import Timeline

EXPANDABLE = Settings(expandable_segments=True)


def run(*sizes, settings=None, capacity=float("inf")):
    """Positive: allocate that many bytes under the next number; negative: free that number."""
    events, number = [], 0
    for size in sizes:
        if size > 0:
            number += 1
            events.append(("alloc", number, size))
        elif size < 0:
            events.append(("free", -size, 0))
        else:
            events.append(("empty", 0, 0))
    return replay(events, settings, capacity)


@pytest.mark.parametrize(
    ("wanted", "allocated", "reserved"),
    [
        (1, 512, 2 * MIB),
        (512, 512, 2 * MIB),
        (513, 1024, 2 * MIB),
        (MIB, MIB, 2 * MIB),  # the last of the small pool
        (MIB + 1, MIB + 512, 20 * MIB),
        (10 * MIB - 512, 10 * MIB - 512, 20 * MIB),
        (10 * MIB, 10 * MIB, 10 * MIB),  # from here on a segment of its own, in steps of 2 MiB
        (10 * MIB + 1, 10 * MIB + 512, 12 * MIB),  # 2 MiB - 512 are left over, more than 1 MiB: split off
    ],
)
def test_one_request_is_rounded_and_gets_a_segment(wanted, allocated, reserved):
    told = run(wanted)
    assert (told.allocated_bytes, told.reserved_bytes) == (allocated, reserved)


def test_a_rest_of_one_mebibyte_stays_in_the_block_and_a_larger_one_is_split_off():
    assert run(11 * MIB).allocated_bytes == 12 * MIB
    assert run(11 * MIB - 512).allocated_bytes == 11 * MIB - 512


def test_small_requests_share_a_segment_until_it_is_full():
    assert run(*[512] * 4096).reserved_bytes == 2 * MIB
    assert run(*[512] * 4097).reserved_bytes == 4 * MIB


def test_five_times_four_mebibytes_share_twenty_and_the_sixth_needs_more():
    assert run(*[4 * MIB] * 5).reserved_bytes == 20 * MIB
    assert run(*[4 * MIB] * 6).reserved_bytes == 40 * MIB


def test_a_freed_block_is_split_and_used_again():
    told = run(100 * MIB, -1, 60 * MIB, 40 * MIB)
    assert told.reserved_bytes == 100 * MIB
    assert told.allocated_bytes == 100 * MIB


def test_neighbours_merge_and_fragments_do_not():
    assert run(30 * MIB, -1, 10 * MIB, 20 * MIB, -2, -3, 30 * MIB).reserved_bytes == 30 * MIB
    assert run(10 * MIB, 20 * MIB, -1, -2, 30 * MIB).reserved_bytes == 60 * MIB  # two segments never become one


def test_the_best_fit_is_the_smallest_that_is_large_enough():
    told = run(50 * MIB, 20 * MIB, -1, -2, 20 * MIB, 50 * MIB)
    assert told.reserved_bytes == 70 * MIB


def test_the_peak_is_told_with_the_event_that_reached_it():
    told = run(20 * MIB, 20 * MIB, -1, 10 * MIB)
    assert (told.allocated_bytes, told.peak_event) == (40 * MIB, 1)
    assert run().peak_event == -1


def test_zero_bytes_take_nothing():
    told = replay([("alloc", 1, 0), ("free", 1, 0)])
    assert (told.allocated_bytes, told.reserved_bytes) == (0, 0)


def test_a_full_device_releases_its_cache_before_it_gives_up():
    told = run(60 * MIB, -1, 80 * MIB, capacity=100 * MIB)
    assert told.oom is None
    assert told.retries == 1
    told = run(60 * MIB, 80 * MIB, capacity=100 * MIB)
    assert told.oom is not None
    assert (told.oom.event, told.oom.wanted_bytes, told.oom.reserved_bytes) == (1, 80 * MIB, 60 * MIB)


def test_exactly_full_fits_and_a_segment_more_does_not():
    assert run(60 * MIB, 40 * MIB, capacity=100 * MIB).oom is None
    assert run(60 * MIB, 42 * MIB, capacity=100 * MIB).oom is not None


def test_what_is_optional_is_left_out_where_it_does_not_fit_and_taken_where_it_does():
    events = [("alloc", 1, 30 * MIB), ("alloc", 2, 20 * MIB), ("free", 2, 0), ("alloc", 3, 10 * MIB)]
    short = replay(events, None, 50 * MIB - 1, {2})
    assert (short.oom, short.left_out, short.allocated_bytes) == (None, 1, 40 * MIB)
    enough = replay(events, None, 50 * MIB, {2})
    assert (enough.oom, enough.left_out, enough.allocated_bytes) == (None, 0, 50 * MIB)
    needed = replay(events, None, 50 * MIB - 1, {3})
    assert (needed.oom.event, needed.left_out) == (1, 0)


def test_empty_cache_gives_whole_segments_back_and_keeps_split_ones():
    device = Allocator()
    device.allocate(1, 20 * MIB)
    device.allocate(2, 40 * MIB)
    device.free(2)
    device.allocate(3, 20 * MIB)  # the second segment is split now
    device.free(1)
    device.release()
    assert device.reserved == 40 * MIB
    device.free(3)
    device.release()
    assert device.reserved == 0


def test_expandable_segments_grow_by_pages_and_leave_no_fragments():
    assert run(30 * MIB, settings=EXPANDABLE).reserved_bytes == 40 * MIB
    assert run(1, settings=EXPANDABLE).reserved_bytes == 2 * MIB
    # two neighbours freed make room for both together, where ordinary segments needed 60 MiB
    assert run(10 * MIB, 20 * MIB, -1, -2, 30 * MIB, settings=EXPANDABLE).reserved_bytes == 40 * MIB
    # a free end is used up before new pages are mapped: 40 mapped, 10 of them free, 25 wanted: one page more
    assert run(30 * MIB, 25 * MIB, settings=EXPANDABLE).reserved_bytes == 60 * MIB


def test_expandable_segments_give_back_pages_from_the_middle_and_use_them_again():
    device = Allocator(EXPANDABLE, capacity_bytes=80 * MIB)
    for key, size in enumerate((20, 40, 20)):
        device.allocate(key, size * MIB)
    assert device.reserved == 80 * MIB
    device.free(1)
    device.release()
    assert device.reserved == 40 * MIB
    device.allocate(5, 40 * MIB)
    assert device.reserved == 80 * MIB
    for key in (0, 2, 5):
        device.free(key)
    device.release()
    assert (device.reserved, device.allocated) == (0, 0)


def test_blocks_above_the_split_limit_are_not_given_to_smaller_requests():
    limit = Settings(max_split_bytes=50 * MIB)
    assert run(100 * MIB, -1, 40 * MIB).reserved_bytes == 100 * MIB
    assert run(100 * MIB, -1, 40 * MIB, settings=limit).reserved_bytes == 140 * MIB
    # an oversize block serves an oversize request unless it would waste 20 MiB
    assert run(100 * MIB, -1, 82 * MIB, settings=limit).reserved_bytes == 100 * MIB
    assert run(100 * MIB, -1, 80 * MIB, settings=limit).reserved_bytes == 180 * MIB


def test_garbage_is_collected_above_the_threshold_before_the_device_is_full():
    half = Settings(garbage_collection_threshold=0.5)
    kept = run(60 * MIB, -1, 80 * MIB, capacity=200 * MIB)
    swept = run(60 * MIB, -1, 80 * MIB, settings=half, capacity=100 * MIB)
    assert kept.reserved_bytes == 140 * MIB
    assert (swept.reserved_bytes, swept.retries) == (80 * MIB, 0)


@pytest.mark.parametrize("settings", [Settings(), EXPANDABLE, Settings(max_split_bytes=30 * MIB)])
def test_whatever_happens_the_books_balance(settings):
    """Reserved covers allocated, blocks tile their segments, and an emptied allocator is empty."""
    chance = random.Random(0)
    device, live, low = Allocator(settings), [], 0
    for key in range(3000):
        if live and chance.random() < 0.5:
            device.free(live.pop(chance.randrange(len(live))))
        elif chance.random() < 0.01:
            device.release()
        else:
            size = int(2 ** chance.uniform(0, 26))
            device.allocate(key, size)
            live.append(key)
        low = sum(block.size for block in device.live.values())
        cached = sum(size for pool in (device.small, device.large) for size, _ in pool.order)
        assert device.allocated == low
        assert device.reserved == low + cached
    for key in live:
        device.free(key)
    device.release()
    assert (device.allocated, device.reserved) == (0, 0)


def test_a_cached_block_of_exactly_max_split_size_is_kept_for_requests_as_large():
    settings = Settings(max_split_bytes=32 * MIB)
    assert run(32 * MIB, -1, 12 * MIB, settings=settings).reserved_bytes == 44 * MIB
    assert run(32 * MIB, -1, 32 * MIB, settings=settings).reserved_bytes == 32 * MIB


def test_the_peak_is_told_where_it_was_reached_first():
    assert run(MIB, -1, MIB).peak_event == 0
    assert run(MIB, -1, 2 * MIB).peak_event == 2


def test_garbage_is_collected_down_to_the_threshold_and_no_further():
    device = Allocator(Settings(garbage_collection_threshold=0.25), 400 * MIB)  # from 100 MiB on
    device.allocate(1, 40 * MIB)
    device.allocate(2, 44 * MIB)
    device.free(1)
    device.allocate(3, 46 * MIB)
    device.free(2)
    device.allocate(4, 60 * MIB)  # 130 MiB are reserved: the 40 that lie idle longest go, the 44 may stay
    assert device.reserved == (44 + 46 + 60) * MIB
    assert device.retries == 0


def test_small_requests_are_not_rounded_to_divisions_of_a_power_of_two():
    device = Allocator(Settings(roundup_power2_divisions=4))
    assert device.rounded(1500) == 1536  # below 4 blocks: to whole blocks only
    assert device.rounded(2048 + 1) == 2560  # above: to a quarter of 2048, and no finer than a block
    assert device.rounded(5 * MIB) == 5 * MIB
    assert device.rounded(5 * MIB + 1) == 6 * MIB


def test_the_free_end_of_an_expandable_segment_is_kept_for_what_it_can_grow_to():
    # 30, 20 and 10 MiB fill 60; the first and the last are freed: 10 MiB go into the 30, not into the free end,
    # so that 30 MiB more find 20 and 10, and the end grows by a page
    assert run(30 * MIB, 20 * MIB, 10 * MIB, -1, -3, 10 * MIB, settings=EXPANDABLE).reserved_bytes == 60 * MIB
    assert run(30 * MIB, 20 * MIB, 10 * MIB, -1, -3, 10 * MIB, 30 * MIB, settings=EXPANDABLE).reserved_bytes == 80 * MIB


def test_what_a_timeline_tells_is_in_whole_blocks_and_a_leak_is_one_too():
    events = [("alloc", 0, 100), ("alloc", 1, 513), ("free", 0, 0), ("alloc", 2, 1)]
    line = Timeline(events, [], [], [], [("build", 0), ("step 1", 1), ("end", 4)])
    assert line.levels() == [512, 1536, 1024, 1536]
    assert [(step.name, step.peak_bytes, step.after_bytes) for step in line.steps()] == [
        ("build", 512, 512), ("step 1", 1536, 1536),
    ]  # fmt: skip
