"""How our code starts in a user's interpreter; imports nothing."""

# our code under a name of its own, and nothing of ours on sys.path: it would hide a user's `models` or `plan`
START = """
import importlib, importlib.util as util, sys
folder, module, argument = sys.argv[1:4]
spec = util.spec_from_file_location("_parity", folder + "/__init__.py", submodule_search_locations=[folder])
sys.modules["_parity"] = package = util.module_from_spec(spec)
spec.loader.exec_module(package)
importlib.import_module("_parity." + module).main(argument)
"""
