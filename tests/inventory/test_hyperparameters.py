"""Every way in which repositories write a hyperparameter down, with the line it stands in."""

import json

import pytest

from reproof.inventory.notebook import code_of
from reproof.inventory.python import hyperparameters
from reproof.inventory.shell import overrides
from reproof.inventory.texts import settings
from reproof.inventory.weaker import by_lines
from reproof.syntax import parsed


def python(text):
    return {(i.kind, i.name, i.line): (i.text or i.value) for i in hyperparameters(parsed(text.encode()), "f.py")}


PYTHON = {
    "argparse": ('p.add_argument("--lr", type=float, default=3e-4)\n', ("argparse", "lr", 1), 3e-4),
    "argparse, longest flag": (
        'p.add_argument("-b", "--batch-size", default=2 * 8)\n',
        ("argparse", "batch_size", 1),
        16,
    ),
    "argparse switch": ('p.add_argument("--amp", action="store_true")\n', ("argparse", "amp", 1), False),
    "argparse, computed": ('p.add_argument("--out", default=where())\n', ("argparse", "out", 1), "where()"),
    "set_defaults": ("p.set_defaults(wd=0.1)\n", ("argparse", "wd", 1), 0.1),
    "click": ('import click\n@click.option("--steps", default=5)\ndef f(steps): ...\n', ("click", "steps", 2), 5),
    "typer": ("import typer\ndef f(\n    lr: float = typer.Option(0.1),\n): ...\n", ("typer", "lr", 3), 0.1),
    "absl": ('flags.DEFINE_float("lr", 0.5, "rate")\n', ("absl", "lr", 1), 0.5),
    "dataclass": ("@dataclass\nclass A:\n    lr: float = 0.1\n", ("dataclass", "lr", 3), 0.1),
    "field": (
        "@dataclass\nclass A:\n    b: list = field(default_factory=lambda: [1, 2])\n",
        ("dataclass", "b", 3),
        [1, 2],
    ),
    "pydantic": ("class A(BaseModel):\n    lr: float = Field(0.2, gt=0)\n", ("dataclass", "lr", 2), 0.2),
    "attrs": ("@attr.s\nclass A:\n    lr = attr.ib(default=0.3)\n", ("dataclass", "lr", 3), 0.3),
    "NamedTuple": ("class A(NamedTuple):\n    n: int = 4\n", ("dataclass", "n", 2), 4),
    "required field": ("class TrainConfig:\n    n: int\n", ("dataclass", "n", 2), None),
    "default": ("def f(x, eps=1e-6): ...\n", ("default", "f(eps)", 1), 1e-6),
    "keyword default": ("def f(*, p=0.1): ...\n", ("default", "f(p)", 1), 0.1),
    "default, computed": ("def f(std=np.sqrt(2)): ...\n", ("default", "f(std)", 1), "np.sqrt(2)"),
    "module constant": ("LR = 2 ** -10\n", ("module constant", "LR", 1), 2**-10),
    "constant used": ("LR = 0.5\ndef f(lr=LR): ...\n", ("default", "f(lr)", 2), 0.5),
    "unpacked": ("A, B = 3, 4\n", ("module constant", "B", 1), 4),
    "config dict": ("config = {'opt': {'lr': 0.1}}\n", ("config", "config.opt.lr", 1), 0.1),
    "config call": ("cfg = ConfigDict(dict(lr=0.1))\n", ("config", "cfg.lr", 1), 0.1),
    "ml_collections": ("config.model.width = 64\n", ("config", "config.model.width", 1), 64),
    "sacred": ("@ex.config\ndef cfg():\n    lr = 0.1\n", ("sacred", "lr", 3), 0.1),
    "hydra-zen": ("C = builds(Net, width=8)\n", ("hydra-zen", "Net.width", 1), 8),
    "layer": (
        "class N(Module):\n    def __init__(self):\n        self.d = nn.Dropout(0.1)\n",
        ("literal", "nn.Dropout[0]", 3),
        0.1,
    ),
    "optimizer": ("o = torch.optim.Adam(p, eps=1e-5)\n", ("literal", "torch.optim.Adam.eps", 1), 1e-5),
    "betas": ("o = AdamW(p, betas=(0.9, 0.95))\n", ("literal", "AdamW.betas", 1), [0.9, 0.95]),
    "initialiser": (
        "def f(m):\n    nn.init.normal_(m.weight, std=0.02)\n",
        ("literal", "nn.init.normal_.std", 2),
        0.02,
    ),
    "augmentation": ("t = RandomCrop(32, padding=4)\n", ("literal", "RandomCrop.padding", 1), 4),
    "attribute": ("def f(self):\n    self.gamma = 0.99\n", ("attribute", "self.gamma", 2), 0.99),
    "local": ("def f():\n    keep = 0.9\n", ("local constant", "keep", 2), 0.9),
    "formula": ("def f(x):\n    return x / 255.0\n", ("inline constant", "x / 255.0", 2), 255.0),
    "threshold": ("def f(x):\n    if x > 0.5: pass\n", ("inline constant", "x > 0.5", 2), 0.5),
    "get": ('def f(c):\n    return c.get("lr", 1e-3)\n', ("fallback", "c.get.lr", 2), 1e-3),
    "pop": ('def f(c):\n    v = c.pop("video", False)\n', ("fallback", "c.pop.video", 2), False),
    "setdefault": ('def f(c):\n    c.setdefault("mode", "fast")\n', ("fallback", "c.setdefault.mode", 2), "fast"),
    "getattr": ('def f(c):\n    return getattr(c, "p", 0.1)\n', ("fallback", "c.getattr.p", 2), 0.1),
    "get infinity": (
        'import torch\ndef f(c):\n    return c.get("steps", torch.inf)\n',
        ("fallback", "c.get.steps", 3),
        "inf",
    ),
    "environment": ('import os\nN = os.environ.get("N", "4")\n', ("fallback", "os.environ.get.N", 2), "4"),
    "if None": ("def f(k=None):\n    if k is None:\n        k = 1\n", ("local constant", "k", 3), 1),
    "or a text": ("def f(a):\n    b = a or 'max'\n", ("fallback", "a", 2), "max"),
    "else one": ("def f(c):\n    n = c['n'] if 'n' in c else 1\n", ("fallback", "n", 2), 1),
    "one of several texts": ("def f(c):\n    m = 'RGB'\n    if c:\n        m = 'L'\n", ("local constant", "m", 4), "L"),
    "option without a value": (
        'p.add_argument("--amp", nargs="?", const=True, default=False)\n',
        ("argparse", "amp.const", 1),
        True,
    ),
    "click without a value": (
        'import click\n@click.option("--v", flag_value=50, default=0)\ndef f(v): ...\n',
        ("click", "v.flag_value", 2),
        50,
    ),
    "absl by keywords": ('flags.DEFINE_float(name="lr", default=0.5, help="")\n', ("absl", "lr", 1), 0.5),
    "parameter group": ("def f(p):\n    return [{'params': p, 'lr': 0.3}]\n", ("config", "lr", 2), 0.3),
    "rounds": ("def f():\n    for i in range(100): pass\n", ("inline constant", "range(100)", 2), 100),
    "biased": ("def f(x):\n    return x.var(unbiased=False)\n", ("literal", "x.var.unbiased", 2), False),
    "mode of a layer": ("def f(x):\n    return F.pad(x, (0, 1), 'reflect')\n", ("literal", "F.pad[2]", 2), "reflect"),
    "switch of a class": ("def f():\n    return Attention(False, 8)\n", ("call literal", "Attention[0]", 2), False),
    "typer, annotated": (
        "def f(lr: Annotated[float, typer.Option(help='')] = 0.1): ...\n",
        ("default", "f(lr)", 1),
        0.1,
    ),
    "infinity": ("MOST = float('inf')\n", ("module constant", "MOST", 1), "inf"),
}


