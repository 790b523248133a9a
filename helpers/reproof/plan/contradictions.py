"""Two places of the paper that say different things about what the plan quotes from one of them."""

from __future__ import annotations

import re

from reproof.document import Plan, sourced
from reproof.plan.quotes import Text, find
from reproof.records import Record
from reproof.text.candidates import Candidate, candidates

FIELDS = {
    "steps": "steps", "batch_size": "batch_size", "lr": "learning_rate", "weight_decay": "weight_decay",
    "warmup_steps": "warmup", "grad_clip": "grad_clip", "ema_decay": "ema", "epochs": "epochs", "dropout": "dropout",
    "num_heads": "heads", "layers": "layers", "hidden_layers": "layers", "hidden_units": "width", "d_model": "width",
}  # fmt: skip
TRAINS = re.compile(r"(?i)\btrain|\boptimi|iterations")


class Contradiction(Record):
    """The plan follows one place; another says otherwise."""

    path: str
    value: float
    where: str
    other: float
    other_where: str
    sentence: str


def contradictions(plan: Plan, text: Text) -> list[Contradiction]:
    """Candidates of the same kind, for the same experiment and phase, whose number the plan has nowhere.

    Only numbers right beside their word count, and only where both places name the same data, or the same section
    says two things; a paper with several experiments states many different numbers rightly.
    """
    found = [c for c in candidates(text.located) if c.rank == "A" and isinstance(c.value, float)]
    used = {(_last(path), float(item.value)) for path, item in sourced(plan) if _is_number(item.value)}
    made: dict[tuple[str, int], Contradiction] = {}
    for path, item in sourced(plan):
        field = FIELDS.get(_last(path))
        if not item.quote or not field or not _is_number(item.value):
            continue
        spans = find(item.quote, text).spans
        stated = [c for c in found if c.field == field and c.value == float(item.value) and _inside(c, spans)]
        for candidate in found:
            same = [c for c in stated if _same_subject(c, candidate)]
            if candidate.field == field and same and (_last(path), candidate.value) not in used and not _inside(
                    candidate, spans):  # fmt: skip
                made.setdefault((path, candidate.start), Contradiction(
                    path=path, value=float(item.value), where=same[0].where, other=float(candidate.value),
                    other_where=candidate.where, sentence=candidate.sentence,
                ))  # fmt: skip
    return list(made.values())


def _last(path: str) -> str:
    return path.rpartition(".")[2]


def _is_number(given: object) -> bool:
    return isinstance(given, (int, float)) and not isinstance(given, bool)


def _inside(candidate: Candidate, spans: tuple[tuple[int, int], ...]) -> bool:
    return any(a <= candidate.start < b for a, b in spans)


def _same_subject(one: Candidate, other: Candidate) -> bool:
    """Same words for it, same data, same phase."""
    if one.field == "steps" and not all(TRAINS.search(c.sentence) for c in (one, other)):
        return False  # steps of a sampler or of a flow are other steps
    words = [re.sub(r"[^a-zα-ω]", "", c.term.lower()).rstrip("s") for c in (one, other)]
    return words[0] == words[1] and one.experiment == other.experiment and one.phase == other.phase
