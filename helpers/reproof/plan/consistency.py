"""Do the fields of a plan agree with each other? Arithmetic only; each rule says what it compared."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Literal

from reproof.document import Experiment, Phase, Plan
from reproof.records import Record

Level = Literal["error", "warning"]
SIZES = ("n_train", "train_size", "dataset_size", "train_samples", "num_train")
WIDTHS = ("d_model", "width", "embed_dim", "hidden_size", "model_dim", "dim", "num_channels", "channels")
HEADS = ("num_heads", "heads", "n_heads", "attention_heads")
HEAD_WIDTHS = ("num_head_channels", "head_dim", "head_channels", "d_head")
GROUPS = ("norm_groups", "num_groups", "groups", "groupnorm_groups")
HIDDEN = ("hidden_units", "hidden", "width", "hidden_size")
CLOSE = 0.02  # steps from epochs may round the last batch of each epoch
COUNT_CLOSE = 0.05  # a parameter count as papers round it
BETWEEN: dict[str, tuple[float, float, bool]] = {
    # lower, upper, whether the upper end itself is possible
    "lr": (0.0, 10.0, True), "weight_decay": (0.0, 1.0, True), "ema_decay": (0.0, 1.0, False),
    "dropout": (0.0, 1.0, False), "label_smoothing": (0.0, 1.0, False), "momentum": (0.0, 1.0, False),
    "horizontal_flip_p": (0.0, 1.0, True), "betas": (0.0, 1.0, False), "warmup_frac": (0.0, 1.0, True),
}  # fmt: skip
HIGHER = ("accuracy", "acc", "inception_score", "bleu", "f1", "auc", "psnr", "ssim", "map", "iou", "rouge")
LOWER = ("fid", "w2", "kid", "perplexity", "ppl", "nll", "rmse", "mse", "mae", "wer", "loss", "error", "nfe")


class Finding(Record):
    """Two fields that do not fit together, or one that is out of range."""

    level: Level
    path: str
    what: str


def findings(plan: Plan) -> list[Finding]:
    """Everything that does not fit, each once, in document order."""
    found: list[Finding] = []
    for name in plan.experiments:
        full = plan.settings_of(name)
        for check in EXPERIMENT_RULES:
            found += check(f"experiments.{name}", full)
        for phase_name, phase in full.phases.items():
            for rule in PHASE_RULES:
                found += rule(f"experiments.{name}.phases.{phase_name}", phase, full)
    found += claims(plan)
    seen: dict[tuple[str, str], Finding] = {}
    for finding in found:  # experiments of one group repeat what the group says
        seen.setdefault((finding.path.split(".", 2)[-1], finding.what), finding)
    return list(seen.values())


def value(settings: dict[str, Any], names: tuple[str, ...]) -> tuple[str, Any] | None:
    """The first of these settings that is there: (name, value)."""
    return next(((name, settings[name].value) for name in names if name in settings), None)


def _widths(full: Experiment) -> tuple[str, list[int]] | None:
    """The widths that the network has: base channels times each multiple."""
    width = value(full.model, WIDTHS)
    if width is None or not isinstance(width[1], int):
        return None
    multiples = full.model.get("channel_mult")
    by = multiples.value if multiples and isinstance(multiples.value, list) else [1]
    return width[0], [int(width[1] * m) for m in by if isinstance(m, (int, float))]


def heads(path: str, full: Experiment) -> Iterator[Finding]:
    """The number of heads divides the width it splits."""
    widths, count, each = _widths(full), value(full.model, HEADS), value(full.model, HEAD_WIDTHS)
    if not widths:
        return
    if each and isinstance(each[1], int) and each[1] > 0:
        wrong = [width for width in widths[1] if width % each[1]]
        if wrong:
            text = f"{each[0]} {each[1]} does not divide {widths[0]} {wrong[0]}"
            yield Finding(level="error", path=f"{path}.model.{each[0]}", what=text)
    elif count and isinstance(count[1], int) and count[1] > 0:
        wrong = [width for width in widths[1] if width % count[1]]
        if wrong:
            text = f"{count[0]} {count[1]} does not divide {widths[0]} {wrong[0]}"
            yield Finding(level="error", path=f"{path}.model.{count[0]}", what=text)


def groups(path: str, full: Experiment) -> Iterator[Finding]:
    """GroupNorm's groups divide every width."""
    widths, number = _widths(full), value(full.model, GROUPS)
    if widths and number and isinstance(number[1], int) and number[1] > 0:
        wrong = [width for width in widths[1] if width % number[1]]
        if wrong:
            text = f"{number[0]} {number[1]} does not divide {widths[0]} {wrong[0]}"
            yield Finding(level="error", path=f"{path}.model.{number[0]}", what=text)


def halvings(path: str, full: Experiment) -> Iterator[Finding]:
    """An image can be halved as often as the network has levels."""
    shape, multiples = full.data.get("shape"), full.model.get("channel_mult")
    if not shape or not multiples or not isinstance(shape.value, list) or not isinstance(multiples.value, list):
        return
    factor = 2 ** (len(multiples.value) - 1)
    if len(shape.value) == 3 and any(side % factor for side in shape.value[1:]):
        text = f"images of {shape.value[1:]} cannot be halved {len(multiples.value) - 1} times without a remainder"
        yield Finding(level="error", path=f"{path}.model.channel_mult", what=text)


def mlp_parameters(sizes: list[int]) -> int:
    """Weights and biases of a fully connected network through these sizes.

    >>> mlp_parameters([2, 256, 2])
    1282
    """
    return sum((sizes[at] + 1) * sizes[at + 1] for at in range(len(sizes) - 1))


