"""Stand-ins for the CUDA libraries of a torch wheel, so that it can be imported without the gigabytes it depends on.

    pip download --no-deps torch==2.8.0 -d wheels && unzip -q wheels/torch-2.8.0-*.whl -d torch-2.8.0
    python benchmarks/vram_stand_ins.py torch-2.8.0          # needs gcc and readelf; writes torch-2.8.0/python
    python benchmarks/vram_versions.py --python torch-2.8.0/python

Every function of a stand-in answers 100, CUDA's "no device". A trace calls none of them; nothing else should be run so.
What torch needs besides (numpy, sympy, typing_extensions, ...) is taken from the folder given by --with.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

LIBRARY = re.compile(r"lib(cu|nccl|nvrtc|nvToolsExt|nvJit|nvshmem|nvtx|nvperf)")
FUNCTION = re.compile(
    r"(__cuda|cuda|cu[A-Z]|cublas|cudnn|cufft|cufile|cuFile|curand|cusolver|cusparse|nccl|nvrtc|cupti|nvtx|nvJit|nvshmem"
    r"|__fatbin)"
)
OWNERS = ("nccl", "cudnn", "nvrtc", "cufft", "curand", "cusolver", "cusparseLt", "cusparse", "cublasLt", "cublas",
          "cupti", "nvshmem")  # fmt: skip


class Wanted:
    """The libraries that torch's own link to and do not bring, and the functions it takes from them."""

    def __init__(self, torch: Path) -> None:
        need, have, asked, defined = set(), set(), set(), set()
        self.version: dict[str, str] = {}
        for library in torch.glob("lib/*.so*"):
            have.add(library.name)
            words = ["readelf", "-dW", "--dyn-syms", str(library)]
            text = subprocess.run(words, capture_output=True, text=True, check=False).stdout
            need |= set(re.findall(r"NEEDED.*\[(.*?)\]", text))
            for line in text.splitlines():
                row = line.split()
                if len(row) < 8 or not row[0].rstrip(":").isdigit():
                    continue
                name, _, version = row[7].partition("@")
                if row[6] == "UND" and version.strip("@"):
                    self.version[name] = version.strip("@")
                (asked if row[6] == "UND" else defined).add(name)
        self.libraries = sorted(name for name in need - have if LIBRARY.match(name))
        self.functions = sorted(name for name in asked - defined if FUNCTION.match(name))

    def of(self, library: str) -> list[str]:
        """The functions that belong into a library: by their version, else by their name."""
        known = {*self.libraries, "NVSHMEM"}
        stem = library.split(".so")[0]
        return [
            name
            for name in self.functions
            if (self.version.get(name) == library or (self.version.get(name) == "NVSHMEM" and "nvshmem" in library))
            or (self.version.get(name) not in known and self._owner(name) == stem)
        ]

    def _owner(self, name: str) -> str:
        for start in OWNERS:
            if name.startswith(start):
                there = any(library.startswith(f"lib{start}.") for library in self.libraries)
                return f"lib{start}" if there else "libcudart"
        if name.lower().startswith("cufile"):
            return "libcufile"
        driver = any(library.startswith("libcuda.so") for library in self.libraries)
        return "libcuda" if driver and not name.startswith(("cuda", "__")) else "libcudart"


def compiled(wanted: Wanted, library: str, out: Path) -> None:
    """One stand-in, with the symbol versions that torch asks for."""
    names = wanted.of(library)
    code = out / f"{library}.c"
    code.write_text("\n".join(f"int {name}(void) {{ return 100; }}" for name in names) + "\n", encoding="utf-8")
    more = []
    if any(wanted.version.get(name) in (library, "NVSHMEM") for name in names):
        script = out / f"{library}.map"
        script.write_text(f"{'NVSHMEM' if 'nvshmem' in library else library} {{ global: *; }};\n", encoding="utf-8")
        more = [f"-Wl,--version-script={script}"]
    command = ["gcc", "-w", "-fno-builtin", "-shared", "-fPIC", f"-Wl,-soname,{library}", *more]
    subprocess.run([*command, "-o", str(out / library), str(code)], check=True)


def main() -> None:
    """Make the stand-ins, and an interpreter that finds them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the wheel was unpacked: it holds torch/")
    parser.add_argument(
        "--with", dest="others", type=Path, action="append", default=[], help="further packages' folder"
    )
    words = parser.parse_args()
    folder = words.folder.resolve()
    wanted, out = Wanted(folder / "torch"), folder / "stand_ins"
    out.mkdir(exist_ok=True)
    for library in wanted.libraries:
        compiled(wanted, library, out)
    path = ":".join(str(each) for each in (folder, *(other.resolve() for other in words.others)))
    python = folder / "python"
    python.write_text(
        f'#!/bin/sh\nexport LD_LIBRARY_PATH={out} PYTHONPATH={path}\nexec {sys.executable} "$@"\n', encoding="utf-8"
    )
    python.chmod(0o755)
    print(f"{len(wanted.libraries)} libraries, {len(wanted.functions)} functions: {python}")


if __name__ == "__main__":
    main()
