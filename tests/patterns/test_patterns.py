"""Each pattern against torch's own, a closed form, or a number worked out by hand."""

import importlib.util
import math
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
F = torch.nn.functional
FOLDER = Path(__file__).resolve().parent.parent.parent / "templates" / "patterns"
pytestmark = pytest.mark.torch


def pattern(name):
    spec = importlib.util.spec_from_file_location(f"pattern_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


attention, positions, losses = pattern("attention"), pattern("positions"), pattern("losses")
diffusion, training = pattern("diffusion"), pattern("training")


@pytest.fixture(autouse=True)
def _double():
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def close(a, b, tolerance=1e-12):
    torch.testing.assert_close(torch.as_tensor(a), torch.as_tensor(b), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("masked", [False, True])
def test_attention_is_torchs_own(masked):
    q, k, v = torch.randn(2, 3, 5, 4), torch.randn(2, 3, 5, 4), torch.randn(2, 3, 5, 4)
    mask = attention.causal(5) if masked else None
    close(attention.attend(q, k, v, mask), F.scaled_dot_product_attention(q, k, v, attn_mask=mask))


def test_a_query_that_sees_nothing_gets_zeros_not_nan():
    q = k = v = torch.randn(1, 1, 2, 4)
    out = attention.attend(q, k, v, torch.tensor([[True, True], [False, False]]))
    assert out[0, 0, 1].abs().max() == 0
    assert out[0, 0, 0].abs().max() > 0


def test_causal_attention_never_sees_the_future():
    layer = attention.MultiHeadAttention(8, 2)
    x = torch.randn(1, 5, 8)
    changed = x.clone()
    changed[:, 3:] += 1
    mask = attention.causal(5)
    close(layer(x, mask)[:, :3], layer(changed, mask)[:, :3])


def test_multi_head_attention_is_torchs_module():
    ours, theirs = attention.MultiHeadAttention(8, 2), torch.nn.MultiheadAttention(8, 2, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.q.weight, ours.k.weight, ours.v.weight]))
        theirs.in_proj_bias.copy_(torch.cat([ours.q.bias, ours.k.bias, ours.v.bias]))
        theirs.out_proj.weight.copy_(ours.out.weight)
        theirs.out_proj.bias.copy_(ours.out.bias)
    x = torch.randn(2, 5, 8)
    close(ours(x), theirs(x, x, x)[0])


def test_grouped_heads_share_neighbours():
    q, k, v = torch.randn(1, 4, 3, 2), torch.randn(1, 2, 3, 2), torch.randn(1, 2, 3, 2)
    layer = attention.MultiHeadAttention(8, 4, kv_heads=2, bias=False)
    expected = F.scaled_dot_product_attention(q, k, v, enable_gqa=True)
    close(attention.attend(q, k.repeat_interleave(2, 1), v.repeat_interleave(2, 1)), expected)
    assert layer.k.weight.shape == (4, 8)


@pytest.mark.parametrize(("width", "heads", "kv"), [(8, 3, None), (8, 4, 3)])
def test_heads_must_divide(width, heads, kv):
    with pytest.raises(ValueError, match="must divide"):
        attention.MultiHeadAttention(width, heads, kv)


def test_sinusoids_by_hand():
    table = positions.sinusoidal(2, 4)
    close(table[0], torch.tensor([0.0, 1.0, 0.0, 1.0]))
    close(table[1], torch.tensor([math.sin(1), math.cos(1), math.sin(0.01), math.cos(0.01)]))


def test_time_embedding_by_hand():
    out = positions.time_embedding(torch.tensor([1.0]), 4)
    close(out[0], torch.tensor([math.sin(1), math.sin(1e-4), math.cos(1), math.cos(1e-4)]), 1e-7)


@pytest.mark.parametrize("interleaved", [False, True])
def test_rotary_scores_depend_on_the_distance_only(interleaved):
    q, k = torch.randn(1, 1, 1, 8), torch.randn(1, 1, 1, 8)

    def score(a, b):
        rotated = [positions.rotary(x, torch.tensor([n]), interleaved=interleaved) for x, n in ((q, a), (k, b))]
        return (rotated[0] * rotated[1]).sum()

    close(score(7, 3), score(104, 100), 1e-10)
    assert abs(score(7, 3) - score(7, 4)) > 1e-3


def test_the_two_rotary_layouts_are_one_model_after_a_permutation():
    x = torch.randn(1, 1, 6, 8)
    t = torch.arange(6)
    order = torch.tensor([0, 2, 4, 6, 1, 3, 5, 7])
    close(positions.rotary(x[..., order], t), positions.rotary(x, t, interleaved=True)[..., order])


def test_rotary_by_hand():
    out = positions.rotary(torch.tensor([1.0, 0.0]).view(1, 1, 1, 2), torch.tensor([2]))
    close(out.flatten(), torch.tensor([math.cos(2), math.sin(2)]))


def test_alibi_by_hand():
    bias = positions.alibi(8, 3)
    close(bias[0], torch.tensor([[0.0, 0, 0], [-0.5, 0, 0], [-1.0, -0.5, 0]]))
    close(bias[7, 2, 0], -2 / 256)


def test_info_nce_of_orthogonal_pairs_by_hand():
    x = torch.eye(3)
    close(losses.info_nce(x, x, 1.0), math.log(math.e + 2) - 1)


def test_nt_xent_leaves_the_view_itself_out():
    x = torch.eye(2)
    # for each of 4 views: its pair scores 1, the two others 0, itself is left out
    close(losses.nt_xent(x, x, 1.0), math.log(math.e + 2) - 1)