@pytest.mark.parametrize(("text", "key", "value"), PYTHON.values(), ids=PYTHON)
def test_python_that_declares_a_value(text, key, value):
    found = python(text)
    assert key in found
    assert found[key] == value


@pytest.mark.parametrize(
    "text",
    [
        'def f(c):\n    return c.get("x")\n',
        'def f(c):\n    return c.get("x", None)\n',
        'def f(c):\n    return c.get("x", [])\n',
        "def f(a):\n    b = a or None\n",
        "def f(a):\n    b = a or []\n",
        "def f(c, x):\n    m = x if c else None\n",
        "def f(x):\n    name = 'a'\n",
        "def f(x):\n    for i in range(2): pass\n",
        "def f(x):\n    return rearrange(x, 'b c -> c b')\n",
        "def f(x):\n    return einsum('i j, j k', x)\n",
        "def f(x):\n    return {'loss': x}\n",
    ],
)
def test_an_absent_value_and_a_layout_are_no_settings(text):
    assert python(text) == {}


def test_what_shapes_nothing_is_not_listed():
    text = "def f(x):\n    i = 0\n    x = x.view(2, 3)\n    return x.sum(dim=1) + 1\n"
    assert python(text) == {}


def test_an_option_over_several_lines_says_where_its_default_ends():
    found = hyperparameters(parsed(b'p.add_argument(\n    "--lr",\n    default=0.1,\n)\n'), "f.py")
    assert [(i.name, i.line, i.last_line) for i in found] == [("lr", 1, 3)]


