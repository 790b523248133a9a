#!/usr/bin/env python3
# /// script
# requires-python = ">=3.10"
# dependencies = ["pydantic>=2.7,<3", "jinja2>=3.1,<4", "pyyaml>=6,<7"]
# ///
"""Know the GPU memory before running: does it fit, where does it go, which batch fits. No GPU needed.

Closed form, in milliseconds and without torch:

  python helpers/vram.py plan examples/nsgf/plan.yaml --gpu T4
  python helpers/vram.py estimate --family resnet --depth 50 --image-size 224 --batch 64 --gpu 24GiB
  python helpers/vram.py sinkhorn --n 256 --d 3072
  python helpers/vram.py pool --batches 2500 --batch-size 128 --steps 5 --shape 3x32x32 --stated 45GB
  python helpers/vram.py metric fid --n 50000 --shape 3x32x32

Your own training step, on fake tensors with your project's torch (tried: 2.6 to 2.12, 2.14, 2.15 for CUDA without a
GPU, 2.13 for CPU; 2.4 and 2.5 with --weaker only; Linux on x86-64), or a library call of the plan:

  python helpers/vram.py trace train_step.py:build --gpu T4 --plot timeline.html
  python helpers/vram.py trace plan.yaml:CALL_ID --gpu T4
  python helpers/vram.py fit train_step.py:build --batch 128 --iterations 100000 --gpu T4 --write overrides.yaml
  python helpers/vram.py levers train_step.py:build --gpu T4

where train_step.py holds build(batch=32, ...): it builds everything on 'cuda' and returns step, a function that does
one training step. In a trace nothing real is allocated, no file is written, no process or connection started. It
gives peak allocated, reserved and used, moment and line of the peak, parts by kind and module, a range for the
wall-clock, and what had to be assumed; --hint FILE:LINE=VALUE says what you know.

On a machine with a GPU, and after an out-of-memory (a log, or a snapshot, which is read and never executed):

  python helpers/vram.py calibrate            writes vram-calibration.json, which all other answers read
  python helpers/vram.py measure train_step.py:build
  python helpers/vram.py watch --pid 1234     finds that process's card; --uuid MIG-... watches a slice
  python helpers/vram.py postmortem train.log

fits: up to 0.92 of the memory a program gets on that GPU; tight: up to all of it; no: more. Every size says how it is
known. With several GPUs the answer is yes if one of them holds everything. stdout is the report: Markdown, or JSON with
--json; errors and warnings go to stderr.
exit 0 it fits, or nearly · 4 it fits on none, a warning came, or a log shows no out-of-memory · 2 bad input · 3
something needed is not there (torch, GPU, driver, an operator without a fake kernel); the weaker way is then named
Untried: no GPU was used by this version. measure, calibrate and watch ran whole, but against stand-ins; CUDA context,
cuDNN's workspaces, RNN reserve, work areas of cuFFT and cuSOLVER and all times are uncalibrated. bitsandbytes and
torchao trace; GPTQ and AWQ are refused with a bound. In a trace torch.compile is left out, DataParallel and FSDP are
one GPU's upper bound, streams are one. Of unknown values masks select all, asserts pass, what an `if` may do is done,
loops make 16 passes, a draw stands for all; each is listed with its line, and a hint says better. CUDA graphs, sparse
tensors, lazy modules, extensions without fake kernels are refused. The closed form knows no data set on the device and
no evaluation; see metric. A trace is of the torch it runs in: old ones differed by up to a quarter.
"""

import sys
from os.path import dirname, realpath

sys.path.insert(0, dirname(realpath(__file__)))  # also under -P, -I and -m

from reproof.launch import launch

if __name__ == "__main__":
    raise SystemExit(launch("vram", __doc__))
