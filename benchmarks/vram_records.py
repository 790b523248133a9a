"""The traces of `vram.py` against what others measured on their GPUs and published. Prints Markdown.

    python benchmarks/vram_records.py --python PYTHON               # one with torch and timm
    python benchmarks/vram_records.py --python PYTHON --only S:resnet
    python benchmarks/vram_records.py --python PYTHON --out rows.json --budget-s 500    # again and again, to the end

Needs no GPU, since the truth is on record:

timm (results/benchmark-*.csv of github.com/huggingface/pytorch-image-models, Apache-2.0): the largest batch of its
   ladder 1024, 768, 512, 384, 256, ... that ran, and the seconds per step. fp16 autocast, SGD with momentum.
   Two verdicts and a time each. Five sets, --only A: runs one:
   S  train-amp-nhwc-pt112-cu113-rtx3090, in sight while the tracer was made: one model of each family among those whose
      largest batch is below 512, in the order of the file.
   The others are blind. The candidates of A to C are the rows of the same file below 512 whose name timm.list_models()
   of 1.0.31 has and that are not in S, 452 in the order of the file, counted from 0:
   A  30 of them, every 15th from the 7th.
   B  24 of them, every 18th from the first, moved on by one where A has it; train-amp-nchw-pt112-cu113-rtx3090.
   C  every 4th of the rest that ran below 1024 in infer-amp-nchw-pt113-cu117-rtx3090.
   D  infer-amp-nchw-pt240-cu124-rtx4090: every 12th, from the 6th, of the rows below 1024 after its 48,000th character.
   That a batch ran proves that it fits. That the next is not on record proves that a RuntimeError was raised there, of
   whatever kind (_try_run in benchmark.py; timm/utils/decay_batch.py lets all be retried but "illegal" and "required
   rank"). A depthwise convolution of 2^31 numbers raises one as well (its kernel takes PackedTensorAccessor32), so that
   the size of the largest tensor at the next batch is told: none is that large in A and B, nearly all are in C and D.
   C and D were made with --fast-norm, which is on no record: efficientnet_b3_g8_gn at 768 cannot have run otherwise.

What differs from the record: torch (1.12 to 2.4 there), timm's code of today, and cuDNN's choice of algorithms.

PEFT's record of fifty fine-tuning methods is in vram_records_peft.py.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
import time
import types
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "helpers"))

GIB = 2**30
HUGE_BYTES = 2**32
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
TRAIN_NHWC = [
    ("rexnetr_150", 224, 256, 207.878), ("vit_small_resnet26d_224", 224, 384, 362.04),
    ("gcresnet33ts", 256, 256, 258.855), ("resnext50d_32x4d", 224, 256, 285.293), ("gcresnet50t", 256, 384, 447.633),
    ("ese_vovnet57b", 224, 384, 495.058), ("resnetv2_101d", 224, 256, 356.238),
    ("tf_efficientnet_lite3", 300, 128, 191.165), ("mobilevitv2_125", 256, 192, 308.406),
    ("res2net50_26w_6s", 224, 256, 444.339), ("resnetv2_152", 224, 256, 474.697),
    ("resnetv2_50d_gn", 224, 192, 379.149), ("seresnext101_32x4d", 224, 192, 398.526), ("vgg19", 224, 384, 839.347),
    ("inception_v4", 299, 192, 471.399), ("efficientnet_b0_g16_evos", 224, 384, 993.13),
    ("resnet152d", 256, 128, 355.729), ("repvgg_b3", 224, 384, 1211.922), ("swin_s3_small_224", 224, 128, 438.612),
    ("hrnet_w40", 224, 192, 765.525), ("deit3_small_patch16_384", 384, 64, 281.318),
    ("seresnet200d", 256, 96, 467.209), ("halonet_h1", 256, 64, 360.706), ("swinv2_cr_tiny_384", 384, 64, 483.86),
    ("repvgg_b3g4", 224, 384, 3529.239), ("regnetx_120", 224, 256, 2721.558), ("resmlp_big_24_224", 224, 32, 452.99),
    ("nfnet_f2", 256, 96, 1750.573), ("deit3_large_patch16_384", 384, 12, 422.768), ("volo_d5_448", 448, 4, 346.654),
]  # fmt: skip
TRAIN_NCHW = [
    ("mobilenetv2_110d", 224, 384, 273.199), ("resnet50t", 224, 384, 512.487),
    ("deit3_small_patch16_224", 224, 384, 391.961), ("rexnetr_200", 224, 192, 250.686),
    ("resnetblur50d", 224, 256, 362.275), ("twins_pcpvt_small", 224, 256, 356.63),
    ("haloregnetz_b", 224, 256, 386.296), ("cs3sedarknet_xdw", 256, 128, 246.008),
    ("efficientnet_b3", 288, 128, 278.448), ("res2next50", 224, 256, 431.144), ("convnext_small", 224, 192, 390.224),
    ("efficientnet_el_pruned", 300, 128, 423.464), ("mobilevitv2_200", 256, 128, 372.843),
    ("vit_relpos_base_patch16_rpn_224", 224, 192, 765.002), ("regnetz_b16_evos", 224, 128, 348.518),
    ("cait_s24_224", 224, 128, 428.341), ("resnet200d", 256, 128, 623.017), ("nf_regnet_b5", 384, 96, 512.09),
    ("resnest50d", 224, 256, 477.434), ("volo_d3_224", 224, 64, 416.584),
    ("vit_base_patch16_18x2_224", 224, 64, 546.378), ("deit_base_patch16_384", 384, 32, 331.171),
    ("swin_base_patch4_window12_384", 384, 32, 430.327), ("cait_s24_384", 384, 24, 483.331),
]  # fmt: skip
INFER_3090 = [
    ("lambda_resnet26rpt_256", 256, 384, 165.158), ("sehalonet33ts", 256, 768, 328.271),
    ("mobilevit_s", 256, 768, 296.749), ("efficientnet_lite3", 300, 512, 212.664), ("rexnet_200", 224, 768, 251.668),
    ("nest_tiny", 224, 768, 543.434), ("mobilevitv2_175", 256, 512, 301.572),
    ("efficientnet_lite4", 380, 384, 336.935), ("tf_efficientnet_b4", 380, 384, 458.136),
    ("swinv2_tiny_window16_256", 256, 512, 657.926), ("regnetz_c16_evos", 320, 512, 847.399),
    ("tf_efficientnetv2_m", 480, 768, 2051.373), ("regnetz_d8_evos", 320, 768, 1969.937),
    ("efficientnet_b5", 448, 256, 555.412), ("volo_d1_384", 384, 512, 1712.072),
    ("vit_base_patch16_384", 384, 384, 1254.349), ("pnasnet5large", 331, 384, 1342.894),
    ("efficientnet_b6", 528, 128, 519.432), ("efficientnetv2_xl", 512, 512, 3357.61),
    ("resnetrs420", 416, 768, 6403.598), ("regnetx_320", 224, 768, 1393.631),
    ("tf_efficientnet_b7", 600, 96, 696.181), ("cait_s36_384", 384, 512, 5152.338),
    ("beit_large_patch16_384", 384, 256, 2890.891), ("tf_efficientnet_b8", 672, 96, 1036.1),
    ("resnest269e", 416, 512, 3468.584), ("cait_m36_384", 384, 256, 7912.123), ("volo_d5_512", 512, 128, 4857.602),
    ("cait_m48_448", 448, 128, 9353.048),
]  # fmt: skip
INFER_4090 = [
    ("efficientvit_b3", 256, 768, 429.156), ("efficientnet_b3_g8_gn", 320, 768, 518.679),
    ("mobilenetv4_conv_aa_large", 480, 768, 603.62), ("levit_384_s8", 224, 512, 455.784),
    ("resnetv2_50x1_bit", 448, 512, 502.406), ("convnext_large_mlp", 256, 768, 833.66),
    ("efficientnet_b5", 416, 256, 349.614), ("resnetv2_101x1_bit", 448, 512, 780.987),
    ("convnextv2_large", 224, 512, 859.51), ("maxvit_large_tf_224", 224, 384, 750.122),
    ("swinv2_base_window16_256", 256, 384, 865.555), ("resnet50x16_clip", 384, 512, 1291.043),
    ("caformer_s36", 384, 512, 1548.873), ("rdnet_large", 384, 192, 638.262), ("davit_giant", 224, 384, 1392.401),
    ("maxvit_base_tf_384", 384, 192, 790.147), ("seresnextaa201d_32x8d", 384, 512, 2405.003),
    ("swin_large_patch4_window12_384", 384, 128, 688.483), ("vitamin_large_384", 384, 192, 1241.528),
    ("cait_s36_384", 384, 512, 3566.739), ("swinv2_base_window12to24_192to384", 384, 64, 548.838),
    ("eva02_large_patch14_448", 448, 512, 4995.169), ("tf_efficientnet_l2", 475, 96, 1163.656),
    ("resnetv2_152x4_bit", 480, 128, 2265.038),
]  # fmt: skip


class Set(NamedTuple):
    """Rows of one file of timm's record, and how they were run."""

    letter: str
    about: str
    card: str
    how: dict[str, bool]
    rows: list[tuple[str, int, int, float]]


