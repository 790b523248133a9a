"""The do-not list, item by item, from the differences that no parity record covers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reproof.fidelity.models import Difference, PlaceholderFound, Rule, UnitReport


@dataclass(frozen=True)
class _Item:
    id: str
    rule: str
    kinds: frozenset[str]
    words: re.Pattern[str] | None = None


def _item(id: str, rule: str, kinds: str, words: str = "") -> _Item:
    return _Item(id, rule, frozenset(kinds.split()), re.compile(words, re.I) if words else None)


ITEMS = [
    _item("formula", "no formula is simplified, no apparent bug mended: operators, constants and order of "
                     "operations stay",
          "constant operator expression name attribute call item argument return target statement loop"),
    _item("default", "no default, setting or signature changes", "default entry parameter decorator base"),
    _item("branch", "no branch, loop or scope goes or comes", "branch loop scope"),
    _item("layer", "no layer is dropped, added or replaced", "layer method"),
    _item("phases", "no phase, function or method is merged or left out", "missing"),
    _item("random", "what draws random numbers stays, and in its order", "",
          r"rand|dropout|drop_path|bernoulli|multinomial|normal_|uniform_|\bnoise|shuffle|permut|manual_seed|"
          r"PRNGKey|\bsample"),
    _item("initialisation", "no initialisation changes", "",
          r"init|normal_|uniform_|zeros_|ones_|constant_|xavier|kaiming|orthogonal|trunc_normal|\bstd\b|\bgain\b"),
    _item("precision", "no cast, dtype or autocast changes", "",
          r"float16|float32|float64|bfloat16|\bhalf\b|\.float\(|\.double\(|dtype|autocast|type_as|GradScaler"),
    _item("regularisation", "no dropout, weight decay or label smoothing changes", "", r"drop|weight_?decay|"
                                                            r"\bwd\b|label_smooth|no_decay"),
    _item("recipe", "optimizer, groups, schedule, clipping, accumulation and EMA stay", "",
          r"optim|\bAdam|\bSGD|betas|momentum|\blr\b|learning_rate|warm_?up|sched|cosine|clip|\bema\b|accum|"
          r"scaler|zero_grad|\.step\("),
    _item("gradients", "no gradient is cut or let through", "", r"detach|no_grad|requires_grad|stop_gradient|"
                                                            r"checkpoint|inference_mode|backward"),
    _item("loss", "the loss, its reduction, weights and masks stay", "", r"loss|cross_entropy|reduction|"
                                                            r"ignore_index|label|target|kl_div|mse"),
    _item("data", "preprocessing, augmentation and metric stay", "",
          r"resize|crop|flip|normalize|mean=|augment|interpolat|antialias|transform|tokeni|metric|accuracy"),
    _item("api", "no call is modernised to one whose defaults differ", "call attribute"),
]  # fmt: skip


def judged(reports: list[UnitReport], placeholders: list[PlaceholderFound]) -> list[Rule]:
    """Every item of the list: kept, or broken with the places."""
    open_ones = [(report, d) for report in reports if report.status == "changed" for d in report.differences]
    missing = [report for report in reports if report.status == "missing"]
    proofs = sum(report.status == "proven" for report in reports)
    rules = [_rule(item, open_ones, missing, proofs) for item in ITEMS]
    where = [f"{p.file}:{p.line}" for p in placeholders]
    says = "; ".join(f"{p.file}:{p.line} {p.reason}" for p in placeholders[:3]) or "none found by looking"
    state = "broken" if placeholders else "kept"
    return [
        *rules,
        Rule(id="placeholder", rule="no placeholder stands in the algorithm", state=state, says=says, where=where),
    ]


def _rule(
    item: _Item, differences: list[tuple[UnitReport, Difference]], missing: list[UnitReport], proofs: int
) -> Rule:
    broken = [d for _, d in differences if _concerns(item, d)]
    where = [d.port for d in broken]
    says = "; ".join(f"{d.what}: {d.was} -> {d.became}" for d in broken[:3])
    if "missing" in item.kinds and missing:
        where = [report.reference for report in missing]
        says = "missing: " + ", ".join(report.unit for report in missing[:5])
    if where:
        return Rule(id=item.id, rule=item.rule, state="broken", says=says, where=where)
    covered = f"; {proofs} units differ and are covered by a parity record" if proofs else ""
    return Rule(id=item.id, rule=item.rule, state="kept", says=f"no uncovered difference of this kind{covered}")


def _concerns(item: _Item, difference: Difference) -> bool:
    if difference.kind in item.kinds:
        return True
    text = f"{difference.what} {difference.was} {difference.became}"
    return bool(item.words and item.words.search(text))
