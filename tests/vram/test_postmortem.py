"""Out-of-memory messages as they were reported, and snapshots in PyTorch's public format, hostile ones too."""

# ruff: noqa: E501 - messages as users posted them

import json
import pickle

import pytest

from reproof.errors import PackError
from reproof.vram import oomtext, snapshot
from reproof.vram.command import main
from reproof.vram.postmortem import Facts, explain

GIB, MIB = 2**30, 2**20
# as users posted them: github.com/zai-org/CogVideo/issues/36, lerf/issues/73, CoSeR/issues/10, vllm/issues/27508,
# CatVTON/issues/133, PolarSeg-like old ones with "cached", NVlabs/Eagle/issues/68, sdnext/issues/3739
TORCH_20 = (
    "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 4.56 GiB (GPU 0; 23.68 GiB total capacity; 18.96 "
    "GiB already allocated; 2.84 GiB free; 18.97 GiB reserved in total by PyTorch) If reserved memory is >> allocated "
    "memory try setting max_split_size_mb to avoid fragmentation.  See documentation for Memory Management"
)
TORCH_13 = (
    "RuntimeError: CUDA out of memory. Tried to allocate 1024.00 KiB (GPU 0; 11.17 GiB total capacity; 10.90 GiB already "
    "allocated; 576.00 KiB free; 30.96 MiB cached)"
)
TORCH_21 = (
    "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 3.00 GiB. GPU 0 has a total capacty of 23.65 GiB of "
    "which 1.66 GiB is free. Including non-PyTorch memory, this process has 20.81 GiB memory in use. Of the allocated "
    "memory 12.09 GiB is allocated by PyTorch, and 4.84 GiB is reserved by PyTorch but unallocated. If reserved but "
    "unallocated memory is large try setting max_split_size_mb to avoid fragmentation."
)
TORCH_25 = (
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 80.00 GiB. GPU 0 has a total capacity of 39.50 GiB of "
    "which 25.24 GiB is free. Including non-PyTorch memory, this process has 14.25 GiB memory in use. Of the allocated "
    "memory 12.87 GiB is allocated by PyTorch, and 912.01 MiB is reserved by PyTorch but unallocated."
)
GRAPHS = (
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 786.00 MiB. GPU 0 has a total capacity of 79.11 GiB of "
    "which 140.75 MiB is free. Process 3270336 has 78.96 GiB memory in use. Of the allocated memory 68.83 GiB is allocated "
    "by PyTorch, with 660.00 MiB allocated in private pools (e.g., CUDA Graphs), and 331.08 MiB is reserved by PyTorch but "
    "unallocated."
)
NEIGHBOUR = (
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 216.00 MiB. GPU 0 has a total capacity of 14.56 GiB of "
    "which 40.00 MiB is free. Including non-PyTorch memory, this process has 4.11 GiB memory in use. Process 17435 has "
    "10.40 GiB memory in use. Of the allocated memory 3.72 GiB is allocated by PyTorch, and 264.21 MiB is reserved by "
    "PyTorch but unallocated."
)
LIMITED = (
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 14.56 GiB of "
    "which 9.00 GiB is free. Including non-PyTorch memory, this process has 5.56 GiB memory in use. 5.82 GiB allowed; Of "
    "the allocated memory 5.00 GiB is allocated by PyTorch, and 100.00 MiB is reserved by PyTorch but unallocated."
)


