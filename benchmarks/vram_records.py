"""The traces of `vram.py` against what others measured on their GPUs and published. Prints Markdown.

    python benchmarks/vram_records.py --python PYTHON               # one with torch, timm, transformers, peft
    python benchmarks/vram_records.py --python PYTHON --only resnet
    python benchmarks/vram_records.py --python PYTHON --out rows.json --budget-s 500    # again and again, to the end

Needs no GPU, since the truth is on record:

1. timm on an RTX 3090 (results/benchmark-train-amp-nhwc-pt112-cu113-rtx3090.csv of github.com/huggingface/
   pytorch-image-models, Apache-2.0): the largest batch of its ladder 512, 384, 256, ... that ran, so that the next one
   did not, and the seconds per step. torch 1.12, fp16 autocast, channels last, SGD with momentum. One model of each
   family among those whose largest batch is below 512, in the order of the file. Two verdicts and a time each.
2. PEFT's comparison on an L40S (method_comparison/MetaMathQA/results of github.com/huggingface/peft, Apache-2.0):
   largest reserved memory of 5,000 steps of Llama-3.2-3B, batch 4, bf16. Its run.py sorts every 80 samples from long
   to short and empties the cache every tenth step, so that the longest batch of 80 samples always meets an empty cache;
   it holds the outputs of one step until the next has new ones; and its batches are padded, so that attention gets a
   mask. All of it is done here. Which lengths met in a batch is not on record: SHORT is a guess, and LONGEST is one
   number for all rows, fitted on the first. That row is told and not counted.

What differs from the record: torch itself (1.12 there), timm's code of today, and cuDNN's choice of algorithms. The
PEFT records are of transformers 4.52.4 and peft 0.15; --peft-python names an interpreter with those, if there is one.
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
# model, side of the image, largest batch that ran, milliseconds of one step at it
TIMM = [
    ("rexnetr_100", 224, 384, 201.724), ("tf_efficientnet_b0", 224, 384, 214.765),
    ("mobilenetv2_140", 224, 384, 233.691), ("fbnetv3_d", 224, 384, 233.136),
    ("mobilevit_xxs", 256, 384, 238.427), ("efficientnet_lite1", 240, 256, 166.26),
    ("gmlp_ti16_224", 224, 384, 276.449), ("crossvit_9_240", 240, 384, 303.637),
    ("cs3darknet_l", 256, 384, 318.267), ("seresnext26d_32x4d", 224, 384, 325.051),
    ("botnet26t_256", 256, 384, 325.281), ("halonet26t", 256, 384, 337.402),
    ("efficientnetv2_rw_t", 224, 256, 230.78), ("dpn68b", 224, 384, 353.123),
    ("resnet50d", 224, 384, 355.348), ("vit_small_patch16_224", 224, 384, 362.157),
    ("cspresnet50", 256, 384, 367.617), ("dla60", 224, 384, 375.488),
    ("res2net50_26w_4s", 224, 384, 449.921), ("pit_s_224", 224, 384, 378.943),
    ("densenet121", 224, 256, 278.353), ("convnext_tiny", 224, 256, 311.536),
    ("twins_svt_small", 224, 384, 432.048), ("visformer_small", 224, 384, 475.588),
    ("poolformer_s24", 224, 256, 369.792), ("xcit_tiny_24_p16_224", 224, 256, 348.63),
    ("resmlp_24_224", 224, 256, 327.972), ("regnetz_b16", 224, 256, 295.457),
    ("darknet53", 256, 256, 339.081), ("resnet101", 224, 256, 340.74),
    ("nf_resnet50", 256, 384, 425.722), ("sebotnet33ts_256", 256, 192, 279.058),
]  # fmt: skip
LADDER = (512, 384, 256, 192, 128, 96, 64)
SHORT, LONGEST = 100, 689
# name, adapter, settings of peft's configuration (None: full fine-tuning), bytes reserved at most; torch 2.7.1+cu126
LORA = {"lora_alpha": 64, "target_modules": ["q_proj", "v_proj"]}
PEFT = [
    ("LoRA, rank 32 (LONGEST was fitted on it)", "LoraConfig", {**LORA, "r": 32}, 22_273_851_392),
    ("LoRA, rank 64, rank-stabilised", "LoraConfig", {**LORA, "r": 64, "use_rslora": True}, 22_538_092_544),
    ("DoRA, rank 32 (torch 2.9.0+cu128)", "LoraConfig", {**LORA, "r": 32, "use_dora": True}, 24_540_872_704),
    ("VeRA, rank 256", "VeraConfig", {"r": 256, "target_modules": ["q_proj", "v_proj"]}, 21_596_471_296),
    ("IA3", "IA3Config", {"target_modules": ["k_proj", "v_proj", "down_proj"], "feedforward_modules": ["down_proj"]},
     23_137_878_016),
    ("prompt tuning, 200 tokens", "PromptTuningConfig", {"num_virtual_tokens": 200}, 24_408_752_128),
    ("full fine-tuning", "", {}, 37_241_225_216),
]  # fmt: skip


def without_kernels_of_torchvision():
    """Timm and transformers import torchvision, which has no kernels beside a CPU build of torch; none is used here."""
    sys.modules.setdefault("torchvision._meta_registrations", types.ModuleType("torchvision._meta_registrations"))


def timm_step(model, size, batch):
    """The step of timm's benchmark.py as it was: everything inside autocast, a loop over parameters, no GradScaler."""
    import torch

    without_kernels_of_torchvision()
    import timm

    for module in ("timm.layers", "timm.models.layers"):
        set_fused = getattr(sys.modules.get(module), "set_fused_attn", None)
        if set_fused is not None:
            set_fused(False)  # timm of 2022 wrote attention out
    more = {} if size == 224 or "vit" not in model else {"img_size": size}
    net = timm.create_model(model, **more).to(device="cuda", memory_format=torch.channels_last)
    loss = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-4, momentum=0.9, nesterov=True, foreach=False)
    x = torch.randn(batch, 3, size, size, device="cuda").contiguous(memory_format=torch.channels_last)

    def step():
        optimizer.zero_grad(set_to_none=False)  # torch 1.12's default
        with torch.autocast("cuda", dtype=torch.float16):
            out = net(x)
            loss(out, torch.randint(out.shape[1], (batch,), device="cuda")).backward()
            optimizer.step()

    return step


