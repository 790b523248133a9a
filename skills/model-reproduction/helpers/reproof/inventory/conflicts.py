"""One name, several values: a default that a config overrides, a config that a script overrides."""

from __future__ import annotations

import json
from collections import defaultdict

from reproof.inventory.models import Conflict, Hyperparameter, Place

# declarations only: two layers with different dropout literals are no conflict, two defaults of one name are
DECLARED = frozenset(
    [
        *"argparse click typer absl dataclass hydra-zen sacred yaml json toml ini gin config default".split(),
        "module constant",
        "command line",
        "shell variable",
    ]
)
SAYS = {
    "command line": "a documented command line runs with another value than the default",
    "file": "files disagree; which one is read decides",
    "default": "a default differs from what is configured elsewhere",
}
MOST_PLACES = 8
# words that every tool has and that carry no setting of the algorithm
ORDINARY = frozenset(
    "name version help title description type target path file output dir out log_dir key id url help device "
    "defaults".split()
)


def conflicts(found: list[Hyperparameter]) -> list[Conflict]:
    """Names with more than one value among declarations in core files, most places first."""
    groups: dict[str, list[Hyperparameter]] = defaultdict(list)
    for item in found:
        if item.kind in DECLARED and item.core and not item.text and item.key not in ORDINARY and len(item.key) > 1:
            groups[item.key].append(item)
    result = []
    for key, items in groups.items():
        items = _comparable(items)
        values = {json.dumps(_number(item.value), sort_keys=True, default=str) for item in items}
        if len(values) > 1:
            result.append(Conflict(name=key, places=_one_each(items), says=_says(items)))
    return sorted(result, key=lambda conflict: (-len(conflict.places), conflict.name))


def _comparable(items: list[Hyperparameter]) -> list[Hyperparameter]:
    """None as a default means `not said`; and defaults of unrelated functions do not contradict each other."""
    said = [item for item in items if item.value is not None]
    declared = [item for item in said if item.kind != "default"]
    same = [item for item in said if item.kind == "default"]
    return declared + same if declared else [item for item in same if item.scope == same[0].scope]


def _number(value: object) -> object:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _one_each(items: list[Hyperparameter]) -> list[Place]:
    seen: dict[str, Place] = {}
    for item in items:
        key = f"{json.dumps(_number(item.value), default=str)}{item.kind}"
        seen.setdefault(key, Place(file=item.file, line=item.line, value=item.value, kind=item.kind))
    return list(seen.values())[:MOST_PLACES]


def _says(items: list[Hyperparameter]) -> str:
    kinds = {item.kind for item in items}
    if "command line" in kinds or "shell variable" in kinds:
        return SAYS["command line"]
    return SAYS["default"] if "default" in kinds else SAYS["file"]