# github.com/pytorch/pytorch/issues/59778, ROCm/TheRock/issues/2118, kijai/ComfyUI-CCSR/issues/14,
# clip-interrogator-ext/issues/74
REFUSED = (
    "CUDA out of memory. Tried to allocate 2.26 GiB (GPU 0; 6.00 GiB total capacity; 781.59 MiB already allocated; 3.03 GiB "
    "free; 1.24 GiB reserved in total by PyTorch)"
)
ROCM = (
    "torch.OutOfMemoryError: HIP out of memory. Tried to allocate 2.00 MiB. GPU 0 has a total capacity of 287.98 GiB of "
    "which 275.86 GiB is free. 1.05 GiB allowed; Of the allocated memory 1017.01 MiB is allocated by PyTorch, with 17.00 MiB "
    "allocated in private pools (e.g., HIP Graphs), and 54.99 MiB is reserved by PyTorch but unallocated."
)
ASYNC = (
    "Allocation on device 0 would exceed allowed memory. (out of memory)\nCurrently allocated     : 9.28 GiB\nRequested "
    "              : 4.00 GiB\nDevice limit            : 16.00 GiB\nFree (according to CUDA): 0 bytes\nPyTorch limit (set by "
    "user-supplied memory fraction)\n                        : 17179869184.00 GiB"
)
APPLE = (
    "MPS backend out of memory (MPS allocated: 6.04 GB, other allocations: 1.04 GB, max allowed: 6.77 GB). Tried to allocate "
    "459.07 MB on private pool."
)


@pytest.mark.parametrize(
    ("text", "wanted", "capacity", "allocated", "cached", "free"),
    [
        (TORCH_13, 1024 * 1024, 11.17, 10.90, 30.96 / 1024, 576 * 1024 / GIB),  # there it is what is not allocated
        (TORCH_20, 4.56 * GIB, 23.68, 18.96, 0.01, 2.84),
        (TORCH_21, 3 * GIB, 23.65, 12.09, 4.84, 1.66),
        (TORCH_25, 80 * GIB, 39.50, 12.87, 912.01 / 1024, 25.24),
        (GRAPHS, 786 * MIB, 79.11, 68.83, 331.08 / 1024, 140.75 / 1024),
    ],
)
def test_every_wording_of_torch_is_read_to_the_digit(text, wanted, capacity, allocated, cached, free):
    (said,) = oomtext.read("noise\n" + text.replace(". ", ".\n", 1) + "\nmore noise, 5.00 GiB free")
    assert said.wanted == pytest.approx(wanted, abs=1)
    for value, expected in ((said.capacity, capacity), (said.allocated, allocated), (said.cached, cached),
                            (said.free, free)):  # fmt: skip
        assert value == pytest.approx(expected * GIB, abs=0.006 * GIB)


def explained(tmp_path, capsys, text, code=0):
    path = tmp_path / "train.log"
    path.write_text(text, encoding="utf-8")
    assert main(["postmortem", str(path), "--json"]) == code
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("text", "slugs", "first"),
    [
        (TORCH_25, ["one-tensor-too-large"], "shapes"),
        (TORCH_21, ["fragmented"], "expandable_segments:True"),
        (TORCH_20, ["needs-more"], "vram.py fit"),
        (GRAPHS, ["private-pools", "needs-more"], "CUDA graphs"),
        (NEIGHBOUR, ["other-processes", "fragmented"], "nvidia-smi"),
        (LIMITED, ["limited", "needs-more"], "set_per_process_memory_fraction"),
        (REFUSED, ["refused"], "page file"),
        (ROCM, ["limited", "fragmented", "private-pools"], "set_per_process_memory_fraction"),
        (ASYNC, ["needs-more"], "vram.py fit"),
        (APPLE, ["limited", "needs-more"], "HIGH_WATERMARK"),
        (TORCH_13, ["fragmented"], "torch 2.1 or newer"),  # it has no expandable segments
    ],
)
def test_the_cause_and_the_first_advice_follow_from_the_numbers(tmp_path, capsys, text, slugs, first):
    found = explained(tmp_path, capsys, text)
    assert [cause["slug"] for cause in found["causes"]] == slugs
    assert first in found["advice"][0]["do"]


def test_fragmentation_begins_where_the_cache_holds_what_was_wanted():
    def slugs(cached):
        facts = Facts(GIB, 100 * GIB, 0, 90 * GIB, cached)
        return [cause.slug for cause in explain(facts)[0]]

    assert slugs(GIB) == ["fragmented"]
    assert slugs(GIB - 1) == ["needs-more"]


