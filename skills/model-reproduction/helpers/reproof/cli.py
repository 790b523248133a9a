"""argv, streams, exit codes. One pydantic field is one flag: name, help, default, validation, JSON key.

Exit codes: 0 yes; 4 checked, and the answer is no; 2 bad input; 3 something needed is not installed or not there.
"""

from __future__ import annotations

import argparse
import datetime
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from reproof import evidence
from reproof.errors import PackError, near
from reproof.records import Answer, Record

OK, NO, INTERRUPTED = 0, 4, 130


@dataclass(frozen=True)
class Command:
    """One question: its fields, the function that answers it, and the template that shows the answer."""

    request: type[Record]
    answer: Callable[[Any], Answer]
    template: str
    help: str
    packages: tuple[str, ...] = ()
    """Distributions whose versions belong into the evidence."""
    keeps_evidence: bool = True
    reads: Callable[[Any], list[Path]] | None = None
    """Files and folders behind the answer, to be hashed; by default the request's fields marked `input`."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise PackError(
            "bad-usage",
            message + self._hint(message),
            why="a flag that is not understood is not ignored",
            fix=f"{self.prog} --help",
        )

    def _hint(self, message: str) -> str:
        known = [flag for action in self._actions for flag in action.option_strings]
        unknown = [word for word in message.split() if word.startswith("--")]
        return "".join(near(word.partition("=")[0], known) for word in unknown[:1] if "unrecognized" in message)


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _add(parser: argparse.ArgumentParser, name: str, field: FieldInfo) -> None:
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    many = get_origin(field.annotation) in (list, tuple)
    text = (field.description or "").replace("%", "%%")
    default = field.get_default(call_default_factory=True, validated_data={})
    if default not in (None, [], False, "", ...) and not field.is_required():
        text += f" (default {default})"
    if extra.get("positional"):
        optional = "?" if not field.is_required() else None
        arity = ("+" if field.is_required() else "*") if many else optional
        parser.add_argument(name, metavar=name.upper(), nargs=arity, default=None, help=text)
    elif field.annotation is bool:
        parser.add_argument(_flag(name), dest=name, action="store_true", default=None, help=text)
    else:
        action = "append" if many else "store"
        metavar = str(extra.get("metavar", name.rpartition("_")[2].upper()))
        parser.add_argument(_flag(name), dest=name, action=action, metavar=metavar, default=None, help=text)


def _fill(parser: argparse.ArgumentParser, command: Command) -> None:
    for name, field in command.request.model_fields.items():
        _add(parser, name, field)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout instead of Markdown")
    if command.keeps_evidence:
        text = "write an evidence record into DIR (default: evidence/ of the project the plan lies in, if any)"
        parser.add_argument("--evidence", metavar="DIR", type=Path, help=text)


def _parser(commands: Mapping[str, Command], name: str, doc: str) -> argparse.ArgumentParser:
    options: dict[str, Any] = {
        "formatter_class": argparse.RawDescriptionHelpFormatter,
        "allow_abbrev": False,
    }
    parser = _Parser(prog=f"{name}.py", description=doc.strip(), **options)
    if set(commands) == {""}:
        _fill(parser, commands[""])
        return parser
    below = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", title="commands")
    for word, command in commands.items():
        child = below.add_parser(word, help=command.help, description=command.help, **options)
        _fill(child, command)
    return parser


def _request(command: Command, given: dict[str, Any]) -> Record:
    fields = {name: given[name] for name in command.request.model_fields if given.get(name) is not None}
    try:
        return command.request.model_validate(fields)
    except ValidationError as error:
        raise _bad_input(command, error) from error


def _bad_input(command: Command, error: ValidationError) -> PackError:
    """All wrong flags at once, each with the value received and what the flag means."""
    wrong, meaning = [], []
    for item in error.errors():
        name = str(item["loc"][0]) if item["loc"] else ""
        field = command.request.model_fields.get(name)
        extra = field.json_schema_extra if field and isinstance(field.json_schema_extra, dict) else {}
        flag = name.upper() if extra.get("positional") else _flag(name)
        got = "" if item["type"] == "missing" else f" {item['input']!r}"
        message = item["msg"].removeprefix("Value error, ")
        wrong.append(f"{flag}{got}: {message}" if name else message)  # without a name it is about several flags
        if field and field.description:
            meaning.append(f"{flag} is {field.description}")
    return PackError(
        "bad-input",
        "; ".join(wrong),
        why="; ".join(dict.fromkeys(meaning)) or "the flags do not fit together",
        fix="--help lists every flag with its meaning and default",
    )


def input_paths(request: Record) -> list[Path]:
    """Files and folders that the request reads: the fields marked `input`."""
    found: list[Path] = []
    for name, field in type(request).model_fields.items():
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        value = getattr(request, name)
        if extra.get("input") and value is not None:
            found += list(value) if isinstance(value, (list, tuple)) else [value]
    return [path for path in found if path.exists()]


def _read_by(command: Command, request: Record) -> list[Path]:
    return command.reads(request) if command.reads else input_paths(request)


def project_of(path: Path) -> Path | None:
    """The scaffolded project that `path` lies in, if any."""
    start = path.resolve()
    for folder in (start, *start.parents):
        if (folder / ".scaffold" / "manifest.json").is_file():
            return folder
    return None


def _evidence_folder(given: Path | None, command: Command, request: Record) -> Path | None:
    if given is not None:
        return given
    for path in _read_by(command, request):
        project = project_of(path)
        if project:
            return project / "evidence"
    return None


def _keep(
    folder: Path, name: str, command: Command, argv: list[str], request: Record, answer: Answer, took_s: float
) -> None:
    record = evidence.Evidence(
        number=1,
        helper=name,
        argv=argv,
        created=datetime.datetime.now(datetime.timezone.utc),
        seconds=round(took_s, 3),
        ok=answer.ok,
        headline=answer.headline,
        inputs=evidence.hashed_inputs(_read_by(command, request), folder.parent),
        versions=evidence.versions(*command.packages),
        answer=answer.model_dump(mode="json"),
        previous=evidence.FIRST,
    )
    try:
        path = evidence.append(folder, record)
    except OSError as error:
        raise PackError(
            "cannot-write",
            f"evidence {str(folder)!r}: {error.strerror}",
            why="the record of this answer is written there",
            fix="--evidence DIR, a folder that can be written",
        ) from error
    print(f"evidence: {path}", file=sys.stderr)


def _show(command: Command, request: Record, answer: Answer, *, as_json: bool) -> str:
    if as_json:
        return answer.model_dump_json(indent=1)
    from reproof.render import render  # jinja2 only when a person reads

    return render(command.template, a=answer, q=request).rstrip()


def run(commands: Mapping[str, Command], argv: Sequence[str] | None, name: str, doc: str) -> int:
    """Parse, answer, print; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        given = vars(_parser(commands, name, doc).parse_args(words))
        word = given.get("command") or ""
        command = commands[word]
        request = _request(command, given)
        started = time.perf_counter()
        answer = command.answer(request)
        took_s = time.perf_counter() - started
        try:
            if command.keeps_evidence:
                folder = _evidence_folder(given["evidence"], command, request)
                if folder is not None:
                    _keep(folder, f"{name} {word}".strip(), command, words, request, answer, took_s)
        finally:  # an answer is not lost because its record cannot be written
            print(_show(command, request, answer, as_json=given["json"]), flush=True)
    except PackError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted; nothing half-written is left", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader left, as `| head` does
        return OK
    return OK if answer.ok else NO
