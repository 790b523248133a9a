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
    assert one.largest_hole == (4 + 3 + 5) * MIB  # the segment of 20 came later
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


def of(frames, size):
    return snapshot.Block(size * MIB, frames)


def frame(path, name, line=1):
    return (path, line, name)


LIGHTNING = (frame("/x/lightning/pytorch/core/module.py", "optimizer_step"), frame("/x/torch/optim/adam.py", "step"))


@pytest.mark.parametrize(
    ("frames", "kind"),
    [
        ((), "unknown, recorded without stacks"),
        ((frame("/x/torch/optim/adam.py", "_init_group"),), "optimizer"),
        ((frame("/x/deepspeed/ops/adam/fused_adam.py", "step"),), "optimizer"),
        ((frame("/x/torch/autograd/graph.py", "_engine_run_backward"),), "backward"),
        ((frame("/x/torch/nn/modules/module.py", "_apply"),), "parameters"),
        ((frame("/x/torch/nn/functional.py", "linear"),), "forward"),
        ((frame("/me/net.py", "forward"),), "forward"),
        ((frame("/me/data.py", "batches"),), "other tensors"),
        # a closure: the whole step runs inside of optimizer.step()
        ((frame("/me/net.py", "forward"), *LIGHTNING), "forward"),
        ((frame("/x/torch/autograd/graph.py", "_engine_run_backward"), *LIGHTNING), "backward"),
    ],
)
def test_what_a_block_is_follows_from_the_innermost_function_that_tells(frames, kind):
    assert snapshot.kind_of(frames).startswith(kind)


def test_beyond_twelve_lines_the_rest_is_one_row():
    held = [of((frame("/me/a.py", "f", line),), line) for line in range(1, 15)] + [of((frame("/me/a.py", "f", 1),), 1)]
    rows = snapshot.holders(held)
    assert [row.bytes // MIB for row in rows] == [*range(14, 2, -1), 2 + 1 + 1]
    assert (rows[-1].line, rows[-1].count, rows[-1].bytes) == ("2 other lines", 3, 4 * MIB)


def test_segments_that_grow_are_taken_back_piece_by_piece():
    """13 MiB at the error: 4 held, 6 free, and 2 and 1 elsewhere that went later; 6 more were mapped then."""
    trace = [
        event("oom", 7, device_free=0),
        event("segment_map", 6, FIRST + 10 * MIB),
        event("segment_unmap", 2, FIRST + 40 * MIB),
        event("segment_free", 1, 2 * FIRST),
    ]
    block = {"address": FIRST, "size": 4 * MIB, "state": "active_allocated"}
    one = snapshot.picture({"segments": [{"device": 0, "address": FIRST, "total_size": 16 * MIB, "blocks": [block]}],
                            "device_traces": [trace]})  # fmt: skip
    assert (one.reserved, one.largest_hole) == ((10 + 2 + 1) * MIB, 6 * MIB)


def test_what_was_made_and_freed_after_the_error_was_not_there():
    """The same address twice: taken back in the order in which it happened, the last first."""
    trace = [
        event("oom", 7, device_free=0),
        event("alloc", 1, FIRST),
        event("free_completed", 1, FIRST),
        event("alloc", 2, FIRST),
        event("free_completed", 2, FIRST),
    ]
    one = snapshot.picture({"segments": [{"device": 0, "address": FIRST, "total_size": 4 * MIB, "blocks": []}],
                            "device_traces": [trace]})  # fmt: skip
    assert (one.allocated, one.largest_hole) == (0, 4 * MIB)


def test_stacks_and_free_memory_are_found_where_torch_2_0_kept_them():
    block = {"size": 4 * MIB, "state": "active_allocated", "history": [{"frames": NET}]}
    one = snapshot.picture({"segments": [{"device": 0, "address": FIRST, "total_size": 4 * MIB, "blocks": [block]}],
                            "device_traces": [[{"action": "oom", "size": 5, "addr": 3 * MIB}]]})  # fmt: skip
    assert (one.held[0].frames[0][:2], one.free) == (("/me/net.py", 7), 3 * MIB)


def test_a_device_that_only_ran_out_is_there_and_one_beyond_is_not():
    only = {"segments": [], "device_traces": [[event("oom", 7, device_free=0)]]}
    assert snapshot.picture(only).wanted == 7 * MIB
    with pytest.raises(PackError, match="no-such-device"):
        snapshot.picture(only, 1)


def told(tmp_path, data):
    path = tmp_path / "snapshot.pickle"
    path.write_bytes(pickle.dumps(data))
    return postmortem(PostmortemRequest(file=path))


def test_without_an_error_a_snapshot_says_what_is_held_and_gives_no_cause(tmp_path):
    found = told(tmp_path, taken(device_traces=[[]]))
    assert (found.causes, found.messages, found.headline) == ([], 0, "11.0 MiB held at its end")
    assert found.notes == ["no out-of-memory in it: this is the state when it was written"]
    assert [each.why.split(":")[0] for each in found.advice] == ["optimizer", "forward"]


def test_without_stacks_that_is_said(tmp_path):
    bare = taken(device_traces=[[]])
    for block in bare["segments"][0]["blocks"]:
        block.pop("frames", None)
    assert any("no stacks" in note for note in told(tmp_path, bare).notes)
    assert not any("no stacks" in note for note in told(tmp_path, taken()).notes)


def test_causes_come_before_what_was_held_and_say_what_they_save(tmp_path):
    found = told(tmp_path, taken())
    assert (found.causes[0].slug, found.messages) == ("fragmented", 1)
    assert found.causes[0].what.endswith("the largest free piece is 12.0 MiB")
    assert (found.advice[0].do, found.advice[0].saves_bytes) == (EXPAND, 16 * MIB)


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


def test_a_limit_is_reached_by_the_whole_process_and_is_below_the_card():
    assert slugs(GIB, 16 * GIB, 0, 4 * GIB, 0, limit=8 * GIB, process=7 * GIB) == ["limited", "needs-more"]
    assert slugs(GIB, 16 * GIB, 0, 4 * GIB, 0, limit=8 * GIB) == ["needs-more"]
    assert slugs(GIB, 16 * GIB, 0, 15 * GIB, 0, limit=16 * GIB) == ["needs-more"]  # the whole card is no limit


def test_others_count_from_half_of_what_was_wanted():
    assert slugs(4 * GIB, 16 * GIB, 0, 12 * GIB, 0, outside=2 * GIB) == ["other-processes", "needs-more"]
    assert slugs(4 * GIB, 16 * GIB, 0, 12 * GIB, 0, outside=2 * GIB - 1) == ["needs-more"]


def test_without_free_or_capacity_the_processes_that_are_listed_are_outside(tmp_path):
    path = tmp_path / "log.txt"
    path.write_text(
        NEW.format(ONE.format(1, 2) + ONE.format(2, 3)).replace("1.00 GiB is free", "17179869184.00 GiB is free")
    )
    assert postmortem(PostmortemRequest(file=path)).outside_bytes == 5 * GIB


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
