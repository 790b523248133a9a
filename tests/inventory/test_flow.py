"""Core or engineering by what becomes of a value: returned, reported, checked; through imports, classes and callers."""

import pytest

from reproof.inventory.answers import read
from reproof.inventory.models import ReadRequest
from reproof.links import Use, links
from reproof.roles import file_role
from reproof.syntax import parsed, units_of

HEAD = "import json\nimport os\n\nimport torch\n\n\n"


def tags(tmp_path, files):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return {unit.id.rpartition("::")[2]: unit.tag for unit in read(ReadRequest(source=tmp_path)).units}


def uses(texts, file, name):
    files = {path: parsed(text.encode()) for path, text in texts.items()}
    found = links({path: (source, units_of(source.tree)) for path, source in files.items()})
    return found.of((file, name))


FLOWS = {
    "return g(x)": "value",
    "y = g(x)\n    return y": "value",
    "y = g(x)\n    z = y + 1\n    print(z)": "report",
    "self.log('n', g(x))": "report",
    "for y in g(x):\n        print(y)": "report",
    "y = g(x)\n    print(y)\n    return y": "value",
    "if g(x):\n        raise ValueError('no')": "check",
    "if g(x):\n        raise ValueError('no')\n    else:\n        x += 1": "value",
    "assert g(x)": "check",
    "g(x)": "value",
}


@pytest.mark.parametrize(("body", "how"), FLOWS.items(), ids=FLOWS)
def test_what_becomes_of_a_value_is_followed_through_locals(body, how):
    text = f"def g(x): ...\n\n\ndef f(self, x):\n    {body}\n"
    assert {use.how for use in uses({"a.py": text}, "a.py", "g")} == {how}


def test_an_annotation_and_a_local_of_the_same_name_are_no_use_of_the_value():
    text = "def g(x): ...\n\n\ndef f(x: g(1)): ...\n\n\ndef h(g):\n    return g\n"
    assert uses({"a.py": text}, "a.py", "g") == [Use(("a.py", "f"), "type")]


def test_names_are_followed_through_the_init_files_that_hand_them_on():
    texts = {
        "pkg/__init__.py": "from .deep import g\n",
        "pkg/deep/__init__.py": "from .one import g\n",
        "pkg/deep/one.py": "def g(x): ...\n",
        "pkg/two.py": "def g(x): ...\n",
        "run.py": "from pkg import g\nimport pkg.two as two\n\n\ndef f(x):\n    return g(x), two.g(x)\n",
    }
    assert uses(texts, "pkg/deep/one.py", "g") == uses(texts, "pkg/two.py", "g") == [Use(("run.py", "f"), "value")]


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("pkg/net.py", "from . import tools"),
        ("pkg/net.py", "from .tools import g"),
        ("pkg/sub/net.py", "from .. import tools"),
        ("pkg/sub/net.py", "from ..tools import g"),
        ("run.py", "from pkg import tools"),
        ("run.py", "import pkg.tools as tools"),
    ],
)
def test_every_form_of_import_leads_to_the_unit(file, line):
    called = "tools.g" if line.endswith("tools") else "g"
    texts = {
        "pkg/tools.py": "def g(x): ...\n",
        "pkg/__init__.py": "",
        file: f"{line}\n\n\ndef f(x):\n    return {called}(x)\n",
    }
    assert uses(texts, "pkg/tools.py", "g") == [Use((file, "f"), "value")]


def test_a_method_of_another_library_is_no_use_of_ours():
    text = (
        "import subprocess\n\n\nclass A:\n    def run(self): ...\n\n\ndef f(a):\n    subprocess.run('x')\n    a.run()\n"
    )
    assert uses({"a.py": text}, "a.py", "A.run") == [Use(("a.py", "f"), "value", None, False)]


