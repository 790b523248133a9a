"""Small models: healthy ones of several families, and one for each defect, planted on purpose."""

import os

import torch
import torch.nn.functional as F
from torch import nn


def labelled(n=32, classes=10):
    return torch.randn(n, 1, 8, 8), torch.arange(n) % classes


def entropy(model, batch):
    return F.cross_entropy(model(batch[0]), batch[1])


def mlp(*layers, **more):
    layers = layers or (nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
    return {"model": nn.Sequential(nn.Flatten(), *layers), "step": entropy, "batch": labelled()} | more


def conv_and_batch_norm():
    net = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.AdaptiveAvgPool2d(2),
                        nn.Flatten(), nn.Linear(64, 10))  # fmt: skip
    return {"model": net, "step": entropy, "batch": labelled(), "classes": 10}


class CausalTransformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(20, 32)
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(32, 4, 64, dropout=0.1, batch_first=True), 1)
        self.head = nn.Linear(32, 20)

    def forward(self, tokens):
        mask = nn.Transformer.generate_square_subsequent_mask(8)
        return self.head(self.encoder(self.embed(tokens), mask=mask, is_causal=True))


def language_model():
    tokens = torch.randint(0, 20, (8, 9))
    step = lambda m, b: F.cross_entropy(m(b["x"]).flatten(0, 1), b["y"].flatten())  # noqa: E731
    return {
        "model": CausalTransformer(),
        "step": step,
        "batch": {"x": tokens[:, :-1], "y": tokens[:, 1:]},
        "classes": 20,
    }


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.head = nn.LSTM(5, 32, batch_first=True), nn.Linear(32, 3)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


def recurrent():
    return {"model": Recurrent(), "step": entropy, "batch": (torch.randn(12, 6, 5), torch.arange(12) % 3)}


class ZeroInitVelocity(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 64), nn.SiLU(), nn.Linear(64, 2))
        nn.init.zeros_(self.net[-1].weight)

    def forward(self, x, t):
        return self.net(torch.cat([x, t], 1))


def flow_matching_with_a_zeroed_head():
    def step(model, x):
        t, noise = torch.rand(len(x), 1), torch.randn_like(x)
        return ((model(t * x + (1 - t) * noise, t) - (x - noise)) ** 2).mean()

    return {"model": ZeroInitVelocity(), "step": step, "batch": torch.randn(8, 2), "lr": 1e-2}


def regression():
    x = torch.randn(32, 10)
    net = nn.Sequential(nn.Linear(10, 64), nn.Tanh(), nn.Linear(64, 1))
    return {"model": net, "step": lambda m, b: F.mse_loss(m(b[0]), b[1]), "batch": (x, 2 * x[:, :1] + 1)}


class Attention(nn.Module):
    def __init__(self, mask=None):
        super().__init__()
        self.qkv, self.head, self.mask = nn.Linear(8, 24), nn.Linear(8, 4), mask

    def forward(self, x):
        q, k, v = self.qkv(x).reshape(len(x), -1, 3, 2, 4).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=self.mask)
        return self.head(torch.nan_to_num(mixed).transpose(1, 2).flatten(2).mean(1))


def attention():
    return {"model": Attention(), "step": entropy, "batch": (torch.randn(12, 6, 8), torch.arange(12) % 4)}


def split_data():
    return mlp(train=(torch.randn(500, 20), torch.arange(500) % 5), test=(torch.randn(100, 20), torch.arange(100) % 5),
               expect={"mean": 0, "std": 1, "balanced": True, "train_size": 500, "test_size": 100})  # fmt: skip


HEALTHY = [mlp, conv_and_batch_norm, language_model, recurrent, flow_matching_with_a_zeroed_head, regression, attention,
           split_data]  # fmt: skip


class Apply(nn.Module):
    """Any function as a layer."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def log_of_negative():
    return mlp(nn.Linear(64, 32), Apply(torch.log), nn.Linear(32, 10))


def root_at_zero():
    return mlp(nn.Linear(64, 32), Apply(lambda x: torch.sqrt((x - x) ** 2)), nn.Linear(32, 10))


def deep_sigmoids():
    layers = [layer for _ in range(14) for layer in (nn.Linear(64, 64), nn.Sigmoid())]
    return mlp(*layers, nn.Linear(64, 10))


def wide_initialisation():
    layers = [layer for _ in range(8) for layer in (nn.Linear(64, 64), nn.ReLU())]
    for layer in layers[::2]:
        nn.init.normal_(layer.weight)
    return mlp(*layers, nn.Linear(64, 10))


def dead_relus():
    given = mlp()
    nn.init.constant_(given["model"][1].bias, -100.0)
    return given


def detached():
    return mlp(nn.Linear(64, 64), Apply(torch.detach), nn.Linear(64, 10))


def frozen():
    given = mlp()
    given["model"].requires_grad_(False)
    return given


def summed_loss():
    return mlp(step=lambda m, b: F.cross_entropy(m(b[0]), b[1], reduction="sum"), classes=10)


def loud_last_layer():
    given = mlp(classes=10)
    nn.init.normal_(given["model"][3].weight, std=3.0)
    return given


def labels_unread():
    return mlp(step=lambda m, b: F.cross_entropy(m(b[0]), torch.zeros_like(b[1])))


def inputs_unread():
    return mlp(step=lambda m, b: F.cross_entropy(m(torch.ones_like(b[0])), b[1]))


def softmax_twice():
    return mlp(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10), nn.Softmax(-1))


def optimizer_of_another_model():
    return mlp(optimizer=lambda _: torch.optim.SGD(nn.Linear(2, 2).parameters(), 0.1))


def batch_mean_taken():
    return mlp(Apply(lambda x: x - x.mean(0)), nn.Linear(64, 10))


def saturated_tanh():
    given = regression()
    given["model"][0].weight.data *= 300
    return given


def labels_off_by_one():
    given = mlp(nn.Linear(64, 11), classes=10)
    given["batch"] = (given["batch"][0], given["batch"][1] + 1)
    return given


def a_row_masked_throughout():
    mask = torch.ones(6, 6, dtype=torch.bool).tril()
    mask[0, 0] = False
    return attention() | {"model": Attention(mask)}


def copied_from_train():
    given = split_data()
    return given | {"test": (given["train"][0][:100], given["train"][1][:100])}


def one_split_normalised():
    given = split_data()
    return given | {"test": (given["test"][0] * 50 + 100, given["test"][1])}


def classes_filtered():
    given = split_data()
    return given | {"train": (given["train"][0], (torch.arange(500) % 10 == 0).long())}


def data_with_nan():
    given = split_data()
    given["train"][0][3, 2] = float("nan")
    return given


def another_data_set():
    given = split_data()
    return given | {"expect": given["expect"] | {"train_size": 60_000}}


def ends_the_process():
    return mlp(step=lambda *_: os._exit(9))


PLANTED = {
    log_of_negative: "finite", root_at_zero: "finite", deep_sigmoids: "gradients-vanish",
    wide_initialisation: "gradients-explode", dead_relus: "activations-dead", detached: "gradients-reach",
    frozen: "gradients-reach", summed_loss: "init-loss", loud_last_layer: "init-loss", labels_unread: "labels-matter",
    inputs_unread: "inputs-matter", softmax_twice: "logits", optimizer_of_another_model: "step-moves",
    saturated_tanh: "activations-saturated", labels_off_by_one: "labels-range", a_row_masked_throughout: "attention",
    copied_from_train: "data-overlap", one_split_normalised: "data-same-preparation",
    classes_filtered: "data-train-classes", data_with_nan: "data-train-finite", another_data_set: "data-train-size",
}  # fmt: skip
