import math

import pytest
import torch

pytestmark = pytest.mark.torch

CIFAR = {"num_channels": 128, "num_res_blocks": 2, "channel_mult": (1, 2, 2, 2), "num_heads": 4,
         "num_head_channels": 64, "attention_resolutions": 16, "dropout": 0.0}  # fmt: skip
MNIST = CIFAR | {"num_channels": 32, "num_res_blocks": 1, "channel_mult": (1, 2, 2), "num_heads": 1,
                 "num_head_channels": -1}  # fmt: skip


def parameters(net):
    return sum(p.numel() for p in net.parameters())


def conv(a, b, k=3):
    return a * b * k * k + b


def residual(a, b, emb):
    return 2 * a + conv(a, b) + emb * b + b + 2 * b + conv(b, b) + (conv(a, b, 1) if a != b else 0)


def attention(c):
    return 2 * c + conv(c, 3 * c, 1) + conv(c, c, 1)


def test_the_velocity_mlp_has_three_hidden_layers_of_256(nsgf):
    net = nsgf.nets.VelocityMLP(2, 3, 256, "silu")
    assert parameters(net) == (3 * 256 + 256) + 2 * (256 * 256 + 256) + (256 * 2 + 2) == 133_122
    assert net(torch.randn(5, 2), torch.rand(5)).shape == (5, 2)


def test_the_cifar_unet_has_the_35_7_million_parameters_of_ddpm(nsgf):
    # Ho et al. (arXiv:2006.11239), appendix B: "Our CIFAR10 model has 35.7 million parameters"; the same sizes.
    assert parameters(nsgf.unet.UNet((3, 32, 32), **CIFAR)) == 35_746_307


def test_the_mnist_unet_has_the_parameters_of_a_count_by_hand(nsgf):
    emb = 128
    time = (32 * emb + emb) + (emb * emb + emb)
    down = conv(1, 32) + residual(32, 32, emb) + attention(32) + conv(32, 32)  # 28x28: has attention, 28 // 16 = 1
    down += residual(32, 64, emb) + conv(64, 64) + residual(64, 64, emb)  # 14x14, then 7x7
    middle = residual(64, 64, emb) + attention(64) + residual(64, 64, emb)
    up = residual(128, 64, emb) + residual(128, 64, emb) + conv(64, 64)  # skips, last first: 64 64 | 64 32 | 32 32
    up += residual(128, 64, emb) + residual(96, 64, emb) + conv(64, 64)
    up += 2 * attention(32) + residual(96, 32, emb) + residual(64, 32, emb)
    out = 2 * 32 + conv(32, 1)
    assert parameters(nsgf.unet.UNet((1, 28, 28), **MNIST)) == time + down + middle + up + out


def test_attention_is_at_16x16_for_cifar_and_at_the_full_28x28_for_mnist(nsgf):
    def tokens(dim, settings):
        net, seen = nsgf.unet.UNet(dim, **settings), []
        for name, layer in net.named_modules():
            if isinstance(layer, nsgf.unet.Attention) and not name.startswith("middle"):
                layer.register_forward_hook(lambda _layer, args, _out: seen.append(args[0].shape[2]))
        with torch.no_grad():
            net(torch.randn(1, *dim), torch.rand(1))
        return seen

    assert tokens((3, 32, 32), CIFAR | {"num_channels": 32, "num_head_channels": 32}) == [16] * 5  # 2 down, 3 up
    assert tokens((1, 28, 28), MNIST) == [28] * 3


def test_head_channels_decide_over_heads(nsgf):
    assert nsgf.unet.Attention(256, num_heads=1, num_head_channels=64).heads == 4
    assert nsgf.unet.Attention(64, num_heads=2, num_head_channels=-1).heads == 2


def test_attention_is_softmax_attention_written_out(nsgf):
    layer, x = nsgf.unet.Attention(64, num_heads=2, num_head_channels=-1), torch.randn(3, 64, 4, 4)
    torch.nn.init.normal_(layer.project.weight)
    qkv = layer.qkv(layer.norm(x.flatten(2)))
    heads = []
    for h in range(2):  # 64 channels, 2 heads: q, k, v of head 0, then q, k, v of head 1, 32 channels each
        q, k, v = (qkv[:, 96 * h + 32 * part : 96 * h + 32 * (part + 1)] for part in range(3))
        weight = torch.softmax(torch.einsum("bct,bcs->bts", q, k) / math.sqrt(32), dim=-1)
        heads.append(torch.einsum("bts,bcs->bct", weight, v))
    expected = x + layer.project(torch.cat(heads, dim=1)).view_as(x)
    torch.testing.assert_close(layer(x), expected, atol=1e-4, rtol=1e-4)


