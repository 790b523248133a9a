# ruff: noqa: E501, F401
"""Weight maps and forwards of real pairs of libraries, without names and without hints.

  PYTHON benchmarks/parity_pairs.py [NAME ...]     # PYTHON with transformers, timm, jax and flax

Every pair is two small configurations of the same model from two libraries, or from a library and from ours. timm imports
torchvision for its data pipeline, which these models do not use: where it is missing, an empty stand-in is imported.
torchvision's own pairs need its Python files on the path; its compiled operators are not used (`pip download --no-deps`).
A pair counts when every element is mapped and two fresh draws of the weights give equal outputs in float64.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "helpers")]
ROOT = HERE.parent

TIMM = (
    f"import sys; sys.path.insert(0, {str(HERE / 'parity')!r}); import standin; standin.install()\nimport timm, torch\n"
)
HF = "import torch, transformers as T\n"
IMAGE = "def inputs(case): return torch.randn(2, 3, 32, 32)\n"
VIT = "image_size=32, patch_size=8, num_channels=3, hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=96"
LLAMA = "vocab_size=53, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64"
IDS = "def inputs(case): return {'%s': torch.randint(0, 50, (2, 11))}\n"
LOGITS = "def output(r): return r.logits\n"
HIDDEN = "def output(r): return r.last_hidden_state\n"

timm_vit = (
    TIMM
    + IMAGE
    + (
        "from timm.models.vision_transformer import VisionTransformer as V\n"
        "def build(): return V(img_size=32, patch_size=8, embed_dim=48, depth=2, num_heads=4, mlp_ratio=2, num_classes=0, global_pool='')\n"
    )
)
hf_vit = (
    HF
    + IMAGE
    + HIDDEN
    + (f"def build():\n    return T.ViTModel(T.ViTConfig({VIT}, layer_norm_eps=1e-6), add_pooling_layer=False)\n")
)
plain_vit = (
    HF
    + IMAGE
    + (
        "import torch.nn as nn, torch.nn.functional as F\n"
        "class M(nn.Module):\n"
        "    def __init__(s):\n"
        "        super().__init__(); s.p = nn.Conv2d(3, 48, 8, 8); s.c = nn.Parameter(torch.zeros(1, 1, 48)); s.e = nn.Parameter(torch.zeros(17, 48))\n"
        "        layer = nn.TransformerEncoderLayer(48, 4, 96, 0.0, F.gelu, 1e-6, batch_first=True, norm_first=True)\n"
        "        s.b = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False); s.n = nn.LayerNorm(48, 1e-6)\n"
        "    def forward(s, x):\n"
        "        x = s.p(x).flatten(2).mT; return s.n(s.b(torch.cat([s.c.expand(len(x), 1, 48), x], 1) + s.e))\n"
        "def build(): return M()\n"
    )
)
hf_llama = (
    HF
    + IDS % "input_ids"
    + LOGITS
    + f"def build(): return T.LlamaForCausalLM(T.LlamaConfig({LLAMA}, rms_norm_eps=1e-5, use_cache=False, rope_theta=10000.0))\n"
)
meta_llama = (HERE / "parity" / "llama" / "ref.py").read_text(encoding="utf-8")
hf_mistral = (
    HF
    + IDS % "input_ids"
    + LOGITS
    + f"def build(): return T.MistralForCausalLM(T.MistralConfig({LLAMA}, rms_norm_eps=1e-5, use_cache=False, rope_theta=10000.0, sliding_window=None))\n"
)
hf_gpt2 = (
    HF
    + IDS % "input_ids"
    + LOGITS
    + "def build(): return T.GPT2LMHeadModel(T.GPT2Config(vocab_size=89, n_positions=24, n_embd=32, n_layer=2, n_head=4, use_cache=False))\n"
)
our_gpt2 = (ROOT / "examples" / "ports" / "gpt2.py").read_text(encoding="utf-8")
nano_gpt = (HERE / "parity" / "gpt" / "ref.py").read_text(encoding="utf-8")
hf_nano = (
    HF
    + IDS % "input_ids"
    + LOGITS
    + "def build(): return T.GPT2LMHeadModel(T.GPT2Config(vocab_size=61, n_positions=16, n_embd=24, n_layer=2, n_head=3, use_cache=False))\n"
)
hf_neox = (
    HF
    + IDS % "input_ids"
    + LOGITS
    + (
        "def build(): return T.GPTNeoXForCausalLM(T.GPTNeoXConfig(vocab_size=53, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, "
        "intermediate_size=64, rotary_pct=0.5, max_position_embeddings=64, use_cache=False, hidden_act='gelu', layer_norm_eps=1e-5))\n"
    )
)
our_neox = HF + (
    "import torch.nn as nn, torch.nn.functional as F\n"
    "def rot(x):\n"
    "    a, r = x[..., :4], x[..., 4:]; t = torch.arange(x.shape[2]).float()[:, None] * (10000.0 ** -(torch.arange(0, 4, 2).float() / 4))[None]\n"
    "    c, s = torch.cat([t.cos()] * 2, -1), torch.cat([t.sin()] * 2, -1); h = torch.cat([-a[..., 2:], a[..., :2]], -1)\n"
    "    return torch.cat([a * c + h * s, r], -1)\n"
    "class B(nn.Module):\n"
    "    def __init__(s):\n"
    "        super().__init__(); s.n1, s.n2 = nn.LayerNorm(32), nn.LayerNorm(32); s.q, s.k, s.v, s.o = (nn.Linear(32, 32) for _ in range(4))\n"
    "        s.u, s.d = nn.Linear(32, 64), nn.Linear(64, 32)\n"
    "    def forward(s, x):\n"
    "        y = s.n1(x); q, k, v = (f(y).unflatten(-1, (4, 8)).transpose(1, 2) for f in (s.q, s.k, s.v))\n"
    "        a = F.scaled_dot_product_attention(rot(q), rot(k), v, is_causal=True).transpose(1, 2).flatten(2)\n"
    "        return x + s.o(a) + s.d(F.gelu(s.u(s.n2(x))))\n"
    "class M(nn.Module):\n"
    "    def __init__(s):\n"
    "        super().__init__(); s.e = nn.Embedding(53, 32); s.b = nn.Sequential(B(), B()); s.n = nn.LayerNorm(32); s.h = nn.Linear(32, 53, bias=False)\n"
    "    def forward(s, ids): return s.h(s.n(s.b(s.e(ids))))\n"
    "def build(): return M()\n"
)
hf_bert = (
    HF
    + IDS % "input_ids"
    + HIDDEN
    + (
        "def build(): return T.BertModel(T.BertConfig(vocab_size=53, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, "
        "max_position_embeddings=32), add_pooling_layer=False)\n"
    )
)
encoder = HF + (
    "import torch.nn as nn, torch.nn.functional as F\n"
    "class M(nn.Module):\n"
    "    def __init__(s):\n"
    "        super().__init__(); s.w, s.p, s.t = nn.Embedding(53, 32), nn.Embedding(32, 32), nn.Embedding(2, 32); s.n = nn.LayerNorm(32, 1e-12)\n"
    "        layer = nn.TransformerEncoderLayer(32, 4, 64, 0.1, F.gelu, 1e-12, batch_first=FIRST)\n"
    "        s.e = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)\n"
    "    def forward(s, ids):\n"
    "        x = s.n(s.w(ids) + s.t(torch.zeros_like(ids)) + s.p(torch.arange(ids.shape[1])))\n"
    "        return s.e(x) if FIRST else s.e(x.transpose(0, 1)).transpose(0, 1)\n"
    "def build(): return M()\n"
)
hf_distil = (
    HF
    + IDS % "input_ids"
    + HIDDEN
    + "def build(): return T.DistilBertModel(T.DistilBertConfig(vocab_size=53, dim=32, n_layers=2, n_heads=4, hidden_dim=64, max_position_embeddings=32))\n"
)
distil_encoder = encoder.replace(
    "s.w, s.p, s.t = nn.Embedding(53, 32), nn.Embedding(32, 32), nn.Embedding(2, 32)",
    "s.w, s.p = nn.Embedding(53, 32), nn.Embedding(32, 32)",
).replace(" + s.t(torch.zeros_like(ids))", "")
timm_resnet = (
    TIMM + IMAGE + "def build(): return timm.models.resnet.ResNet(timm.models.resnet.%s, [1, 1, 1, 1], num_classes=7)\n"
)
hf_resnet = (
    HF
    + IMAGE
    + LOGITS
    + "def build(): return T.ResNetForImageClassification(T.ResNetConfig(embedding_size=64, hidden_sizes=%s, depths=[1, 1, 1, 1], layer_type='%s', num_labels=7, downsample_in_first_stage=%s))\n"
)
timm_convnext = (
    TIMM
    + IMAGE
    + "def build(): return timm.models.convnext.ConvNeXt(depths=(1, 1, 1, 1), dims=(8, 16, 24, 32), num_classes=7, conv_mlp=%s)\n"
)
hf_convnext = (
    HF
    + IMAGE
    + LOGITS
    + "def build(): return T.ConvNextForImageClassification(T.ConvNextConfig(depths=[1, 1, 1, 1], hidden_sizes=[8, 16, 24, 32], num_labels=7%s))\n"
)
hf_clip = (
    HF
    + IMAGE
    + (
        "def output(r): return r.pooler_output\n"
        "def build(): return T.CLIPVisionModel(T.CLIPVisionConfig(hidden_size=48, intermediate_size=192, num_hidden_layers=2, num_attention_heads=4, image_size=32, patch_size=8))\n"
    )
)
timm_clip = (
    TIMM
    + IMAGE
    + (
        "from timm.models.vision_transformer import VisionTransformer as V\n"
        "from timm.layers import QuickGELU\n"
        "import torch.nn as nn, functools\n"
        "def build(): return V(img_size=32, patch_size=8, embed_dim=48, depth=2, num_heads=4, num_classes=0, pre_norm=True, act_layer=QuickGELU, norm_layer=functools.partial(nn.LayerNorm, eps=1e-5))\n"
    )
)
hf_dino = (
    HF
    + IMAGE
    + HIDDEN
    + "def build(): return T.Dinov2Model(T.Dinov2Config(image_size=32, patch_size=8, hidden_size=48, num_hidden_layers=2, num_attention_heads=4, mlp_ratio=2))\n"
)
timm_dino = timm_vit.replace("num_classes=0", "num_classes=0, init_values=1.0")
hf_t5 = (
    HF
    + "def inputs(case): return {'input_ids': torch.randint(0, 50, (2, 9))}\n"
    + HIDDEN
    + "def build(): return T.T5EncoderModel(T.T5Config(vocab_size=53, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, feed_forward_proj='relu'))\n"
)
our_t5 = HF + (
    "import math, torch.nn as nn\n"
    "class N(nn.Module):\n"
    "    def __init__(s): super().__init__(); s.g = nn.Parameter(torch.ones(32))\n"
    "    def forward(s, x): return x / (x.square().mean(-1, True) + 1e-6).sqrt() * s.g\n"
    "def bucket(T):\n"
    "    d = torch.arange(T)[None] - torch.arange(T)[:, None]; b = (d > 0) * 16; a = d.abs()\n"
    "    far = (8 + (torch.log(a.clamp(min=1) / 8) / math.log(128 / 8) * 8).long()).clamp(max=15); return b + torch.where(a < 8, a, far)\n"
    "class B(nn.Module):\n"
    "    def __init__(s):\n"
    "        super().__init__(); s.a, s.b = N(), N(); s.qkv, s.o = nn.Linear(32, 96, bias=False), nn.Linear(32, 32, bias=False)\n"
    "        s.u, s.d = nn.Linear(32, 64, bias=False), nn.Linear(64, 32, bias=False)\n"
    "    def forward(s, x, bias):\n"
    "        q, k, v = s.qkv(s.a(x)).unflatten(-1, (3, 4, 8)).permute(2, 0, 3, 1, 4)\n"
    "        w = (q @ k.mT + bias).softmax(-1); x = x + s.o((w @ v).transpose(1, 2).flatten(2)); return x + s.d(s.u(s.b(x)).relu())\n"
    "class M(nn.Module):\n"
    "    def __init__(s): super().__init__(); s.e = nn.Embedding(53, 32); s.p = nn.Embedding(32, 4); s.b = nn.ModuleList([B(), B()]); s.n = N()\n"
    "    def forward(s, ids):\n"
    "        bias = s.p(bucket(ids.shape[1])).permute(2, 0, 1)[None]; x = s.e(ids)\n"
    "        for b in s.b: x = b(x, bias)\n"
    "        return s.n(x)\n"
    "def build(): return M()\n"
)
flax_model = (ROOT / "examples" / "ports" / "flax_reference.py").read_text(encoding="utf-8")
flax_port = (ROOT / "examples" / "ports" / "flax_port.py").read_text(encoding="utf-8")
flip = flax_port + "\nimport numpy\ndef inputs(case): return {'tokens': torch.randint(0, 31, (2, 9))}\n"

timm_bottleneck = (
    TIMM
    + IMAGE
    + "def build(): return timm.models.resnet.ResNet(timm.models.resnet.Bottleneck, [2, 1, 1, 1], channels=(8, 16, 24, 32), num_classes=7)\n"
)
hf_bottleneck = (
    HF
    + IMAGE
    + LOGITS
    + "def build(): return T.ResNetForImageClassification(T.ResNetConfig(embedding_size=64, hidden_sizes=[32, 64, 96, 128], depths=[2, 1, 1, 1], layer_type='bottleneck', num_labels=7))\n"
)
NOISE = (
    "import torch, torch.nn as nn, torch.nn.functional as F\n"
    "def inputs(case): return {'x': torch.randn(2, 16, 8, 8), 't': torch.randn(2, 24)}\n"
)
diffusers_block = NOISE + (
    "from diffusers.models.resnet import ResnetBlock2D, Downsample2D, Upsample2D\n"
    "from diffusers.models.attention_processor import Attention\n"
    "class M(nn.Module):\n"
    "    def __init__(s):\n"
    "        super().__init__(); s.r = ResnetBlock2D(in_channels=16, out_channels=32, temb_channels=24, groups=8, eps=1e-6)\n"
    "        s.a = Attention(32, heads=4, dim_head=8, norm_num_groups=8, residual_connection=True, bias=True, eps=1e-6)\n"
    "        s.d = Downsample2D(32, use_conv=True, out_channels=32); s.m = ResnetBlock2D(in_channels=32, out_channels=32, temb_channels=24, groups=8, eps=1e-6)\n"
    "        s.u = Upsample2D(32, use_conv=True, out_channels=32); s.e = ResnetBlock2D(in_channels=64, out_channels=16, temb_channels=24, groups=8, eps=1e-6)\n"
    "    def forward(s, x, t):\n"
    "        h = s.a(s.r(x, t)); return s.e(torch.cat([s.u(s.m(s.d(h), t)), h], 1), t)\n"
    "def build(): return M()\n"
)
our_block = NOISE + (
    "class R(nn.Module):\n"
    "    def __init__(s, i, o):\n"
    "        super().__init__(); s.n, s.k = nn.GroupNorm(8, i, 1e-6), nn.GroupNorm(8, o, 1e-6); s.e = nn.Linear(24, o)\n"
    "        s.f, s.g = nn.Conv2d(i, o, 3, padding=1), nn.Conv2d(o, o, 3, padding=1); s.s = nn.Conv2d(i, o, 1) if i != o else nn.Identity()\n"
    "    def forward(s, x, t):\n"
    "        h = s.f(F.silu(s.n(x))) + s.e(F.silu(t))[:, :, None, None]; return s.s(x) + s.g(F.silu(s.k(h)))\n"
    "class A(nn.Module):\n"
    "    def __init__(s):\n"
    "        super().__init__(); s.n = nn.GroupNorm(8, 32, 1e-6); s.qkv = nn.Conv2d(32, 96, 1); s.o = nn.Conv2d(32, 32, 1)\n"
    "    def forward(s, x):\n"
    "        B, C, H, W = x.shape; q, k, v = s.qkv(s.n(x)).view(B, 3, 4, 8, H * W).unbind(1)\n"
    "        w = torch.einsum('bhct,bhcs->bhts', q, k).div(8**0.5).softmax(-1); y = torch.einsum('bhts,bhcs->bhct', w, v)\n"
    "        return x + s.o(y.reshape(B, C, H, W))\n"
    "class M(nn.Module):\n"
    "    def __init__(s):\n"
    "        super().__init__(); s.a, s.b, s.c, s.d = R(16, 32), A(), nn.Conv2d(32, 32, 3, 2, 1), R(32, 32); s.u, s.e = nn.Conv2d(32, 32, 3, 1, 1), R(64, 16)\n"
    "    def forward(s, x, t):\n"
    "        h = s.b(s.a(x, t)); y = s.u(F.interpolate(s.d(s.c(h), t), scale_factor=2.0)); return s.e(torch.cat([y, h], 1), t)\n"
    "def build(): return M()\n"
)

TORCHVISION = TIMM.replace("import timm, torch", "import torch, torchvision")
tv_vit = (
    TORCHVISION
    + IMAGE
    + "def build(): return torchvision.models.VisionTransformer(image_size=32, patch_size=8, num_layers=2, num_heads=4, hidden_dim=48, mlp_dim=96, num_classes=7)\n"
)
timm_vit_head = timm_vit.replace("num_classes=0, global_pool=''", "num_classes=7")
hf_vit_head = (
    HF
    + IMAGE
    + LOGITS
    + f"def build():\n    return T.ViTForImageClassification(T.ViTConfig({VIT}, layer_norm_eps=1e-6, num_labels=7))\n"
)
tv_resnet = (
    TORCHVISION
    + IMAGE
    + "def build(): return torchvision.models.ResNet(torchvision.models.resnet.%s, [1, 1, 1, 1], num_classes=7)\n"
)
tv_bottleneck = (tv_resnet % "Bottleneck").replace("num_classes=7", "num_classes=7, width_per_group=8")
timm_narrow = (timm_resnet % "Bottleneck").replace("num_classes=7", "num_classes=7, base_width=8")
tv_convnext = (
    TORCHVISION
    + IMAGE
    + (
        "from torchvision.models.convnext import ConvNeXt, CNBlockConfig as C\n"
        "def build(): return ConvNeXt([C(8, 16, 1), C(16, 24, 1), C(24, 32, 1), C(32, None, 1)], num_classes=7)\n"
    )
)
timm_beit = (
    TIMM
    + IMAGE
    + (
        "from timm.models.beit import Beit\n"
        "def build(): return Beit(img_size=32, patch_size=8, embed_dim=48, depth=2, num_heads=4, mlp_ratio=2, qkv_bias=True, init_values=0.1, use_abs_pos_emb=False, use_rel_pos_bias=%s, num_classes=7)\n"
    )
)
hf_beit = (
    HF
    + IMAGE
    + LOGITS
    + (
        "def build(): return T.BeitForImageClassification(T.BeitConfig(image_size=32, patch_size=8, hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=96, "
        "layer_norm_eps=1e-6, use_relative_position_bias=%s, use_absolute_position_embeddings=False, use_mean_pooling=True, layer_scale_init_value=0.1, num_labels=7))\n"
    )
)

PAIRS = {
    "hf gpt2 -> ours": (hf_gpt2, our_gpt2),
    "nanogpt-style -> hf gpt2": (nano_gpt, hf_nano),
    "timm vit -> hf vit": (timm_vit, hf_vit),
    "hf vit -> timm vit": (hf_vit, timm_vit),
    "timm vit -> nn.TransformerEncoder": (timm_vit, plain_vit),
    "meta llama -> hf llama": (meta_llama.replace('cases = ["default", "long"]', 'cases = ["default"]'), hf_llama),
    "hf llama -> meta llama": (hf_llama, meta_llama),
    "hf llama -> hf mistral": (hf_llama, hf_mistral),
    "hf neox -> separate": (hf_neox, our_neox),
    "hf bert -> nn.TransformerEncoder": (hf_bert, encoder.replace("FIRST", "True")),
    "hf bert -> nn.TransformerEncoder, time first": (hf_bert, encoder.replace("FIRST", "False")),
    "hf distilbert -> nn.TransformerEncoder": (hf_distil, distil_encoder.replace("FIRST", "True")),
    "timm resnet basic -> hf": (timm_resnet % "BasicBlock", hf_resnet % ([64, 128, 256, 512], "basic", False)),
    "timm resnet bottleneck -> hf": (timm_bottleneck, hf_bottleneck),
    "hf resnet bottleneck -> timm": (hf_bottleneck, timm_bottleneck),
    "diffusers unet block -> ours, fused": (diffusers_block, our_block),
    "ours, fused -> diffusers unet block": (our_block, diffusers_block),
    "timm convnext conv -> linear": (timm_convnext % True, timm_convnext % False),
    "timm convnext -> hf": (timm_convnext % False, hf_convnext % ", layer_norm_eps=1e-6"),
    "hf clip vision -> timm": (hf_clip, timm_clip),
    "timm dinov2 -> hf": (timm_dino, hf_dino),
    "hf t5 encoder -> ours, fused": (hf_t5, our_t5),
    "torchvision vit -> timm": (tv_vit, timm_vit_head),
    "timm vit -> torchvision": (timm_vit_head, tv_vit),
    "torchvision vit -> hf": (tv_vit, hf_vit_head),
    "torchvision resnet basic -> timm": (tv_resnet % "BasicBlock", timm_resnet % "BasicBlock"),
    "torchvision resnet bottleneck -> timm": (tv_bottleneck, timm_narrow),
    "timm resnet bottleneck -> torchvision": (timm_narrow, tv_bottleneck),
    "torchvision convnext -> timm": (tv_convnext, timm_convnext % False),
    "timm beit, biases joined -> hf": (timm_beit % False, hf_beit % False),
    "hf beit -> timm, biases joined": (hf_beit % False, timm_beit % False),
    "flax -> torch": (flax_model, flax_port),
    "torch -> flax": (flip, flax_model),
}  # fmt: skip


def compared(name: str, left: str, right: str) -> str:
    """One pair; both sides in this process, which ends afterwards."""
    from reproof.parity.child.judge import check

    with tempfile.TemporaryDirectory() as folder:
        specs = []
        for side, text in (("reference", left), ("port", right)):
            path = Path(folder) / f"{side}.py"
            path.write_text(text, encoding="utf-8")
            framework = "jax" if 'framework = "jax"' in text else "torch"
            specs.append({"file": str(path), "framework": framework, "together": True})
        started = time.perf_counter()
        found = check({"reference": specs[0], "port": specs[1], "only": ["map", "forward"], "keep_going": True})
    if "error" in found:
        return f"{name:45} error {found['error']['slug']}: {found['error']['text'][:200]} {found['error']['line']}"
    rungs = {each["id"]: each for each in found["rungs"]}
    forward = rungs["forward"]
    whole = found["map"]["complete"] and rungs["map"]["status"] == "pass"
    line = (forward.get("first_divergence") or {}) if forward["status"] == "fail" else {}
    took = time.perf_counter() - started
    rows = [f"{name:45} {'complete' if whole else 'NOT':9} runs {found['map']['runs']:3} forward {forward.get('observed', 1):.1e} "
            f"{took:5.1f} s {'' if whole else rungs['map']['says']} {line.get('reference') or ''} {line.get('port') or ''}"]  # fmt: skip
    rows += [
        f"     {each['what']} {each['reference_line']} {each['port_line']}"
        for each in rungs["map"].get("findings", [])[:6]
    ]
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="*")
    given = parser.parse_args()
    sys.path.insert(0, str(HERE / "parity"))
    import standin

    standin.install()
    import timm
    import torch
    import transformers

    torch.set_num_threads(1)
    good = 0
    chosen = {
        name: both for name, both in PAIRS.items() if both[1] and (not given.name or any(w in name for w in given.name))
    }
    for name, (left, right) in chosen.items():
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            try:
                said = compared(name, left, right)
            except BaseException as problem:  # a pair that breaks must not end the sweep
                said = f"{name:45} broken {problem!r}"
            with os.fdopen(write, "w") as out:
                out.write(said)
            os._exit(0)
        os.close(write)
        with os.fdopen(read) as back:
            said = back.read()
        os.waitpid(pid, 0)
        print(said, flush=True)
        good += " complete " in said
    print(f"{good} of {len(chosen)} pairs complete and verified on fresh draws")


if __name__ == "__main__":
    main()
