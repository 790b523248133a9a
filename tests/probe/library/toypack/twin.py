"""A module that its own function hides."""


def twin(x):
    return 2 * x