def test_room_is_what_a_driver_would_really_give():
    def slugs(free, **more):
        return [cause.slug for cause in explain(Facts(GIB, 16 * GIB, free, 4 * GIB, 0, **more))[0]]

    assert slugs(GIB + 256 * MIB) == ["refused"]
    assert slugs(GIB + 256 * MIB - 1) == ["needs-more"]
    assert slugs(8 * GIB, limit=5 * GIB) == ["limited", "needs-more"]  # the limit explains it
    assert slugs(8 * GIB, limit=6 * GIB) == ["refused"]  # 5 of 6 were needed: it was not reached
    assert slugs(8 * GIB, outside=4 * GIB) == ["refused"]  # who holds the rest does not matter then


def test_the_words_for_amd_are_amds(tmp_path, capsys):
    found = explained(tmp_path, capsys, ROCM)
    assert "PYTORCH_HIP_ALLOC_CONF=expandable_segments:True" in found["advice"][1]["do"]


def test_a_large_context_of_old_torch_is_nobody_elses(tmp_path, capsys):
    # github.com/ckkelvinchan/BasicVSR_PlusPlus/issues/39: 1.2 GiB beside PyTorch's, and the message has no process's size
    text = (
        "CUDA out of memory. Tried to allocate 1.12 GiB (GPU 0; 15.77 GiB total capacity; 13.52 GiB already allocated; "
        "{free} GiB free; 13.52 GiB reserved in total by PyTorch)"
    )
    for free, slugs in (("1.05", ["needs-more"]), ("0.74", ["other-processes", "needs-more"])):  # 1.20 and 1.51 GiB
        found = explained(tmp_path, capsys, text.format(free=free))
        assert [cause["slug"] for cause in found["causes"]] == slugs


def test_what_the_other_backend_does_not_tell_is_said(tmp_path, capsys):
    (note,) = explained(tmp_path, capsys, ASYNC)["notes"]
    assert note.startswith("6.7 GiB are neither free nor in tensors")
    almost = ASYNC.replace("9.28 GiB", "15.00 GiB")  # a context can be as large
    assert explained(tmp_path, capsys, almost)["notes"] == []
    assert explained(tmp_path, capsys, TORCH_20)["notes"] == []  # the other backend tells


@pytest.mark.parametrize(("text", "wanted"), [(ASYNC + "\n" + TORCH_25, 80), (TORCH_25 + "\n" + ASYNC, 4)])
def test_of_messages_of_several_kinds_the_last_one_counts(tmp_path, capsys, text, wanted):
    assert explained(tmp_path, capsys, text)["wanted_bytes"] == wanted * GIB


def test_numbers_that_nobody_told_are_no_numbers():
    (said,) = oomtext.read(NEIGHBOUR.replace("4.11 GiB", "17179869184.00 GiB").replace("10.40", "17179869184.00"))
    assert (said.process, said.others) == (None, 0)
    (said,) = oomtext.read(ASYNC)
    assert (said.wanted, said.capacity, said.free, said.limit) == (4 * GIB, 16 * GIB, 0, None)
    (said,) = oomtext.read(APPLE)
    assert (said.allocated, said.limit, said.process) == (
        round(6.04 * GIB),
        round(6.77 * GIB),
        round(6.04 * GIB) + round(1.04 * GIB),
    )