def test_a_namesake_in_another_file_is_not_what_core_code_uses(tmp_path):
    files = {
        "a.py": HEAD + "from b import pick, told\n\n\ndef f(x):\n    print(told(x))\n    return torch.exp(pick(x))\n",
        "b.py": "def pick(x):\n    return x[0]\n\n\ndef told(x):\n    return x[1]\n",
        "c.py": "def pick(d):\n    return d['x']\n",
    }
    tags(tmp_path, files)
    found = {unit.id: unit.tag for unit in read(ReadRequest(source=tmp_path)).units}
    assert (found["b.py::pick"], found["c.py::pick"]) == ("core", "engineering")
    assert found["b.py::told"] == "engineering"  # reported, though by core code


def test_what_hands_on_the_value_of_core_code_is_core_and_what_prints_it_is_not(tmp_path):
    text = HEAD + (
        "def one(x):\n    return torch.exp(x)\n\n\ndef handed(x):\n    y = one(x)\n    return y\n\n\n"
        "def told(x):\n    print(one(x))\n    return 0\n"
    )
    found = tags(tmp_path, {"code.py": text})
    assert (found["handed"], found["told"]) == ("core", "engineering")


NET = (
    "class Net(torch.nn.Module):\n    def forward(self, x):\n        return x * self.{used}\n\n"
    "    def describe(self):\n        return {{'n': self.n}}\n\n"
    "    def save(self, path):\n        json.dump(self.describe(), open(path, 'w'))\n\n"
    "    def note(self, path):\n        self.paths.append(path)\n\n"
    "    def report(self):\n        print(self.paths)\n"
)


def test_methods_whose_value_or_state_reaches_only_files_and_logs_are_engineering(tmp_path):
    found = tags(tmp_path, {"code.py": HEAD + NET.format(used="scale")})
    assert (found["Net.describe"], found["Net.note"], found["Net.forward"]) == ("engineering", "engineering", "core")


def test_the_same_methods_are_core_when_the_computation_takes_them(tmp_path):
    text = NET.format(used="describe()['n'] + len(self.paths)")
    found = tags(tmp_path, {"code.py": HEAD + text})
    assert (found["Net.describe"], found["Net.note"]) == ("core", "core")


BODIES = {
    "fetch": ("import requests\n\n\ndef fetch(url, to):\n    with open(to + '_part', 'wb') as f:\n"
              "        f.write(requests.get(url))\n    os.rename(to + '_part', to)\n", "engineering"),
    "resolved": ("import importlib\n\n\ndef resolved(name):\n    a, b = name.split(':')\n"
                 "    return getattr(importlib.import_module(a), b)\n", "engineering"),
    "moved": ("def moved(net, device):\n    net.to(device)\n", "engineering"),
    "frozen": ("def frozen(net):\n    for p in net.parameters():\n        p.requires_grad = False\n", "core"),
    "quiet_mode": ("def quiet_mode(nets):\n    for net in nets:\n        net.eval()\n", "core"),
    "watched": ("def watched(profiler):\n    profiler.step()\n", "engineering"),
    "go": ("def go(trainer, n):\n    for i in range(n):\n        print(trainer.train_step(i))\n", "core"),
    "gain": ("def gain(a, b):\n    return (a * b) / (a ** b)\n", "core"),
    "below": ("def below(root_dir, name):\n    return (root_dir / name) / (root_dir / 'x')\n", "engineering"),
    "share": ("def share(a, b):\n    return a / b\n", "engineering"),
    "log": ("def log(t, eps=1e-20):\n    return torch.log(t.clamp(min=eps))\n", "core"),
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
def test_the_body_decides_before_the_name(name, tmp_path):
    text, tag = BODIES[name]
    assert tags(tmp_path, {"pkg/code.py": HEAD + text})[name] == tag


def test_a_clear_that_resets_a_metric_is_core_and_names_of_metrics_are_not(tmp_path):
    text = HEAD + (
        "class Accuracy:\n    def compute(self):\n        return torch.mean(self.hits)\n\n"
        "    def clear(self):\n        self.hits = []\n\n"
        "    def _metric_names(self):\n        self.names = [f'acc@{k}' for k in (1,)]\n        self.name = f'{self}'\n"
    )
    found = tags(tmp_path, {"pkg/code.py": text.replace("[f'acc@{k}' for k in (1,)]", "[f'acc@{self}']")})
    assert (found["Accuracy.clear"], found["Accuracy._metric_names"]) == ("core", "engineering")


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("imagen_pytorch/common.py", "engineering"),  # `imagen` holds `image`
        ("src/open_diffusion/common.py", "engineering"),
        ("models/common.py", "model"),  # a folder of a checkout, not a package's name
        ("imagen_pytorch/models/common.py", "model"),
    ],
)
def test_the_name_of_the_package_says_nothing_of_its_files(path, role):
    assert file_role(path) == role


