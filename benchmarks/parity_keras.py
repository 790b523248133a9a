# ruff: noqa: E501
"""The recorder for Keras, run with Keras: three models recorded there and in PyTorch, in two environments, and compared.

  python benchmarks/parity_keras.py --keras KERAS_PYTHON --torch TORCH_PYTHON      # Keras 3 with the JAX, TensorFlow or torch backend

Right ports must agree, and one fault in each (epsilon of a batch norm, the first step of a recurrent layer instead of the
last, the other GELU) must be named at its layer.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
RECORDERS = HERE.parent / "helpers" / "reproof" / "parity" / "child" / "recorders.py"
MODELS = ("functional", "sequential", "subclassed")


def compared(reference: Path, port: Path) -> tuple[int, dict]:
    command = [
        sys.executable,
        str(HERE.parent / "helpers" / "parity.py"),
        "compare",
        "--reference",
        str(reference),
        "--port",
        str(port),
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    return done.returncode, json.loads(done.stdout) if done.stdout.strip() else {"headline": done.stderr}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keras", required=True)
    parser.add_argument("--torch", default=sys.executable)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sides = HERE / "parity" / "keras"
        subprocess.run(
            [given.keras, str(sides / "side_keras.py"), str(RECORDERS), str(folder / "keras")],
            check=True,
            env={"KERAS_BACKEND": "jax", **os.environ},
        )
        for fault in ("", "eps", "step", "gelu"):
            subprocess.run(
                [
                    given.torch,
                    str(sides / "side_torch.py"),
                    str(RECORDERS),
                    str(folder / "keras"),
                    str(folder / f"torch{fault}"),
                    fault,
                ],
                check=True,
            )
            for model in MODELS:
                code, found = compared(folder / "keras" / model, folder / f"torch{fault}" / model)
                print(
                    f"{fault or 'right':6} {model:11} exit {code}  {found['headline']}  {'; '.join(found.get('weaker', [])[1:])}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