@pytest.mark.parametrize(
    ("above", "line"),
    [
        ('[rank3]:   File "/me/train.py", line 42, in step\n[rank3]: ', "/me/train.py:42"),
        ('(Worker pid=9) ERROR 06-05 [x.py:470]   File "/me/train.py", line 42, in step\n', "/me/train.py:42"),
        ("File ~/me/train.py:42, in step(x)\n     40 a\n---> 42 b\n", "~/me/train.py:42"),
        ("Cell In[7], line 3\n      1 a\n----> 3 b\n", "Cell In[7]:3"),
        ("\x1b[0;32m~/me/train.py\x1b[0m in \x1b[0;36mstep\x1b[0;34m(x)\x1b[0m\n     41 a\n\x1b[0;32m---> 42\x1b[0m b\n",
         "~/me/train.py:42"),
        ("<ipython-input-5-ab> in <module>\n      1 a\n----> 2 b\n\n/x/site-packages/torch/a.py in f(x)\n----> 9 c\n",
         "<ipython-input-5-ab>:2"),
        ("│ /me/train.py:42 in step      │\n│ /x/site-packages/torch/a.py:9 in f │\n", "/me/train.py:42"),
        ('  File "/me/a.py", line 1, in <module>\n  File "C:\\\\x\\\\Lib\\\\site-packages\\\\a.py", line 9, in f\n', "/me/a.py:1"),
    ],
)  # fmt: skip
def test_the_users_line_is_found_in_every_kind_of_traceback(above, line):
    (said,) = oomtext.read(above + "\x1b[31mOutOfMemoryError\x1b[0m: " + TORCH_25)
    assert said.line == line
    assert said.wanted == 80 * GIB


def test_another_process_is_one_above_a_gibibyte():
    def slugs(outside):
        return [cause.slug for cause in explain(Facts(MIB, 16 * GIB, 0, 14 * GIB, 0, outside=outside))[0]]

    assert slugs(GIB) == ["needs-more"]  # a context can be as large
    assert slugs(GIB + 1) == ["other-processes", "needs-more"]


def test_the_last_of_several_messages_counts_and_the_users_line_is_found(tmp_path, capsys):
    trace = (
        'Traceback (most recent call last):\n  File "/me/train.py", line 42, in step\n'
        '  File "/x/site-packages/torch/nn/functional.py", line 9, in linear\n'
    )
    found = explained(tmp_path, capsys, f"{TORCH_20}\n{trace}{TORCH_21}\n")
    assert (found["messages"], found["line"]) == (2, "/me/train.py:42")
    assert found["wanted_bytes"] == 3 * GIB


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", "blas-handle"),
        ("RuntimeError: cuDNN error: CUDNN_STATUS_NOT_INITIALIZED", "cudnn-room"),
        ("RuntimeError: GET was unable to find an engine to execute this computation", "cudnn-room"),
        ("RuntimeError: CUDA error: out of memory\nCUDA kernel errors might", "driver"),
        ("RuntimeError: DataLoader worker (pid 77) is killed by signal: Killed.", "host"),
        ("RuntimeError: cuda runtime error (2) : out of memory at /x/THCStorage.cu:66", "driver"),
        ("failed to allocate 17.79G from device: CUDA_ERROR_OUT_OF_MEMORY: out of memory", "driver"),
        ("XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to allocate 7406166528 bytes.", "xla"),
        (
            "Execution of replica 0 failed: Resource exhausted: Out \nof memory while trying to allocate 24 bytes.",
            "xla",
        ),
        ("torch.cuda.OutOfMemoryError: CUDA out of memory.", "no-numbers"),
        ("RuntimeError: NVML_SUCCESS == r INTERNAL ASSERT FAILED at CUDACachingAllocator.cpp", "nvml-assert"),
        ("RuntimeError: CUDA error: CUBLAS_STATUS_EXECUTION_FAILED\nCUDA out of memory.", "no-numbers"),
        ("RuntimeError: Unable to find a valid cuDNN algorithm to run convolution", "cudnn-room"),
        ("cudaErrorMemoryAllocation: out of memory", "driver"),
        ("RuntimeError: HIP error: hipErrorOutOfMemory", "driver"),
        ("ncclUnhandledCudaError: NCCL failed.\nLast error:\nCuda failure 2 'out of memory'", "nccl"),
        ("tensorflow: OOM when allocating tensor with shape[64,512,512]", "xla"),
        ("epoch 3\nKilled\n", "host"),
        ("RuntimeError: [enforce fail] DefaultCPUAllocator: can't allocate memory", "host"),
        ("kernel: Out of memory: Killed process 4242 (python)", "host"),
    ],
)
def test_messages_without_numbers_are_known_too(tmp_path, capsys, text, slug):
    assert [cause["slug"] for cause in explained(tmp_path, capsys, text)["causes"]] == [slug]


