"""Traces and closed forms of `vram.py` against published measurements of language, vision and diffusion models.

    python benchmarks/vram_reports.py --python PYTHON --libraries FOLDER               # Markdown
    python benchmarks/vram_reports.py --python PYTHON --libraries FOLDER --only litgpt --out rows.json --budget-s 500

PYTHON has torch, transformers, peft and timm; FOLDER has `pip install --no-deps --target FOLDER litgpt==0.4.0
lightning==2.6.6 lightning_utilities torchmetrics==1.4.0 diffusers==0.31.0`. Needs no GPU: the truth is on record. A
record is here when model, batch per GPU, length, precision and optimizer are told, so that nothing in the step is free.

1. fms: github.com/foundation-model-stack/fms-acceleration (Apache-2.0), scripts/benchmarks/refs/a100_80gb.csv, commits
   04702cc (float16, transformers before 4.40, which kept a table of rotations in each layer) and 0aab2c6 (bfloat16,
   torch 2.4.1, transformers 4.45.2, peft 0.13.2). Mistral-7B, 4,096 packed tokens, blocks checkpointed, A100 80GB;
   bytes. Tokens per second x seconds / samples is 4,096, and what stays allocated, published too, tells the widths of
   adapters and moments and the tables. On record flash-attn, here torch's own flash kernel.
2. config_hub: github.com/Lightning-AI/litgpt (Apache-2.0), config_hub/finetune/README.md of 2024, commit 03ffc55, A10G;
   settings from the YAML files beside it. GB = 10^9 bytes, max_memory_allocated, two decimals.
3. tables: the same project's tutorials/resource-tables.md of 2023-10-20, commit 4839345, A100 40GB, torch 2.1.0. The
   longest sample, which comes first, is told for each tokenizer. The code run here is that of litgpt 0.4.0.
4. nanovlm: README of huggingface/nanoVLM (Apache-2.0; read in the copy alexkrz/nanoVLM 8332e4c), H100, measure_vram.py
   without --compile, bfloat16 autocast, 128 tokens of which 49 are the image's. MB = 2^20 bytes.
5. cce: github.com/apple/ml-cross-entropy (Apple sample code licence; only its figures are used), README, 18e76ad: the
   loss of Gemma 2 on 8,192 tokens (arXiv:2411.09009), A100, torch 2.4.1, MB = 2^20 beyond the inputs. Its rows of
   torch.compile are bounded cases: a trace runs the step eagerly and says so.
6. tutorial: docs.pytorch.org, optimizer_step_in_backward_tutorial (BSD-3): ViT-L/16, one image, "~6GB" and "~4GB".
7. forum: discuss.huggingface.co/t/172332: GPT-2, Trainer's defaults, 512 tokens, torch 2.9.1, "8 GiB".
8. fastdit: README of github.com/chuanyangjin/fast-DiT (CC BY-NC 4.0; only its figures are used), 0d14a15: DiT-XL/2,
   batch 128, A100. Where the MB are read is not told; compared with what nvidia-smi would show.

6 to 8 are told to one digit or without the way they were read: they are kept apart and not counted.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import statistics
import sys
import time
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "helpers"))

GB, MIB, GIB = 10**9, 2**20, 2**30
COUNTED, APART, COMPILED = "counted", "apart", "compiled"


@dataclass(frozen=True)
class Report:
    """One published measurement, and the step and the flags that say the same."""

    name: str
    card: str
    bytes: float
    step: str
    given: dict[str, Any]
    estimate: dict[str, Any] | str = "LoRA: frozen weights and adapters have no flag"
    """Arguments of `vram.py estimate`, or why there are none."""
    kind: str = COUNTED
    used: bool = False
    """Read from the driver: context and cache are in it."""
    peak_above: str = ""
    """The record is what comes on top of these inputs, whose bytes the step tells."""


def _lora(name, repository, gb, batch, length, card="A10", **more):
    settings = {"r": 8, "on": "qv", "dropout": 0.05, "first": card != "A10", **more}
    return Report(name, card, gb * GB, "litgpt_step",
                  {"model": repository, "batch": batch, "length": length, **settings})  # fmt: skip


MISTRAL = {"family": "transformer", "vocab": 32000, "layers": 32, "width": 4096, "num_heads": 32, "kv_heads": 8,
           "feed_forward": 14336, "gated": True, "untied": True, "seq": 4096, "precision": "bf16", "optimizer": "adamw",
           "weight_decay": 0.01, "checkpointing": True}  # fmt: skip
TINY = {"family": "transformer", "vocab": 32000, "layers": 22, "width": 2048, "num_heads": 32, "kv_heads": 4,
        "feed_forward": 5632, "gated": True, "untied": True, "seq": 512, "precision": "bf16",
        "optimizer": "adamw"}  # fmt: skip
GPT2 = {"family": "transformer", "vocab": 50257, "layers": 12, "width": 768, "num_heads": 12, "seq": 512,
        "dropout": 0.1, "optimizer": "adamw", "update": "fused"}  # fmt: skip
VIT_L = {"family": "vit", "image_size": 224, "patch": 16, "layers": 24, "width": 1024, "num_heads": 16, "outputs": 1000,
         "optimizer": "adam"}  # fmt: skip
TWO_NETS = "an image encoder and a decoder in one step: estimate knows one family at a time"
NO_MODEL = "the loss alone is no family"
VLM_MB = {1: 4439.02, 2: 4461.05, 4: 4515.27, 8: 5062.60, 16: 6989.32, 32: 10880.09, 64: 18584.00, 128: 34043.34,
          256: 64944.37}  # fmt: skip
REPORTS = [
    *(Report(f"fms Mistral-7B full, {kind}, batch {batch}", "A100 80GB", size, "mistral_step",
             {"batch": batch, "half": kind, "tables": kind == "float16"}, {**MISTRAL, "batch": batch})
      for kind, batch, size in (("float16", 4, 72971724288), ("float16", 8, 72972117504),
                                ("bfloat16", 4, 72434853376), ("bfloat16", 8, 72435246592))),
    *(Report(f"fms Mistral-7B LoRA, {kind}, batch {batch}", "A100 80GB", size, "mistral_step",
             {"batch": batch, "half": kind, "tables": kind == "float16", "rank": 16,
              "dropout": 0.1 if kind == "bfloat16" else 0.0})
      for kind, batch, size in (("float16", 4, 26108963328), ("float16", 8, 37098695168),
                                ("bfloat16", 4, 25653881344), ("bfloat16", 8, 36643613184))),
    _lora("config_hub falcon-7b", "falcon-7b", 16.69, 1, 512, r=32),
    _lora("config_hub gemma-2b", "Gemma-2b", 12.62, 2, 512, on="qkvpmh", dropout=0.1),
    _lora("config_hub llama-2-7b", "Llama-2-7b-hf", 19.77, 2, 512, r=32),
    _lora("config_hub llama-3-8b", "Llama-3-8B", 19.73, 1, 512, r=32),
    _lora("config_hub mistral-7b", "Mistral-7B-v0.1", 20.66, 2, 512, r=32),
    _lora("config_hub phi-2", "phi-2", 13.98, 4, 512, on="qkvpmh"),
    _lora("config_hub stablelm-base-alpha-3b", "stablelm-base-alpha-3b", 8.58, 1, 512, r=32),
    _lora("config_hub tiny-llama", "tiny-llama-1.1b", 13.50, 8, 512, r=32, on="qkvpmh"),
    Report("config_hub tiny-llama full", "A10", 14.10 * GB, "litgpt_step",
           {"model": "tiny-llama-1.1b", "batch": 4, "length": 512, "way": "full"}, {**TINY, "batch": 4}),
    *(_lora(f"tables phi-1.5, batch {b}", "phi-1_5", gb, b, 1044, "A100 40GB")
      for b, gb in ((1, 4.82), (2, 6.76), (4, 10.68))),
    *(_lora(f"tables StableLM 3B, batch {b}", "stablelm-base-alpha-3b", gb, b, 1034, "A100 40GB")
      for b, gb in ((1, 9.69), (2, 12.10), (4, 16.92))),
    *(_lora(f"tables Llama 2 7B, batch {b}", "Llama-2-7b-hf", gb, b, 1304, "A100 40GB")
      for b, gb in ((1, 21.30), (2, 29.07))),
    _lora("tables Llama 2 13B, batch 1", "Llama-2-13b-hf", 38.12, 1, 1304, "A100 40GB"),
    *(Report(f"tables {name}, {way}", "A100 40GB", gb * GB, "litgpt_step",
             {"model": model, "batch": 1, "length": length, "way": way, "first": True}, "adapters have no flag")
      for name, model, length, way, gb in (
          ("StableLM 3B", "stablelm-base-alpha-3b", 1034, "adapter", 9.10),
          ("Llama 2 7B", "Llama-2-7b-hf", 1304, "adapter", 19.98),
          ("StableLM 3B", "stablelm-base-alpha-3b", 1034, "adapter_v2", 10.71),
          ("Llama 2 7B", "Llama-2-7b-hf", 1304, "adapter_v2", 25.51))),
    *(Report(f"nanovlm batch {batch}", "H100", mb * MIB, "nanovlm_step", {"batch": batch}, TWO_NETS)
      for batch, mb in VLM_MB.items()),
    Report("cce forward", "A100 80GB", 24000.0 * MIB, "loss_step", {"backward": False}, NO_MODEL, peak_above="inputs"),
    Report("cce forward and backward", "A100 80GB", 28000.0 * MIB, "loss_step", {}, NO_MODEL, peak_above="inputs"),
    Report("cce forward, torch.compile", "A100 80GB", 4000.1 * MIB, "loss_step", {"backward": False, "compiled": True},
           NO_MODEL, COMPILED, peak_above="inputs"),
    Report("cce forward and backward, torch.compile", "A100 80GB", 16000.1 * MIB, "loss_step", {"compiled": True},
           NO_MODEL, COMPILED, peak_above="inputs"),
    Report("tutorial ViT-L, Adam", "A100 80GB", 6.0 * GB, "vit_step", {"fused": False}, {**VIT_L, "batch": 1}, APART),
    Report("tutorial ViT-L, step in backward", "A100 80GB", 4.0 * GB, "vit_step", {"fused": True},
           "the step in backward has no flag", APART),
    Report("forum GPT-2, batch 8", "A100 80GB", 8.0 * GIB, "gpt2_step", {"batch": 8}, {**GPT2, "batch": 8}, APART),
    *(Report(f"fastdit DiT-XL/2, {name}", "A100 80GB", mb * MIB, "dit_step", {"half": half, "vae": vae},
             "adaptive norms have no flag", APART, used=True)
      for name, half, vae, mb in (("checkpointed, encodes", False, True, 44045), ("and fp16", True, True, 40461),
                                  ("and features", True, False, 27485))),
]  # fmt: skip


def _libraries():
    """Torchvision without its kernels, which a CPU build of torch lacks, and litgpt and diffusers from their folder."""
    import os

    sys.modules.setdefault("torchvision._meta_registrations", types.ModuleType("torchvision._meta_registrations"))
    if os.environ.get("REPORTS_LIBRARIES"):
        sys.path.append(os.environ["REPORTS_LIBRARIES"])


def mistral_step(batch, half, tables=False, rank=0, dropout=0.0, length=4096):
    """TRL's trainer on Mistral-7B as transformers up to 4.45 computed its loss; 16-bit weights and moments.

    The logits become fp32 and are copied without the last token; the trainer drops the model's output before backward.
    """
    import torch

    _libraries()
    import peft
    from transformers import MistralConfig, MistralForCausalLM

    torch.set_default_device("cuda")
    sizes = MistralConfig(vocab_size=32000, hidden_size=4096, intermediate_size=14336, num_hidden_layers=32,
                          num_attention_heads=32, num_key_value_heads=8, max_position_embeddings=32768,
                          sliding_window=None, tie_word_embeddings=False, attn_implementation="sdpa",
                          use_cache=False)  # fmt: skip
    torch.set_default_dtype(getattr(torch, half))  # on record it was read into host memory as 16-bit numbers
    net = MistralForCausalLM(sizes)
    torch.set_default_dtype(torch.float32)
    kept = [torch.empty(2, 32768, 128, dtype=getattr(torch, half)) for _ in range(32 if tables else 0)]
    net.gradient_checkpointing_enable({"use_reentrant": True})
    if rank:
        net.enable_input_require_grads()
        settings = peft.LoraConfig(task_type="CAUSAL_LM", r=rank, lora_alpha=16, lora_dropout=dropout,
                                   target_modules=["q_proj", "k_proj", "v_proj", "o_proj"])  # fmt: skip
        net = peft.get_peft_model(net, settings, autocast_adapter_dtype=not tables)  # peft of 2024-05 had 16-bit ones
        net.to(torch.float16) if tables else None
    net.train()
    optimizer = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], lr=1e-4, weight_decay=0.01)
    inner = net.get_base_model() if rank else net

    def loss_of(ids, labels):
        hidden = inner.model(input_ids=ids).last_hidden_state
        logits = inner.lm_head(hidden).float()
        shifted = logits[..., :-1, :].contiguous()
        return torch.nn.functional.cross_entropy(shifted.view(-1, 32000), labels[..., 1:].contiguous().view(-1))

    def step():
        ids, labels, mask = (torch.ones(batch, length, dtype=torch.long) for _ in range(3))
        loss = loss_of(ids, labels)
        loss.backward()
        del loss
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return mask, kept

    return step


def litgpt_step(model, batch, length, way="lora", r=8, on="qv", dropout=0.05, first=False):
    """One update of litgpt's finetune/lora.py, adapter.py, adapter_v2.py or full.py with --precision bf16-true.

    Lightning's half precision turns what the model returns into fp32 (fabric/plugins/precision/half.py), and the loop
    holds it until the next forward is through; `first`: only the first batch is that long, so that nothing is held yet.
    """
    import torch

    _libraries()
    import litgpt
    import litgpt.adapter
    import litgpt.adapter_v2
    import litgpt.lora
    from litgpt.utils import chunked_cross_entropy

    torch.set_default_dtype(torch.bfloat16)
    torch.set_default_device("cuda")
    module = {"full": litgpt, "lora": litgpt.lora, "adapter": litgpt.adapter, "adapter_v2": litgpt.adapter_v2}[way]
    names = ("query", "key", "value", "projection", "mlp", "head")
    adapted = {f"lora_{name}": name[0] in on for name in names}
    settings = {"lora_r": r, "lora_alpha": 16, "lora_dropout": dropout, **adapted} if way == "lora" else {}
    net = module.GPT(module.Config.from_name(model, **settings))
    if way == "lora":
        module.mark_only_lora_as_trainable(net)
    elif way != "full":
        getattr(module, f"mark_only_{way}_as_trainable")(net)
    net.max_seq_length = length
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-4, weight_decay=0.02, betas=(0.9, 0.95))
    kept, accumulate = {}, 1 if first else 2

    def step():
        for _ in range(accumulate):
            for part in net.modules() if first else ():
                if hasattr(part, "adapter_kv_cache"):
                    part.adapter_kv_cache = None
            kept.clear() if first else None
            ids, targets = (torch.ones(batch, length, dtype=torch.long) for _ in range(2))
            if way == "full":
                kept["logits"] = net(ids).float()
                loss = chunked_cross_entropy(kept["logits"][..., :-1, :], targets[..., 1:])
            else:
                kept["logits"] = [part.float() for part in net(ids, lm_head_chunk_size=128)]
                kept["logits"][-1] = kept["logits"][-1][..., :-1, :]
                loss = chunked_cross_entropy(kept["logits"], targets[..., 1:])
            (loss / accumulate).backward()
            del loss
        optimizer.step()
        optimizer.zero_grad()

    return step


def nanovlm_step(batch):
    """SigLIP-B/16 at 224 pixels, pixel shuffle, SmolLM2-135M: 49 image tokens and 79 of text; see `plain_nets`."""
    import torch

    torch.set_default_device("cuda")
    net = plain_nets().ImageToText()
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-5)
    kept = {}

    def step():
        images = torch.randn(batch, 3, 224, 224)
        ids, labels, mask = (torch.ones(batch, 79, dtype=torch.long) for _ in range(3))
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cuda", dtype=torch.bfloat16):
            kept["logits"], loss = net(ids, images, mask, labels)
        loss.backward()
        optimizer.step()

    return step


def loss_step(backward=True, compiled=False):
    """Cross-entropy of Gemma 2 (2B), 8,192 tokens: 2,304 wide, 256,000 words, logits softly capped at 30, bfloat16."""
    import torch

    with_grad = {"dtype": torch.bfloat16, "device": "cuda", "requires_grad": True}
    inputs, weights = torch.randn(8192, 2304, **with_grad), torch.randn(256000, 2304, **with_grad)
    targets = torch.zeros(8192, dtype=torch.long, device="cuda")

    def loss_of(inputs, weights):
        logits = inputs @ weights.T
        logits = torch.tanh(logits / 30) * 30
        return torch.nn.functional.cross_entropy(logits.float(), targets)

    run = torch.compile(loss_of) if compiled else loss_of

    def step():
        loss = run(inputs, weights)
        if backward:
            loss.backward()
            inputs.grad = weights.grad = None

    return step


def vit_step(fused):
    """Torchvision's ViT-L/16 on one image; with `fused` every parameter has its own Adam, run in backward."""
    import torch

    _libraries()
    from torchvision.models import vit_l_16

    torch.set_default_device("cuda")
    net = vit_l_16()
    optimizer = None if fused else torch.optim.Adam(net.parameters())
    own = {p: torch.optim.Adam([p], foreach=False) for p in net.parameters()} if fused else {}

    def update(parameter):
        own[parameter].step()
        own[parameter].zero_grad()

    for parameter in own:
        parameter.register_post_accumulate_grad_hook(update)

    def step():
        net(torch.rand(1, 3, 224, 224)).sum().backward()
        if optimizer:
            optimizer.step()
            optimizer.zero_grad()

    return step


