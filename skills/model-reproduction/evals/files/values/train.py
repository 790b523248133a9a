"""Training script of a repository."""

import argparse

import yaml

BETAS = (0.9, 0.95)
GRAD_CLIP = 1.0


def parse():
    p = argparse.ArgumentParser()
    p.add_argument("--config", default="base.yaml")
    p.add_argument("--lr", type=float, default=None)
    p.add_argument("--batch-size", type=int, default=64)
    p.add_argument("--warmup", type=int, default=500)
    p.add_argument("--dropout", type=float, default=0.0)
    p.add_argument("--steps", type=int, default=None)
    return p.parse_args()


def settings():
    args = parse()
    with open(args.config) as f:
        values = yaml.safe_load(f)
    # the command line wins, where it is given; batch size always has a value there
    values.update({k: v for k, v in vars(args).items() if v is not None and k != "config"})
    values["weight_decay"] = values.get("weight_decay", 0.01) * (values["batch_size"] / 256)
    return values


def optimizer(model, values):
    import torch

    return torch.optim.AdamW(model.parameters(), lr=values["lr"], betas=BETAS, weight_decay=values["weight_decay"])
