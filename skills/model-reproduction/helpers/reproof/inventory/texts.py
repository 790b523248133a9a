"""Hyperparameters in files that are no Python: YAML, JSON, jsonnet, TOML, INI, gin; each value with its line.

TOML is read line by line rather than with tomllib, which knows no lines and is not there before Python 3.11.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

from reproof import yamlio
from reproof.inventory.models import Hyperparameter
from reproof.inventory.weaker import plain

MOST_ITEMS, LONGEST = 20_000, 200

Entry = tuple[str, Any, int]


def settings(text: str, file: str, suffix: str) -> tuple[list[Hyperparameter], str]:
    """Values of one file, and why it could not be read, if so."""
    kind = {"yml": "yaml", "cfg": "ini", "libsonnet": "jsonnet"}.get(suffix.lstrip("."), suffix.lstrip("."))
    try:
        entries = list(_bounded(_READERS[kind](text)))
    except (ValueError, RecursionError) as error:
        return [], f"not {kind.upper()}: {str(error)[:LONGEST]}"
    note = f"only the first {MOST_ITEMS} values" if len(entries) == MOST_ITEMS else ""
    found = [Hyperparameter(name=n, value=plain(v), kind=kind, file=file, line=line) for n, v, line in entries]
    return found, note


def _bounded(entries: Iterator[Entry]) -> Iterator[Entry]:
    for number, entry in enumerate(entries):
        if number >= MOST_ITEMS:
            return
        yield entry


def _yaml(text: str) -> Iterator[Entry]:
    for node in yamlio.documents(_without_templates(text)):
        yield from _below(node, "", 0)


def _without_templates(text: str) -> str:
    """Jinja in YAML, as conda recipes have it, blanked out so that lines stay."""
    if "{%" not in text:
        return text
    return re.sub(r"\{%.*?%\}", "", text)


def _below(node: Any, path: str, depth: int) -> Iterator[Entry]:
    if depth > yamlio.MAX_DEPTH:
        raise ValueError("nested too deeply, or an alias inside itself")
    if node.id == "mapping":
        for key, value in _merged(node.value):
            name = str(getattr(key, "value", "?"))
            below = f"{path}.{name}" if path else name
            # the line of the key: that is where one would look
            yield from (
                _below(value, below, depth + 1) if _nests(value) else [(below, _value(value), key.start_mark.line + 1)]
            )
    elif node.id == "sequence" and _nests(node):
        for index, value in enumerate(node.value):
            yield from _below(value, f"{path}.{index}" if path else str(index), depth + 1)
    else:
        yield path, _value(node), node.start_mark.line + 1


def _merged(pairs: Any, depth: int = 0) -> Any:
    """Keys of a mapping, with those that `<<: *base` brings in and that are not given anew."""
    own = {getattr(key, "value", None) for key, _ in pairs}
    for key, value in pairs:
        if getattr(key, "value", None) != "<<" or depth > 8:
            yield key, value
            continue
        for base in value.value if value.id == "sequence" else [value]:
            inner = base.value if base.id == "mapping" else []
            yield from ((k, v) for k, v in _merged(inner, depth + 1) if getattr(k, "value", None) not in own)


def _nests(node: Any) -> bool:
    """Whether values below have names of their own."""
    if node.id == "mapping":
        return bool(node.value)
    return node.id == "sequence" and any(item.id == "mapping" for item in node.value)


def _value(node: Any, depth: int = 0) -> Any:
    if node.id == "scalar":
        return yamlio.scalar(node)
    if depth > 8:
        return "…"
    if node.id == "sequence":
        return [_value(item, depth + 1) for item in node.value[:1000]]
    return {}


def _json(text: str) -> Iterator[Entry]:
    """JSON is YAML but for tabs and some escapes; those are read without YAML, and lines are looked up."""
    try:
        yield from list(_yaml(text.expandtabs(2)))
    except ValueError:
        lines = text.split("\n")
        for name, value in _flat(json.loads(text), ""):
            word = f'"{name.rpartition(".")[2]}"'
            yield name, value, next((i for i, line in enumerate(lines, 1) if word in line), 1)


def _flat(data: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _flat(value, f"{path}.{key}" if path else str(key))
    elif isinstance(data, list) and any(isinstance(item, dict) for item in data):
        for index, value in enumerate(data):
            yield from _flat(value, f"{path}.{index}")
    else:
        yield path, data


_SECTION = re.compile(r"^\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(?:[#;].*)?$")
_TOML_KEY = re.compile(r"^\s*((?:[\w-]+|\"[^\"]+\"|'[^']+')(?:\s*\.\s*(?:[\w-]+|\"[^\"]+\"))*)\s*=\s*(.*)$")


def _toml(text: str) -> Iterator[Entry]:
    section, lines, index = "", text.split("\n"), 0
    while index < len(lines):
        line, start = lines[index], index + 1
        index += 1
        if header := _SECTION.match(line):
            section = header[1].replace('"', "")
        elif match := _TOML_KEY.match(line):
            value = match[2]
            while _open(value) and index < len(lines) and index - start < 2000:
                value += "\n" + lines[index]
                index += 1
            key = match[1].replace('"', "").replace(" ", "")
            yield from _toml_items(f"{section}.{key}" if section else key, value, start)


def _toml_items(name: str, value: str, line: int) -> Iterator[Entry]:
    """An inline table gives one entry per key."""
    text = value.strip()
    if text.startswith("{"):
        for key, given in re.findall(r"([\w-]+)\s*=\s*(\"[^\"]*\"|'[^']*'|\[[^\]]*\]|[^,}\s]+)", text):
            yield f"{name}.{key}", _toml_value(given), line
    else:
        yield name, _toml_value(text), line


def _open(value: str) -> bool:
    """Whether an array, a table or a long string goes on in the next line."""
    for quotes in ('"""', "'''"):
        if value.lstrip().startswith(quotes):
            return value.count(quotes) < 2
    bare = re.sub(r"\"(?:\\.|[^\"\\])*\"|'[^']*'|#.*", "", value)
    return bare.count("[") > bare.count("]") or bare.count("{") > bare.count("}")


