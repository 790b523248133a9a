"""Every number of every results table as a claim that can be tracked."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field

from reproof.records import Record
from reproof.text.candidates import DATA, is_settings
from reproof.text.keys import MIN_KEY, key_of
from reproof.text.lexicon import METRICS
from reproof.text.located import Cell, Located, Table

ARROWS: dict[str, Literal["lower", "higher"]] = {"↓": "lower", "↑": "higher"}
OURS = re.compile(r"(?i)\bours?\b|\bproposed\b|\bthis (?:work|paper)\b")
CONDITION = re.compile(
    r"\b(\d[\d,]*)\s*(?:-|\s)?(steps?|NFEs?|shots?|samples?|epochs?|labels?|layers?)\b", re.IGNORECASE
)
SETTING = re.compile(
    r"(?i)(?:(?:model|batch|image|input|patch|context|window|hidden|embedding|replay|buffer|train\w*|seq\w*|#|no\. of|"
    r"num(?:ber)?(?: of)?)[\s.]*)*(?:size|depth|width|layers?|heads?|batch(?:[\s-]size)?|epochs?|steps|iterations|rank|"
    r"seeds?|dim(?:ension)?s?|lr|learning rate|blocks?|resolution|bits|shots?|length|year|k|n|m|t|stride|hidden)"
)
MAX_NAME = 30
VAGUE = {"distance", "score", "loss", "error", "time", "parameters", "precision", "recall"}
PATTERNS = {name: re.compile(pattern, re.IGNORECASE) for name, (_, pattern) in METRICS.items()}


class TableClaim(Record):
    """One cell of a results table."""

    id: str
    table: str
    caption: str
    method: str
    ours: bool = Field(description="the row says that it is the paper's own")
    metric: str = Field(description="a known metric's name, or the column's head")
    direction: Literal["lower", "higher"] | None = Field(description="which way is better; None when nothing says so")
    dataset: str = ""
    condition: dict[str, float] = Field(default_factory=dict)
    printed: str
    spread: str = ""
    unit: str = ""
    bold: bool = False
    quote: str = Field(description="the row, as a plan can quote it")
    where: str
    start: int
    end: int


def claims(located: Located) -> list[TableClaim]:
    """All claims, table by table."""
    found: list[TableClaim] = []
    used: dict[str, int] = {}
    for index, table in enumerate(located.tables, 1):
        if is_settings(table) or not any(cell.value is not None for cell in table.cells):
            continue
        for cell in table.cells:
            if cell.value is not None and cell.column > 0 and cell.row_header and not _is_setting(cell):
                claim = _claim(located, table, cell, index)
                count = used[claim.id] = used.get(claim.id, 0) + 1
                found.append(claim if count == 1 else claim.model_copy(update={"id": f"{claim.id}/{count}"}))
    return found


def _claim(located: Located, table: Table, cell: Cell, index: int) -> TableClaim:
    heads = " ".join(cell.header)
    metric, direction = metric_of(heads, table.caption)
    row = [c for c in table.cells if c.row == cell.row and c.text.strip()]
    number = table.number or str(index)
    leaf = cell.header[-1] if cell.header else metric
    parts = [f"table{number}", cell.row_header, *cell.header[:-1], leaf]
    return TableClaim(
        id="/".join(slug(part) for part in dict.fromkeys(parts) if slug(part)),
        table=f"Table {table.number}".strip(), caption=table.caption, method=_method(cell.row_header),
        ours=bool(OURS.search(cell.row_header)), metric=metric, direction=direction,
        dataset=_dataset(table, cell), condition=conditions(cell.header) | _settings(row), printed=_printed(cell),
        spread=cell.spread, unit=cell.unit, bold=cell.bold, quote=_quote(table, cell.row),
        where=f"Table {table.number}" if table.number else located.where(cell.start), start=cell.start, end=cell.end,
    )  # fmt: skip


def _quote(table: Table, row: int) -> str:
    """The row as a plan can quote it; with the rows before it, or behind it, where it is too short to be evidence."""
    first = last = row
    while True:
        texts = [c.text.strip() for c in table.cells if first <= c.row <= last and c.text.strip()]
        quote = " ".join(texts)
        rows = {c.row for c in table.cells}
        if len(key_of(quote).text) >= MIN_KEY or (first - 1 not in rows and last + 1 not in rows):
            return quote
        first, last = (first - 1, last) if first - 1 in rows else (first, last + 1)


def _is_setting(cell: Cell) -> bool:
    """Whether a column says how the row was run, not what came out."""
    leaf = cell.header[-1] if cell.header else ""
    return bool(SETTING.fullmatch(leaf.strip())) and not any(p.search(leaf) for p in PATTERNS.values())


def _settings(row: list[Cell]) -> dict[str, float]:
    return {slug(c.header[-1]): c.value for c in row if c.value is not None and c.column > 0 and _is_setting(c)}


def _dataset(table: Table, cell: Cell) -> str:
    """A known data set's name, else the lowest column head that is no metric."""
    for text in (*reversed(cell.header), cell.row_header, table.caption):
        known = DATA.search(text)
        if known:
            return text if text != table.caption and _is_name(text) else known[0]
    return next((h for h in reversed(cell.header) if h[:1].isalnum() and metric_of(h, "")[0] == h), "")


