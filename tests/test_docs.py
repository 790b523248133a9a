"""Every path, command, flag, target and test that Markdown names exists."""

import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SKILLS = ROOT / "skills"


def is_copy(path: Path) -> bool:
    return path.is_relative_to(SKILLS) and path.relative_to(SKILLS).parts[1] in ("helpers", "templates")


DOCS = [
    path
    for path in sorted(ROOT.rglob("*.md"))
    if not {".venv", "runs", "node_modules"} & set(path.relative_to(ROOT).parts)
    and not is_copy(path)
    and not path.is_relative_to(ROOT / "templates")
]
PATH = re.compile(
    r"(?<![\w./-])((?:helpers|templates|references|skills|tests|docs|examples|benchmarks)/[\w./-]*[\w/])(?![\w*<])"
)
COMMAND = re.compile(r"(?:helpers/)?\b(\w+)\.py((?:[ \t]+[^\s`|&;]+)*)")
TEST = re.compile(r"\btest_\w{12,}\b")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@lru_cache
def manual(helper: str, command: str) -> str:
    """`--help` of a helper or of one of its commands."""
    words = [sys.executable, str(ROOT / "helpers" / f"{helper}.py"), *([command] if command else []), "--help"]
    return subprocess.run(words, capture_output=True, text=True, encoding="utf-8", check=False).stdout


def commands_of(helper: str) -> set[str]:
    listed = re.search(r"^commands:(.*?)(?:^\S|\Z)", manual(helper, ""), re.MULTILINE | re.DOTALL)
    return set(re.findall(r"^    (\w+)", listed[1], re.MULTILINE)) if listed else set()


def calls(text: str):
    """(helper, command, flags) of each call of a launcher that a text names."""
    for helper, rest in COMMAND.findall(text.replace("\\\n", " ")):
        if (ROOT / "helpers" / f"{helper}.py").is_file():
            words = rest.split("#")[0].split()
            command = words[0] if words and words[0] in commands_of(helper) else ""
            if commands_of(helper) and words and not command and words[0][0].islower() and words[0].isalpha():
                command = words[0]  # named like a command, and not one
            yield helper, command, [word.split("=")[0].rstrip(".,:)") for word in words if word.startswith("--")]


@pytest.mark.parametrize("doc", DOCS, ids=name_of)
def test_every_path_exists(doc):
    text = doc.read_text(encoding="utf-8")
    bases = [ROOT, doc.parent]
    if doc.is_relative_to(SKILLS):
        bases.append(SKILLS / doc.relative_to(SKILLS).parts[0])
    missing = [path for path in PATH.findall(text) if not any((base / path).exists() for base in bases)]
    assert missing == []


@pytest.mark.parametrize("doc", [*DOCS, *sorted((ROOT / "helpers").glob("*.py"))], ids=name_of)
def test_every_command_and_flag_exists(doc):
    for helper, command, flags in calls(doc.read_text(encoding="utf-8")):
        known = commands_of(helper)
        assert not command or command in known, f"{helper}.py has no command {command!r}, only {sorted(known)}"
        for flag in flags:
            assert re.search(rf"(?<![\w-]){re.escape(flag)}(?![\w-])", manual(helper, command)), (helper, command, flag)


@pytest.mark.parametrize("doc", DOCS, ids=name_of)
def test_every_make_target_exists(doc):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)`|^\s*make ([a-z-]+)\b", doc.read_text(encoding="utf-8"), re.MULTILINE))
    assert {a or b for a, b in named} <= targets


@pytest.mark.parametrize("doc", DOCS, ids=name_of)
def test_every_test_that_is_cited_exists(doc):
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    files = {path.stem for path in (ROOT / "tests").rglob("*.py")}
    cited = [name for name in TEST.findall(doc.read_text(encoding="utf-8")) if name not in files]
    assert [name for name in cited if f"def {name}(" not in sources] == []


@pytest.mark.parametrize("skill", sorted(path.name for path in SKILLS.iterdir()))
def test_a_skill_passes_the_formats_strictest_reading(skill):
    text = (SKILLS / skill / "SKILL.md").read_text(encoding="utf-8")
    assert text.startswith("---\n")
    head, body = text[4:].split("\n---\n", 1)
    fields = dict(re.findall(r"^(\w[\w-]*):\s*(.*)$", head, re.MULTILINE))
    assert set(fields) <= {"name", "description", "license", "metadata"}
    assert fields["name"] == skill
    assert re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?", skill)
    assert "--" not in skill
    description = fields["description"]
    assert 1 <= len(description) <= 1024
    assert not set("<>") & set(description)
    assert ": " not in description
    assert "---" not in head
    assert len(body.splitlines()) <= 250
    assert len(body.split()) <= 2600
    assert "../" not in body


def test_no_document_names_a_place_of_its_makers():
    shipped = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    for path in [ROOT / name for name in shipped if name.endswith((".md", ".py", ".jinja", ".yaml", ".json", ".toml"))]:
        if path == Path(__file__) or not path.is_file() or is_copy(path):
            continue
        text = path.read_text(encoding="utf-8")
        assert "/work/" not in text, path
        assert not re.search(r"/(?:home|Users)/\w+", text), path
