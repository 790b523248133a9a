"""What a launcher calls: find the command, or say in three lines what is not installed. Standard library only."""

import importlib
import importlib.util
import sys

NEEDS = (3, 10)
BASE = ("pydantic", "jinja2", "yaml")  # what every helper is built on
PIP_NAMES = {"yaml": "pyyaml", "ot": "POT", "pynvml": "nvidia-ml-py", "sklearn": "scikit-learn"}


# no annotations: an old interpreter must be able to parse this file, to be refused politely
def launch(name, doc):  # type: ignore[no-untyped-def]
    """Run `reproof.<name>.command.main`; returns its exit code, or 3 when Python or a package is missing."""
    if sys.version_info < NEEDS:
        found = "this is Python " + ".".join(map(str, sys.version_info[:3]))
        return stop("old-python", found, "the helpers need Python 3.10 or newer", "python3.11 " + sys.argv[0])
    try:
        command = importlib.import_module("reproof." + name + ".command")
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing == "reproof":
            raise  # ours: a bug, not something to install
        lacks = [name for name in BASE if importlib.util.find_spec(name) is None]
        lacks += [missing] if missing not in lacks else []
        what = "no module " + ", ".join(map(repr, lacks)) + " in " + sys.executable
        install = sys.executable + " -m pip install " + " ".join(PIP_NAMES.get(name, name) for name in lacks)
        own = "; where the system forbids that: " + sys.executable + " -m venv reproof-env, and its python from then on"
        return stop("not-installed", what, "the helper is built on it", install + own)
    return command.main(doc=doc)


def stop(slug, what, why, fix):  # type: ignore[no-untyped-def]
    """Print the three lines of an error; returns exit code 3."""
    sys.stderr.write("error[" + slug + "]: " + what + "\n  why: " + why + "\n  try: " + fix + "\n")
    return 3
