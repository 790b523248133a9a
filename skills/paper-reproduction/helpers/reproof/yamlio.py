"""YAML in: safe, with line numbers, no duplicate keys, no aliases. The one place that imports yaml."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from reproof.errors import PackError
from reproof.paths import read_text

MAX_BYTES, MAX_DEPTH = 4 * 2**20, 64


BASE = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where there is one: ten times faster


class _Loader(BASE):  # type: ignore[misc, valid-type]
    """A safe loader that refuses duplicate keys, and reads 1e-3 as a number."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, (str, int, float, bool, type(None))):
                raise _refused("a key must be a word", key_node)
            if key in seen:
                raise _refused(f"key {key!r} twice", key_node)
            seen.add(key)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


# YAML 1.1 reads on, off, yes and no as true and false, which loses keys like `on:`; YAML 1.2 does not
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in pairs if tag != "tag:yaml.org,2002:bool"]
    for first, pairs in BASE.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
# YAML 1.1 reads 1e-3 as text; papers are full of it
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?\d+(?:\.\d*)?[eE][-+]?\d+$"),
    list("-+0123456789"),
)


def _refused(problem: str, event: Any) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, event.start_mark)


def _scan(text: str) -> None:
    """Refuse aliases, which multiply, and nesting that would overflow the parser's stack, before anything is built."""
    depth = 0
    for event in yaml.parse(text, Loader=BASE):
        if isinstance(event, yaml.events.AliasEvent):
            raise _refused("aliases (*name) are not accepted", event)
        depth += isinstance(event, yaml.events.CollectionStartEvent)
        depth -= isinstance(event, yaml.events.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise _refused("nested too deeply", event)


def parse(text: str, name: str) -> Any:
    """Data from YAML text.

    Raises:
        PackError: not YAML, a duplicate key, an alias, or over 4 MiB; with line and column.
    """
    if len(text) > MAX_BYTES:
        raise PackError(
            "yaml-too-large",
            f"{name} has {len(text)} characters",
            why=f"a plan is written by hand; over {MAX_BYTES} characters it is something else",
            fix="pass the plan, not the paper or a result file",
        )
    try:
        _scan(text)
        return yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        where = f" line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise PackError(
            "not-yaml",
            f"{name}{where}: {getattr(error, 'problem', None) or error}",
            why="a value that YAML reads in two ways, or not at all, cannot be checked",
            fix="mend that line; quote texts that hold ': ' or '#'",
        ) from error
    except (ValueError, RecursionError) as error:
        raise PackError(
            "not-yaml",
            f"{name}: {error or 'nested too deeply'}",
            why="it cannot be read",
            fix="mend that value",
        ) from error


def compose(text: str) -> Any:
    """The tree of nodes with their positions, of text that `parse` accepts; for edits that keep comments and layout."""
    return _Loader(text).get_single_node()


def load(path: Path, what: str) -> Any:
    """Data from a YAML file; see `parse`."""
    return parse(read_text(path, what), str(path))


def documents(text: str) -> list[Any]:
    """Trees of nodes of YAML that others wrote, for reading positions only: any tag, aliases, several documents.

    Nothing is constructed. A node that an alias names stands in the tree again: whoever walks it must bound the walk.

    Raises:
        ValueError: not YAML, over 4 MiB, or nested too deeply.
    """
    if len(text) > MAX_BYTES:
        raise ValueError(f"over {MAX_BYTES} characters")
    depth = 0
    try:
        for event in yaml.parse(text, Loader=BASE):
            depth += isinstance(event, yaml.events.CollectionStartEvent)
            depth -= isinstance(event, yaml.events.CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise ValueError("nested too deeply")
        return [node for node in yaml.compose_all(text, Loader=_Loader) if node is not None]
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(str(getattr(error, "problem", None) or error)) from error


def scalar(node: Any) -> Any:
    """The plain value of a scalar node; text where the tag is not one of YAML's own."""
    if not node.tag.startswith("tag:yaml.org,2002:") or node.tag.rpartition(":")[2] not in _PLAIN:
        return node.value
    loader = _Loader("")
    try:
        return loader.construct_object(node)
    except (yaml.YAMLError, ValueError):
        return node.value
    finally:
        loader.dispose()


_PLAIN = ("int", "float", "bool", "null", "str")


def dump(data: Any) -> str:
    """YAML text of plain data, keys in the given order."""
    return str(yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120))
