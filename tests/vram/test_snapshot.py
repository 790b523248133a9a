"""A memory snapshot whose every number is known by hand, and the numbers at which a cause begins or ends."""

import pickle

import pytest

from reproof.errors import PackError
from reproof.vram import oomtext, snapshot
from reproof.vram.allocator import MIB
from reproof.vram.observed import PostmortemRequest
from reproof.vram.postmortem import EXPAND, Facts, explain, postmortem

GIB = 2**30
ADAM = [{"filename": "/x/site-packages/torch/optim/adam.py", "line": 9, "name": "step"},
        {"filename": "/me/train.py", "line": 50, "name": "main"}]  # fmt: skip
NET = [{"filename": "/me/net.py", "line": 7, "name": "forward"}]
FIRST, FREED = 0x10000000, 0x20000000
LATER = FIRST + (8 + 4) * MIB


def event(action, size, addr=0, frames=(), **more):
    return {"action": action, "size": size * MIB, "addr": addr, "frames": list(frames), **more}


def taken(**more):
    """Held at the end: 8 and 3 MiB of 40. At the second error: 8, and 2 that were on their way out, of 26."""
    blocks = [  # without addresses, as torch wrote them at first: they follow each other
        {"size": 8 * MIB, "state": "active_allocated", "frames": ADAM},
        {"size": 4 * MIB, "state": "inactive"},
        {"size": 3 * MIB, "state": "active_pending_free", "frames": NET},
        {"size": 5 * MIB, "state": "inactive"},
    ]
    new = [{"size": 20 * MIB, "state": "inactive", "address": 0x30000000}]
    return {
        "segments": [
            {"device": 0, "address": FIRST, "total_size": 20 * MIB, "blocks": blocks},
            {"device": 0, "address": 0x30000000, "total_size": 20 * MIB, "blocks": new},
        ],
        "device_traces": [[
            event("alloc", 2, FREED, NET),
            event("oom", 10, device_free=MIB),
            event("free_requested", 2, FREED),
            event("oom", 12, device_free=2 * MIB, frames=ADAM),
            event("free_completed", 2, FREED),
            event("segment_alloc", 20, 0x30000000),
            event("segment_free", 6, 0x40000000),
            event("alloc", 3, LATER, NET),
        ]],
        **more,
    }  # fmt: skip


def test_what_is_held_is_told_for_the_last_error():
    one = snapshot.picture(taken())
    assert (one.oom, one.wanted, one.free) == (True, 12 * MIB, 2 * MIB)
    assert sorted(block.size for block in one.held) == [2 * MIB, 8 * MIB]
    assert one.allocated == 10 * MIB
    assert one.reserved == (40 - 20 + 6) * MIB
    assert one.largest_hole == 20 * MIB
    assert one.where == "/me/train.py:50"


def test_what_is_held_at_the_end_includes_what_another_stream_still_uses():
    one = snapshot.picture({**taken(), "device_traces": [[]]})
    assert (one.oom, one.wanted, one.free) == (False, None, None)
    assert (one.allocated, one.reserved) == (11 * MIB, 40 * MIB)


def test_holders_and_advice_begin_with_what_takes_most(tmp_path):
    path = tmp_path / "snapshot.pickle"
    path.write_bytes(pickle.dumps(taken()))
    told = postmortem(PostmortemRequest(file=path))
    assert [(row.line, row.bytes) for row in told.holders] == [("/me/train.py:50", 8 * MIB), ("/me/net.py:7", 2 * MIB)]
    assert told.cached_bytes == (26 - 10) * MIB
    assert EXPAND in [each.do for each in told.advice]
    assert [each.saves_bytes for each in told.advice if each.why.endswith("held")] == [8 * MIB, 2 * MIB]


@pytest.mark.parametrize("settings", [{"expandable_segments": True},
                                      {"PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True"}])  # fmt: skip
def test_what_is_switched_on_already_is_not_advised(tmp_path, settings):
    path = tmp_path / "snapshot.pickle"
    path.write_bytes(pickle.dumps(taken(allocator_settings=settings)))
    assert EXPAND not in [each.do for each in postmortem(PostmortemRequest(file=path)).advice]


