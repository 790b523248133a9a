"""What a call that went through is asked further, from the cheapest question to the dearest."""

from __future__ import annotations

import signal
import time
from typing import Any, Callable  # noqa: UP035 - Python 3.8 must be able to run this

from . import (
    axes,
    defaults,
    devices,
    domain,
    keywords,
    masks,
    meaning,
    modes,
    precision,
    quantities,
    relations,
    seen,
    symmetry,
)
from .case import Case
from .report import explained
from .study import Study, quiet

BUDGET_S = 1.0
BUDGET_FRAC = 1 / 12  # of what the study may take; what does not fit is told

QUESTIONS: list[tuple[str, int, Callable[[Study], None]]] = [
    # name, calls that it makes at most, and what asks it
    ("documentation", 0, domain.check_domain),
    ("range", 0, domain.check_range),
    ("place of weights", 0, domain.check_weights_place),
    ("argument names", 0, domain.check_swapped),
    ("orders in names", 0, quantities.check_orders),
    ("units of numbers", 0, quantities.check_numbers),
    ("sizes", 0, axes.check_sizes),
    ("pairs", 0, axes.check_pairs),
    ("types", 0, precision.check_types),
    ("complex numbers", 0, meaning.check_complex),
    ("clipping", 0, meaning.check_clipped),
    ("flat", 0, relations.check_flat),
    ("documented defaults", 0, keywords.check_documented),
    ("dependence", 4, meaning.check_dependence),
    ("turns", 2, quantities.check_period),
    ("quantities", 0, quantities.check_quantities),
    ("perfect prediction", 2, meaning.check_perfect),
    ("pairing", 2, meaning.check_pairing),
    ("integers", 1, meaning.check_integers),
    ("weights", 1, meaning.check_weights),
    ("swallowed keywords", 3, keywords.check_swallowed),
    ("lists", 1, keywords.check_lists),
    ("direction", 2, relations.check_direction),
    ("sum", 2, relations.check_sum),
    ("truncation", 2, relations.check_truncation),
    ("base of the logarithm", 1, relations.check_base),
    ("parts", 6, relations.check_parts),
    ("square inputs", 1, axes.check_square),
    ("masks", 2, masks.check_masks),
    ("axis", 6, axes.check_axis),
    ("layout of axes", 6, seen.check_seen),
    ("training mode", 2, modes.check_training),
    ("invariance", 3, symmetry.check_invariance),
    ("randomness", 1, symmetry.check_random),
    ("digits", 2, relations.check_digits),
    ("order of memory", 1, relations.check_layout),
    ("no sample", 1, relations.check_edges),
    ("precision", 3, precision.check_precision),
    ("devices", 1, devices.check_devices),
    ("scales", 4, precision.check_scales),
    ("defaults", 6, defaults.check_defaults),
]


LEAST_S = 0.3  # that a question is given once it has begun


class TimeUp(BaseException):
    """A question took too long; no library catches this by accident."""


class alarm:
    """Raise `TimeUp` in the block after so many CPU seconds; a solver may never end on numbers not meant for it."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __enter__(self) -> None:
        if hasattr(signal, "setitimer"):
            signal.signal(signal.SIGPROF, self.ring)
            signal.setitimer(signal.ITIMER_PROF, self.seconds)

    def __exit__(self, *error: object) -> None:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_PROF, 0)

    @staticmethod
    def ring(*_: object) -> None:
        """The time is up."""
        raise TimeUp


def study_of(case: Case) -> None:
    """Ask everything that the time allows; a question that cannot be asked is told, and the next one follows."""
    report = case.report
    with quiet():
        report.stage("study: first call")
        study = Study(case)
        budget_s = max(BUDGET_S, BUDGET_FRAC * report.limit_s)
        report.clock = time.process_time  # a busy machine is no reason to ask less
        report.deadline = report.clock() + budget_s
        for name, calls, ask in QUESTIONS:
            if not report.affords(name, calls, study.call_s):
                continue
            report.stage(f"study: {name}")
            _asked(report, name, ask, study)
    report.fact("edges", study.edges)
    if report.skipped:
        report.finding("skipped", "no time left for: " + ", ".join(report.skipped), "raise --timeout-s")


def _asked(report: Any, name: str, ask: Callable[[Study], None], study: Study) -> None:
    try:
        with alarm(max(LEAST_S, report.deadline - report.clock())):
            ask(study)
    except TimeUp:
        report.skipped.append(name)
    except Exception as error:
        report.finding("not_measured", f"{name}: {explained(error)}")