def test_distillation_of_equal_logits_is_zero_and_its_gradient_does_not_shrink_with_temperature():
    a, b = torch.randn(4, 3, requires_grad=True), torch.randn(4, 3)
    close(losses.distillation(a, a.detach(), 2.0), 0.0)
    expected = (b.softmax(1) * (b.log_softmax(1) - a.log_softmax(1))).sum(1).mean()
    close(losses.distillation(a, b, 1.0), expected)
    norms = [torch.autograd.grad(losses.distillation(a, b, t), a)[0].norm() for t in (50.0, 100.0)]
    assert abs(norms[0] / norms[1] - 1) < 0.05


def test_gaussian_kl_is_torchs_own():
    mean, log_variance = torch.randn(5, 3), torch.randn(5, 3)
    ours = torch.distributions.Normal(mean, (log_variance / 2).exp())
    expected = torch.distributions.kl_divergence(ours, torch.distributions.Normal(0.0, 1.0)).sum(1).mean()
    close(losses.gaussian_kl(mean, log_variance), expected)


def test_focal_without_focus_is_half_the_cross_entropy():
    logits, target = torch.randn(6), torch.tensor([0.0, 1, 1, 0, 1, 0])
    close(losses.focal(logits, target, 0.5, 0.0), F.binary_cross_entropy_with_logits(logits, target) / 2)
    # p = 1/2 everywhere: (1/2)^2 * log 2 * alpha
    close(losses.focal(torch.zeros(1), torch.ones(1)), 0.25 * 0.25 * math.log(2))


def test_gan_losses_by_hand():
    real, fake = torch.tensor([2.0]), torch.tensor([-0.5])
    d, g = losses.gan(real, fake)
    close(d, math.log1p(math.exp(-2)) + math.log1p(math.exp(-0.5)))
    close(g, math.log1p(math.exp(0.5)))
    d, g = losses.gan(real, fake, "hinge")
    close(d, 0.0 + 0.5)
    close(g, 0.5)
    with pytest.raises(ValueError, match="hinge"):
        losses.gan(real, fake, "wgan")


def test_the_gradient_penalty_of_a_linear_critic_is_known():
    critic = torch.nn.Linear(4, 1, bias=False)
    with torch.no_grad():
        critic.weight.fill_(1.0)  # gradient of norm 2 everywhere
    close(losses.gradient_penalty(critic, torch.randn(5, 4), torch.randn(5, 4)), 1.0)


def test_noise_schedules_at_their_ends():
    linear = diffusion.linear_alpha_bar(1000)
    close(linear[0], 1 - 1e-4)
    assert 3.9e-5 < linear[-1] < 4.2e-5  # the product of Ho's betas
    cosine = diffusion.cosine_alpha_bar(1000)
    start = math.cos(0.008 / 1.008 * math.pi / 2) ** 2
    close(cosine[499], math.cos(0.508 / 1.008 * math.pi / 2) ** 2 / start, 1e-9)
    assert (cosine[1:] < cosine[:-1]).all()
    close(cosine[-1] / cosine[-2], 1 - 0.999, 1e-9)


def test_one_level_per_sample_also_when_batch_and_width_are_equal():
    x, noise = torch.ones(2, 1, 2, 2), torch.zeros(2, 1, 2, 2)
    out = diffusion.noised(x, noise, torch.tensor([1.0, 0.25]))
    close(out[0], torch.ones(1, 2, 2))
    close(out[1], torch.full((1, 2, 2), 0.5))


def test_a_ddim_step_with_the_true_noise_lands_on_the_path():
    x, noise = torch.randn(3, 2), torch.randn(3, 2)
    now, then = 0.3, 0.8
    start = diffusion.noised(x, noise, torch.full((3,), now))
    close(diffusion.ddim_step(start, noise, now, then), diffusion.noised(x, noise, torch.full((3,), then)))


def test_the_velocity_is_the_derivative_of_the_path():
    a, b, t = torch.randn(3, 2), torch.randn(3, 2), torch.rand(3)
    point, velocity = diffusion.straight_path(a, b, t)
    later, _ = diffusion.straight_path(a, b, t + 1e-6)
    close((later - point) / 1e-6, velocity, 1e-8)


@pytest.mark.parametrize(("step", "factor"), [(0, 0.1), (9, 1.0), (10, 1.0), (55, 0.5), (100, 0.0), (200, 0.0)])
def test_warmup_and_cosine_at_their_corners(step, factor):
    close(training.warmup_cosine(step, 100, 10), factor)


def test_the_transformers_rate_peaks_at_the_end_of_warm_up():
    rates = [training.inverse_square_root(step, 512, 4000) for step in range(10_000)]
    assert rates.index(max(rates)) == 3999
    close(max(rates), 512**-0.5 * 4000**-0.5)


def test_the_average_averages_parameters_and_copies_buffers():
    model = torch.nn.BatchNorm1d(1)
    average = training.Average(model, 0.9)
    with torch.no_grad():
        model.weight.fill_(2.0)
        model.running_mean.fill_(5.0)
    average.update(model)
    close(average.state["weight"], torch.tensor([1.1]))
    close(average.state["running_mean"], torch.tensor([5.0]))


def test_biases_and_norms_are_not_decayed():
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.LayerNorm(3))
    decayed, free = training.decay_groups(model, 0.1)
    assert [tuple(p.shape) for p in decayed["params"]] == [(3, 2)]
    assert len(free["params"]) == 3
    assert (decayed["weight_decay"], free["weight_decay"]) == (0.1, 0.0)


def test_rms_norm_is_torchs_own():
    x = torch.randn(2, 6)
    close(training.RMSNorm(6)(x), F.rms_norm(x, (6,), eps=1e-6))