def test_of_messages_without_numbers_the_last_ones_line_is_told(tmp_path, capsys):
    one = '  File "/me/train.py", line {}, in step\nRuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling\n'
    assert explained(tmp_path, capsys, one.format(3) + one.format(9))["line"] == "/me/train.py:9"


def test_a_message_takes_no_number_of_the_next_one():
    first, second = oomtext.read("CUDA out of memory. Tried to allocate 2.00 GiB\n" + NEIGHBOUR)
    assert (first.wanted, first.capacity, first.wording) == (2 * GIB, None, "only the size that was asked for")
    assert second.wanted == 216 * MIB


def test_units_are_read_in_any_case_and_absurd_numbers_do_not_end_it():
    sizes = ("12 BYTES", "2.00 gb", "1.00 GB", "3 TiB")  # of 1024s, also where they are called GB
    found = [oomtext.read(f"Cuda out of memory. tried to allocate {each}")[0].wanted for each in sizes]
    assert found == [12, 2 * GIB, GIB, 3 * 2**40]
    assert oomtext.read(f"CUDA out of memory. Tried to allocate {'9' * 400} GiB") != []


def test_a_card_of_2_tib_has_a_number():
    assert oomtext.read(TORCH_20.replace("23.68 GiB", "2.00 TiB"))[0].capacity == 2**41


def test_what_another_process_of_several_holds_is_not_this_ones():
    (said,) = oomtext.read(NEIGHBOUR.replace("Including non-PyTorch memory, this process", "Process 9"))
    assert (said.process, round(said.others / GIB, 2)) == (None, 14.51)


def test_a_reserve_below_the_tensors_is_no_cache():
    assert oomtext.read(TORCH_20.replace("18.97 GiB reserved", "18.00 GiB reserved"))[0].cached == 0


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        ("", True),
        ("<frozen runpy>", True),
        ("??", True),
        ("/x/dist-packages/torch/nn/modules/linear.py", True),
        ("/usr/lib/python3.11/threading.py", True),
        ("/me/kernel.cu", True),
        ("/me/net.py", False),
        ("<ipython-input-5-ab>", False),
    ],
)
def test_a_library_is_told_from_the_users_code(path, inside):
    assert oomtext.is_library(path) is inside


def test_where_only_libraries_ran_their_line_is_told():
    text = '  File "/x/site-packages/torch/a.py", line 9, in f\n' + TORCH_20
    assert oomtext.read(text)[0].line == "/x/site-packages/torch/a.py:9"


@pytest.mark.parametrize("code", ["\x1b[1;31m", "\x1b[2K", "\\u001b[31m", "\\x1b[31m"])
def test_colours_of_terminals_and_of_json_logs_are_no_words(code):
    text = f"{code}CUDA out of memory.{code} Tried to allocate 2.00 GiB"
    assert oomtext.read(text)[0].wanted == 2 * GIB


def test_a_log_as_powershell_writes_it_is_read(tmp_path):
    path = tmp_path / "train.log"
    path.write_bytes((TORCH_20 + "\r\n").encode("utf-16"))
    assert main(["postmortem", str(path)]) == 0


def test_a_process_and_its_limit_are_in_the_answer(tmp_path, capsys):
    found = explained(tmp_path, capsys, LIMITED)
    assert (found["process_bytes"], found["limit_bytes"]) == (round(5.56 * GIB), round(5.82 * GIB))
    assert found["advice"][0]["saves_bytes"] == round(14.56 * GIB) - round(5.82 * GIB)
    assert found["headline"] == "2.0 GiB did not fit: the process may take 5.8 GiB of 14.6 GiB"