# written attention of before timm 0.9; fused from there on
SETS = (
    Set("S", "training, NHWC, RTX 3090, torch 1.12: in sight while the tracer was made", "RTX 3090",
        {"train": True, "last": True, "fused": False}, TIMM),
    Set("A", "training, NHWC, RTX 3090, torch 1.12: blind", "RTX 3090",
        {"train": True, "last": True, "fused": False}, TRAIN_NHWC),
    Set("B", "training, NCHW, RTX 3090, torch 1.12: blind", "RTX 3090",
        {"train": True, "last": False, "fused": False}, TRAIN_NCHW),
    Set("C", "inference, NCHW, RTX 3090, torch 1.13: blind", "RTX 3090",
        {"train": False, "last": False, "fused": False, "fast_norm": True}, INFER_3090),
    Set("D", "inference, NCHW, RTX 4090, torch 2.4: blind", "RTX 4090",
        {"train": False, "last": False, "fused": True, "fast_norm": True}, INFER_4090),
)  # fmt: skip


def without_kernels_of_torchvision():
    """Timm imports torchvision, which has no kernels beside a CPU build of torch; none is used here."""
    sys.modules.setdefault("torchvision._meta_registrations", types.ModuleType("torchvision._meta_registrations"))


def timm_step(model, size, batch, train=True, last=True, fused=False, fast_norm=False):
    """The step of timm's benchmark.py as it was: everything inside autocast, a loop over parameters, no GradScaler."""
    import torch

    without_kernels_of_torchvision()
    import timm

    timm.layers.set_fused_attn(fused)
    timm.layers.set_fast_norm(fast_norm)
    known = timm.get_pretrained_cfg(model)
    more = {"img_size": size} if known.fixed_input_size and known.input_size[-1] != size else {}
    layout = torch.channels_last if last else torch.contiguous_format
    net = timm.create_model(model, **more).to(device="cuda", memory_format=layout)
    x = torch.randn(batch, 3, size, size, device="cuda").contiguous(memory_format=layout)
    if not train:
        return inference(net.eval(), x)
    loss = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-4, momentum=0.9, nesterov=True, foreach=False)

    def step():
        optimizer.zero_grad(set_to_none=False)  # torch 1.12's default
        with torch.autocast("cuda", dtype=torch.float16):
            out = net(x)
            loss(out, torch.randint(out.shape[1], (batch,), device="cuda")).backward()
            optimizer.step()

    return step