def gpt2_step(batch, length=512):
    """GPT-2 of transformers with the Trainer's defaults: fp32, fused AdamW, clipped gradients, dropout 0.1."""
    import torch

    _libraries()
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.set_default_device("cuda")
    net = GPT2LMHeadModel(GPT2Config()).train()
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-5, weight_decay=0.01, fused=True)

    def loss_of(ids):
        return net(input_ids=ids, attention_mask=torch.ones_like(ids), labels=ids).loss

    def step():
        loss_of(torch.ones(batch, length, dtype=torch.long)).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


def dit_step(half, vae, batch=128):
    """DiT-XL/2 at 256 pixels with EMA, checkpointed blocks, AdamW; `half`: fp16 autocast; `vae`: images are encoded."""
    import copy

    import torch

    _libraries()
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch.set_default_device("cuda")
    net = plain_nets().DiffusionTransformer()
    average = copy.deepcopy(net).requires_grad_(False)
    from diffusers import AutoencoderKL

    down, up = ["DownEncoderBlock2D"] * 4, ["UpDecoderBlock2D"] * 4
    encoder = AutoencoderKL(down_block_types=down, up_block_types=up, block_out_channels=(128, 256, 512, 512),
                            layers_per_block=2, latent_channels=4, sample_size=256)  # fmt: skip
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-4, weight_decay=0)
    scaler = torch.amp.GradScaler("cuda", enabled=half)

    def latents():
        if not vae:
            return torch.randn(batch, 4, 32, 32)
        images = torch.randn(batch, 3, 256, 256)
        with torch.no_grad():
            return encoder.encode(images).latent_dist.sample().mul_(0.18215)

    def step():
        x, labels = latents(), torch.zeros(batch, dtype=torch.long)
        noise = torch.randn_like(x)
        with torch.autocast("cuda", dtype=torch.float16) if half else contextlib.nullcontext():
            out = net(x + noise, torch.rand(batch), labels)
        loss = ((out.float()[:, :4] - noise) ** 2).mean() + out.float()[:, 4:].mean()
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        with torch.no_grad():
            for ours, theirs in zip(average.parameters(), net.parameters(), strict=True):
                ours.mul_(0.9999).add_(theirs.data, alpha=1e-4)

    return step


