"""Values as JSON holds them, and the weaker reading of a file that does not parse."""

from __future__ import annotations

import ast
import re
from typing import Any

from reproof.inventory.models import Hyperparameter

JSON_TYPES = (str, int, float, bool, type(None))


def plain(value: Any) -> Any:
    """`value` as JSON would hold it: tuples as lists, other things as text, infinities by name."""
    if isinstance(value, (tuple, list, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return str(value)
    return value if isinstance(value, JSON_TYPES) else repr(value)


_LITERAL_LINE = re.compile(r"^\s*([A-Za-z_]\w*)\s*=\s*([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*(?:#.*)?$")


def by_lines(text: str, file: str, *, core: bool = True) -> list[Hyperparameter]:
    """The weaker way for a file that does not parse: assignments of numbers, and options with a default."""
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        match = _LITERAL_LINE.match(line)
        option = re.search(r"add_argument\(\s*['\"]-*([\w-]+)['\"].*?default\s*=\s*([^,)\s]+)", line)
        if match:
            name, given, kind = match[1], match[2], "by lines"
        elif option:
            name, given, kind = option[1].replace("-", "_"), option[2], "by lines"
        else:
            continue
        found.append(Hyperparameter(name=name, value=_scalar(given), kind=kind, file=file, line=number, core=core))
    return found


def _scalar(text: str) -> Any:
    try:
        return plain(ast.literal_eval(text))
    except (ValueError, SyntaxError):
        return text
