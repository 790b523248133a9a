"""Losses that papers print in one line and code gets wrong in ten ways. B batch, D width, K classes."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def info_nce(x_BD: Tensor, y_BD: Tensor, temperature: float) -> Tensor:
    """Symmetric InfoNCE of paired rows. Radford et al., arXiv:2103.00020, figure 3; 1807.03748, equation 4.

    The loss depends on the batch size: accumulation over micro-batches is another loss.
    """
    x, y = F.normalize(x_BD, dim=1), F.normalize(y_BD, dim=1)
    logits_BB = x @ y.T / temperature
    target = torch.arange(len(x), device=x.device)
    return (F.cross_entropy(logits_BB, target) + F.cross_entropy(logits_BB.T, target)) / 2


def nt_xent(x_BD: Tensor, y_BD: Tensor, temperature: float) -> Tensor:
    """SimCLR's loss over 2B views; a view is no negative of itself. Chen et al., arXiv:2002.05709, equation 1."""
    z = F.normalize(torch.cat([x_BD, y_BD]), dim=1)
    logits = z @ z.T / temperature
    logits.fill_diagonal_(-torch.inf)
    target = torch.arange(len(z), device=z.device).roll(len(x_BD))
    return F.cross_entropy(logits, target)


def distillation(student_BK: Tensor, teacher_BK: Tensor, temperature: float) -> Tensor:
    """T^2 KL(teacher || student) at temperature T, mean over the batch. Hinton et al., arXiv:1503.02531, section 2.

    `batchmean`, not torch's default mean: that one divides by B * K.
    """
    student = F.log_softmax(student_BK / temperature, dim=1)
    teacher = F.softmax(teacher_BK.detach() / temperature, dim=1)
    return temperature**2 * F.kl_div(student, teacher, reduction="batchmean")


def gaussian_kl(mean_BD: Tensor, log_variance_BD: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, 1)): summed over D, mean over B. Kingma and Welling, arXiv:1312.6114, appendix B."""
    return -0.5 * (1 + log_variance_BD - mean_BD**2 - log_variance_BD.exp()).sum(1).mean()


def focal(logits_B: Tensor, target_B: Tensor, alpha: float = 0.25, gamma: float = 2.0) -> Tensor:
    """Binary focal loss. Lin et al., arXiv:1708.02002, equation 5; a mean, where the paper divides by positives."""
    cross = F.binary_cross_entropy_with_logits(logits_B, target_B, reduction="none")
    p_true = torch.exp(-cross)
    alpha_true = alpha * target_B + (1 - alpha) * (1 - target_B)
    return (alpha_true * (1 - p_true) ** gamma * cross).mean()


def gan(real_B: Tensor, fake_B: Tensor, kind: str = "non-saturating") -> tuple[Tensor, Tensor]:
    """(discriminator's, generator's) loss from raw scores; detach the fakes for the first yourself.

    non-saturating: Goodfellow et al., arXiv:1406.2661, section 3; hinge: Miyato et al., arXiv:1802.05957, eqs. 16, 17.
    """
    if kind == "non-saturating":
        return F.softplus(-real_B).mean() + F.softplus(fake_B).mean(), F.softplus(-fake_B).mean()
    if kind == "hinge":
        return F.relu(1 - real_B).mean() + F.relu(1 + fake_B).mean(), -fake_B.mean()
    raise ValueError(f"kind is 'non-saturating' or 'hinge', got {kind!r}")


def gradient_penalty(critic: torch.nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """(|gradient| - 1)^2 at random points between real and fake. Gulrajani et al., arXiv:1704.00028, equation 3.

    One weight per sample, not per element; the norm is over all of a sample's elements.
    """
    weight = torch.rand(len(real), *[1] * (real.dim() - 1), device=real.device)
    between = (weight * real + (1 - weight) * fake).detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()
