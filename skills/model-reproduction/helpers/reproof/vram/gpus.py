"""GPUs as facts: the memory a program really gets, bandwidth, compute capability, bf16; each with where it is from.

Usable memory is what CUDA reports as the device's total, which is less than the number on the box: error correction and
the driver take their part before any program starts. Where reports differ the lowest is taken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import TypeAdapter, ValidationError

from reproof.errors import PackError, near
from reproof.units import GIB, Bytes, show_bytes
from reproof.vram.models import GpuRow

if TYPE_CHECKING:
    from reproof.vram.observed import DeviceConstants

# Bandwidth and memory type from NVIDIA's data sheet of each card; capability from developer.nvidia.com/cuda-gpus.
SOURCE = (
    "cited: bandwidth from NVIDIA's data sheet of the card; compute capability from developer.nvidia.com/cuda-gpus; "
    "bf16 from capability 8.0 on"
)
SPEED = (
    "TFLOP/s of dense products in fp32, TF32, and 16 bits with fp32 sums, from NVIDIA's data sheets and white "
    "papers; T4, A100, L40S, H100, H200 and B200 were compared with public tables of those, the others not re-read"
)
REPORTED = "commonly printed by PyTorch as 'total capacity'; not traced to one document"
THREAD = "PyTorch's 'total capacity' in github.com/"


@dataclass(frozen=True)
class Gpu:
    """One kind of GPU."""

    name: str
    usable_bytes: int
    how: Literal["measured", "cited", "inferred"]
    source: str
    bandwidth_gb_per_s: int
    capability: tuple[int, int]
    note: str = ""
    tflops: tuple[float, float, float] | None = None
    """Dense fp32, TF32 and 16-bit; 0 where the card has none."""
    context_bytes: int | None = None
    """CUDA context, where `calibrate` measured it."""
    constants: DeviceConstants | None = None

    @property
    def bf16(self) -> bool:
        """Native bfloat16; before 8.0 it is emulated, slower than fp32."""
        return self.capability >= (8, 0)

    @property
    def kind(self) -> tuple[tuple[int, int], str]:
        """What a trace depends on: a card of the table has its multiprocessors, a calibrated one its workspaces."""
        return self.capability, self.name if self.tflops or self.constants else ""


def _gpu(
    name: str, usable_gib: float, bandwidth: int, capability: str, tflops: tuple[float, float, float], thread: str = "",
    note: str = "",
) -> Gpu:  # fmt: skip
    major, minor = map(int, capability.split("."))
    how: Literal["cited", "inferred"] = "cited" if thread else "inferred"
    source = THREAD + thread if thread else REPORTED
    return Gpu(name, int(usable_gib * GIB), how, source, bandwidth, (major, minor), note, tflops)


OLD = "CUDA 13 dropped capabilities below 7.5: take a torch wheel for CUDA 12"
T4 = (8.1, 0.0, 65.0)
P100, V100 = (9.3, 0.0, 18.7), (14.0, 0.0, 112.0)
A100, HOPPER = (19.5, 156.0, 312.0), (67.0, 495.0, 989.0)
GPUS: tuple[Gpu, ...] = (
    _gpu("T4", 14.56, 320, "7.5", T4, "Zheng-Chong/CatVTON/issues/133", "14.75 GiB with older drivers"),
    _gpu("P100", 15.89, 732, "6.0", P100, note=OLD),
    _gpu("V100 16GB", 15.78, 900, "7.0", V100, "kchengiva/Shift-GCN/issues/34", OLD + "; speed of the PCIe card"),
    _gpu("V100 32GB", 31.74, 900, "7.0", V100, "liucongg/ChatGLM-Finetuning/issues/73", OLD + "; speed as PCIe"),
    _gpu("L4", 22.03, 300, "8.9", (30.3, 60.0, 121.0)),
    _gpu("A10", 22.20, 600, "8.6", (31.2, 62.5, 125.0), "XavierXiao/Dreambooth-Stable-Diffusion/issues/18",
         "the A10G of cloud machines, whose products are slower: 70 TFLOP/s in 16 bits"),
    _gpu("A100 40GB", 39.50, 1555, "8.0", A100, "TianheWu/CoSeR/issues/10", "39.59 GiB elsewhere"),
    _gpu("A100 80GB", 79.14, 1935, "8.0", A100, "lianqi1008/Control-GIC/issues/6",
         "bandwidth of the PCIe card; 2,039 GB/s as SXM"),
    _gpu("L40S", 44.42, 864, "8.9", (91.6, 183.0, 362.0), "stepfun-ai/Step-Video-T2V/issues/8"),
    _gpu("H100", 79.11, 3350, "9.0", HOPPER, "vllm-project/vllm/issues/27508", "SXM card; 2,000 GB/s as PCIe"),
    _gpu("H200", 139.72, 4800, "9.0", HOPPER),
    _gpu("B200", 178.35, 7672, "10.0", (75.0, 1100.0, 2250.0), "pytorch/ao/pull/4002",
         "bandwidth measured there; data sheet 8,000"),
    _gpu("RTX 2080 Ti", 10.76, 616, "7.5", (13.4, 0.0, 53.8), "JDAI-CV/image-captioning/issues/11"),
    _gpu("RTX 3060", 11.75, 360, "8.6", (12.7, 12.7, 25.5), "Kunhao-Liu/StyleGaussian/issues/12", "the 12 GB card"),
    _gpu("RTX 3090", 23.50, 936, "8.6", (35.6, 35.6, 71.0), "XChenZ/havatar/issues/6",
         "23.69 GiB elsewhere; less with a display"),
    _gpu("RTX 4090", 23.52, 1008, "8.9", (82.6, 82.6, 165.2), "Soul-AILab/SoulX-FlashTalk/issues/5",
         "23.65 GiB elsewhere; less with a display"),
    _gpu("RTX 5090", 31.37, 1792, "12.0", (104.8, 104.8, 209.5), "Wan-Video/Wan2.1/issues/465", "less with a display"),
    _gpu("Kaggle T4 x2", 14.56, 320, "7.5", T4, "Zheng-Chong/CatVTON/issues/133", "of one T4: one process uses one"),
    _gpu("Kaggle P100", 15.89, 732, "6.0", P100, note=OLD),
    _gpu("Colab T4", 14.56, 320, "7.5", T4, "facebookresearch/tribev2/issues/28", "free tier; watch host memory too"),
)  # fmt: skip
DEFAULT = ("T4", "RTX 3090", "A100 40GB")
CALIBRATION = Path("vram-calibration.json")


def _key(name: str) -> str:
    """Names without case, spaces, vendor words: 'NVIDIA GeForce RTX 3090' and 'rtx3090' are one card."""
    return re.sub(r"nvidia|geforce|tesla|sxm\d?|pcie|[^a-z0-9]", "", name.lower())


# the bare name means the smaller card: a verdict for it holds on the larger one too
ALIASES = {"v100": "V100 16GB", "a100": "A100 40GB", "a10g": "A10", "2080ti": "RTX 2080 Ti", "3060": "RTX 3060"}
ALIASES |= {"3090": "RTX 3090", "4090": "RTX 4090", "5090": "RTX 5090", "kaggle": "Kaggle T4 x2", "colab": "Colab T4"}
BOARD = re.compile(r"(NVIDIA |Tesla |GeForce |Quadro )|[ -](SXM\d?|PCI[Ee]|HBM\d[a-z]?|\d+[- ]?GB)(?=[ -]|$)")
"""Words of the driver's names that are the board's and not the card's."""
SIZE, SIZE_FRAC = re.compile(r"(\d+)[- ]?GB\b"), 0.1
BY_KEY = {_key(gpu.name): gpu for gpu in GPUS}
BY_KEY |= {key: BY_KEY[_key(name)] for key, name in ALIASES.items()}


