"""Core or engineering: what the body shows weighs more than the name, and what is used across files is followed."""

import pytest

from reproof.inventory.answers import read
from reproof.inventory.models import ReadRequest
from reproof.roles import file_role

HEAD = "import json\nimport math\nimport os\n\nimport numpy as np\nimport torch\n\n\n"
CORE = {
    "log_mel_spectrogram": "def log_mel_spectrogram(x):\n    return torch.clamp(x, min=1e-10).log10()\n",
    "load_audio": "def load_audio(file):\n    return np.fromfile(file, np.int16) / 32768.0\n",
    "load_config": "def load_config(file):\n    return {'lr': 0.1, 'wd': 0.01, 'steps': 10, **json.load(open(file))}\n",
    "defaults_of": "def defaults_of(name):\n    return {'lr': 5e-4, 'beta': 0.9, 'eps': 1e-8}\n",
    "averaged": "def averaged(old, new):\n    for a, b in zip(old, new):\n        assert a.shape == b.shape\n"
                "        a.mul_(0.9)\n",
    "angle": "def angle(x):\n    return math.sin(x) / 3\n",
    "make_model": "def make_model(config):\n    return config['class'](config)\n",
    "EarlyStopping": "class EarlyStopping(Callback):\n    def on_epoch_end(self, logs):\n        self.stop = True\n",
}  # fmt: skip
ENGINEERING = {
    "log_metrics": "def log_metrics(run, values):\n    run.log({'mean': np.mean(values)})\n",
    "verify": "def verify(x, n):\n    if len(x) != n:\n        raise ValueError('length')\n    return x\n",
    "checked": "def checked(groups):\n    flat = []\n    for g in groups:\n        flat.extend(g)\n"
               "    assert np.unique(flat).size == len(flat)\n",
    "is_wandb_available": "def is_wandb_available():\n    return find_spec('wandb') is not None\n",
    "format_time": "def format_time(s):\n    return f'{s:.1f} s'\n",
    "define_device": "def define_device(name):\n    return 'cuda' if torch.cuda.is_available() else name\n",
    "Encoder": "class Encoder(json.JSONEncoder):\n    def default(self, o):\n        return o.tolist()\n",
    "logger": "logger = logging.getLogger(__name__)\n",
}  # fmt: skip


def tags(tmp_path, files):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return {unit.id: unit.tag for unit in read(ReadRequest(source=tmp_path)).units}


@pytest.mark.parametrize("name", CORE)
def test_what_changes_a_number_is_core_whatever_it_is_called(name, tmp_path):
    assert tags(tmp_path, {"code.py": HEAD + CORE[name]})[f"code.py::{name}"] == "core"


@pytest.mark.parametrize("name", ENGINEERING)
def test_what_only_checks_logs_or_makes_text_is_engineering(name, tmp_path):
    assert tags(tmp_path, {"code.py": HEAD + ENGINEERING[name]})[f"code.py::{name}"] == "engineering"


def test_core_code_of_another_file_reaches_what_it_imports_and_not_what_an_object_happens_to_have(tmp_path):
    model = (
        "import torch\nfrom helpers import pick as choose\nimport helpers\n\n\n"
        "def attend(x, item):\n    return torch.softmax(choose(x), -1) + helpers.size(x) + item.title()\n"
    )
    helpers = "def pick(x):\n    return x[0]\n\n\ndef size(x):\n    return x[1]\n\n\ndef title(x):\n    return x[2]\n"
    found = tags(tmp_path, {"net.py": model, "helpers.py": helpers})
    assert [found[f"helpers.py::{name}"] for name in ("pick", "size", "title")] == ["core", "core", "engineering"]


def test_a_method_called_run_or_rank_is_part_of_its_class(tmp_path):
    text = HEAD + (
        "class Ranker:\n    def set_label(self, x):\n        self.label = x\n\n"
        "    def rank(self, x):\n        return x\n\n    def run(self, x):\n        return x\n\n"
        "    def forward(self, x):\n        return torch.exp(x)\n\n\ndef rank():\n    return 0\n"
    )
    found = tags(tmp_path, {"code.py": text})
    assert found["code.py::Ranker.rank"] == found["code.py::Ranker.run"] == found["code.py::Ranker.set_label"] == "core"
    assert found["code.py::rank"] == "engineering"


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("pkg/models/flags.py", "engineering"),  # not sampling, though `models` holds `ode`
        ("pkg/ode.py", "sampling"),
        ("pkg/diffusion.py", "model"),  # not engineering, though it holds `io`
        ("pkg/models/utils.py", "model"),
        ("pkg/tools/utils.py", "engineering"),
        ("pkg/catalog.py", "engineering"),
        ("pkg/large.py", "engineering"),  # not config, though it holds `arg`
    ],
)
def test_short_words_count_as_whole_words_of_a_path(path, role):
    assert file_role(path) == role