def test_the_headline_is_the_first_cause_at_the_users_line(tmp_path, capsys):
    found = explained(tmp_path, capsys, '  File "/me/a.py", line 3, in f\n' + NEIGHBOUR)
    assert found["headline"].startswith("216.0 MiB did not fit at /me/a.py:3: 10.4 GiB of the device are held outside")


def test_a_log_without_an_out_of_memory_ends_with_4(tmp_path, capsys):
    assert explained(tmp_path, capsys, "loss 0.1\nloss 0.09\n", code=4)["causes"] == []


def test_a_log_in_any_encoding_is_read(tmp_path, capsys):
    path = tmp_path / "train.log"
    path.write_bytes(b"\xff\xfe progress \x80\n" + TORCH_20.encode())
    assert main(["postmortem", str(path)]) == 0
    assert "4.6 GiB" in capsys.readouterr().out


# ---- snapshots: the keys of the TypedDicts in the docstring of torch.cuda.memory._snapshot


def frame(filename, line, name):
    return {"filename": filename, "line": line, "name": name}


MODEL = [frame("/p/site-packages/torch/nn/modules/module.py", 900, "_apply"), frame("/me/train.py", 3, "build")]
FORWARD = [
    frame("??", 0, "at::native::empty_cuda"),
    frame("/p/site-packages/torch/nn/modules/linear.py", 125, "forward"),
    frame("/p/site-packages/torch/nn/modules/module.py", 1750, "_call_impl"),
    frame("/me/train.py", 20, "step"),
]
ADAM = [frame("/p/site-packages/torch/optim/adam.py", 160, "_init_group"), frame("/me/train.py", 30, "step")]


def block(address, size, state="active_allocated", frames=()):
    return {"address": address, "size": size, "requested_size": size - 8, "state": state, "frames": list(frames)}


def segment(address, blocks, device=0):
    used = sum(each["size"] for each in blocks if each["state"] == "active_allocated")
    return {"device": device, "address": address, "total_size": sum(each["size"] for each in blocks), "stream": 0,
            "segment_type": "large", "allocated_size": used, "active_size": used, "blocks": blocks}  # fmt: skip


def whole():
    """30 MiB of weights, 40 of states, 20 of activations that were freed after the error, a hole of 6."""
    blocks = [
        block(1000, 30 * MIB, frames=MODEL),
        block(1000 + 30 * MIB, 40 * MIB, frames=ADAM),
        block(1000 + 70 * MIB, 20 * MIB, "inactive"),
        block(1000 + 90 * MIB, 6 * MIB, "inactive"),
    ]
    trace = [
        {"action": "alloc", "addr": 1000 + 70 * MIB, "size": 20 * MIB, "stream": 0, "frames": FORWARD},
        {"action": "oom", "size": 64 * MIB, "device_free": 2 * MIB, "stream": 0, "frames": FORWARD},
        {"action": "free_requested", "addr": 1000 + 70 * MIB, "size": 20 * MIB, "stream": 0, "frames": []},
        {"action": "free_completed", "addr": 1000 + 70 * MIB, "size": 20 * MIB, "stream": 0, "frames": []},
    ]
    return {"segments": [segment(1000, blocks)], "device_traces": [trace, []],
            "allocator_settings": {"PYTORCH_CUDA_ALLOC_CONF": ""}}  # fmt: skip


