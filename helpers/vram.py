#!/usr/bin/env python3
# /// script
# requires-python = ">=3.10"
# dependencies = ["pydantic>=2.7,<3", "jinja2>=3.1,<4", "pyyaml>=6,<7"]
# ///
r"""Know the GPU memory before running: does it fit, where does it go, which batch fits. Closed form, no torch, no GPU.

  python helpers/vram.py plan examples/nsgf/plan.yaml --gpu T4
  python helpers/vram.py estimate --params 124M --gpu 24GiB
  python helpers/vram.py estimate --family unet --image-size 32 --in-channels 3 --num-channels 128 \
      --num-res-blocks 2 --channel-mult 1,2,2,2 --num-head-channels 64 --attention-resolutions 16 --batch 128
  python helpers/vram.py sinkhorn --n 256 --d 3072
  python helpers/vram.py pool --batches 2500 --batch-size 128 --steps 5 --shape 3x32x32 --stated 45GB
  python helpers/vram.py gpus

fits: up to 0.92 of the memory a program gets on that GPU; tight: up to all of it; no: more. Every size says how it is
known. CUDA context, cuBLAS and cuDNN workspaces are in the verdict as bounds that no GPU has calibrated yet.
With several GPUs the answer is yes if one of them holds everything.

stdout is the report: Markdown, or JSON with --json. Errors go to stderr.
exit 0 it fits, or nearly (tight) · 4 it fits on none of the GPUs · 2 bad input · 3 something needed is not there

Not done yet, nothing of it exists: tracing your own training step (trace), comparing with a real GPU (measure),
following a running job (watch), constants per device (calibrate). Not counted: dropout masks, activation
checkpointing, torch.compile, several GPUs, the data set on the device, evaluation.
"""

import sys
from os.path import dirname, realpath

sys.path.insert(0, dirname(realpath(__file__)))  # also under -P, -I and -m

from reproof.launch import launch

if __name__ == "__main__":
    raise SystemExit(launch("vram", __doc__))
