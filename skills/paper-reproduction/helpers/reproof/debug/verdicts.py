"""Measurements -> answers. Every threshold stands here, with what it was chosen against; pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from reproof.debug.datachecks import data_checks
from reproof.debug.models import Check, State

# of the largest root-mean-square gradient in the model; healthy nets of 6 families stay above 1e-4
FADING_FRAC, GONE_FRAC = 1e-4, 1e-6
# gradient norm against 1 + weight norm: above it one step of plain SGD at lr 1e-3 moves a weight by its own size
LARGE_GRAD, HUGE_GRAD = 1e2, 1e3
FEW_ALIVE_FRAC, NONE_ALIVE_FRAC = 0.7, 0.95  # ReLU units that are zero for every sample
HALF_FLAT_FRAC, FLAT_FRAC = 0.5, 0.9  # outputs of tanh or sigmoid within 1 % of their ends
HUGE_OUTPUT = 1e6
BY_HEART_FRAC, STUCK_FRAC = 0.1, 0.9  # of the first loss
LN_C_HIGH, LN_C_WORSE, LN_C_LOW = 1.5, 2.5, 0.5
LEAK_FRAC = 1e-6
MOVES_FRAC = 1.05
ONE_KEY_FRAC = 0.01


def checks(measured: dict[str, Any], ended: str = "") -> list[Check]:
    """Every question, in the order in which to mend things."""
    found: list[Check] = []
    broke = False
    for name, judge in JUDGES.items():
        values = measured.get(name)
        if values is None:
            state: State = "SKIPPED" if broke else "WARN" if ended.startswith("stopped") else "FAIL"
            why = f"not reached: {ended}" if broke else f"{ended or 'the process ended'} while it was measured"
            found.append(_check(name, "was measured", state, why, "the step itself; --timeout-s and --memory-gib"))
            broke = True
        elif "error" in values:
            found.append(
                _check(name, "can be measured", "FAIL", str(values["error"]), "the frames named, innermost first")
            )
        else:
            found += judge(values)
    return found


def _check(name: str, what: str, state: State, why: str, look_at: str = "", **numbers: Any) -> Check:
    return Check(
        id=name, what=what, state=state, why=why, look_at=look_at if state in ("WARN", "FAIL") else "", numbers=numbers
    )


def number(value: Any) -> float:
    """A measured number; the words nan, inf and -inf are what JSON cannot say."""
    return float(value)


def _finite(v: dict[str, Any]) -> Iterator[Check]:
    bad, what = v.get("first_bad"), "every number is finite in forward, loss and gradients"
    if not bad:
        yield _check("finite", what, "PASS", f"{v['steps']} steps watched, every module")
        return
    where = f"step {bad['step']}, {bad['at']}: first in {bad['module']} ({bad.get('kind', '')})".replace(" ()", "")
    extra = {True: "; its inputs were finite", False: "; its inputs were not finite: look at the data", None: ""}
    why = where + extra[bad.get("inputs_finite")]
    why += "; its own parameters are not finite" if bad.get("parameters_finite") is False else ""
    why += f"; autograd: {bad['detail']}" if bad.get("detail") else ""
    yield _check(
        "finite",
        what,
        "FAIL",
        why,
        "log, sqrt, division and exp near 0 or overflow in that module; then learning rate and precision",
        **bad,
    )


def _watch(v: dict[str, Any]) -> Iterator[Check]:
    yield from _finite(v)
    if v.get("no_grad"):
        yield _check(
            "gradients-reach",
            "the loss depends on the parameters",
            "FAIL",
            "the loss has no graph: it was detached, or every parameter is frozen",
            "detach, no_grad, item, numpy, requires_grad",
        )
        return
    if not v["gradients"]:
        return
    yield from _gradients(v["gradients"])
    if not v.get("first_bad"):
        moved = v.get("moved")
        yield _check(
            "step-moves",
            "an optimizer step changes the parameters",
            "PASS" if moved else "FAIL",
            "yes" if moved else "no parameter changed",
            "is the optimizer built from this model's parameters?",
        )
    yield from _activations(v["activations"])


def _gradients(rows: list[dict[str, Any]]) -> Iterator[Check]:
    sizes = {}
    silent, dead, cut = [], [], []
    for row in rows:
        norms = [number(n) for n in row["norms"] if n is not None]
        if not norms:
            cut += [row["module"]] if row.get("loss_depends") else []
            silent.append(
                row["module"]
                + (" (called, and the loss does not depend on it)" if row["called"] else " (never called)")
            )
        elif max(norms) == 0:
            dead.append(row["module"])
        else:
            sizes[row["module"]] = (
                max(n for n in norms if math.isfinite(n)) if any(map(math.isfinite, norms)) else math.inf
            )
    what = "every module with parameters gets a gradient"
    if dead:
        yield _check(
            "gradients-reach",
            what,
            "FAIL",
            f"exactly zero in every step: {_some(dead)}",
            "dead ReLUs, a multiplication by zero, a softmax over one element",
            dead=dead,
        )
    elif cut:
        yield _check(
            "gradients-reach",
            what,
            "FAIL",
            f"the loss depends on {_some(cut)} and no gradient reaches it",
            "detach, no_grad, numpy or an in-place copy behind it",
            cut=cut,
        )
    elif silent:
        yield _check(
            "gradients-reach",
            what,
            "WARN",
            f"none reaches {_some(silent)}",
            "a module that forward does not use, or a detach before it",
            silent=silent,
        )
    else:
        yield _check("gradients-reach", what, "PASS", f"{len(sizes)} modules")
    finite = {name: size for name, size in sizes.items() if math.isfinite(size)}
    if finite:
        yield _vanishing(rows, finite)
        yield _exploding(rows, finite)


def _vanishing(rows: list[dict[str, Any]], sizes: dict[str, float]) -> Check:
    per_weight = {r["module"]: sizes[r["module"]] / math.sqrt(r["parameters"]) for r in rows if r["module"] in sizes}
    largest = max(per_weight.values())
    faint = {name: size / largest for name, size in per_weight.items() if size < FADING_FRAC * largest}
    name, what = min(per_weight, key=lambda k: per_weight[k]), "no gradient vanishes on its way back"
    least = per_weight[name] / largest
    state: State = "FAIL" if least < GONE_FRAC else "WARN" if faint else "PASS"
    why = f"smallest in {name}: {least:.1e} of the largest per weight"
    return _check(
        "gradients-vanish",
        what,
        state,
        why,
        "saturating activations, missing residual connections or normalisation, initialisation scale",
        modules=faint,
    )


def _exploding(rows: list[dict[str, Any]], sizes: dict[str, float]) -> Check:
    against = {r["module"]: sizes[r["module"]] / (1 + number(r["weight_norm"])) for r in rows if r["module"] in sizes}
    name = max(against, key=lambda k: against[k])
    state: State = "FAIL" if against[name] > HUGE_GRAD else "WARN" if against[name] > LARGE_GRAD else "PASS"
    why = f"largest in {name}: norm {sizes[name]:.3g}, {against[name]:.3g} times 1 + its weights' norm"
    return _check(
        "gradients-explode",
        "no gradient explodes",
        state,
        why,
        "initialisation scale, targets or inputs that are not normalised, a sum where a mean was meant",
    )


def _activations(rows: list[dict[str, Any]]) -> Iterator[Check]:
    if not rows:
        return
    large = [r["module"] for r in rows if number(r["abs_max"]) > HUGE_OUTPUT]
    yield _check(
        "activations-bounded",
        "no module's output grows without bound",
        "FAIL" if large else "PASS",
        f"above {HUGE_OUTPUT:g}: {_some(large)}" if large else f"{len(rows)} outputs",
        "initialisation scale, missing normalisation",
    )
    for key, low, high, what, look_at in (
        ("dead_frac", FEW_ALIVE_FRAC, NONE_ALIVE_FRAC, "ReLU units are alive", "biases, learning rate, initialisation"),
        ("saturated_frac", HALF_FLAT_FRAC, FLAT_FRAC, "tanh and sigmoid are not saturated", "scale of what goes in"),
    ):
        shares = {r["module"]: number(r[key]) for r in rows if key in r}
        if shares:
            name = max(shares, key=lambda k: shares[k])
            share = shares[name]
            state: State = "FAIL" if share >= high else "WARN" if share >= low else "PASS"
            word = "dead" if key == "dead_frac" else "saturated"
            yield _check(f"activations-{word}", what, state, f"most in {name}: {100 * share:.0f} % {word}", look_at)


def _init(v: dict[str, Any]) -> Iterator[Check]:
    loss, look_at = number(v["loss"]), "initialisation of the last layer, reduction of the loss, label encoding"
    if not v["same_twice"]:
        yield _check(
            "repeatable",
            "the same seed gives the same loss",
            "WARN",
            "two calls after torch.manual_seed differ",
            "random numbers of numpy or Python, or a step that changes the model's buffers",
        )
    if not v["finite_batch"]:
        yield _check("batch-finite", "the batch holds finite numbers", "FAIL", "NaN or Inf in the batch", "the data")
    what = "the loss before learning is what theory says"
    classes = v.get("classes") or v.get("classes_guess")
    if not math.isfinite(loss):
        yield _check("init-loss", what, "FAIL", f"it is {loss}", "the first check: which module gives it")
    elif v.get("expected_loss") is not None:
        off = abs(loss - v["expected_loss"]) / max(abs(v["expected_loss"]), 1e-12)
        state: State = "PASS" if off <= 0.2 else "WARN" if off <= 1 else "FAIL"
        yield _check("init-loss", what, state, f"{loss:.4g}, expected {v['expected_loss']:.4g}", look_at, loss=loss)
    elif classes:
        yield _entropy(loss, int(classes), v, what, look_at)
    elif loss == 0:
        yield _check("init-loss", what, "FAIL", "exactly 0 before anything is learned", "a stub, a mask that hides all")
    elif v.get("targets"):
        square = number(v["targets"]["mean_square"])
        state = "WARN" if square > 0 and loss > 100 * square else "PASS"
        yield _check(
            "init-loss",
            what,
            state,
            f"{loss:.4g}; answering 0 would give a mean square of {square:.4g}",
            "scale of the last layer, reduction of the loss",
            loss=loss,
            mean_square=square,
        )
    else:
        yield _check(
            "init-loss", what, "SKIPPED", f"{loss:.4g}; say classes or expected_loss to have it judged", loss=loss
        )
    if v.get("outputs_are_shares") and v.get("classes_guess"):
        yield _check(
            "logits",
            "cross-entropy gets logits",
            "FAIL",
            "the model's outputs already sum to 1: softmax is taken twice, and the loss cannot come near 0",
            "the last layer",
        )
    labels = v.get("labels")
    if labels and v.get("classes") and not 0 <= labels["min"] <= labels["max"] < v["classes"]:
        yield _check(
            "labels-range",
            "labels name classes",
            "FAIL",
            f"labels from {labels['min']} to {labels['max']}, {v['classes']} classes",
            "an offset of one, or another class count",
        )


def _entropy(loss: float, classes: int, v: dict[str, Any], what: str, look_at: str) -> Check:
    theory = math.log(classes)
    times = loss / theory
    size = (v.get("inputs") or v.get("outputs") or {"shape": [0]})["shape"][0]
    why = f"{loss:.4g}; ln {classes} = {theory:.4g}"
    if size > 2 and abs(times / size - 1) < 0.25:
        return _check("init-loss", what, "FAIL", f"{why}: {size} times that, a sum over the batch", look_at, loss=loss)
    state: State = "FAIL" if times > LN_C_WORSE else "WARN" if times > LN_C_HIGH or times < LN_C_LOW else "PASS"
    low = "; lower than knowing nothing: pretrained, or the answer is in the input" if times < LN_C_LOW else ""
    return _check("init-loss", what, state, why + low, look_at, loss=loss, theory=theory)


def _mixing(v: dict[str, Any]) -> Iterator[Check]:
    what = "in eval mode a sample's output depends on its own input only"
    if "skipped" in v:
        yield _check("samples-apart", what, "SKIPPED", v["skipped"])
        return
    own, others = number(v["own"]), number(v["others"])
    leaks = others > LEAK_FRAC * max(own, 1e-30)
    why = f"gradient on its own input {own:.3g}, on the others' {others:.3g}"
    yield _check(
        "samples-apart",
        what,
        "WARN" if leaks else "PASS",
        why,
        "a view where a permute was meant, a mean or softmax over the batch axis (right in graph and set models)",
    )


def _attention(v: dict[str, Any]) -> Iterator[Check]:
    what, maps = "attention weights are numbers and are spread over more than one key", v["maps"]
    if not maps:
        yield _check("attention", what, "SKIPPED", "no attention was seen")
        return
    spread = [number(e) for m in maps for e in m["entropy_frac"]]
    bad = [m["module"] for m in maps if not all(math.isfinite(number(e)) for e in m["entropy_frac"])]
    future = [number(f) for m in maps if m["future_frac"] for f in m["future_frac"]]
    why = f"{v['total']} maps, entropy {min(spread):.2f} to {max(spread):.2f} of the largest possible"
    why += "; causal: nothing lies in the future" if future and max(future) < 1e-6 else ""
    state: State = "FAIL" if bad else "WARN" if min(spread) < ONE_KEY_FRAC else "PASS"
    yield _check(
        "attention",
        what,
        state,
        f"not finite in {_some(bad)}" if bad else why,
        "a row that is masked throughout gives NaN; scores that are too large give one key",
    )


def _fit(v: dict[str, Any]) -> Iterator[Check]:
    losses, floor = [number(x) for x in v["losses"]], number(v["floor"])
    first, last, what = losses[0] - floor, losses[-1] - floor, "one batch can be learned by heart"
    share = last / first if first > 0 and math.isfinite(last) else math.nan
    why = f"loss {losses[0]:.4g} to {losses[-1]:.4g} in {v['steps']} steps of Adam at {v['lr']:g}"
    look_at = "labels that do not belong to the inputs, a detached or frozen part, an activation after the last layer"
    if not math.isfinite(last):
        yield _check("overfit", what, "FAIL", f"{why}: not finite", look_at)
    elif first <= 0:
        yield _check(
            "overfit", what, "PASS" if last < first else "WARN", f"{why}; relative progress has no meaning", look_at
        )
    elif share <= BY_HEART_FRAC:
        yield _check("overfit", what, "PASS", why, share=share)
    elif v["hurried"]:
        why = f"{why}: {100 * share:.0f} % is left, but time ran out first; raise --timeout-s or give a smaller batch"
        yield _check("overfit", what, "WARN", why, share=share)
    else:
        state: State = "FAIL" if share > STUCK_FRAC else "WARN"
        hint = "; say loss_floor if the loss cannot reach 0, or raise --steps" if state == "WARN" else ""
        yield _check("overfit", what, state, f"{why}: {100 * share:.0f} % is left{hint}", look_at, share=share)
    yield from _reads(v, learned=math.isfinite(share) and share <= 0.5)


def _reads(v: dict[str, Any], learned: bool) -> Iterator[Check]:
    what = "the loss moves when the labels are shuffled"
    if "shuffled" not in v:
        yield _check("labels-matter", what, "SKIPPED", "the batch has no labels that can be told, or all are equal")
        return
    base, moved = number(v["learned"]), number(v["shuffled"])
    if "blank" in v and number(v["blank"]) == base:
        yield _check(
            "inputs-matter",
            "the loss moves when the inputs are blanked",
            "FAIL",
            f"{base:.4g} before and after",
            "does forward read the inputs of this batch?",
        )
    if not learned and moved != base:
        yield _check("labels-matter", what, "SKIPPED", "nothing was learned that shuffling could undo")
        return
    ok = moved > MOVES_FRAC * base + 1e-9
    yield _check(
        "labels-matter",
        what,
        "PASS" if ok else "FAIL",
        f"learned {base:.4g}, shuffled {moved:.4g}",
        "does the loss read the labels of this batch, or a constant?",
    )
    if ok and "blank" in v:
        blank = number(v["blank"])
        reads = blank > MOVES_FRAC * base + 1e-9
        yield _check(
            "inputs-matter",
            "the loss moves when the inputs are blanked",
            "PASS" if reads else "FAIL",
            f"learned {base:.4g}, blank {blank:.4g}",
            "does forward read the inputs, or are the labels among them?",
        )


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


JUDGES = {"init": _init, "watch": _watch, "mixing": _mixing, "fit": _fit, "attention": _attention, "data": data_checks}