def parameters(path: str, full: Experiment) -> Iterator[Finding]:
    """The expected parameter count is the architecture's, where a closed form is known."""
    own, kind = full.model.get("parameters"), full.model.get("kind")
    trained = [name for name, phase in full.phases.items() if phase.kind == "train"]
    expected = own or (full.parameters if len(trained) == 1 else None)  # of several networks only their sum is known
    if not expected or not isinstance(expected.value, (int, float)) or not kind:
        return
    count, how = _count(str(kind.value).lower(), full)
    if count and not math.isclose(count, expected.value, rel_tol=COUNT_CLOSE):
        text = f"parameters is {expected.value:g}; {how} gives {count:,}"
        yield Finding(level="error", path=f"{path}.model.parameters" if own else f"{path}.parameters", what=text)


def _count(kind: str, full: Experiment) -> tuple[int, str]:
    model = {key: item.value for key, item in full.model.items()}
    if kind == "mlp":
        shape, hidden = full.data.get("shape"), value(full.model, HIDDEN)
        layers = model.get("hidden_layers", 1)
        if not shape or not hidden or not isinstance(shape.value, list) or not isinstance(layers, int):
            return 0, ""
        inside = hidden[1] if isinstance(hidden[1], list) else [hidden[1]] * layers
        ends = math.prod(shape.value)
        inputs = ends + int(model.get("time_inputs", 1))
        sizes = [inputs, *inside, int(model.get("outputs", ends))]
        return mlp_parameters(sizes), f"a fully connected network of {' → '.join(map(str, sizes))}"
    width, layers, words = model.get("d_model"), model.get("layers"), model.get("vocab_size")
    if kind == "transformer" and isinstance(width, int) and isinstance(layers, int) and isinstance(words, int):
        ratio = model.get("d_ff", 4 * width) / width
        count = round(layers * (4 + 2 * ratio) * width**2 + words * width)
        return count, f"{layers} layers of width {width} and {words:,} words (tied, without biases)"
    return 0, ""


def ranges(path: str, phase: Phase, full: Experiment) -> Iterator[Finding]:
    """Every value that has a possible range lies in it."""
    fields = {key: getattr(phase, key) for key in type(phase).model_fields}
    own = {key: item for key, item in fields.items() if hasattr(item, "origin")}
    named = [(f"{path}.{key}", key, item.value) for key, item in {**own, **phase.settings}.items()]
    named += [(f"{path.split('.phases.')[0]}.model.{key}", key, item.value) for key, item in full.model.items()]
    for where, key, given in named:
        if key not in BETWEEN:
            continue
        low, high, closed = BETWEEN[key]
        for number in given if isinstance(given, list) else [given]:
            if isinstance(number, bool) or not isinstance(number, (int, float)):
                continue
            if number < low or number > high or (number == high and not closed):
                until = "]" if closed else ")"
                yield Finding(level="error", path=where, what=f"{key} {number:g} is not in [{low:g}, {high:g}{until}")


def schedule(path: str, phase: Phase, _: Experiment) -> Iterator[Finding]:
    """Warm-up ends before training does."""
    if phase.warmup_steps and phase.steps and phase.warmup_steps.value > phase.steps.value:
        text = f"warmup_steps {phase.warmup_steps.value} is more than steps {phase.steps.value}"
        yield Finding(level="error", path=f"{path}.warmup_steps", what=text)


def passes(path: str, phase: Phase, full: Experiment) -> Iterator[Finding]:
    """Steps times batch is epochs times the size of the data."""
    epochs, size = phase.settings.get("epochs"), value(full.data, SIZES)
    if not epochs or not size or not phase.steps or not phase.batch_size:
        return
    if not isinstance(epochs.value, (int, float)) or not isinstance(size[1], int):
        return
    a_batch = phase.batch_size.value * (phase.accumulate.value if phase.accumulate else 1)
    low, high = epochs.value * (size[1] // a_batch), epochs.value * math.ceil(size[1] / a_batch)
    if not low * (1 - CLOSE) <= phase.steps.value <= high * (1 + CLOSE):
        text = (
            f"steps {phase.steps.value} with batch {a_batch} are {phase.steps.value * a_batch / size[1]:.1f} passes "
            f"over {size[0]} {size[1]}; epochs says {epochs.value:g} ({low:g} to {high:g} steps)"
        )
        yield Finding(level="error", path=f"{path}.steps", what=text)


def completeness(path: str, phase: Phase, _: Experiment) -> Iterator[Finding]:
    """A training phase says what its loss is."""
    if phase.kind == "train" and not phase.loss:
        yield Finding(level="warning", path=path, what="no loss: which equation or algorithm does it minimise?")


def claims(plan: Plan) -> Iterator[Finding]:
    """Claims ask for what the evaluation does, in the direction that their metric has."""
    for claim in plan.claims:
        path = f"claims.{claim.id}"
        evaluation = plan.settings_of(claim.experiment).evaluation
        asked = claim.condition.get("sampling_steps")
        if evaluation and asked is not None and asked not in evaluation.sampling_steps.value:
            text = f"sampling_steps {asked} is not among those that are evaluated, {evaluation.sampling_steps.value}"
            yield Finding(level="warning", path=path, what=text)
        known = "higher" if claim.metric in HIGHER else "lower" if claim.metric in LOWER else claim.direction
        if known != claim.direction:
            yield Finding(level="error", path=path, what=f"{claim.direction} is said to be better; of {claim.metric} "
                          f"{known} is")  # fmt: skip


EXPERIMENT_RULES: tuple[Callable[[str, Experiment], Iterator[Finding]], ...] = (heads, groups, halvings, parameters)
PHASE_RULES: tuple[Callable[[str, Phase, Experiment], Iterator[Finding]], ...] = (
    ranges,
    schedule,
    passes,
    completeness,
)
