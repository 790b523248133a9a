# ruff: noqa: ARG001, ARG002, ARG005, B007, B905, D101, D102, D103, E501, E741, RUF012, RUF100
"""torchvision without its compiled operators, which its classifiers do not use; an empty one where there is none at all.

timm imports torchvision for its data pipeline, which a benchmark of its models does not use either.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types


class _Anything:
    def __init__(self, *args, **kwargs):
        pass

    def __class_getitem__(cls, item):
        return cls


class _Module(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(
            name,
            (_Anything,),
            {"BILINEAR": 2, "BICUBIC": 3, "NEAREST": 0, "LANCZOS": 1, "HAMMING": 5, "BOX": 4, "NEAREST_EXACT": 6},
        )


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        return (
            importlib.machinery.ModuleSpec(name, self, is_package=True) if name.split(".")[0] == "torchvision" else None
        )

    def create_module(self, spec):
        module = _Module(spec.name)
        module.__version__, module.__path__ = "0", []
        return module

    def exec_module(self, module):
        pass


OPERATORS = []  # a library that is let go takes its operators with it


def operators():
    """Torchvision's import describes two operators that only its compiled half has: a CPU build of torch has none for it."""
    import torch

    try:
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        OPERATORS.append(library)
    except RuntimeError:  # they are there
        return


def install():
    if importlib.util.find_spec("torchvision") is None:
        sys.meta_path.append(_Finder())
    elif importlib.util.find_spec("torch") is not None and not OPERATORS:
        operators()