def test_arithmetic_that_would_not_end_is_text():
    item = next(i for i in hyperparameters(parsed(b"N = 9 ** 9 ** 9 ** 9\n"), "f.py") if i.name == "N")
    assert item.value is None
    assert item.text == "9 ** 9 ** 9 ** 9"


TEXTS = {
    "yaml": (".yaml", "a:\n  lr: 1e-3\n  betas: [0.9, 0.99]\n", [("a.lr", 1e-3, 2), ("a.betas", [0.9, 0.99], 3)]),
    "hydra": (
        ".yaml",
        "defaults:\n  - optim: adam\nlr: ${x.lr}\n",
        [("defaults.0.optim", "adam", 2), ("lr", "${x.lr}", 3)],
    ),
    "foreign tag": (".yaml", "x: !!python/object:os.system [ls]\ny: !env A\n", [("x", ["ls"], 1), ("y", "A", 2)]),
    "two documents": (".yml", "a: 1\n---\nb: off\n", [("a", 1, 1), ("b", "off", 3)]),
    "alias": (".yaml", "a: &x {n: 1}\nb: *x\n", [("a.n", 1, 1), ("b.n", 1, 1)]),
    "merge": (
        ".yaml",
        "b: &b {lr: 0.1, n: 2}\nc:\n  <<: *b\n  n: 3\n",
        [("b.lr", 0.1, 1), ("b.n", 2, 1), ("c.lr", 0.1, 1), ("c.n", 3, 4)],
    ),
    "jsonnet": (
        ".jsonnet",
        "local lr = 0.1;  // rate\n{\n  n: 2,\n  'mode': 'fast',\n  x: lr * 2,\n// m: 5,\n}\n",
        [("lr", 0.1, 1), ("n", 2, 3), ("mode", "fast", 4)],
    ),
    "json": (".json", '{\n "a": {"n": 3},\n "f": null\n}\n', [("a.n", 3, 2), ("f", None, 3)]),
    "json with tabs": (".json", '{\n\t"n": 3\n}\n', [("n", 3, 2)]),
    "toml": (
        ".toml",
        "[t]\nlr = 1e-3 # rate\nxs = [\n 1,\n 2,\n]\non = true\n",
        [("t.lr", 1e-3, 2), ("t.xs", [1, 2], 3), ("t.on", True, 7)],
    ),
    "ini": (".ini", "[t]\nlr = 0.1\n# no = 1\nname: x\n", [("t.lr", 0.1, 2), ("t.name", "x", 4)]),
    "gin": (".gin", "Net.width = 8\n", [("Net.width", 8, 1)]),
}


