"""How grave each finding is, and what to do about it where the finding does not say so itself."""

from __future__ import annotations

from reproof.probe.models import Severity

CODES: dict[str, tuple[Severity, str]] = {
    # it is not there, or not as it is called
    "bad_call": ("fail", "mend the call; the others were probed"),
    "not_installed": ("fail", "install it in the project's environment"),
    "import_error": ("fail", "install what the import asks for; one broken optional dependency is enough"),
    "no_attribute": ("fail", "use the name of the installed version, or pin the version that has this one"),
    "unknown_keyword": ("fail", "use a parameter of the installed version"),
    "bind_error": ("fail", "give every required argument"),
    "unchecked_keyword": ("note", "a misspelt name would be ignored: compare with the documentation"),
    "version_mismatch": ("warn", "install the version of the plan, or change the plan and probe again"),
    # it does not go through
    "input_error": ("fail", "the inputs could not be made: mend inputs"),
    "init_error": ("fail", "construct it with other arguments"),
    "call_error": ("fail", "adapt the inputs to what the call takes"),
    "exits": ("fail", "it ends the process: do not call it from training code"),
    "network": ("fail", "download what it needs beforehand, and name the local file"),
    "timeout": ("fail", "smaller inputs, a faster method, or --timeout-s"),
    "memory_limit": ("fail", "smaller batches or chunks, or --memory"),
    "crash": ("fail", "it kills the interpreter: another version, or --cold if only forking is at fault"),
    "did_not_raise": ("fail", "the trap is gone in this version: drop `raises` and say what is expected instead"),
    "raises_other": ("fail", "write the exception that is raised, once it is understood"),
    "raises_as_recorded": ("note", "a trap kept on record: the adapter belongs into the code"),
    # it returns something else
    "shape": ("fail", "check axes and arguments, or mend `shapes`"),
    "dtype": ("fail", "cast, or mend `dtype`"),
    "no_numbers": ("note", "nothing was checked beyond that the call returns"),
    "non_finite": ("fail", "float32 or float64, and inputs of the right scale"),
    "all_zero": (
        "fail",
        "a cost far from the regulariser's scale underflows: rescale one, or use the log domain",
    ),
    "wrong_value": ("fail", "another convention (squared, halved, mean, sum)? read its documentation"),
    "differs": ("fail", "another convention (squared, halved, mean, sum)? read both documentations"),
    "reference_error": ("fail", "mend `equals`, `equals_args` or `equals_kwargs`"),
    "not_zero_on_equal": ("fail", "it is biased, or no divergence: use the debiased form, or drop `zero_on_equal`"),
    "not_symmetric": ("fail", "the order of the arguments matters here: check it, or drop `symmetric`"),
    "size_dependent": ("fail", "use the sample count of the paper, and state it beside the value"),
    "invariant_error": ("fail", "the call fails on equal or swapped inputs"),
    "no_pair": ("fail", "zero_on_equal and symmetric need two drawn inputs"),
    "slow": ("fail", "set method, step size or tolerance as in the paper"),
    # its gradient
    "no_grad": ("fail", "nothing can be trained through it: is it detached, or made of integers?"),
    "grad_none": ("fail", "the input does not reach the output: pass it as an argument or register it"),
    "grad_zero": ("fail", "saturated or out of scale: rescale the inputs or the bandwidth"),
    "grad_nan": ("fail", "a square root, log or norm at 0: add an epsilon"),
    "grad_error": ("fail", "backward fails: an in-place change or an operation without a derivative"),
    "grad_mismatch": (
        "warn",
        "autograd is not the derivative of the value: tighten the solver first",
    ),
    # what it does on the side
    "input_changed": ("warn", "pass a clone"),
    "setting_changed": ("warn", "put it back after the call"),
    "grad_mode": ("warn", "put the gradient mode back after the call"),
    "no_grad_error": ("warn", "call it with gradients on"),
    "second_call_error": ("fail", "construct or reset it before every use"),
    "second_call_differs": ("warn", "it keeps state: reset it, or make a new one"),
    "keeps_state": ("note", "reset() before every epoch and every use"),
    "seed_ignored": ("warn", "seed it in its own way"),
    "fails_at_other_batch": ("fail", "sizes that coincide by chance hide a wrong axis"),
    "rank_changes": ("fail", "squeeze and keepdim depend on the batch: index explicitly"),
    "batch_mixing": ("fail", "unsqueeze the smaller input to the rank of the other, and name the axis"),
    "batch_dependent": ("note", "evaluate with the batch of the paper; samples are not independent"),
    "strays": ("warn", "close its workers, or set their number to 0"),
    "writes_files": ("note", "point it to a folder of yours"),
    "prints": ("note", ""),
    "stderr": ("note", ""),
    # warnings that it raises
    "ignored_argument": ("fail", "an argument has no effect: correct its name or its place"),
    "numerical_warning": ("fail", "the number is not what was asked for: rescale, or compute in the log domain"),
    "broadcast_warning": ("fail", "give both the same shape: x.squeeze(1) or y.unsqueeze(1)"),
    "deprecated": ("warn", "use what the message names, or pin the version"),
    "deprecated_inside": ("note", "the library's own code is ageing: it may break with its dependencies' next release"),
    "not_converged": ("warn", "more iterations or a looser tolerance; compare with a reference before trusting it"),
    "warning": ("note", ""),
    # what was not asked
    "skipped": ("note", "raise --timeout-s"),
    "not_measured": ("note", ""),
}

WARNED: list[tuple[str, str]] = [
    (r"deprecat|will be removed|no longer supported", "deprecated"),
    (r"broadcast|target size .* different to the input size", "broadcast_warning"),
    (r"unexpected|unused|ignored|has no effect|not used|should be called|did you forget", "ignored_argument"),
    (r"converge|optimality|numitermax|max_iter", "not_converged"),
    (r"numerical|divide by zero|invalid value|overflow|underflow|singular|ill-cond", "numerical_warning"),
]
"""A warning is a finding; words of its message say which."""
