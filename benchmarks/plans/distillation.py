"""A large teacher, then a small student that learns from it, frozen (arXiv:1503.02531)."""
# ruff: noqa: ARG001

import torch
from torch.nn import functional as F

from ..engine.phases import Train
from .common import METRICS, as_path, blobs, load_data, mlp

__all__ = ["METRICS", "PHASES", "draw_truth", "load_data", "sample"]


def build_teacher(run, cfg):
    return mlp(2, 4 * run.cfg.model.width, 4 * run.cfg.model.width, 4)


def teacher_loss(model, run, cfg, n):
    x, y = blobs(n)
    return F.cross_entropy(model(x), y)


def build_student(run, cfg):
    return mlp(2, run.cfg.model.width, 4)


def student_loss(model, run, cfg, n):
    x, y = blobs(n)
    t = cfg.temperature
    soft = F.kl_div((model(x) / t).log_softmax(1), (run.models["teacher"](x) / t).softmax(1), reduction="batchmean")
    return cfg.weights.soft * t * t * soft + cfg.weights.hard * F.cross_entropy(model(x), y)


def draw_truth(run, n, variant="iid"):
    return F.one_hot(blobs(n)[1], 4).float()


def sample(run, n, steps):
    with torch.no_grad():
        return as_path(run.models["student"](blobs(n)[0]).softmax(1), steps)


PHASES = {"teacher": Train(build_teacher, teacher_loss), "student": Train(build_student, student_loss)}