def test_a_snapshot_as_large_as_allowed_is_read_and_a_byte_more_is_not(tmp_path, monkeypatch):
    path = tmp_path / "snapshot.pickle"
    path.write_bytes(pickle.dumps(taken()))
    monkeypatch.setattr(snapshot, "LARGEST_FILE", path.stat().st_size)
    assert snapshot.load(path)["segments"]
    monkeypatch.setattr(snapshot, "LARGEST_FILE", path.stat().st_size - 1)
    with pytest.raises(PackError, match="more than"):
        snapshot.load(path)


def slugs(*numbers, **more):
    return [cause.slug for cause in explain(Facts(*numbers, **more))[0]]


def test_a_cache_of_more_than_a_tenth_of_the_card_is_fragmented():
    assert slugs(4 * GIB, 20 * GIB, 0, 17 * GIB, 2 * GIB) == ["needs-more"]
    assert slugs(4 * GIB, 20 * GIB, 0, 17 * GIB, 2 * GIB + 1) == ["fragmented", "needs-more"]


def test_what_is_free_on_the_device_and_refused_is_no_fragment():
    assert slugs(GIB, 16 * GIB, 8 * GIB, 6 * GIB, 2 * GIB) == ["refused"]


def test_one_tensor_is_too_large_from_a_byte_above_the_card():
    assert slugs(16 * GIB + 1, 16 * GIB, 0, 0, 0) == ["one-tensor-too-large"]
    assert slugs(16 * GIB, 16 * GIB, 0, 0, 0) == ["needs-more"]


def test_tensors_that_were_there_count_into_what_was_needed():
    assert explain(Facts(2 * GIB, 16 * GIB, 0, 15 * GIB, 0))[0][0].what.startswith("tensors of 17.0 GiB")


OLD = (
    "CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 16.00 GiB total capacity; 9.00 GiB already allocated; "
    "1.00 GiB free; 10.00 GiB reserved in total by PyTorch)"
)
NEW = (
    "CUDA out of memory. Tried to allocate 1.50 TiB. GPU 0 has a total capacity of 16.00 GiB of which 1.00 GiB is "
    "free. {}Of the allocated memory 9.00 GiB is allocated by PyTorch, and 1.00 GiB is reserved by PyTorch but "
    "unallocated."
)
ONE = "Process {} has {:.2f} GiB memory in use. "


def test_without_the_processes_own_size_what_pytorch_reserved_is_its_own(tmp_path):
    path = tmp_path / "log.txt"
    path.write_text(OLD)
    assert postmortem(PostmortemRequest(file=path)).outside_bytes == (16 - 1 - 10) * GIB  # 9 in tensors, 1 cached


def test_the_only_process_that_is_listed_is_this_one_if_it_is_large_enough():
    (mine,) = oomtext.read(NEW.format(ONE.format(1, 10)))
    assert (mine.wanted, mine.process, mine.others) == (3 * 2**39, 10 * GIB, 0)
    (other,) = oomtext.read(NEW.format(ONE.format(1, 9.99)))
    assert (other.process, other.others) == (None, round(9.99 * GIB))
    (several,) = oomtext.read(NEW.format(ONE.format(1, 2) + ONE.format(2, 3)))
    assert (several.process, several.others) == (None, 5 * GIB)


def test_of_several_lines_of_the_user_the_innermost_is_told():
    frames = '  File "/me/main.py", line 3, in <module>\n  File "/me/net.py", line 7, in forward\n'
    assert oomtext.read(f"Traceback:\n{frames}{OLD}")[0].line == "/me/net.py:7"


def test_of_a_long_log_the_end_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("reproof.vram.postmortem.LAST_BYTES", 400)
    path = tmp_path / "log.txt"
    path.write_text("epoch\n" * 100 + OLD)
    assert postmortem(PostmortemRequest(file=path)).wanted_bytes == 2 * GIB