def peft_step(adapter, settings):
    """Llama-3.2-3B in bf16 with fp32 adapters, AdamW, clipped gradients: peft's method_comparison/MetaMathQA/run.py."""
    import torch

    without_kernels_of_torchvision()
    import peft
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = LlamaConfig(vocab_size=128256, hidden_size=3072, intermediate_size=8192, num_hidden_layers=28,
                        rope_theta=5e5, num_attention_heads=24, num_key_value_heads=8, head_dim=128,
                        tie_word_embeddings=True,
                        max_position_embeddings=131072, rms_norm_eps=1e-5)  # fmt: skip
    torch.set_default_device("cuda")
    net = LlamaForCausalLM(sizes).to(torch.bfloat16)
    if adapter:
        net = peft.get_peft_model(net, getattr(peft, adapter)(task_type="CAUSAL_LM", **settings))
    net.train()
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-4, weight_decay=0.1)
    lengths, kept = iter([SHORT, LONGEST] * 10), {}

    def step():
        length = next(lengths)
        ids = torch.randint(sizes.vocab_size, (4, length))
        mask = torch.ones(4, length, dtype=torch.long, device="cpu")
        mask[1:, -5:] = 0  # the others are shorter than the first: a batch without padding would be attended otherwise
        optimizer.zero_grad()
        kept["out"] = net(input_ids=ids, attention_mask=mask.to("cuda"), labels=ids.clone(),
                          num_items_in_batch=4 * length - 15)  # fmt: skip
        kept["out"].loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        if length == SHORT:
            torch.cuda.empty_cache()

    return step


def traced(interpreter, request, card, function, given):
    """What `vram.py trace` says of that step on that card."""
    from reproof.vram.allocator import Settings
    from reproof.vram.timeline import Timeline
    from reproof.vram.trace import judged

    interpreter.request = request(function)
    result = interpreter.trace(card, given)
    return judged(card, result, Timeline.read(result), Settings())


def verdicts(interpreter, request, wanted):
    """Every timm row: share of the card and verdict at the batch that ran and at the next; and the time."""
    from reproof.errors import PackError
    from reproof.vram import gpus

    card = gpus.find("RTX 3090")
    for model, size, batch, taken_ms in TIMM:
        if not wanted(model):
            continue
        said, clock, why = [], None, ""
        for count in (batch, LADDER[LADDER.index(batch) - 1]):
            try:
                found = traced(interpreter, request, card, "timm_step",
                               {"model": model, "size": size, "batch": count})  # fmt: skip
            except PackError as error:
                why = error.what[:100]
                break
            said.append((found.used_frac, found.verdict))
            clock = clock or (1000 * found.time.low_s, 1000 * found.time.high_s)
        yield model, batch, taken_ms, said, clock, why


