"""Questions and answers of `helpers/read.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from reproof.records import Answer, Record
from reproof.text.candidates import Candidate
from reproof.text.claims import TableClaim
from reproof.text.located import Located, Node
from reproof.text.statements import Statement

PAPER = Field(
    description="PDF, .tex or a LaTeX folder or .tar.gz, HTML, Markdown, text, or s2orc JSON; with --fetch an arXiv id",
    json_schema_extra={"positional": True, "input": True},
)
FETCH = Field(False, description="get the paper from arXiv or the URL; without this nothing is ever fetched")
INTO = Field(
    None, description="folder to keep the fetched file in (default: here)", json_schema_extra={"metavar": "DIR"}
)


class Asked(Record):
    """What every question about a paper has."""

    paper: Path = PAPER
    fetch: bool = FETCH
    into: Path | None = INTO


class TextRequest(Asked):
    """The paper as located text."""

    outline: bool = Field(False, description="only what stands where, without the text")


class CandidatesRequest(Asked):
    """Everything that looks like a hyperparameter."""

    rank: str = Field(
        "AB",
        pattern="^(A|B|C|AB|AC|BC|ABC)$",
        description="A: right beside its word; B: elsewhere in its sentence; C: numbers and names that nothing "
        "announces, in sentences about the set-up",
    )
    by: Literal["section", "experiment", "phase"] = Field(
        "section", description="grouped by section, by the data set that is named, or by the part of the pipeline"
    )
    field: list[str] = Field(default_factory=list, description="only these fields, like batch_size; may be repeated")


class ClaimsRequest(Asked):
    """Every cell of every results table."""

    ours: bool = Field(False, description="only rows that are marked as the paper's own")


class Source(Record):
    """Which file was read."""

    path: str
    sha256: str
    kind: str
    pages: int
    characters: int


class TextAnswer(Answer):
    """The paper, located."""

    source: Source
    located: Located
    nodes: list[Node]


class CandidatesAnswer(Answer):
    """The candidates, grouped for reading."""

    source: Source
    lost: list[str]
    counts: dict[str, int]
    groups: list[str] = Field(description="names of the groups, in the order of the paper")
    candidates: list[Candidate]
    others: dict[str, list[str]] = Field(
        default_factory=dict, description="by section: the numbers (with words around them) and names of rank C"
    )
    remainder: list[Statement] = Field(
        default_factory=list, description="sentences about the set-up that state something and hold none of these"
    )
    beside: list[Statement] = Field(
        default_factory=list, description="what the sentences of the candidates say beside them, part by part"
    )


class ClaimsAnswer(Answer):
    """The claims."""

    source: Source
    lost: list[str]
    claims: list[TableClaim]
