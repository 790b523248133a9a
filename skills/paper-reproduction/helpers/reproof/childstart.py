"""Run by path in a user's interpreter: `childstart.py FOLDER PACKAGE MODULE [ARGUMENT ...]` calls that module's main().

The folder is loaded as a package of that name, and nothing of ours stays on sys.path: a script's folder is first there,
and our `records.py` would hide a `records` of the user's. Python 3.8 reads this.
"""

import importlib
import importlib.util
import sys
from pathlib import Path


def load(folder: Path, package: str) -> None:
    """Make `folder` importable as `package`, and only so."""
    spec = importlib.util.spec_from_file_location(
        package, str(folder / "__init__.py"), submodule_search_locations=[str(folder)]
    )
    assert spec is not None and spec.loader is not None, "a file can be loaded"
    sys.modules[package] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


if __name__ == "__main__":
    here = Path(__file__).resolve().parent
    sys.path[:] = [entry for entry in sys.path if not entry or Path(entry).resolve() != here]
    load(Path(sys.argv[1]), sys.argv[2])
    importlib.import_module(f"{sys.argv[2]}.{sys.argv[3]}").main(*sys.argv[4:])
