# ruff: noqa: ARG001
"""The reference: transformers' Llama in the sizes of Llama 2 7B, 6.7 billion weights. Nothing is downloaded."""

import torch
from transformers import LlamaConfig, LlamaForCausalLM

config = {
    "vocab_size": 32000,
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
}
small = {
    "vocab_size": 101,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}
steps = 4


def build(config):
    return LlamaForCausalLM(LlamaConfig(**config, use_cache=False, attn_implementation="eager"))


def inputs(case):
    return {"input_ids": torch.randint(0, config["vocab_size"], (1, 8))}


def batch(seed):
    ids = torch.randint(0, config["vocab_size"], (1, 8))
    return {"input_ids": ids, "labels": ids}


def loss(model, batch):
    return model(**batch).loss


def optimizer(model):
    return torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1)
