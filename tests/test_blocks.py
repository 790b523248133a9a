"""Every code block in a skill's Markdown runs, is a document that validates, or says why it is not run."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from reproof import yamlio
from reproof.document import Plan
from reproof.records import validated

ROOT = Path(__file__).resolve().parent.parent
DOCS = [
    path
    for path in sorted((ROOT / "skills").rglob("*.md"))
    if not {"helpers", "templates", "evals"} & set(path.relative_to(ROOT / "skills").parts)
]
BLOCK = re.compile(r"(?:<!-- not run: (?P<reason>[^\n]+) -->\n)?^```(?P<language>\w*)\n(?P<body>.*?)^```$", re.M | re.S)
BLOCKS = [
    pytest.param(found, id=f"{path.relative_to(ROOT / 'skills').as_posix()}:{number}")
    for path in DOCS
    for number, found in enumerate(BLOCK.finditer(path.read_text(encoding="utf-8")))
]


@pytest.mark.parametrize("block", BLOCKS)
def test_every_block_runs_or_says_why_not(block):
    language, body, reason = block["language"], block["body"], block["reason"]
    if reason:
        assert len(reason) > 10
    elif language == "python":
        run = subprocess.run([sys.executable, "-c", body], capture_output=True, text=True, check=False, timeout=120)
        assert run.returncode == 0, run.stderr
    elif language == "yaml":
        data = yamlio.parse(body, "block")
        if "schema_version" in data:
            validated(Plan, data, slug="bad-plan", name="block", why="it is shown as a plan", fix="mend it")
    else:
        assert language in ("", "sh"), f"a block of {language} must say why it is not run"
        for line in body.splitlines():
            words = shlex.split(line, comments=True)
            assert not words or names_a_helper(words), f"{line!r} is no call of a helper: say why it is not run"


def names_a_helper(words):
    """A call of a launcher; that its commands and flags exist is tested in test_docs."""
    return words[0].startswith("python") and (ROOT / words[1]).is_file()


def test_there_are_blocks_at_all():
    assert len(BLOCKS) >= 2
