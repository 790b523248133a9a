"""The traces of `vram.py` against PEFT's own record: some fifty fine-tuning methods of one 3B model. Prints Markdown.

    python benchmarks/vram_records_peft.py --python PYTHON              # one with torch, transformers, peft
    python benchmarks/vram_records_peft.py --python PYTHON --only lora-rank32 --old-python PYTHON
    python benchmarks/vram_records_peft.py --python PYTHON --out rows.json --budget-s 500    # again, to the end

Needs no GPU, since the truth is on record (vram_records_peft.json, with its source): 5,000 steps of Llama-3.2-3B on an
L40S, batch 4, bf16, adapters in fp32, AdamW, clipped gradients (their run.py). Three numbers are held against a trace:

max      torch.cuda.max_memory_reserved() of the whole run.
99th     the 99th percentile of memory_reserved() after each step.
after    the mean of memory_allocated() after each of the first 250 steps: weights, states, gradients and the outputs.

Every 80 samples are sorted from long to short, so that the longest batch of a bucket comes right after the cache was
emptied; the outputs of a step are held until the next has new ones; batches are padded, so that attention gets a mask.
All of it is done here. Which lengths met in a batch is not on record, but the data are the same in every run (4,198,051
tokens), so each of the three numbers has one length, fitted on a plain LoRA row that is told and not counted: LONGEST,
TOP and MEAN. TOP differs with how often the cache was emptied: after every step up to October 2025, which the average
reserved shows, every tenth step since. SHORT, the step before, is a guess. Nothing else is fitted.
The average reserved is not held against a trace: it is a mean over lengths that are not on record.

What differs from the record: torch (2.7 to 2.13 there), transformers and peft of other versions; --old-python names an
interpreter with transformers 4.52 and peft 0.16 for the rows recorded with 4.52, if there is one.
"""

from __future__ import annotations

import argparse
import datetime
import json
import statistics
import sys
import time
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "helpers"))

GIB = 2**30
RECORD = Path(__file__).with_suffix(".json")
BATCH, SHORT, LONGEST, MEAN = 4, 100, 689, 228
TOP = {1: 498, 10: 594}
"""By how often the cache was emptied."""
OLD = "4.52"
FITTED = {("max", "lora-rank32", "2.7.1+cu126"), ("after", "lora-rank32", "2.7.1+cu126"),
          ("99th", "lora-rank32", "2.7.1+cu126"), ("99th", "lora-rank32", "2.13.0+cu130")}  # fmt: skip
QUANTITIES = ("max", "99th", "after")
FIELD = {"max": "reserved_max_bytes", "99th": "reserved_99th_bytes", "after": "after_step_avg_bytes"}


def llama():
    """Llama-3.2-3B in bf16 on the GPU, as from_pretrained leaves it."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = LlamaConfig(vocab_size=128256, hidden_size=3072, intermediate_size=8192, num_hidden_layers=28,
                        rope_theta=5e5, num_attention_heads=24, num_key_value_heads=8, head_dim=128,
                        tie_word_embeddings=True, max_position_embeddings=131072, rms_norm_eps=1e-5)  # fmt: skip
    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda"):
        net = LlamaForCausalLM(sizes)
    torch.set_default_dtype(torch.float32)
    return net


def optimizer_of(net, optimizer):
    """AdamW, or one of peft's own."""
    import torch

    if not optimizer:
        return torch.optim.AdamW(net.parameters(), lr=1e-4, weight_decay=0.1)
    from peft import optimizers

    kind, words = optimizer
    if kind == "lora-fa":
        return optimizers.create_lorafa_optimizer(net, **words)
    return optimizers.create_riemannian_optimizer(net, optimizer_cls=torch.optim.AdamW, **words)