@pytest.mark.parametrize(("suffix", "text", "expected"), TEXTS.values(), ids=TEXTS)
def test_settings_files_keep_their_lines(suffix, text, expected):
    found, problem = settings(text, "f", suffix)
    assert problem == ""
    assert [(i.name, i.value, i.line) for i in found] == expected


@pytest.mark.parametrize(("suffix", "text"), [(".yaml", "a: [1\n"), (".json", "{"), (".yaml", "[" * 200 + "]" * 200)])
def test_settings_that_cannot_be_read_are_said(suffix, text):
    found, problem = settings(text, "f", suffix)
    assert found == []
    assert problem.startswith("not ")


def test_aliases_that_multiply_are_cut():
    bomb = "a: &a {x: 1, y: 2}\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} {{p: *{chr(97 + i)}, q: *{chr(97 + i)}, r: *{chr(97 + i)}}}\n"
        for i in range(18)
    )
    found, problem = settings(bomb, "f", ".yaml")
    assert len(found) == 20_000
    assert "only the first" in problem


SHELL = {
    "options": ("python train.py --lr 3e-4 --amp\n", [("lr", 3e-4, 1), ("amp", True, 1)]),
    "equals": ("torchrun --nproc=2 train.py --lr=0.1\n", [("nproc", 2, 1), ("lr", 0.1, 1)]),
    "continued": ("python t.py \\\n  --a 1 \\\n  --b 2 3\n", [("a", 1, 2), ("b", [2, 3], 3)]),
    "hydra": ("python t.py optim.lr=0.1 +x=true\n", [("optim.lr", 0.1, 1), ("x", True, 1)]),
    "variable": ("LR=0.1\n", [("LR", 0.1, 1)]),
    "environment": ("CUDA_VISIBLE_DEVICES=0 python t.py --n -1\n", [("n", -1, 1)]),
    "no run": ("pip install torch --upgrade\ncd x\n", []),
}


@pytest.mark.parametrize(("text", "expected"), SHELL.values(), ids=SHELL)
def test_command_lines_are_overrides(text, expected):
    assert [(i.name, i.value, i.line) for i in overrides(text, "run.sh", markdown=False)] == expected


def test_a_readme_counts_only_in_code_blocks_and_knows_the_packages_own_command():
    text = "Use --lr 9 as in python x.py --lr 9\n\n```bash\n$ mytrain --lr 0.1\n```\n"
    found = overrides(text, "README.md", markdown=True, commands=frozenset({"mytrain"}))
    assert [(i.name, i.value, i.line) for i in found] == [("lr", 0.1, 4)]


def test_notebook_lines_are_those_of_the_file():
    book = {
        "cells": [
            {"cell_type": "markdown", "source": ["lr = 9"]},
            {"cell_type": "code", "source": ["%time\n", "lr = 0.1\n", "!python t.py --n 3"]},
        ]
    }
    text = json.dumps(book, indent=1)
    python_text, shell, places = code_of(text)
    assert python_text.split("\n")[1] == "lr = 0.1"
    assert shell.split("\n")[2] == "python t.py --n 3"
    assert ["lr = 0.1" in text.split("\n")[line - 1] for line in places] == [False, True, False]


def test_a_file_that_does_not_parse_is_read_by_lines():
    found = by_lines("lr = 0.1\ndef f(:\nparser.add_argument('--wd', default=0.2)\n", "f.py")
    assert [(i.name, i.value, i.line) for i in found] == [("lr", 0.1, 1), ("wd", 0.2, 3)]


def test_python_2_is_read_and_said():
    source = parsed(b"import os\nprint 'a', 1\ntry:\n    f(0777, 1L)\nexcept E, e:\n    raise E, 'no'\nLR = 0.1\n")
    assert source.problem.startswith("Python 2")
    assert [(i.name, i.line) for i in hyperparameters(source, "f.py") if i.kind == "module constant"] == [("LR", 7)]
