"""Load this folder as the package `reproof_vram_child`, out of the way of the user's modules, and serve."""

import importlib
import importlib.util
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# a script's folder is first on sys.path: our `world.py` would hide a `world` of the user's
sys.path[:] = [entry for entry in sys.path if not entry or Path(entry).resolve() != HERE]

spec = importlib.util.spec_from_file_location(
    "reproof_vram_child", str(HERE / "__init__.py"), submodule_search_locations=[str(HERE)]
)
assert spec is not None and spec.loader is not None, "the file beside this one can be loaded"
package = importlib.util.module_from_spec(spec)
sys.modules["reproof_vram_child"] = package
spec.loader.exec_module(package)

if __name__ == "__main__":
    # `server` traces on fake tensors, `real` uses the GPU: never in one process
    chosen = "real" if sys.argv[1:] == ["real"] else "server"
    importlib.import_module("reproof_vram_child." + chosen).main()