def peft_step(method, config, optimizer, lengths):
    """One step after the other of peft's method_comparison/MetaMathQA/run.py, the cache emptied after each."""
    import torch

    # transformers imports torchvision, which has no kernels beside a CPU build of torch; none is used here
    sys.modules.setdefault("torchvision._meta_registrations", types.ModuleType("torchvision._meta_registrations"))
    import peft
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING as CONFIGS

    net = llama()
    if method:
        classes = {str(key).rpartition(".")[2]: each for key, each in CONFIGS.items()}
        net = peft.get_peft_model(net, classes[method](**config))
    net.train()
    update, waiting, kept = optimizer_of(net, optimizer), iter(enumerate(lengths, 1)), {}

    def step():
        number, length = next(waiting)
        ids = torch.randint(128256, (BATCH, length), device="cuda")
        mask = torch.ones(BATCH, length, dtype=torch.long, device="cpu")
        mask[1:, -5:] = 0  # the others are shorter than the first: a batch without padding would be attended otherwise
        batch = {"input_ids": ids, "attention_mask": mask.to("cuda"), "labels": ids.clone()}
        update.zero_grad()
        out = net(**batch, num_items_in_batch=BATCH * length - 15)
        loss = out.loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        update.step()
        if method == "ADALORA":
            net.base_model.update_and_allocate(number)
        kept.update(out=out, loss=loss, batch=batch)
        torch.cuda.empty_cache()

    return step


def lengths_of(row):
    """The steps that are traced: the states appear in the first, and each long one follows a short one."""
    return [SHORT, TOP[row["empties_every"]], SHORT, LONGEST]


def said(result):
    """The three numbers in a trace, the parameters that are trained, and where the peak is."""
    from reproof.vram.allocator import Allocator, replay
    from reproof.vram.timeline import Timeline

    line, device, before = Timeline.read(result), Allocator(), []
    for what, key, size in line.events:
        if what == "alloc":
            device.allocate(key, size)
        elif what == "free":
            device.free(key)
        else:
            before.append(device.reserved)  # what memory_reserved() says at the end of a step
            device.release()
    after = [each.after_bytes for each in line.steps()]
    whole = replay(line.events)
    share = (MEAN - SHORT) / (LONGEST - SHORT)
    return {"max": whole.reserved_bytes, "99th": before[-3], "after": round(after[3] + share * (after[4] - after[3])),
            "allocated": whole.allocated_bytes, "trained": result["trained"],
            "assumed": [f"{what} ({where}, {count})" for what, where, count in result["assumed"]]}  # fmt: skip


def traced(interpreter, request, row):
    """What the trace says of a row, or why it says nothing."""
    from reproof.errors import PackError
    from reproof.vram import gpus

    interpreter.request = request
    given = {"method": row["type"], "config": row["config"], "optimizer": row.get("optimizer"),
             "lengths": lengths_of(row)}  # fmt: skip
    try:
        return said(interpreter.trace(gpus.find(row["gpu"]), given))
    except PackError as error:
        return {"why": error.what}


def ratio(row, answer, quantity):
    """Trace over record."""
    truth = row.get(FIELD[quantity])
    return answer[quantity] / truth if truth and quantity in answer else None


def table(rows):
    """A line for each row: the record in GiB, and trace over record."""
    yield "| method | GPU, torch, transformers on record | max on record, GiB | max | 99th | after | traced with |"
    yield "|---|---|---:|---:|---:|---:|---|"
    for row, answer, python in rows:
        shown = []
        for quantity in QUANTITIES:
            found = ratio(row, answer, quantity)
            fitted = (quantity, row["name"], row["torch"]) in FITTED
            shown.append(f"{found:.4f}" + (" (fitted)" if fitted else "") if found else "-")
        where = f"{row['gpu']}, {row['torch'].partition('+')[0]}, {row['transformers']}"
        what = f"not traced: {answer['why'][:120]}" if "why" in answer else python
        if "why" not in answer and answer["trained"] != row.get("trained", answer["trained"]):
            what += f"; trains {answer['trained']}, on record {row['trained']}"
        yield f"| {row['name']} | {where} | {row['reserved_max_bytes'] / GIB:.2f} | {' | '.join(shown)} | {what} |"


def counted(rows, quantity):
    """Errors of one quantity, without the rows that its length was fitted on."""
    found = [ratio(row, answer, quantity) for row, answer, _ in rows
             if (quantity, row["name"], row["torch"]) not in FITTED]  # fmt: skip
    return [each for each in found if each]