def _toml_value(text: str) -> Any:
    text = text.strip()
    if not text.startswith(('"', "'", "[")):
        text = text.partition("#")[0].strip()
        words = {"true": True, "false": False, "inf": "inf", "nan": "nan"}
        if text in words:
            return words[text]
    bare = re.sub(r"\btrue\b", "True", re.sub(r"\bfalse\b", "False", text)) if text.startswith("[") else text
    try:
        return ast.literal_eval(bare)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text[:LONGEST].split("\n")[0] if not text.startswith("[") else " ".join(text.split())[:LONGEST]


_INI_KEY = re.compile(r"^([A-Za-z_][\w.\-/ ]*?)\s*[=:]\s*(.*)$")


def _ini(text: str) -> Iterator[Entry]:
    section = ""
    for number, line in enumerate(text.split("\n"), 1):
        if header := _SECTION.match(line):
            section = header[1]
        elif (match := _INI_KEY.match(line)) and not line.startswith((" ", "\t", "#", ";")):
            yield f"{section}.{match[1].strip()}" if section else match[1].strip(), _scalar(match[2]), number


_GIN_KEY = re.compile(r"^\s*([\w./@]+)\s*=\s*(.+?)\s*(?:#.*)?$")


def _gin(text: str) -> Iterator[Entry]:
    for number, line in enumerate(text.split("\n"), 1):
        if (match := _GIN_KEY.match(line)) and not line.lstrip().startswith("#"):
            yield match[1], _scalar(match[2]), number


def _scalar(text: str) -> Any:
    words = {"true": True, "false": False, "none": None, "null": None}
    if text.strip().lower() in words:
        return words[text.strip().lower()]
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text.strip()[:LONGEST]


_JSONNET_KEY = re.compile(r"""^\s*(?:local\s+)?["']?(\w[\w.]*)["']?\s*\+?[:=]{1,3}\s*(.+?)\s*[,;]?\s*(?://.*|#.*)?$""")


def _jsonnet(text: str) -> Iterator[Entry]:
    """Line by line: names with a literal behind them; what is computed is left out."""
    for number, line in enumerate(text.split("\n"), 1):
        if (match := _JSONNET_KEY.match(line)) and not line.lstrip().startswith(("//", "#")):
            value = _scalar(match[2])
            if not isinstance(value, str) or match[2].startswith(("'", '"')):
                yield match[1], value, number


_READERS = {"yaml": _yaml, "json": _json, "toml": _toml, "ini": _ini, "gin": _gin, "jsonnet": _jsonnet}
