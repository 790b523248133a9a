"""A plan begun from a paper: claims and candidates in place, every required field open."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from reproof.errors import PackError
from reproof.paths import hash_path, write_atomically
from reproof.plan.draft import offered
from reproof.plan.models import InitAnswer, InitRequest
from reproof.plan.places import flow
from reproof.plan.quotes import Text, find, value_in
from reproof.text.candidates import Candidate, candidates
from reproof.text.claims import TableClaim, claims, slug
from reproof.text.load import load
from reproof.text.quotes import text_from
from reproof.yamlio import parse

MAX_CANDIDATES, QUOTE_CHARS = 8, 180
TRAINING = {
    # field of a phase: (what to find, kinds of candidates)
    "steps": ("optimizer updates of this phase", ("steps", "epochs")),
    "batch_size": ("samples per update", ("batch_size",)),
    "optimizer": ("adam, adamw, sgd, rmsprop, adagrad, nadam or radam", ("optimizer",)),
    "lr": ("learning rate", ("learning_rate",)),
    "betas": ("of Adam", ("betas",)),
    "weight_decay": ("0.0 where the paper says none", ("weight_decay",)),
    "schedule": ("constant, cosine or linear", ("schedule",)),
    "warmup_steps": ("0 where there is none", ("warmup",)),
    "grad_clip": ("null where there is none", ("grad_clip",)),
    "ema_decay": ("null where there is none", ("ema",)),
}
MODEL = {
    "kind": ("the architecture", ("model",)), "width": ("channels or hidden units", ("width",)),
    "layers": ("depth", ("layers",)), "heads": ("attention heads; remove if none", ("heads",)),
    "activation": ("the nonlinearity", ("activation",)), "dropout": ("0.0 where there is none", ("dropout",)),
    "normalisation": ("which, where", ("normalisation",)),
}  # fmt: skip
DATA = {
    "name": ("data set", ("data",)), "shape": ("of one sample, like [3, 32, 32]", ("image_size", "sequence_length")),
    "augmentation": ("none where there is none", ("augmentation",)),
}  # fmt: skip
PROTOCOL = {
    "splits.train": ("training samples, or how they are drawn", ("split",)),
    "splits.test": ("test samples, or how they are drawn", ("split",)),
    "preprocessing": ("range, padding, normalisation, tokens; [] where there is none", ("tokenizer",)),
    "shapes.sample": ("of one sample, like [3, 32, 32]", ("image_size", "sequence_length")),
}
DEFINITION = {
    "squared": ("of a distance: true or false; remove for other metrics", ("evaluation",)),
    "package": ("which package and call computes it", ("library",)),
    "averaging": ("over runs, classes or tokens, and what ± means", ("seeds",)),
}
EVALUATION = {
    "metric": ("a name of one word, like fid", ("evaluation",)), "n_test": ("test samples", ("split", "samples")),
    "n_samples": ("generated samples", ("samples",)), "sampling_steps": ("like [10, 100]", ("solver", "steps")),
}  # fmt: skip
TABLES = (TRAINING, MODEL, DATA, EVALUATION, PROTOCOL, DEFINITION)
PLACED = {kind for table in TABLES for _, kinds in table.values() for kind in kinds}
LISTS = {
    "orders": "[]  # who beats whom, where the paper says so: {id, metric, direction, ranking, quote, where}",
    "curves": "[]  # read off figures: {id, figure, experiment, metric, series, points, reading_error_y, ...}",
    "ablations": "{}  # name: {experiment, overrides: {phases.training.lr: {value, quote, where}}, why}",
    "deviations": "[]  # {what, why, impact}",
    "engineering": "[]  # same mathematics, other way to run it: {what, why, checked_by}",
    "risks": "[]  # {what, impact, answer}",
    "references": "[]  # official or third-party code, author replies: {kind, where, used_for, licence, says}",
    "pseudocode": "{}  # algorithms in your words, by their name",
    "notes": "[]  # of three readings: {reading: 1, says: ..., where: ...}",
}


def init(request: InitRequest) -> InitAnswer:
    """Answer `plan.py init`.

    Raises:
        PackError: there is a file at `out` already.
    """
    if request.out.exists():
        raise PackError("file-exists", f"{request.out} is there already", why="a plan is never written over",
                        fix="choose another --out, or move it away")  # fmt: skip
    text = text_from(load(request.paper))
    found = candidates(text.located)
    all_claims = claims(text.located)
    own = [claim for claim in all_claims if claim.ours] or all_claims
    written = "\n".join(_Draft(request, text, found, own).lines()) + "\n"
    still_open = offered(parse(written, str(request.out)))
    write_atomically(request.out, written)
    return InitAnswer(
        ok=True,
        headline=f"{request.out}: {len(own)} claims in place, {len(still_open)} fields open, {len(found)} candidates",
        out=str(request.out), open_fields=still_open, claims=len(own), candidates=len(found), lost=text.located.lost,
    )  # fmt: skip


class _Draft:
    def __init__(self, request: InitRequest, text: Text, found: list[Candidate], own: list[TableClaim]) -> None:
        self.request, self.text, self.found, self.own = request, text, found, own

    def lines(self) -> Iterator[str]:
        located, paper = self.text.located, self.request.paper
        title = located.title or paper.stem
        yield "# A plan that was begun from the paper. Replace every {open: ...} by {value, quote, where}, or by"
        yield "# {value, inferred: why, alternatives: [...]}. Candidates are what the paper says; you decide."
        yield "schema_version: 1"
        yield f"name: {self.request.name or identifier(title)}"
        yield "kind: paper"
        about = {"title": title, "arxiv": "", "url": "", "licence": "", "sha256": hash_path(paper)}
        yield f"paper: {flow(about)}"
        yield f"problem: {flow({'open': 'what is learned, from what, to do what; two sentences'})}"
        yield f"contribution: {flow({'open': 'what is new; two sentences'})}"
        yield f"equations: []  # of the {len(located.equations)} display equations, those that are implemented"
        named = ", ".join(self._words("library", "code")) or "none"
        yield f"libraries: []  # named in the paper: {named}"
        yield from self._compute()
        yield from self._group()
        yield "experiments:"
        for name, shown in self._experiments().items():
            yield f"  {name}:"
            yield f"    summary: {flow({'open': f'what {shown} shows'})}"
            yield f"    group: {(self.request.group or ['shared'])[0]}"
        yield "claims:" if self.own else "claims: []  # no results table was found"
        for claim in self.own:
            yield f"  - {flow(self._claim(claim))}"
        yield from (f"{key}: {empty}" for key, empty in LISTS.items())
        yield "missing:" if located.lost else "missing: []"
        for lost in located.lost:
            yield f"  - {flow({'what': lost, 'impact': {'open': 'what that means for the claims'}})}"
        yield from self._rest()

    def _compute(self) -> Iterator[str]:
        yield "compute:"
        yield f"  authors_gpu: {self._open('graphics card', ('hardware',))}"
        yield f"  authors_gpu_count: {self._open('how many of them', ('hardware',))}"
        yield f"  authors_time: {self._open('training time', ('time',))}"
        yield f"  ours_gpu: {flow({'open': 'what we have; words, not a quote'})}"
        yield f"  budget_hours: {flow({'open': 'GPU hours that may be spent; a number'})}"

    def _group(self) -> Iterator[str]:
        yield "groups:"
        for name in self.request.group or ["shared"]:
            yield f"  {name}:  # what its experiments have in common; an experiment's own keys win"
            yield from self._settings()

    def _settings(self) -> Iterator[str]:
        yield "    protocol:"
        yield "      splits:"
        for key, (what, kinds) in PROTOCOL.items():
            if key.startswith("shapes."):
                yield "      shapes:"
            yield f"      {'  ' if '.' in key else ''}{key.rpartition('.')[2]}: {self._open(what, kinds)}"
        for name, table in (("data", DATA), ("model", MODEL)):
            yield f"    {name}:"
            for key, (what, kinds) in table.items():
                yield f"      {key}: {self._open(what, kinds)}"
        yield f"    parameters: {self._open('expected count of all trained networks', ('parameters',))}"
        yield "    phases:"
        yield "      training:  # one per phase of the pipeline; kind is pool or train"
        yield "        kind: train"
        yield f"        loss: {flow({'open': 'which equation or algorithm'})}"
        yield "        objective:"
        yield f"          formula: {flow({'open': 'the loss as the paper prints it'})}"
        yield f"          reduction: {flow({'open': 'mean or sum, over batch and over dimensions'})}"
        for key, (what, kinds) in TRAINING.items():
            yield f"        {key}: {self._open(what, kinds)}"
        yield "    evaluation:"
        for key, (what, kinds) in EVALUATION.items():
            yield f"      {key}: {self._open(what, kinds)}"
        yield "      definition:"
        for key, (what, kinds) in DEFINITION.items():
            yield f"        {key}: {self._open(what, kinds)}"

    def _rest(self) -> Iterator[str]:
        """Kinds of candidates that no field above asks for, as a reminder."""
        rest: dict[str, list[str]] = {}
        for candidate in self.found:
            if candidate.field not in PLACED and candidate.rank == "A":
                rest.setdefault(candidate.field, []).append(f"{candidate.term} {candidate.raw} ({candidate.section})")
        yield "# stated too, and without a field of its own above; most belong into phases.*.settings or model:"
        for field, stated in rest.items():
            yield f"#   {field}: {'; '.join(_one_line(s) for s in stated[:12])}"

    def _open(self, what: str, kinds: tuple[str, ...]) -> str:
        chosen: list[dict[str, object]] = []
        fitting = [c for kind in kinds for c in self.found if c.field == kind and c.rank == "A"]
        for candidate in sorted(fitting, key=lambda c: -_is_setup(c)):
            given = as_written(candidate.value)
            quote = self._quote(candidate)
            where = _one_line(candidate.where)
            if quote and not value_in(given, quote) and all(c["value"] != given or c["where"] != where for c in chosen):
                chosen.append({"value": given, "quote": quote, "where": where})
            if len(chosen) == MAX_CANDIDATES:
                break
        return flow({"open": what, "candidates": chosen} if chosen else {"open": f"{what}; no candidate found"})

    def _quote(self, candidate: Candidate) -> str:
        """Words around a candidate that are verified to stand in the paper."""
        text = self.text.located.text
        start = max(candidate.span[0], candidate.start - QUOTE_CHARS // 2)
        end = min(candidate.span[1], candidate.end + QUOTE_CHARS // 2)
        while start > candidate.span[0] and not text[start - 1].isspace():
            start -= 1
        while end < candidate.span[1] and not text[end].isspace():
            end += 1
        quote = " ".join(text[start:end].split())
        return quote if find(quote, self.text).found else candidate.sentence if find(
            candidate.sentence, self.text).found else ""  # fmt: skip

    def _words(self, *fields: str) -> list[str]:
        return list(dict.fromkeys(_one_line(c.raw) for c in self.found if c.field in fields and c.rank == "A"))[:12]

    def _experiments(self) -> dict[str, str]:
        found = {_experiment(claim): claim.dataset or claim.table or "the paper" for claim in self.own}
        return found or {"main": "the paper"}

    def _claim(self, claim: TableClaim) -> dict[str, object]:
        direction: object = claim.direction or {"open": "lower or higher is better"}
        return {
            "id": re.sub(r"[^a-z0-9_/.-]", "_", claim.id), "table": claim.table or "Table", "method": claim.method,
            "experiment": _experiment(claim), "metric": slug(claim.metric) or "metric", "dataset": claim.dataset,
            "condition": {key: as_written(number) for key, number in claim.condition.items()}, "printed": claim.printed,
            "direction": direction, "spread": claim.spread, "quote": claim.quote, "where": _one_line(claim.where),
        }  # fmt: skip


def _experiment(claim: TableClaim) -> str:
    name = re.sub(r"[^a-z0-9_-]+", "_", claim.dataset.lower()).strip("_-")[:60]
    return name or "main"


def _is_setup(candidate: Candidate) -> int:
    """How much a candidate looks like a statement of what was done."""
    place = re.search(r"(?i)experiment|implement|detail|training|set-?up|hyper|config", candidate.section)
    said = re.search(r"(?i)\bwe (?:use|used|train|trained|set|adopt|employ|optimi)|\bfor (?:MNIST|CIFAR|ImageNet)| = ",
                     candidate.sentence)  # fmt: skip
    return bool(place) + bool(said)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def as_written(number: float | str) -> float | int | str | list[object]:
    """A candidate's value as a plan would hold it: whole numbers as such, a list as a list.

    >>> as_written(256.0), as_written("[1, 2, 2]"), as_written("Adam")
    (256, [1, 2, 2], 'Adam')
    """
    if isinstance(number, float):
        return int(number) if number.is_integer() and abs(number) < 1e15 else number
    if re.fullmatch(r"[\[(][\d., -]+[\])]", number):
        try:
            return list(json.loads("[" + number[1:-1] + "]"))
        except ValueError:
            return number
    return number


def identifier(title: str) -> str:
    """A Python identifier from a title's first words.

    >>> identifier("Neural Sinkhorn Gradient Flow"), identifier("3D Things: a study")
    ('neural_sinkhorn_gradient', 'paper_3d_things_a')
    """
    words = re.findall(r"[a-z0-9]+", title.lower())[:3]
    name = "_".join(words) or "paper"
    return name if name[0].isalpha() else f"paper_{name}"
