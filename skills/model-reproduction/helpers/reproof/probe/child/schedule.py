"""A schedule, stepped as often as the training will step it."""

from __future__ import annotations

from typing import Any

from .arrays import np
from .case import Case
from .report import explained, number

AHEAD = 20  # times as many steps are looked ahead, for where the schedule ends
MOST = 20_000
FLAT = 1e-6
EARLY_FRAC, DECAYED = 0.1, 0.5  # a decay that is over in a tenth of the training; a warm-up leaves the rate up
VANISHED, VANISHED_FRAC = 1e-4, 0.3  # a training that stands still for a third of its steps


def run(case: Case, made: Any, steps: int) -> None:
    """Report the learning rate over `steps`, and whether the schedule ends there."""
    rates, problem = _rates(made, steps)
    case.report.fact("schedule", {"steps": steps, "first": rates[0], "largest": max(rates), "last": rates[-1]})
    case.report.fact("outputs", [f"learning rate ({len(rates)},)"])
    if problem:
        case.report.finding("schedule", f"step {len(rates)} of {steps}: {problem}", "give it the number of steps made")
        return
    if not np.isfinite(rates).all():
        case.report.finding("non_finite", "the learning rate becomes NaN or infinite")
        return
    further, _ = _rates(made, min(AHEAD * steps, MOST))
    _judge(case, np.array(rates), np.array(rates + further[1:]), steps)


def _rates(made: Any, steps: int) -> tuple[list[float], str]:
    """The learning rate before each step and after the last; and why stepping ended early."""
    rates = [float(made.optimizer.param_groups[0]["lr"])]
    for place in range(steps):
        try:
            made.optimizer.step()
            _step(made, place)
        except Exception as error:
            return rates, explained(error)
        rates.append(float(made.optimizer.param_groups[0]["lr"]))
    return rates, ""


def _step(made: Any, place: int) -> None:
    try:
        made.step()
    except TypeError:  # timm's schedules are told where they are
        made.step(place + 1)


def _judge(case: Case, rates: Any, all_rates: Any, steps: int) -> None:
    largest = float(all_rates.max())
    top = int(np.flatnonzero(rates >= (1 - 1e-3) * rates.max())[0])
    after = rates[top:-1]  # what is set after the last step is used by none
    rise = float((after[1:] - after[:-1]).max(initial=0.0))
    lowest = int(after.argmin()) + top if len(after) else top
    if largest <= 0.0:
        case.report.finding("schedule", "the learning rate is 0 at every step")
    elif rise > FLAT * largest and float(rates[lowest:-1].max()) > rates[lowest] + 0.1 * largest:
        case.report.finding(
            "schedule",
            f"the learning rate falls to {number(float(rates[lowest]))} at step {lowest} and rises again, up to "
            f"{number(float(rates[lowest:-1].max()))}: its length is counted in other units than the {steps} steps",
            "count in calls of step(): per update or per epoch, but the same in both places",
        )
    elif float((rates[top:] < VANISHED * largest).mean()) > VANISHED_FRAC:
        gone = int(np.flatnonzero(rates[top:] < VANISHED * largest)[0]) + top
        case.report.finding(
            "schedule",
            f"the learning rate is below {VANISHED:g} of its largest value from step {gone} of {steps} on: its length "
            "is counted in other units than the steps made",
            "count in calls of step(): per update or per epoch, but the same in both places",
        )
    elif not _ends_early(case, rates, steps, largest):
        _check_end(case, all_rates, steps, largest)


def _ends_early(case: Case, rates: Any, steps: int, largest: float) -> bool:
    """The decay is over soon after the start: milestones in epochs, steps in batches."""
    moving = np.flatnonzero(np.abs(np.diff(rates)) > FLAT * largest)
    end = int(moving[-1]) + 1 if len(moving) else 0
    if not 0 < end < EARLY_FRAC * steps or rates[end] > DECAYED * largest:
        return False
    case.report.finding(
        "schedule",
        f"the learning rate has fallen to {number(float(rates[end]))} (largest {number(largest)}) by step {end} of "
        f"{steps} and stays there: its length is counted in other units than the steps made",
        "count in calls of step(): per update or per epoch, but the same in both places",
    )
    return True


def _check_end(case: Case, all_rates: Any, steps: int, largest: float) -> None:
    """The schedule goes on after the training ends."""
    moving = np.flatnonzero(np.abs(np.diff(all_rates)) > FLAT * largest)
    end = int(moving[-1]) + 1 if len(moving) else 0
    turned = np.flatnonzero(np.diff(all_rates[int(all_rates.argmax()) :]) > FLAT * largest)
    if len(turned):  # it turns round: that is where its course ends
        end = int(all_rates.argmax()) + int(turned[0])
    if 1.5 * steps < end < len(all_rates) - 2 and abs(all_rates[end] - all_rates[steps]) > 0.1 * largest:
        case.report.finding(
            "schedule",
            f"after {steps} steps the learning rate is {number(float(all_rates[steps]))} (largest {number(largest)}); "
            f"its course ends at step {end}: it is stepped too rarely",
            "step it per update, or give it the number of steps that are made",
        )