def inference(net, x):
    """The other step of benchmark.py: its output lives as long as the step."""
    import torch

    def step():
        with torch.no_grad(), torch.autocast("cuda", dtype=torch.float16):
            net(x)

    return step


def traced(interpreter, request, card, function, given):
    """What `vram.py trace` says of that step on that card."""
    from reproof.vram.allocator import Settings
    from reproof.vram.timeline import Timeline
    from reproof.vram.trace import judged

    interpreter.request = request(function)
    result = interpreter.trace(card, given)
    return judged(card, result, Timeline.read(result), Settings())


def above(batch):
    """The next larger batch of timm's ladder: powers of two and the middle between them.

    >>> [above(batch) for batch in (1, 2, 3, 4, 6, 384, 512)]
    [2, 3, 4, 6, 8, 512, 768]
    """
    power = 1 << (batch.bit_length() - 1)
    return 2 * power if batch != power or batch == 1 else power + power // 2


def found_at(interpreter, request, card, given):
    """Share of the card and verdict, with and without the guessed workspaces; the largest tensor; the time in ms."""
    from reproof.vram.allocator import Settings, replay
    from reproof.vram.estimate import context_of
    from reproof.vram.fit import grade
    from reproof.vram.timeline import Timeline
    from reproof.vram.trace import judged

    interpreter.request = request("timm_step")
    result = interpreter.trace(card, given)
    line = Timeline.read(result)
    found = judged(card, result, line, Settings())
    context, events = context_of(card), line.calibrated()
    plain = replay(events, Settings()).reserved_bytes + context
    verdict = grade(plain, card.usable_bytes)
    if verdict != "fits":
        verdict = "no" if replay(events, Settings(), card.usable_bytes - context).oom else "tight"
    largest = max(size for what, key, size in line.events
                  if what == "alloc" and not line.kinds[key].startswith("workspace"))  # fmt: skip
    said = found.used_frac, found.verdict, plain / card.usable_bytes, verdict, largest
    return said, (1000 * found.time.low_s, 1000 * found.time.high_s)