def test_a_new_unet_is_zero_and_a_trained_one_depends_on_image_and_time_sample_by_sample(nsgf):
    net = nsgf.unet.UNet((1, 8, 8), 32, 1, (1, 2), attention_resolutions=4)
    x, t = torch.randn(4, 1, 8, 8), torch.rand(4)
    assert (net(x, t) == 0).all()
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    base = net(x, t)
    other_image, other_time = x.clone(), t.clone()
    other_image[0], other_time[0] = 0, 0.9
    for changed in (net(other_image, t), net(x, other_time)):
        assert not torch.allclose(changed[0], base[0], atol=1e-3)
        torch.testing.assert_close(changed[1:], base[1:], atol=1e-4, rtol=1e-4)


def test_a_new_residual_block_and_a_new_attention_are_their_shortcuts(nsgf):
    x, embedding = torch.randn(2, 32, 4, 4), torch.randn(2, 128)
    assert torch.equal(nsgf.unet.ResBlock(32, 32, 128, 0.0)(x, embedding), x)
    wider = nsgf.unet.ResBlock(32, 64, 128, 0.0)
    assert torch.equal(wider(x, embedding), wider.shortcut(x))
    assert torch.equal(nsgf.unet.Attention(32, 1, -1)(x), x)


@pytest.mark.parametrize(("dim", "channels"), [((1, 28, 28), 48), ((1, 30, 30), 32)])
def test_sizes_that_do_not_fit_are_refused(nsgf, dim, channels):
    with pytest.raises(ValueError, match="halve 2 times, and GroupNorm has 32"):
        nsgf.unet.UNet(dim, channels, 1, (1, 2, 2))


def test_time_features_are_cosines_then_sines_from_rate_one_downwards(nsgf):
    features = nsgf.unet.time_features(torch.tensor([0.5]), 4)[0]
    rates = [1.0, 10_000 ** (-1 / 2)]
    assert features.tolist() == pytest.approx([math.cos(0.5 * r) for r in rates] + [math.sin(0.5 * r) for r in rates])


@pytest.mark.parametrize(("shape", "channels", "features"), [
    ((1, 28, 28), (32, 64, 128, 256), 256), ((3, 32, 32), (32, 64, 128, 256), 1024), ((1, 8, 8), (32, 64, 128), 128),
])  # fmt: skip
def test_the_phase_predictor_gives_one_time_per_image(nsgf, shape, channels, features):
    net = nsgf.nets.PhasePredictor(shape, channels)
    times = net(10 * torch.randn(6, *shape))
    assert times.shape == (6,) and (times > 0).all() and (times < 1).all()
    widths = (shape[0], *channels)
    convolutions = sum(conv(a, b) for a, b in zip(widths, channels, strict=False))
    assert parameters(net) == convolutions + features + 1


def test_the_phase_predictor_pools_averages_of_what_is_positive(nsgf):
    net = nsgf.nets.PhasePredictor((1, 2, 2), (1,))
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
        net.features[0].weight[0, 0, 1, 1] = 1  # the convolution passes its input on
        net.head.weight[0, 0] = 1
    image = torch.tensor([[[[1.0, 2.0], [3.0, -100.0]]]])
    assert net(image).item() == pytest.approx(1 / (1 + math.exp(-(1 + 2 + 3 + 0) / 4)))


def test_four_poolings_do_not_fit_eight_pixels(nsgf):
    with pytest.raises(ValueError, match="predictor_channels"):
        nsgf.nets.PhasePredictor((1, 8, 8), (32, 64, 128, 256))


def test_the_config_chooses_the_net(nsgf, make_run):
    toy = make_run(data={"name": "moons", "source": "gaussian"},
                   model={"kind": "mlp", "hidden_layers": 1, "hidden_units": 5, "activation": "relu"})  # fmt: skip
    assert parameters(nsgf.nets.velocity_net(toy, None)) == 3 * 5 + 5 + 5 * 2 + 2
    images = make_run(data={"name": "cifar10", "source": "gaussian", "shape": [3, 32, 32], "stand_in": True},
                      model=CIFAR | {"kind": "unet", "predictor_channels": [4]})  # fmt: skip
    assert parameters(nsgf.nets.velocity_net(images, None)) == 35_746_307
    assert parameters(nsgf.nets.phase_predictor(images, None)) == conv(3, 4) + 4 * 16 * 16 + 1
