"""Reports from templates. A template lays out, it does not compute. The one place that imports jinja2."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jinja2

from reproof.paths import TEMPLATES
from reproof.units import show_bytes, show_seconds


def cell(value: object) -> str:
    r"""Text that cannot break out of a Markdown table cell.

    >>> cell('a|b')
    'a\\|b'
    """
    return " ".join(str(value).split()).replace("|", "\\|")


def literal(value: object) -> str:
    """A value as it would be typed: 1e-4 stays short, lists keep their brackets, None says so."""
    return "none" if value is None else json.dumps(value, ensure_ascii=False).strip('"')


def number(value: float | None, digits: int = 3) -> str:
    """A number for a table, or a dash.

    >>> number(0.62449), number(None), number(12345.678, 1)
    ('0.624', '–', '12345.7')
    """
    return "–" if value is None else f"{value:.{digits}f}"


def environment(folder: Path = TEMPLATES, *, html: bool = False) -> jinja2.Environment:
    """Our jinja2: strict about undefined names, escaping in HTML."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        autoescape=html,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    env.filters |= {
        "gib": show_bytes,
        "seconds": show_seconds,
        "cell": cell,
        "literal": literal,
        "number": number,
    }
    return env


def render(template: str, **names: Any) -> str:
    """`templates/<template>` with `names`."""
    return environment(html=".html." in template).get_template(template).render(**names)