def test_a_snapshot_is_told_for_the_moment_of_the_error(tmp_path, capsys):
    path = tmp_path / "oom.pickle"
    path.write_bytes(pickle.dumps(whole()))
    assert main(["postmortem", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["wanted_bytes"], found["free_bytes"]) == (64 * MIB, 2 * MIB)
    assert found["allocated_bytes"] == 90 * MIB  # with the activations that were freed afterwards
    assert found["line"] == "/me/train.py:20"
    assert {(row["line"].rpartition(":")[2], row["kind"].split(":")[0], row["bytes"] // MIB) for row in
            found["holders"]} == {("30", "optimizer", 40), ("3", "parameters and buffers", 30),
                                  ("20", "forward", 20)}  # fmt: skip
    assert main(["postmortem", str(path)]) == 0
    assert "| 2 |" in capsys.readouterr().out


def test_pools_of_cuda_graphs_in_a_snapshot_are_told(tmp_path, capsys):
    data = whole()
    graph = {**segment(10**9, [block(10**9, 5 * MIB)]), "segment_pool_id": (0, 1), "is_expandable": False}
    data["segments"] = [{**data["segments"][0], "segment_pool_id": (0, 0)}, graph]
    path = tmp_path / "oom.pickle"
    path.write_bytes(pickle.dumps(data))
    assert main(["postmortem", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["private_bytes"] == 5 * MIB
    assert "private-pools" in [cause["slug"] for cause in found["causes"]]


@pytest.mark.parametrize("protocol", range(6))
def test_every_pickle_protocol_of_a_snapshot_is_read(tmp_path, protocol):
    path = tmp_path / "oom.pickle"
    path.write_bytes(pickle.dumps(whole(), protocol=protocol))
    assert snapshot.load(path) == whole()


class Hostile:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


def touched(path):
    path.write_text("it ran")


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("place", ["alone", "inside"])
def test_a_hostile_pickle_is_refused_and_nothing_of_it_runs(tmp_path, protocol, place):
    mark = tmp_path / "mark"
    hostile = Hostile(touched, (mark,))
    data = hostile if place == "alone" else {"segments": [hostile], "device_traces": []}
    path = tmp_path / "oom.pickle"
    path.write_bytes(pickle.dumps(data, protocol=protocol))
    with pytest.raises(PackError) as caught:
        snapshot.load(path)
    assert caught.value.slug == "bad-snapshot"
    assert not mark.exists()


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x04" + b"cos\nsystem\n(S'true'\ntR.",  # GLOBAL and REDUCE
        b"\x80\x04\x8c\x02os\x8c\x06system\x93.",  # STACK_GLOBAL
        b"\x80\x02(S'true'\nios\nsystem\n.",  # INST
        b"\x80\x02\x82\x01.",  # EXT1
        b"\x80\x02Pid\n.",  # PERSID
        b"\x80\x04N.",
        b"\x80\x04]",
        b"\x80\x04r\xff\xff\xff\x7f.",  # a memo index of two billion
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x00.",  # a string of 2**56 bytes
        b"\x80",
        pickle.dumps({"segments": 5}),
        pickle.dumps([1, 2]),
        pickle.dumps({"segments": [], "other": bytearray(b"x")}),
        pickle.dumps({"segments": [], "other": bytearray(b"x")}, protocol=5),  # an opcode of its own, no name needed
        b"\x80\x02}(U\x08segmentsj\x00\x00\x00\x00b.",
    ],
)
def test_what_is_no_snapshot_is_refused_in_three_lines(tmp_path, capsys, data):
    path = tmp_path / "oom.pickle"
    path.write_bytes(data)
    assert main(["postmortem", str(path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error[bad-snapshot]")
    assert len(said.splitlines()) == 3


def test_a_snapshot_with_odd_fields_is_survived(tmp_path, capsys):
    odd = {"segments": [{"total_size": "x", "blocks": [None, {"state": 3, "size": -5}]}, 7, {"blocks": 3}],
           "device_traces": "none"}  # fmt: skip
    path = tmp_path / "oom.pickle"
    path.write_bytes(pickle.dumps(odd))
    assert main(["postmortem", str(path)]) == 0
    assert "no out-of-memory in it" in capsys.readouterr().out


def test_another_device_is_named_when_it_is_not_there(tmp_path, capsys):
    path = tmp_path / "oom.pickle"
    path.write_bytes(pickle.dumps(whole()))
    assert main(["postmortem", str(path), "--device", "5"]) == 2
    assert "holds 0" in capsys.readouterr().err