def _is_name(head: str) -> bool:
    """Whether a head is nothing but a data set's name."""
    return len(head) <= MAX_NAME and "(" not in head and not any(p.search(head) for p in PATTERNS.values())


def _method(text: str) -> str:
    return re.sub(r"\s*(?:\[[^\[\]]{0,80}\]|\((?:ours?|proposed)\))", "", text, flags=re.IGNORECASE).strip() or text


def _printed(cell: Cell) -> str:
    """The cell's number with its digits as printed."""
    bare = re.split(r"±|\\pm|\+/-|\(", cell.text)[0]
    digits = re.search(r"[-−–]?\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?|[-−–]?\.\d+", bare)
    plain = re.sub("[−–]", "-", digits[0]).replace(",", "") if digits else ""
    return plain if digits and cell.value is not None and float(plain) == cell.value else f"{cell.value:g}"


def metric_of(heads: str, caption: str) -> tuple[str, Literal["lower", "higher"] | None]:
    """(metric, which way is better): from the heads, else from the caption; an arrow decides the direction.

    >>> metric_of("FID (↓)", ""), metric_of("moons", "2-Wasserstein distance on toys"), metric_of("Speed", "")
    (('fid', 'lower'), ('w2', 'lower'), ('Speed', None))
    """
    arrow = next((ARROWS[c] for c in heads if c in ARROWS), None)
    for text in (heads, caption):
        places = [(m.start(), name) for name, pattern in PATTERNS.items() for m in [_last(pattern, text)] if m]
        if places:
            exact = [place for place in places if place[1] not in VAGUE] or places
            name = max(exact)[1] if text is heads else min(exact)[1]
            return name, arrow or ("higher" if METRICS[name][0] == "higher" else "lower")
    arrow = arrow or next((ARROWS[c] for c in caption if c in ARROWS), None)
    return heads.strip(), arrow


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    last = None
    for last in pattern.finditer(text):  # noqa: B007 - the last match is what is wanted
        pass
    return last


def conditions(heads: list[str]) -> dict[str, float]:
    """What the heads say about how it was run, like {"steps": 10}.

    >>> conditions(["2-Wasserstein distance (10 steps)", "moons"])
    {'steps': 10.0}
    """
    found = [match for head in heads for match in CONDITION.finditer(head)]
    return {m[2].lower().rstrip("s") + "s": float(m[1].replace(",", "")) for m in found}


def slug(text: str) -> str:
    """A part of a claim's id."""
    return re.sub(r"[^a-z0-9.]+", "_", text.lower().replace("++", "pp")).strip("_.")[:40]
