"""Train, evaluate, sample and plot. `python run.py --help` is the manual."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "src"))

from project.engine.cli import main  # noqa: E402  (the only line that names the package)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], ROOT))
