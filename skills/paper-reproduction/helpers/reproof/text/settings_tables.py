"""Which tables list settings rather than results, and where in them the values stand."""

from __future__ import annotations

import re

from reproof.text.lexicon import ANNOUNCED, CONFIG_HEAD, KEY_HEAD, METRICS, SAID, VALUE_HEAD
from reproof.text.located import Table
from reproof.text.scan import fields_of

METRIC = re.compile("|".join(f"(?:{pattern})" for _, pattern in METRICS.values()), re.IGNORECASE)
COMPARED = re.compile(
    r"(?i)(?:our )?(?:methods?|models?|approach(?:es)?|algorithms?|baselines?|systems?|variants?|ablations?|"
    r"data ?sets?|tasks?|benchmarks?|metrics?|measures?|networks?)"
)
REPORTS = re.compile(
    r"(?i)results?\b|performance|comparison|compar\w+|ablation|scores?\b|accurac|errors?\b|outperform|best\b|effect of"
)
WORDS_FRAC = 0.3  # with fewer numbers than this among its cells, a table reports no results
SETTINGS = set(ANNOUNCED) - {"evaluation", "split", "samples", "solver", "time", "search", "noise"}


def is_settings(table: Table) -> bool:
    """Whether a table lists settings, not results: most of its row or column heads are words of the lexicon."""
    share = max(_share(table, rows=True), _share(table, rows=False))
    corner, second = (
        next((c.text.strip() for c in table.cells if c.row == 0 and c.column == column), "") for column in (0, 1)
    )
    if CONFIG_HEAD.fullmatch(second) and (KEY_HEAD.fullmatch(corner) or _is_list(table, corner)):
        return True
    is_said = SAID.search(table.caption) or KEY_HEAD.fullmatch(corner)
    share = max(share, _share(table, rows=True, top=1)) if is_said else share
    return share >= (0.2 if is_said else 0.5) or value_column(table) > 0


def may_be_settings(table: Table) -> bool:
    """Whether a table may say how something was done although no word of it is known: it reports no metric.

    A table of words, one whose caption or corner says settings, or one whose heads are no metrics.
    """
    body = [c for c in table.cells if c.row >= max(1, table.header_rows) and c.column and c.text.strip(" -–—/✓✗×")]
    heads = {c.text for c in table.cells if c.text.strip() and (c.row < max(1, table.header_rows) or c.column == 0)}
    if not body or any("↑" in head or "↓" in head for head in heads):
        return False
    if sum(c.value is not None or c.text.strip()[:1].isdigit() for c in body) <= WORDS_FRAC * len(body):
        return True
    metrics = sum(bool(METRIC.search(head)) for head in heads)
    return not metrics and not REPORTS.search(table.caption)


def _is_list(table: Table, corner: str) -> bool:
    """Whether a table has one column of values, of things that are neither compared nor metrics."""
    if COMPARED.fullmatch(corner):
        return False
    names = {c.text for c in table.cells if c.column == 0 and c.row and c.text.strip()}
    is_narrow = max((c.column for c in table.cells), default=0) == 1
    return is_narrow and sum(bool(METRIC.search(name)) for name in names) * 2 < len(names)


def value_column(table: Table) -> int:
    """The column of values where groups, names and symbols stand before it (group | name | symbol | value), else 0."""
    at = [c.column for c in table.cells if c.row == 0 and VALUE_HEAD.fullmatch(c.text.strip())]
    names = [c.text for c in table.cells if at and c.row and c.column < at[0]]
    known = sum(bool(fields_of(name) & SETTINGS) for name in names)
    rows = len({c.row for c in table.cells}) - 1
    return at[0] if at and at[0] > 1 and known >= 0.5 * rows else 0


def _share(table: Table, *, rows: bool, top: int | None = None) -> float:
    top = table.header_rows if top is None else top
    heads = {
        cell.text for cell in table.cells
        if cell.text.strip() and (cell.column == 0 and cell.row >= top if rows
                                  else cell.row < top and cell.column > 0)
    }  # fmt: skip
    known = [head for head in heads if fields_of(head) & SETTINGS]
    return len(known) / len(heads) if len(heads) > 1 else 0.0


def head_rows(table: Table) -> int:
    """Rows of the head; where settings stand in the first column, or all cells are words, rows were taken for it."""
    last = max((cell.row for cell in table.cells), default=0)
    is_all_words = table.header_rows == last > 1
    return min(table.header_rows, 1) if is_all_words or _share(table, rows=True, top=1) >= 0.5 else table.header_rows
