"""Facts: names and calls by which code shows that it is part of an algorithm, or engineering. See roles.py."""

from __future__ import annotations

import re

TENSOR_ROOTS = frozenset(
    "torch F nn jnp jax np numpy tf tensorflow keras flax optax scipy einops lax ot geomloss tl triton "
    "functional torchvision torchaudio librosa kornia albumentations skimage cv2".split()
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
CORE_NAMES = re.compile(
    r"(?:^|_)(?:train(?:ing)?|loss\w*|losses|sample\w*|sampler|init|initiali[sz]e\w*|init_weights?|ema|"
    r"schedul\w*|lr|warmup|aug|augs|augment\w*|metrics?|accuracy|"
    r"optimi[sz]er\w*|param_groups?|forward|attention|attend|norm|normali[sz]e\w*|dropout|drop_path|mask\w*|"
    r"embed\w*|encode\w*|decode\w*|preprocess\w*|"
    r"transforms?|collate\w*|tokeni[sz]e\w*|reward\w*|advantages?|returns|gae|beta_schedule|noise\w*|diffusion|"
    r"denoise\w*|train_step|"
    r"training_step|validation_step|evaluate|eval|grad\w*|clip\w*|weight_decay|generate|step|policy|value|act|"
    r"get_action\w*|interpolat\w*|resize\w*|"
    r"quantile\w*|likelihood|log_prob|entropy|kl|divergence|cost|distance|kernel|sinkhorn|score|velocity|flow|"
    r"pos_emb\w*|rotary\w*)(?:_|$)|"
    r"^_*(?:make|build|create|get)_(?:\w+_)?(?:model|network|net|backbone|denoiser|critic|actor|agent|"
    r"dataset|dataloaders?|env|envs|criterion)$",
    re.I,
)
REPORTING = re.compile(
    r"(?:^|[_/])(?:logg(?:er|ers|ing)|logs?|visuali\w*|plot\w*|debug\w*|wandb\w*|tensorboard\w*)(?:$|[_/.])"
)
ENGINEERING_NAMES = re.compile(
    r"^_*(?:parse_args?\w*|get_args?\w*|get_parser|arg_parser|build_parser|log|logs?_\w+|logging\w*|"
    r"setup_\w*log\w*|get_log(?:ger|_(?!std|prob|lik|var|sigma|odds|p$)\w+)?|logger|save\w*|load\w*|"
    r"checkpoint\w*|restore\w*|recover|\w+_checkpoints?|resume\w*|download\w*|upload\w*|push_to\w*|plot\w*|"
    r"visuali[sz]e\w*|draw\w*|show\w*|print\w*|render\w*|"
    r"export\w*|to_onnx|copy_code\w*|init_distributed\w*|is_distributed\w*|is_main\w*|is_primary\w*|is_master|"
    r"is_(?:global|local)_\w+|world_info\w*|get_rank|"
    r"get_world_size|barrier|broadcast_object|all_gather_object|extra_repr|__repr__|__str__|__del__|"
    r"state_dict|load_state_dict|_load_from_state_dict|"
    r"to_dict|from_pretrained|register\w*|(?:\w+_)?model_card|generate_readme|extract_archive|is_\w+_(?:available|installed|greater\w*|version)|(?:local_)?rank|world_size|dump\w*|wait|"
    r"(?:prepare|setup|init|wrap)_(?:deepspeed|ddp|fsdp|distributed|dist|horovod)|"
    r"(?:store|record|track|report)_\w*(?:metrics?|stats|info|summary)|gather_info|copy_(?:file|image)s?|unzip\w*|untar\w*|get_version|profile\w*|list_\w+|available_\w+|get_cache\w*|"
    r"tensorboard\w*|wandb\w*|remote_sync\w*|start_sync\w*|"
    r"pt_save|pt_load|write\w*|read_file\w*|makedirs|num_to_groups|(?:\w+_)?device|[gs]et_device\w*|"
    r"unwrap_\w+|raise_if\w*|timestamped\w*|close|\w*logg(?:er|ing)\w*|\w*callbacks?|"
    r"\w+_(?:save|ckpt|checkpoint|run_id)(?:_\w+)?|get_system_info)$",
    re.I,
)
# the same where nothing in the body computes
QUIET_NAMES = re.compile(
    r"^_*(?:main|cli|run|format_\w+|str2\w+|optional_(?:int|float|str)|get_images|get_(?!\w*by_)\w*names|get_file\w*|\w*contexts?|count_\w+|track\w*|clear|clean\w*|hparams|config|(?:model|file|run|"
    r"log)_?(?:name|dir|path)|(?:init|make|create)_folders?|"
    r"\w+_extension|checkpoint_num|num_params\w*|summary|timeit|timer|version|natural_key|filename\w*|"
    r"set_jit\w*|torch_compile\w*|set_grad_checkpointing|"
    r"__version__|__all__|__enter__|__exit__|__getstate__|__setstate__|as_dict)$",
    re.I,
)
ENGINEERING_CLASSES = re.compile(
    r"(?:Meter|dotdict|[Tt]imer|Logger|Timer|Writer|Profiler|Monitor|Callback|Checkpoint\w*|Action|Registry|"
    r"Exception|Error|Checker|CheckNan|Recorder|Printer|Formatter|ProgressBar)$"
)
ENGINEERING_BASES = re.compile(
    r"(?:Exception|Error|Warning|Logger|Handler|Callback|Action|Enum|Formatter|Parser|Thread|Protocol|Reporter|Writer)$"
)
ENGINEERING_CALLS = re.compile(r"^(?:logging|argparse|os|sys|shutil|subprocess|wandb|json|yaml|pickle|socket|"
                               r"tempfile|urllib|requests|click|fire|huggingface_hub|mlflow|warnings|dist|time|"
                               r"glob|re|importlib|inspect|packaging|tqdm|matplotlib|plt)\.|torch\.(?:save|load|"
                               r"distributed)|^(?:open|print|Path)$")  # fmt: skip
# a callback that stops, schedules or averages is part of the recipe, whatever its base
STEERS = re.compile(r"(?:EarlyStop|LRSched|EMA(?:Callback|Hook|$)|SWA|WeightAverag|Anneal|Warm_?[Uu]p|TargetUpdate)")
NEVER_CORE = re.compile(r"JSON(?:En|De)coder$|(?:^|\.)[Tt]qdm|HubMixin$|Callback(?:s|List|Container|Handler|Runner)$")
TEXT_NAMES = re.compile(r"format|str(?:$|_)|repr|name|title|path|label|info|desc|stamp|html|markdown|message|msg")
CONFIG_NAME = re.compile(r"(?:Config|Cfg|Args|Arguments|HParams|Params|Hyperparameters|Options|Settings)$")
DATA_READERS = re.compile(r"^_*(?:load|read|open)_(?:audio|images?|img|video|wav|waveform|frames?|text|corpus|data)$")
KEEPS = re.compile(  # in files or logs
    r"add_scalar|save|load|dump|write|open|read|download|export|restore|checkpoint|mkdir|state_dict|pickle|from_|[hH]5|hdf5"
)
# optimizers of every library by the name that makes them: the one place that lists them
OPTIMISERS = (
    r"(?:Fused|Sparse|N|R|Q)?Adam\w*|adamw?|SGD\w*|sgd|RMS[Pp]rop\w*|rmsprop|Adagrad|Adadelta|Adafactor|adafactor|"
    r"Lion\w*|lion|L[Aa][Mm][Bb]|LARS|Muon|Shampoo|Sophia\w*|LBFGS|AdaBelief|RAdam|NovoGrad|Rprop|ASGD|"
    r"create_optimizer\w*"
)
RECIPE = re.compile(rf"(?:{OPTIMISERS}|EarlyStopping|cosine_lr|get_\w*schedule\w*|\w+LR)$")
# what is called on torch without computing anything
NO_MATHS = re.compile(
    r"\.(?:save|load|device|(?:cuda|xpu|npu|mps|xla)\.\w+|empty_cache|distributed\.\w+|backends\.\S+|hub\.\S+|jit\.\w+|version\S*|is_available|"
    r"Tensor|dtype|nn\.Module|"
    r"utils\.(?:data|tensorboard|model_zoo)\S*|onnx\S*|export\S*|profiler\S*|set_num_threads|compile|"
    r"manual_seed_all|get_logger|parallel\S*|"
    r"utils\.(?:save_image|make_grid)|datasets\.utils\S*|io\.write\w*|imwrite|from_numpy|float16|float32|bfloat16|float64|long|int64|int32|bool|uint8|no_grad|inference_mode|"
    r"is_tensor)$|DistributedDataParallel"
)  # fmt: skip
_TENSOR_METHODS = frozenset(
    "softmax matmul bmm einsum clamp clamp_ mul_ add_ sub_ div_ lerp_ sqrt rsqrt exp log pow mean sum norm "
    "detach masked_fill masked_fill_ "
    "copy_ normal_ uniform_ zero_ fill_ gather scatter_ cumsum permute transpose chunk unsqueeze squeeze "
    "reshape view expand repeat "
    "argmax topk flatten sigmoid tanh relu float var std abs".split()
)  # fmt: skip
FORMULAS = frozenset("exp log log2 sqrt sin cos tan atan tanh pow erf gamma pi".split())
SURE_METHODS = _TENSOR_METHODS - set("log sum view repeat expand mean copy_ std abs float norm pow exp".split())

# what a call does besides computing: (kind, names)
EFFECTS = [
    ("files and processes", re.compile(
        r"^(?:os|shutil|subprocess|pathlib|tempfile|zipfile|tarfile|requests|urllib|git|huggingface_hub|glob|csv)\.|"
        r"^(?:open|Path|save|torch\.(?:save|load))$|\.(?:mkdir|makedirs|unlink|write|write_\w+|writerow|save|save_\w+|"
        r"dump|dumps|upload|read_text|extractall)$|_download$")),
    ("logs and messages", re.compile(
        r"^(?:logging|wandb|mlflow|warnings|tqdm|matplotlib)\.|^print$|(?:^|[._])(?:log|logger)\.|"
        r"\.(?:add_(?:scalar|image|audio|figure|text|video)s?|set_description|set_postfix|log|log_\w+)$|_warning$")),
    ("devices", re.compile(r"\.(?:to|cuda|cpu|xpu)$|^torch\.(?:device|cuda\.\w+)$|(?:^|[._])device$")),
    ("imports", re.compile(r"^(?:importlib\.\S+|__import__|pkgutil\.\S+|pydoc\.locate)$")),
]  # fmt: skip
HARMLESS = re.compile(
    r"^(?:isinstance|issubclass|getattr|hasattr|setattr|callable|len|str|int|bool|list|dict|set|tuple|sorted|zip|"
    r"enumerate|range|type|repr|super|iter|next|map|filter|exists|any|all|format|vars|ImportError|\w*Error|Exception)$|"
    r"\.(?:append|extend|items|keys|values|get|format|join|split|rsplit|strip|lstrip|rstrip|startswith|endswith|replace|"
    r"lower|upper|update|pop|copy|close|read|decode|encode|exists|is_file|is_dir|parameters|named_parameters|modules|"
    r"__init__|raise_for_status|iter_content|iter_lines|resolve|relative_to|as_posix|setdefault|flush|finish)$"
)
# methods by which code trains, evaluates or samples, and what they are not called on
ACTS = frozenset(
    "step eval train train_step training_step train_epoch fit zero_grad requires_grad_ sample generate "
    "evaluate train_on_batch learn".split()
)
TOOLS = re.compile(r"prof|(?:^|[._])(?:pbar|progress\w*|bar|tqdm|pd|df|re|random|logger|timer|subparsers?)$", re.I)
