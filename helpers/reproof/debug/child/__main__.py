"""Load this folder as the package `reproof_debug`, out of the way of the user's modules, and measure."""

import importlib
import importlib.util
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# a script's folder is first on sys.path: our `data.py` would hide a `data` of the user's
sys.path[:] = [entry for entry in sys.path if not entry or Path(entry).resolve() != HERE]

spec = importlib.util.spec_from_file_location(
    "reproof_debug", str(HERE / "__init__.py"), submodule_search_locations=[str(HERE)]
)
assert spec is not None and spec.loader is not None, "the file beside this one can be loaded"
package = importlib.util.module_from_spec(spec)
sys.modules["reproof_debug"] = package
spec.loader.exec_module(package)

if __name__ == "__main__":
    importlib.import_module("reproof_debug.job").main()