def test_lines_of_a_core_unit_that_only_report_or_check_are_named(tmp_path):
    text = (
        "import torch\n\n\ndef f(x):\n    assert x.ndim\n    if x.size:\n        print(x)\n    y = torch.exp(x)\n"
        "    print(y)\n    return y\n\n\n"
        "class A(torch.nn.Module):\n    def forward(self):\n        raise NotImplementedError\n"
    )
    (tmp_path / "code.py").write_text(text)
    found = {unit.id: unit.idle for unit in read(ReadRequest(source=tmp_path)).units}
    assert found["code.py::f"] == "5-7, 9"
    assert found["code.py::A.forward"] == ""


@pytest.mark.parametrize(("helpers", "role"), [(2, "model"), (3, "engineering")])
def test_one_module_among_many_helpers_makes_no_file_of_a_model(helpers, role):
    text = "class A(nn.Module): ...\n" + "".join(f"def f{i}(): ...\n" for i in range(helpers))
    assert file_role("pkg/common.py", parsed(text.encode())) == role


def test_the_options_of_a_class_are_no_hyperparameters_of_their_own(tmp_path):
    found = tags(tmp_path, {"pkg/code.py": "class A(BaseModel):\n    class Config:\n        extra = 'allow'\n"})
    assert found["A.Config"] == "engineering"


def test_what_a_loader_takes_and_hands_on_is_not_lost_in_it(tmp_path):
    text = HEAD + (
        "class Net(torch.nn.Module):\n    def built(self, kind):\n        return kind()\n\n"
        "    def {user}(self, path):\n        net = self.built(path)\n        return net\n"
    )
    found = tags(tmp_path, {"code.py": text.format(user="from_pretrained")})
    assert (found["Net.built"], found["Net.from_pretrained"]) == ("core", "engineering")
    assert tags(tmp_path, {"code.py": text.format(user="dump_all")})["Net.built"] == "engineering"


@pytest.mark.parametrize(("name", "tag"), [("get_log_std", "core"), ("get_log_dir", "engineering")])
def test_a_logarithm_is_no_log(name, tag, tmp_path):
    text = HEAD + f"class Net(torch.nn.Module):\n    def {name}(self):\n        return self.x\n"
    assert tags(tmp_path, {"code.py": text})[f"Net.{name}"] == tag


def test_a_method_that_writes_statistics_to_a_log_is_engineering_and_one_that_writes_to_memory_is_not(tmp_path):
    text = HEAD + (
        "class Agent(torch.nn.Module):\n"
        "    def write_stats(self, k, v):\n        self.writer.add_scalar(k, torch.mean(v))\n\n"
        "    def write_step(self, k, v):\n        self.memory[k] = torch.mean(v)\n"
    )
    found = tags(tmp_path, {"code.py": text})
    assert (found["Agent.write_stats"], found["Agent.write_step"]) == ("engineering", "core")


def test_core_code_makes_a_list_of_files_core_and_not_a_name_that_is_resolved_by_importing(tmp_path):
    text = HEAD + (
        "import importlib\n\n\ndef named(name):\n    return getattr(importlib.import_module(name), 'f')\n\n\n"
        "def listed(folder):\n    return os.listdir(folder)\n\n\n"
        "def f(x):\n    return torch.exp(named('a')(x)) + len(listed(x))\n"
    )
    found = tags(tmp_path, {"pkg/code.py": text})
    assert (found["named"], found["listed"]) == ("engineering", "core")