def summary(what, ratios):
    """One line of figures."""
    errors = sorted(abs(each - 1) for each in ratios)
    late = errors[-(-len(errors) * 95 // 100) - 1]
    return (f"| {what} | {len(errors)} | {statistics.median(errors):.2%} | {late:.2%} | {errors[-1]:.1%} | "
            f"{sum(each <= 0.05 for each in errors)} | {sum(each < 0.95 for each in ratios)} |")  # fmt: skip


def peers(rows):
    """What others' rules say of the largest reserved memory, over the record."""
    known = [(row, answer) for row, answer, _ in rows if "why" not in answer and "total" in row]
    both = [(row, answer, row["reserved_max_bytes"]) for row, answer in known]
    yield "accelerate's rule: 4 x the bf16 weights", [8 * row["total"] / most for row, _, most in both]
    states = "2 bytes a weight, 12 more a trained one"
    yield states, [(2 * row["total"] + 12 * row["trained"]) / most for row, _, most in both]
    yield "allocated by the same trace, no allocator", [answer["allocated"] / most for _, answer, most in both]


def main() -> None:
    """Print the tables."""
    from reproof.vram.interpreter import Interpreter
    from reproof.vram.traced import TraceRequest

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", type=Path, required=True, help="an interpreter with torch, transformers and peft")
    parser.add_argument("--old-python", type=Path, help=f"another one for the rows of transformers {OLD}")
    parser.add_argument("--only", default="", help="rows whose name holds this")
    parser.add_argument("--budget-s", type=float, default=3600.0, help="start no further row after this time")
    parser.add_argument("--timeout-s", type=float, default=600.0, help="for one trace")
    parser.add_argument("--out", type=Path, help="keep the answers there, as JSON; those there are not asked again")
    words = parser.parse_args()
    record = json.loads(RECORD.read_text(encoding="utf-8"))["rows"]
    kept = json.loads(words.out.read_text(encoding="utf-8")) if words.out and words.out.is_file() else {}
    ends = time.monotonic() + words.budget_s
    asked = [row for row in record if words.only in row["name"] and "unreleased" not in row]
    theirs = [row for row in asked if row["transformers"].startswith(OLD)]
    for python, suffix, some in ((words.python, "", asked), (words.old_python, ", old", theirs)):
        todo = [row for row in some if keyed(row, suffix) not in kept]
        if not python or not todo:
            continue
        request = TraceRequest(target=f"{__file__}:peft_step", python=python, steps=4, timeout_s=words.timeout_s)
        with Interpreter(request) as interpreter:
            print(f"{datetime.date.today()}, {python}, torch {interpreter.hello['torch']}", file=sys.stderr)
            for row in todo:
                if time.monotonic() > ends:
                    break
                started = time.monotonic()
                answer = kept[keyed(row, suffix)] = traced(interpreter, request, row)
                answer["took_s"] = round(time.monotonic() - started, 1)
                print(row["name"], [ratio(row, answer, each) for each in QUANTITIES], answer.get("why", ""),
                      answer["took_s"], file=sys.stderr, flush=True)  # fmt: skip
                if words.out:
                    words.out.write_text(json.dumps(kept, indent=0), encoding="utf-8")
    show(asked, kept)


def keyed(row, suffix=""):
    """What an answer is kept under."""
    return f"{row['name']}, {row['torch']}{suffix}"


def show(asked, kept):
    """Every row, each traced with the interpreter that is nearest to its record."""
    rows = []
    for row in asked:
        now, old = kept.get(keyed(row)), kept.get(keyed(row, ", old"))
        if old and "why" not in old:
            rows.append((row, old, f"transformers {OLD}"))
        elif now:
            rows.append((row, now, "today's"))
    print("\n".join(table(rows)))
    print("\n| quantity | rows | median error | 95th percentile | largest | within 5 % | under by more than 5 % |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for quantity in QUANTITIES:
        if counted(rows, quantity):
            print(summary(quantity, counted(rows, quantity)))
    for what, ratios in peers(rows):
        if ratios:
            print(summary(what, ratios))


if __name__ == "__main__":
    main()
