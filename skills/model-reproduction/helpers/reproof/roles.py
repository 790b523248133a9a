"""Which code is the algorithm and which is engineering, by rule and with the reason.

A unit is algorithm core when changing it can change a number: the model, its loss, sampling, initialisation, optimizer
groups, schedules, clipping, EMA, preprocessing, metric, and what these call. The rest, logging, argument parsing,
distribution, checkpoints, files, is engineering. The rule errs towards core: a core unit taken for engineering would
go unchecked, the other way round costs a look.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from reproof.syntax import FUNCTION, Source, Unit, dotted, last, units_of

Tag = Literal["core", "engineering"]
Role = Literal[
    "model", "loss", "training", "data", "evaluation", "sampling", "config", "script", "test", "docs", "packaging",
    "engineering", "notebook", "other",
]  # fmt: skip

_TESTS = re.compile(r"(?:^|/)(?:tests?|testing)/|(?:^|/)(?:test_[^/]*|[^/]*_test|conftest)\.py$")
_DOCS = re.compile(
    r"(?:^|/)(?:docs?|documentation|man)/|(?:^|/)(?:README|CHANGELOG|CONTRIBUTING|HISTORY|NEWS|AUTHORS|"
    r"CITATION)[^/]*$|\.(?:md|rst|txt)$",
    re.I,
)
_PACKAGING = re.compile(
    r"(?:^|/)(?:setup\.py|setup\.cfg|pyproject\.toml|MANIFEST\.in|PKG-INFO|METADATA|RECORD|WHEEL|tox\.ini|"
    r"noxfile\.py|Makefile|Dockerfile[^/]*|"
    r"LICEN[CS]E[^/]*|COPYING[^/]*|NOTICE[^/]*|requirements[^/]*|environment[^/]*\.ya?ml|poetry\.lock|uv\.lock|"
    r"Pipfile[^/]*|versioneer\.py|_?version\.py|"
    r"\.git[^/]*|\.pre-commit[^/]*|\.flake8|\.editorconfig)$|(?:^|/)\.(?:github|circleci|ci)/|\.egg-info/|\.dist-info/"
)  # fmt: skip
_ROLES: list[tuple[Role, re.Pattern[str]]] = [
    ("loss", re.compile(r"loss|criterion|objective|divergence")),
    ("evaluation", re.compile(r"metric|eval|validate|benchmark|fid|score|zero_shot")),
    ("sampling", re.compile(r"sampl|generat|decod|inference|ode|sde|integrat")),
    ("config", re.compile(r"conf|cfg|param|arg|option|hparam|default|constants")),
    ("training", re.compile(r"train|optim|sched|ema|trainer|learn|agent|algo|ppo|sac|dqn|update|precision|init")),
    ("data", re.compile(r"data|transform|augment|loader|token|preproc|env|buffer|replay|image")),
    ("model", re.compile(r"model|net|layer|block|attention|attend|transformer|vit|unet|resnet|former|encoder|"
                         r"decoder|module|diffusion|gan|embed|norm|flow|arch|head|backbone")),
    ("engineering", re.compile(r"log|util|distrib|checkpoint|hub|io|cli|main|registry|version|visual|plot|"
                               r"export|onnx|wandb|file|hook|dist")),
]  # fmt: skip

TENSOR_ROOTS = frozenset(
    "torch F nn jnp jax np numpy tf tensorflow keras flax optax scipy einops lax ot geomloss tl triton "
    "functional".split()
)
MODULE_BASES = re.compile(
    r"(?:^|\.)(?:Module|Layer|Model|Sequential|ModuleList|ModuleDict|LightningModule|PreTrainedModel|"
    r"\w*PreTrainedModel|Function|Optimizer|"
    r"_LRScheduler|LRScheduler|Scheduler|Distribution|Transform|Dataset|IterableDataset|Metric|Sampler|Loss|"
    r"_Loss|_WeightedLoss|"
    r"Conv\dd|Linear|Embedding|LayerNorm|BatchNorm\dd|GroupNorm|Wrapper|ObservationWrapper|RewardWrapper|"
    r"ActionWrapper|Env|ODEF?|"
    r"Parameter|GradientTransformation|Initializer|Regularizer|\w*(?:Block|Attention|Transformer|Encoder|"
    r"Decoder|Net|Norm|Layer|Former|Tower|Embedding))$"
)
RECIPE_CALLS = frozenset(
    "backward step zero_grad clip_grad_norm_ clip_grad_value_ autocast apply_gradients value_and_grad grad "
    "train_on_batch minimize "
    "param_groups add_param_group state_dict_ema apply_updates".split()
)
CORE_NAMES = re.compile(
    r"(?:^|_)(?:train(?:ing)?|loss\w*|losses|sample\w*|sampler|init|initiali[sz]e\w*|init_weights?|ema|"
    r"schedul\w*|lr|warmup|augment\w*|metrics?|accuracy|"
    r"optimi[sz]er\w*|param_groups?|forward|attention|attend|norm|normali[sz]e\w*|dropout|drop_path|mask\w*|"
    r"embed\w*|encode\w*|decode\w*|preprocess\w*|"
    r"transforms?|collate\w*|tokeni[sz]e\w*|reward\w*|advantages?|returns|gae|beta_schedule|noise\w*|diffusion|"
    r"denoise\w*|train_step|"
    r"training_step|validation_step|evaluate|eval|grad\w*|clip\w*|weight_decay|generate|step|policy|value|act|"
    r"get_action\w*|interpolat\w*|resize\w*|"
    r"quantile\w*|likelihood|log_prob|entropy|kl|divergence|cost|distance|kernel|sinkhorn|score|velocity|flow|"
    r"pos_emb\w*|rotary\w*)(?:_|$)",
    re.I,
)
ENGINEERING_NAMES = re.compile(
    r"^_*(?:parse_args?\w*|get_args?\w*|get_parser|arg_parser|build_parser|log|logs?_\w+|logging\w*|"
    r"setup_\w*log\w*|get_log(?:ger|_\w+)?|logger|save\w*|load\w*|"
    r"checkpoint\w*|restore\w*|\w+_checkpoints?|resume\w*|download\w*|upload\w*|push_to\w*|plot\w*|"
    r"visuali[sz]e\w*|draw\w*|show\w*|print\w*|render\w*|"
    r"export\w*|to_onnx|copy_code\w*|init_distributed\w*|is_distributed\w*|is_main\w*|is_primary\w*|is_master|"
    r"is_(?:global|local)_\w+|world_info\w*|get_rank|"
    r"get_world_size|barrier|broadcast_object|all_gather_object|cli|extra_repr|__repr__|__str__|__del__|"
    r"state_dict|load_state_dict|_load_from_state_dict|"
    r"to_dict|from_pretrained|register\w*|get_version|profile\w*|list_\w+|available_\w+|get_cache\w*|"
    r"tensorboard\w*|wandb\w*|remote_sync\w*|start_sync\w*|"
    r"pt_save|pt_load|write\w*|read_file\w*|makedirs|num_to_groups|device|[gs]et_device\w*|module_device|"
    r"unwrap_\w+|raise_if\w*|timestamped\w*)$",
    re.I,
)
# the same where nothing in the body computes
QUIET_NAMES = re.compile(
    r"^_*(?:main|run|\w*contexts?|count_\w+|track\w*|clear|clean\w*|hparams|config|(?:model|file|run|"
    r"log)_?(?:name|dir|path)|(?:init|make|create)_folders?|"
    r"\w+_extension|checkpoint_num|num_params\w*|summary|timeit|timer|version|natural_key|filename\w*|"
    r"set_jit\w*|torch_compile\w*|set_grad_checkpointing|"
    r"__version__|__all__|__enter__|__exit__|__getstate__|__setstate__|as_dict)$",
    re.I,
)
ENGINEERING_CLASSES = re.compile(
    r"(?:Meter|dotdict|[Tt]imer|Logger|Timer|Writer|Profiler|Monitor|Callback|Checkpoint\w*|Action|Registry|"
    r"Exception|Error)$"
)
ENGINEERING_BASES = re.compile(
    r"(?:Exception|Error|Warning|Logger|Handler|Callback|Action|Enum|Formatter|Parser|Thread|Protocol|Reporter|Writer)$"
)
ENGINEERING_CALLS = re.compile(r"^(?:logging|argparse|os|sys|shutil|subprocess|wandb|json|yaml|pickle|socket|"
                               r"tempfile|urllib|requests|click|fire|huggingface_hub|mlflow|warnings|dist|time|"
                               r"glob|re|importlib|inspect|packaging|tqdm|matplotlib|plt)\.|torch\.(?:save|load|"
                               r"distributed)|^(?:open|print|Path)$")  # fmt: skip
CONFIG_NAME = re.compile(r"(?:Config|Cfg|Args|Arguments|HParams|Params|Hyperparameters|Options|Settings)$")


@dataclass(frozen=True)
class Tagged:
    """A unit with its tag and the reason."""

    unit: Unit
    tag: Tag
    reason: str


def file_role(path: str, source: Source | None = None) -> Role:
    """What a file is for, from its place and name, and for Python from what it defines.

    >>> file_role("tests/test_model.py"), file_role("src/unet.py"), file_role("setup.py")
    ('test', 'model', 'packaging')
    """
    if _PACKAGING.search(path):
        return "packaging"
    if _TESTS.search(path):
        return "test"
    suffix = PurePosixPath(path).suffix.lower()
    if suffix == ".ipynb":
        return "notebook"
    if suffix in (".yaml", ".yml", ".json", ".toml", ".ini", ".cfg", ".gin"):
        return "config"
    if _DOCS.search(path):
        return "docs"
    if suffix in (".sh", ".slurm", ".sbatch", ".bash"):
        return "script"
    if suffix != ".py":
        return "engineering" if suffix in (".cu", ".cpp", ".c", ".h", ".cuh", ".hpp") else "other"
    return _python_role(path, source)


def _python_role(path: str, source: Source | None) -> Role:
    stem = PurePosixPath(path).stem.lower()
    for role, words in _ROLES:
        if words.search(stem):
            return role
    modules = source is not None and source.tree is not None and any(
        isinstance(node, ast.ClassDef) and any(MODULE_BASES.search(dotted(base)) for base in node.bases)
        for node in source.tree.body
    )  # fmt: skip
    if modules:
        return "model"
    parents = "/".join(PurePosixPath(path).parts[:-1]).lower()
    return next((role for role, words in _ROLES if words.search(parents)), "engineering")


def tagged_units(source: Source, role: Role, used_by_core: Iterable[str] = ()) -> list[Tagged]:
    """Every unit of one file with its tag. `used_by_core`: names that core units of other files call."""
    if source.tree is None:
        return []
    if role in ("test", "docs", "packaging"):
        return [Tagged(unit, "engineering", f"stands in a {role} file") for unit in units_of(source.tree)]
    units = units_of(source.tree)
    found = {unit.name: _judged(unit, source) for unit in units}
    _bases_follow(units, found)
    _children_follow(units, found)
    _callees_follow(units, found, set(used_by_core))
    _children_follow(units, found)  # methods of classes that core code uses
    _callees_follow(units, found, set())
    _files_follow(units, found, role)
    _children_follow(units, found)
    return [Tagged(unit, *_decided(found[unit.name])) for unit in units]


def core_words(tagged: list[Tagged]) -> set[str]:
    """Names that the core units of a file use: what they call is core as well."""
    return {word for item in tagged if item.tag == "core" for word in _words(item.unit)}


Judgement = tuple[Tag | None, str]


def _decided(judgement: Judgement) -> tuple[Tag, str]:
    tag, reason = judgement
    return (tag, reason) if tag else ("engineering", reason or "no tensor, no recipe, not used by core code")


def _judged(unit: Unit, source: Source) -> Judgement:
    """The tag that a unit shows by itself, or none."""
    name = unit.name.rpartition(".")[2]
    if isinstance(unit.node, ast.ClassDef):
        return _class(unit.node)
    if unit.kind == "constant":
        return None, ""
    if unit.owner is not None and _class(unit.owner)[0] == "engineering":
        return "engineering", f"part of {unit.owner.name}"
    if name == "__init__":
        return None, ""  # as its class
    if ENGINEERING_NAMES.match(name) and not _recipe(unit.node):
        return "engineering", f"{name}: logging, files, arguments or process set-up by its name"
    recipe = _recipe(unit.node)
    if recipe:
        return "core", f"calls {recipe}: part of the training recipe"
    tensor = _tensor_call(unit.node, source)
    if tensor:
        return "core", f"computes with {tensor}"
    if QUIET_NAMES.match(name):
        return "engineering", f"{name}: set-up or bookkeeping by its name, and computes nothing"
    if CORE_NAMES.search(name) and not _engineering_calls(unit.node):
        return "core", f"{name}: named after a part of an algorithm"
    return None, ""


def _class(node: ast.ClassDef) -> Judgement:
    bases = [dotted(base) for base in node.bases]
    for base in bases:
        if MODULE_BASES.search(base):
            return "core", f"a {base}"
    for base in bases:
        if ENGINEERING_BASES.search(base):
            return "engineering", f"a {base}"
    if ENGINEERING_CLASSES.search(node.name):
        return "engineering", f"{node.name}: logging, files or process set-up by its name"
    if CONFIG_NAME.search(node.name):
        return "core", "its fields are hyperparameters"
    return None, ""


_OPTIMISER = re.compile(
    r"(?:Adam\w*|SGD|RMSprop|Lion|LAMB|Adafactor|create_optimizer\w*|cosine_lr|get_\w*schedule\w*|\w+LR)$"
)


def _recipe(node: ast.AST) -> str:
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and _OPTIMISER.match(last(call)):
            return last(call)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            if call.func.attr in (
                "backward",
                "zero_grad",
                "clip_grad_norm_",
                "clip_grad_value_",
                "apply_gradients",
                "apply_updates",
            ):
                return call.func.attr
    return ""


# what is called on torch without computing anything
_NO_MATHS = re.compile(
    r"\.(?:save|load|device|cuda\.\w+|distributed\.\w+|backends\.\S+|hub\.\S+|jit\.\w+|version\S*|is_available|"
    r"Tensor|dtype|nn\.Module|"
    r"utils\.(?:data|tensorboard|model_zoo)\S*|onnx\S*|export\S*|profiler\S*|set_num_threads|compile|"
    r"manual_seed_all|get_logger|parallel\S*|"
    r"from_numpy|float16|float32|bfloat16|float64|long|int64|int32|bool|uint8|no_grad|inference_mode|"
    r"is_tensor)$|DistributedDataParallel"
)  # fmt: skip
_TENSOR_METHODS = frozenset(
    "softmax matmul bmm einsum clamp clamp_ mul_ add_ sub_ div_ lerp_ sqrt rsqrt exp log pow mean sum norm "
    "detach masked_fill masked_fill_ "
    "copy_ normal_ uniform_ zero_ fill_ gather scatter_ cumsum permute transpose chunk unsqueeze squeeze "
    "reshape view expand repeat "
    "argmax topk flatten sigmoid tanh relu float var std abs".split()
)  # fmt: skip
_SURE_METHODS = _TENSOR_METHODS - set("log sum view repeat expand mean copy_ std abs float norm pow exp".split())


def _tensor_call(node: ast.AST, source: Source) -> str:
    """The first call or attribute that computes with tensors."""
    for part in ast.walk(node):
        name = dotted(part) if isinstance(part, (ast.Attribute, ast.Name, ast.Call)) else ""
        first, dot, rest = name.partition(".")
        full = f"{source.imports.get(first, first)}{dot}{rest}"
        root = full.partition(".")[0]
        if isinstance(part, ast.Call) and root in TENSOR_ROOTS and "." in full and not _NO_MATHS.search(full):
            return full
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr in _SURE_METHODS:
            return f".{part.func.attr}()"
        if isinstance(part, ast.BinOp) and isinstance(part.op, ast.MatMult):
            return "@"
    return ""


def _engineering_calls(node: ast.AST) -> bool:
    names = (dotted(call) for call in ast.walk(node) if isinstance(call, ast.Call))
    return any(ENGINEERING_CALLS.match(name) for name in names)


def _bases_follow(units: list[Unit], found: dict[str, Judgement]) -> None:
    """A class whose base is core here is core."""
    for unit in units:  # a base stands before what derives from it
        if isinstance(unit.node, ast.ClassDef) and found[unit.name][0] is None:
            for base in unit.node.bases:
                if found.get(dotted(base), (None, ""))[0] == "core":
                    found[unit.name] = ("core", f"a {dotted(base)}, which is core")


WHOLE_FILES = ("model", "loss", "sampling", "data", "evaluation")


def _files_follow(units: list[Unit], found: dict[str, Judgement], role: Role) -> None:
    """What shows nothing by itself goes with its file: in a file of the model it is rather core than not."""
    for unit in units:
        if role in WHOLE_FILES and found[unit.name][0] is None and unit.kind != "constant" and "." not in unit.name:
            found[unit.name] = ("core", f"stands in a {role} file")


def _children_follow(units: list[Unit], found: dict[str, Judgement]) -> None:
    """A class with core methods is core; the plain methods of a core class are core."""
    for unit in units:
        if isinstance(unit.node, ast.ClassDef) and found[unit.name][0] is None:
            inner = [n for n in found if n.startswith(f"{unit.name}.") and found[n][0] == "core"]
            if inner:
                found[unit.name] = ("core", f"its method {inner[0].rpartition('.')[2]} is core")
    for unit in units:
        above = unit.name.rpartition(".")[0]
        if above and found[unit.name][0] is None and above in found and found[above][0]:
            name = unit.name.rpartition(".")[2]
            trivial = unit.kind in ("method", "function") and (ENGINEERING_NAMES.match(name) or QUIET_NAMES.match(name))
            found[unit.name] = ("engineering", "interface") if trivial else (found[above][0], f"part of {above}")


def _callees_follow(units: list[Unit], found: dict[str, Judgement], outside: set[str]) -> None:
    """What core code uses is core, unless it is engineering by its own look."""
    by_word: dict[str, list[Unit]] = {}
    for unit in units:
        by_word.setdefault(unit.name.rpartition(".")[2], []).append(unit)
    waiting = [unit for unit in units if found[unit.name][0] == "core"]
    for word in outside & set(by_word):
        waiting += _take(by_word[word], found, "core code of another file")
    while waiting:
        user = waiting.pop()
        for word in _words(user) & set(by_word):
            waiting += _take([unit for unit in by_word[word] if unit is not user], found, user.name)


def _take(units: list[Unit], found: dict[str, Judgement], user: str) -> list[Unit]:
    taken = [unit for unit in units if found[unit.name][0] is None]
    for unit in taken:
        found[unit.name] = ("core", f"used by {user}")
    return taken


def _words(unit: Unit) -> set[str]:
    """Names that a unit mentions; of a class only its own body, its methods are units of their own."""
    parts: list[ast.AST] = [unit.node]
    if isinstance(unit.node, ast.ClassDef):
        parts = [n for n in unit.node.body if not isinstance(n, (*FUNCTION, ast.ClassDef))] + list(unit.node.bases)
    words = set()
    for part in parts:
        for node in ast.walk(part):
            if isinstance(node, ast.Name):
                words.add(node.id)
            elif isinstance(node, ast.Attribute):
                words.add(node.attr)
    return words - {last(unit.node)} if words else words
