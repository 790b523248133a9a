#!/usr/bin/env python3
# /// script
# requires-python = ">=3.10"
# dependencies = ["pydantic>=2.7,<3", "jinja2>=3.1,<4", "pyyaml>=6,<7"]
# ///
"""Know the GPU memory before running: does it fit, where does it go, which batch fits. No GPU needed.

Closed form, in milliseconds and without torch:

  python helpers/vram.py plan examples/nsgf/plan.yaml --gpu T4
  python helpers/vram.py estimate --params 124M --gpu 24GiB
  python helpers/vram.py sinkhorn --n 256 --d 3072
  python helpers/vram.py pool --batches 2500 --batch-size 128 --steps 5 --shape 3x32x32 --stated 45GB
  python helpers/vram.py gpus

Your own training step, on fake tensors with your project's torch (tried: 2.13 and 2.14, Linux; a CPU build will do):

  python helpers/vram.py trace train_step.py:build --gpu T4 --plot timeline.html
  python helpers/vram.py fit train_step.py:build --batch 128 --iterations 100000 --gpu T4
  python helpers/vram.py levers train_step.py:build --gpu T4

where train_step.py holds a function that builds everything on 'cuda' and returns one optimizer step:

  def build(batch=32):
      model = Net().to("cuda")
      optimizer = torch.optim.AdamW(model.parameters())
      def step():
          optimizer.zero_grad()
          model(torch.randn(batch, 3, 32, 32, device="cuda")).mean().backward()
          optimizer.step()
      return step

Nothing real is allocated, no file is written, no process or connection started: a step that tries is told so. trace
gives peak allocated, reserved and used, the moment and line of the peak, its parts by kind and by module, and what had
to be assumed. In it, torch.compile is left out, DataParallel is one GPU, streams are one, values that are not known
make a condition false and a mask select everything: each is listed with its line. CUDA graphs, FSDP, sparse tensors,
ctc_loss, and CUDA or Triton extensions without fake kernels are refused.

fits: up to 0.92 of the memory a program gets on that GPU; tight: up to all of it; no: more. Every size says how it is
known. CUDA context, cuBLAS and cuDNN workspaces are in the verdict as bounds that no GPU has calibrated yet.
With several GPUs the answer is yes if one of them holds everything.
stdout is the report: Markdown, or JSON with --json. Errors go to stderr.
exit 0 it fits, or nearly (tight) · 4 it fits on none of the GPUs · 2 bad input · 3 something needed is not there
Uncalibrated, no GPU was used for them: the CUDA context, cuDNN's workspaces (above all with cudnn.benchmark), its
attention's backward and its RNN reserve. No trace has been compared with a real GPU by this version.
Not done yet, nothing of it exists: comparing with a real GPU (measure), following a running job (watch), constants per
device (calibrate), reading a memory snapshot after an out-of-memory, wall-clock from FLOPs, hints for assumed values.
Not counted by the closed form: dropout masks, activation checkpointing, torch.compile, several GPUs, the data set on
the device, evaluation.
"""

import sys
from os.path import dirname, realpath

sys.path.insert(0, dirname(realpath(__file__)))  # also under -P, -I and -m

from reproof.launch import launch

if __name__ == "__main__":
    raise SystemExit(launch("vram", __doc__))