def _of_that_size(card: Gpu, name: str) -> bool:
    """Whether the size in a name, if there is one, is about the card's: an H100 of 96 GB is another card."""
    said = SIZE.search(name)
    return said is None or abs(int(said[1]) * GIB / card.usable_bytes - 1) <= SIZE_FRAC


def find(name: str) -> Gpu:
    """The GPU called `name`, or one of that many bytes.

    Raises:
        PackError: neither a known name nor a size; near-miss names are offered.

    >>> find("NVIDIA GeForce RTX 3090").capability
    (8, 6)
    >>> find("NVIDIA H100 80GB HBM3").name
    'H100'
    >>> find("24GiB").usable_bytes == 24 * GIB
    True
    """
    for each in (name, BOARD.sub("", name)):
        if _key(each) in BY_KEY and _of_that_size(BY_KEY[_key(each)], name):
            return BY_KEY[_key(each)]
    try:
        size = TypeAdapter(Bytes).validate_python(name)
    except ValidationError:
        size = 0
    if size >= GIB // 4 and re.search(r"b\s*$", name, re.IGNORECASE):
        return Gpu(show_bytes(size), size, "cited", "the size you gave, taken as usable", 0, (8, 0), "features unknown")
    close = near(_key(name), BY_KEY)
    meant = BY_KEY[close.split()[3][:-2]].name if close else ""
    raise PackError(
        "unknown-gpu",
        f"--gpu {name!r}" + (f" (did you mean {meant!r}?)" if meant else ""),
        why="it is neither a card in the table nor a size of 256 MiB or more with its unit",
        fix="vram.py gpus lists the names; or give its memory, like --gpu 24GiB",
    )


def chosen(names: list[str] | tuple[str, ...], calibration: Path | None = None) -> list[Gpu]:
    """The GPUs called `names`, each once, in that order; with measured constants where a calibration has them.

    Args:
        names: as `find` takes them.
        calibration: the file of `vram.py calibrate`; without one that of the current folder, if it is there.
    """
    found = {gpu.name: gpu for gpu in map(find, names)}
    if calibration is None and not CALIBRATION.is_file():
        return list(found.values())
    from reproof.vram.calibration import applied, read  # its models cost time that other answers need not pay

    known = read(calibration)
    return [applied(gpu, known) for gpu in found.values()]


def rows() -> list[GpuRow]:
    """The table, for `vram.py gpus`."""
    return [
        GpuRow(
            name=gpu.name,
            usable_bytes=gpu.usable_bytes,
            usable_how=gpu.how,
            usable_source=gpu.source,
            bandwidth_bytes_per_s=gpu.bandwidth_gb_per_s * 10**9,
            compute_capability=".".join(map(str, gpu.capability)),
            bf16=gpu.bf16,
            fp32_tflops=gpu.tflops[0] if gpu.tflops else None,
            tf32_tflops=(gpu.tflops[1] or None) if gpu.tflops else None,
            half_tflops=gpu.tflops[2] if gpu.tflops else None,
            note=gpu.note,
        )
        for gpu in GPUS
    ]
