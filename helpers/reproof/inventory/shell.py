"""Command-line overrides in shell scripts, Makefiles, READMEs and notebooks: the values that were really run."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from typing import Any

from reproof.inventory.models import Hyperparameter

_RUNS = re.compile(
    r"(?:^|[\s;&|(!$`>])(?:\S*/)?(?:python[\d.]*|torchrun|accelerate|deepspeed|srun|sbatch|uv|poetry|mpirun|"
    r"horovodrun|xvfb-run|[\w-]+_train|"
    r"[\w./-]+\.(?:py|sh))(?=\s)"
)
_OWN_COMMAND = re.compile(r"^\s*(?:[$>%!]\s*)?([A-Za-z][\w.-]*)(?=\s)")
_ASSIGNMENT = re.compile(
    r"^\s*(?:export\s+|local\s+|readonly\s+|declare\s+)?([A-Za-z_]\w*)=(\"[^\"]*\"|'[^']*'|[^\s;$()`]+)\s*(?:;.*|#.*)?$"
)
_HYDRA = re.compile(r"^\+{0,2}~?([A-Za-z_][\w./@-]*)=(.*)$")
_NUMBER = re.compile(r"^-(?:\d|\.\d)")
_ENVIRONMENT = re.compile(r"^[A-Z_][A-Z0-9_]*=")
_INSTALLERS = frozenset(
    "pip conda apt apt-get brew git cd curl wget mkdir export docker ls cp mv rm echo source sudo make npm tar "
    "unzip".split()
)


def overrides(text: str, file: str, *, markdown: bool, commands: frozenset[str] = frozenset()) -> list[Hyperparameter]:
    """Options on command lines, and in scripts the variables that feed them.

    Args:
        text: the file.
        file: its path, for the places.
        markdown: whether only code blocks and indented commands count.
        commands: names of console scripts that the package installs; their lines count as runs.
    """
    found: list[Hyperparameter] = []
    for line, command in _logical(text, markdown):
        match = None if markdown else _ASSIGNMENT.match(command)
        if match:
            found.append(_item("shell variable", match[1], _typed(match[2].strip("\"'")), file, line))
        elif _is_run(command, commands):
            found += [_item("command line", n, v, file, line + d) for n, v, d in _options(command)]
    return found


def _is_run(command: str, commands: frozenset[str]) -> bool:
    own = _OWN_COMMAND.match(command)
    if own and own[1] in _INSTALLERS:
        return False
    return bool(_RUNS.search(" " + command)) or bool(own and own[1] in commands)


def _item(kind: str, name: str, value: Any, file: str, line: int) -> Hyperparameter:
    return Hyperparameter(name=name, value=value, kind=kind, file=file, line=line)


def _logical(text: str, markdown: bool) -> Iterator[tuple[int, str]]:
    """First line and text of each command, continued lines joined by a newline."""
    inside, start, parts = False, 0, []  # type: bool, int, list[str]
    for number, line in enumerate(text.split("\n"), 1):
        if markdown and re.match(r"^\s*(?:```|~~~)", line):
            inside, parts = not inside, []
            continue
        if markdown and not inside and not line.startswith(("    ", "\t", "$ ")):
            parts = []
            continue
        if not parts:
            start = number
        bare = line.rstrip()
        parts.append(bare[:-1] if bare.endswith("\\") else bare)
        if not bare.endswith("\\") or len(parts) > 200:
            yield start, "\n".join(parts)
            parts = []
    if parts:
        yield start, "\n".join(parts)


def _words(command: str) -> list[tuple[str, int]]:
    """Words of a command with the line, counted from its first, that each stands in."""
    words: list[tuple[str, int]] = []
    for offset, line in enumerate(command.split("\n")):
        try:
            lexer = shlex.shlex(line.strip().lstrip("$!%> "), posix=True, punctuation_chars=False)
            lexer.whitespace_split, lexer.commenters = True, "#"
            words += [(word, offset) for word in lexer]
        except ValueError:  # a quote that closes in a later line
            words += [(word.strip("\"'"), offset) for word in line.split()]
    return words


def _options(command: str) -> Iterator[tuple[str, Any, int]]:
    words = _words(command)
    index = 0
    while index < len(words):
        word, offset = words[index]
        index += 1
        if word in (";", "&&", "||", "|"):
            continue
        if word.startswith("-") and not _NUMBER.match(word) and word.strip("-"):
            name, equals, value = word.lstrip("-").partition("=")
            values = [value] if equals else []
            while not equals and index < len(words) and _is_value(words[index][0]):
                values.append(words[index][0])
                index += 1
            if re.match(r"^[A-Za-z]", name):
                yield name.replace("-", "_"), _combined(values), offset
        elif (match := _HYDRA.match(word)) and not _ENVIRONMENT.match(word):
            yield match[1], _typed(match[2]), offset


def _is_value(word: str) -> bool:
    if word in (";", "&&", "||", "|", "\\", "&", ">", ">>", "<"):
        return False
    return not word.startswith("-") or bool(_NUMBER.match(word))


def _combined(values: list[str]) -> Any:
    if not values:
        return True
    return _typed(values[0]) if len(values) == 1 else [_typed(value) for value in values]


def _typed(text: str) -> Any:
    words = {"true": True, "false": False, "none": None, "null": None}
    if text.lower() in words:
        return words[text.lower()]
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    return (
        list(value) if isinstance(value, tuple) else value if isinstance(value, (int, float, str, list, bool)) else text
    )