def verdicts(interpreter, request, wanted):
    """Every timm row: what the trace says at the batch that ran and at the next; and the time."""
    from reproof.errors import PackError
    from reproof.vram import gpus

    for each in SETS:
        card = gpus.find(each.card)
        for model, size, batch, taken_ms in [*each.rows[::2], *each.rows[1::2]]:
            if not wanted(f"{each.letter}:{model}"):
                continue
            said, clock, why = [], None, ""
            for count in (batch, above(batch)):
                given = {"model": model, "size": size, "batch": count, **each.how}
                try:
                    at, time_ms = found_at(interpreter, request, card, given)
                except PackError as error:
                    why = error.what[:100]
                    break
                said.append(at)
                clock = clock or time_ms
            yield f"{each.letter}:{model}", batch, taken_ms, said, clock, why


def table(rows):
    """The verdicts and the times of every set, and the share that is right."""
    for each in SETS:
        of_set = [row for row in rows if row[0].startswith(f"{each.letter}:")]
        if of_set:
            yield from table_of(each, of_set)


def table_of(each, rows):
    """One set."""
    yield f"\n**{each.letter}. {each.about}** ({len(rows)} of {len(each.rows)} rows)\n"
    yield ("| model | largest batch | need there, share of the card | verdict | need at the next batch | verdict | "
           "largest tensor at the next batch, GiB | ms on record | range of the trace, ms |")  # fmt: skip
    yield "|---|---:|---:|---|---:|---|---:|---:|---:|"
    whole = []
    for name, batch, taken_ms, said, clock, why in rows:
        model = name.partition(":")[2]
        if len(said) < 2:
            yield f"| {model} | {batch} | not traced: {why} | | | | | {taken_ms:.0f} | |"
            continue
        (need, verdict, *_), (more, next_verdict, _, _, largest) = said
        whole.append((said[0], said[1], clock[0] <= taken_ms <= clock[1]))
        yield (f"| {model} | {batch} | {need:.3f} | {verdict} | {more:.3f} | {next_verdict} | {largest / GIB:.1f} | "
               f"{taken_ms:.0f} | {clock[0]:.0f} to {clock[1]:.0f} |")  # fmt: skip
    if whole:
        yield ""
        yield counted("all rows", whole)
        small = [row for row in whole if row[1][4] < HUGE_BYTES]
        if len(small) < len(whole):
            yield counted("rows whose next batch makes no tensor of 2^31 16-bit numbers", small)


def counted(what, whole):
    """How many verdicts are right, with and without the guessed workspaces, and how many times are in the range."""
    text = []
    for workspaces, place in (("", 1), ("without the guessed workspaces ", 3)):
        ran = [row[0][place] for row in whole]
        ran_out = [row[1][place] for row in whole]
        over, false_fits, total = ran.count("no"), ran_out.count("fits"), 2 * len(whole)
        right = total - over - false_fits
        text.append(f"{workspaces}{right} of {total} verdicts right ({right / max(total, 1):.1%}; tight counts for "
                    f"both: {(ran + ran_out).count('tight')} of them), {over} said no of what ran, {false_fits} said "
                    "'fits' of what did not run")  # fmt: skip
    inside = sum(row[2] for row in whole)
    return f"{what}: " + "; ".join(text) + f"; the time on record lies in the range for {inside} of {len(whole)}.\n"


def main() -> None:
    """Print the tables."""
    from reproof.vram.interpreter import Interpreter
    from reproof.vram.traced import TraceRequest

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", type=Path, help="an interpreter with torch and timm")
    parser.add_argument("--only", default="", help="rows whose name holds this")
    parser.add_argument("--budget-s", type=float, default=3600.0, help="start no further row after this time")
    parser.add_argument("--out", type=Path, help="keep the rows there, as JSON; those already there are not run again")
    words = parser.parse_args()
    kept = []
    if words.out and words.out.is_file():
        kept = json.loads(words.out.read_text(encoding="utf-8"))["timm"]
    ends = time.monotonic() + words.budget_s

    def wanted(name):
        return words.only in name and name not in {row[0] for row in kept} and time.monotonic() < ends

    def request(function):
        return TraceRequest(target=f"{__file__}:{function}", python=words.python, steps=2)

    if any(wanted(f"{each.letter}:{row[0]}") for each in SETS for row in each.rows):
        with Interpreter(request("timm_step")) as interpreter:
            print(f"{datetime.date.today()}, torch {interpreter.hello['torch']}", file=sys.stderr)
            for row in verdicts(interpreter, request, wanted):
                kept.append(row)
                print(*row, file=sys.stderr, flush=True)
                if words.out:
                    words.out.write_text(json.dumps({"timm": kept}), encoding="utf-8")
    print("\n".join(table(kept)))


if __name__ == "__main__":
    main()
