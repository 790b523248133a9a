"""The reference: transformers' GPT-2 as it is configured by default, 124 million weights. Nothing is downloaded."""

import torch
from transformers import GPT2Config, GPT2LMHeadModel

config = {"vocab_size": 50257, "n_positions": 1024, "n_embd": 768, "n_layer": 12, "n_head": 12}
small = {"vocab_size": 89, "n_positions": 24, "n_embd": 32, "n_layer": 2, "n_head": 4}
cases = ["short", "longer"]
steps = 5


def build(config):
    return GPT2LMHeadModel(GPT2Config(**config, use_cache=False, bos_token_id=1, eos_token_id=1))


def inputs(case):
    return {"input_ids": torch.randint(0, config["vocab_size"], (2, {"short": 7, "longer": 24}[case]))}


def batch(seed):
    ids = torch.randint(0, config["vocab_size"], (2, 9 + seed % 3))
    labels = ids.clone()
    labels[0, :3] = -100
    return {"input_ids": ids, "labels": labels}


def loss(model, batch):
    return model(**batch).loss


def optimizer(model):
    return torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