def plain_nets():
    """The module of that name, by its path: a trace imports this file without its folder."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("vram_report_nets", Path(__file__).with_name("vram_report_nets.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


INPUTS_BYTES = {"loss_step": 2 * 2304 * (8192 + 256000) + 8 * 8192}


def traced(interpreter, report):
    """Allocated and used by the trace in bytes, the verdict, the moment of the peak, and what was assumed."""
    from reproof.vram import gpus
    from reproof.vram.allocator import Settings
    from reproof.vram.timeline import Timeline
    from reproof.vram.trace import judged
    from reproof.vram.traced import TraceRequest

    card = gpus.find(report.card)
    python, timeout = interpreter.request.python, interpreter.request.timeout_s
    interpreter.request = TraceRequest(target=f"{__file__}:{report.step}", python=python, steps=2, timeout_s=timeout)
    result = interpreter.trace(card, report.given)
    told = judged(card, result, Timeline.read(result), Settings())
    spaces = sum(part.bytes for part in told.parts if part.name.startswith("workspace"))
    beside = INPUTS_BYTES[report.step] + spaces if report.peak_above else 0
    return {"allocated": told.allocated_bytes - beside, "used": told.device_bytes, "verdict": told.verdict,
            "moment": f"{told.moment.phase}, {told.moment.op}", "reserved": told.reserved_bytes}  # fmt: skip


def estimated(report):
    """Allocated by the closed form, in bytes, and when; None where no flags say the same."""
    from reproof.vram.estimate import estimate
    from reproof.vram.models import EstimateRequest

    if isinstance(report.estimate, str):
        return None, report.estimate
    answer = estimate(EstimateRequest(**report.estimate, gpu=[report.card]))
    return answer.budget.allocated_bytes, answer.budget.moment


def table(rows):
    """The rows of each kind, and the figures over the counted ones."""
    for kind, title in ((COUNTED, "Counted"), (APART, "Apart: told to one digit, or read in a way not told"),
                        (COMPILED, "Bounded: on record under torch.compile, traced eagerly")):  # fmt: skip
        chosen = [row for row in rows if row["kind"] == kind]
        if not chosen:
            continue
        yield f"\n### {title}\n"
        yield "| record | GPU | on record, GiB | trace / record | peak of the trace | estimate / record |"
        yield "|---|---|---:|---:|---|---|"
        for row in chosen:
            said = f"{row['trace'] / row['bytes']:.4f}" if row["trace"] else "not traced"
            closed = f"{row['estimate'] / row['bytes']:.3f} ({row['said']})" if row["estimate"] else row["said"]
            yield (f"| {row['name']} | {row['card']} | {row['bytes'] / GIB:.3f} | {said} | {row['moment']} | "
                   f"{closed} |")  # fmt: skip
    counted = [row for row in rows if row["kind"] == COUNTED]
    for way in ("trace", "estimate"):
        ratios = [row[way] / row["bytes"] for row in counted if row[way]]
        if ratios:
            errors = sorted(abs(ratio - 1) for ratio in ratios)
            yield (f"\n{way}, {len(ratios)} counted records: median error {statistics.median(errors):.2%}, 95th "
                   f"percentile {errors[-(-len(errors) * 95 // 100) - 1]:.2%}, largest {errors[-1]:.2%}; "
                   f"{sum(ratio < 0.95 for ratio in ratios)} under by more than 5 %.")  # fmt: skip


def answered(interpreter, report):
    """One row: the record, the trace (or why there is none), the closed form."""
    from reproof.errors import PackError

    found, why = {}, ""
    try:
        found = traced(interpreter, report)
    except PackError as error:
        why = f"{error.what}: {error.why}"[:160]
    closed, said = estimated(report)
    return {"name": report.name, "card": report.card, "kind": report.kind, "bytes": report.bytes,
            "trace": found.get("used" if report.used else "allocated"), "moment": found.get("moment", why),
            "verdict": found.get("verdict", ""), "reserved": found.get("reserved"), "used": found.get("used"),
            "estimate": closed, "said": said}  # fmt: skip


def main() -> None:
    """Print the tables."""
    import os

    from reproof.vram.interpreter import Interpreter
    from reproof.vram.traced import TraceRequest

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", type=Path, help="an interpreter with torch, transformers, peft and timm")
    parser.add_argument("--libraries", type=Path, help="the folder with litgpt, lightning and diffusers")
    parser.add_argument("--only", default="", help="records whose name holds this")
    parser.add_argument("--budget-s", type=float, default=3600.0, help="start no further record after this time")
    parser.add_argument("--out", type=Path, help="keep the rows there, as JSON; those already there are not run again")
    words = parser.parse_args()
    if words.libraries:
        os.environ["REPORTS_LIBRARIES"] = str(words.libraries.resolve())
    rows = json.loads(words.out.read_text(encoding="utf-8")) if words.out and words.out.is_file() else []
    ends, done = time.monotonic() + words.budget_s, {row["name"] for row in rows}
    left = [report for report in REPORTS if words.only in report.name and report.name not in done]
    if left:
        request = TraceRequest(target=f"{__file__}:loss_step", python=words.python, timeout_s=300.0)
        with Interpreter(request) as interpreter:
            print(f"{datetime.date.today()}, torch {interpreter.hello['torch']}", file=sys.stderr)
            for report in left:
                if time.monotonic() > ends:
                    break
                rows.append(answered(interpreter, report))
                print(rows[-1], file=sys.stderr, flush=True)
                if words.out:
                    words.out.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    print("\n".join(table([row for row in rows if words.only in row["name"]])))


if __name__ == "__main__":
    main()