def table(rows):
    """The verdicts and the times, and the share that is right."""
    yield ("| model | largest batch | need there, share of the card | verdict | need at the next batch | verdict | "
           "ms on record | range of the trace, ms |")  # fmt: skip
    yield "|---|---:|---:|---|---:|---|---:|---:|"
    whole = []
    for model, batch, taken_ms, said, clock, why in rows:
        if len(said) < 2:
            yield f"| {model} | {batch} | not traced: {why} | | | | {taken_ms:.0f} | |"
            continue
        (need, verdict), (more, next_verdict) = said
        whole.append((verdict, next_verdict, clock[0] <= taken_ms <= clock[1]))
        yield (f"| {model} | {batch} | {need:.3f} | {verdict} | {more:.3f} | {next_verdict} | {taken_ms:.0f} | "
               f"{clock[0]:.0f} to {clock[1]:.0f} |")  # fmt: skip
    if whole:
        ran, ran_out, inside = zip(*whole, strict=True)
        over, false_fits, total = ran.count("no"), ran_out.count("fits"), 2 * len(whole)
        yield (f"\n{total - over - false_fits} of {total} verdicts right ({(total - over - false_fits) / total:.1%}; "
               f"tight counts for both: {(ran + ran_out).count('tight')} of them); {over} said no of what ran; "
               f"{false_fits} said 'fits' of what ran out; the time on record lies in the range for {sum(inside)} of "
               f"{len(whole)}.")  # fmt: skip


def reserved(interpreter, request, wanted):
    """Every PEFT row: reserved by the trace and on record, or why it was not traced."""
    from reproof.errors import PackError
    from reproof.vram import gpus

    card = gpus.find("L40S")
    for name, adapter, settings, bytes_ in PEFT:
        if not wanted(name):
            continue
        need, why = None, ""
        try:
            given = {"adapter": adapter, "settings": settings}
            need = traced(interpreter, request, card, "peft_step", given).reserved_bytes
        except PackError as error:
            why = error.what[:100]
        yield name, bytes_, need, why


def ratios(rows):
    """The PEFT rows, and the error of those that LONGEST was not fitted on."""
    yield "\n| fine-tuning | reserved on record, GiB | trace / record |\n|---|---:|---:|"
    errors = []
    for name, bytes_, need, why in rows:
        yield f"| {name} | {bytes_ / GIB:.2f} | " + (f"{need / bytes_:.4f} |" if need else f"not traced: {why} |")
        if need and name != PEFT[0][0]:
            errors.append(abs(need / bytes_ - 1))
    if errors:
        ranked = sorted(errors)
        yield (f"\n{len(errors)} methods that LONGEST was not fitted on: median error {statistics.median(errors):.2%}, "
               f"95th percentile {ranked[-(-len(ranked) * 95 // 100) - 1]:.2%}.")  # fmt: skip


def main() -> None:
    """Print the tables."""
    from reproof.vram.interpreter import Interpreter
    from reproof.vram.traced import TraceRequest

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", type=Path, help="an interpreter with torch, timm, transformers and peft")
    parser.add_argument("--peft-python", type=Path, help="another one for the PEFT rows (default: the same)")
    parser.add_argument("--only", default="", help="rows whose name holds this")
    parser.add_argument("--budget-s", type=float, default=3600.0, help="start no further row after this time")
    parser.add_argument("--out", type=Path, help="keep the rows there, as JSON; those already there are not run again")
    words = parser.parse_args()
    kept = {"timm": [], "peft": []}
    if words.out and words.out.is_file():
        kept = json.loads(words.out.read_text(encoding="utf-8"))
    ends = time.monotonic() + words.budget_s

    def wanted(name):
        done = {row[0] for rows in kept.values() for row in rows}
        return words.only in name and name not in done and time.monotonic() < ends

    for kind, step, run, python in (("timm", "timm_step", verdicts, words.python),
                                    ("peft", "peft_step", reserved, words.peft_python or words.python)):  # fmt: skip
        names = [row[0] for row in (TIMM if kind == "timm" else PEFT)]
        if not any(wanted(name) for name in names):
            continue

        def request(function, python=python):
            return TraceRequest(target=f"{__file__}:{function}", python=python, steps=2)

        with Interpreter(request(step)) as interpreter:
            print(f"{datetime.date.today()}, {kind}, torch {interpreter.hello['torch']}", file=sys.stderr)
            for row in run(interpreter, request, wanted):
                kept[kind].append(row)
                print(*row, file=sys.stderr, flush=True)
                if words.out:
                    words.out.write_text(json.dumps(kept), encoding="utf-8")
    print("\n".join(table(kept["timm"])))
    print("\n".join(ratios(kept["peft"])))


if __name__ == "__main__":
    main()
