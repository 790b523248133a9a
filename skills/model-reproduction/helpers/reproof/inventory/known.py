"""Facts: which calls, names and words of deep-learning code carry which kind of detail."""

from __future__ import annotations

import re

from reproof.rolewords import OPTIMISERS

# last word of a called name -> topic; the literals handed to it are hyperparameters
_CALLS: dict[str, str] = {
    "normalisation": r"(?:Fused)?(?:Layer|Batch|Group|Instance|RMS|Local|SyncBatch|"
                     r"Masked)_?Norm(?:alization)?(?:\dd|1d|2d|3d|Act\w*)?"
    r"|(?:layer|batch|group|instance|rms|local_response)_norm|spectral_norm|weight_norm|normalize|RMSNorm\w*|"
    r"LayerNorm\w*",
    "activation": r"P?ReLU6?|r?relu6?|GELU\w*|gelu\w*|QuickGELU|LeakyReLU|leaky_relu|C?ELU|celu|elu|SELU|selu|"
                  r"SiLU|silu|"
    r"Swish|swish|Mish|mish|Softplus|softplus|Hardswish|hard_?swish|Hardtanh|Softmax\dd?|softmax|log_softmax|"
    r"GEGLU|SwiGLU|Softshrink",
    "regularisation": r"(?:Alpha|Feature)?[Dd]ropout\w*|[Dd]rop_?[Pp]ath|DropBlock\w*|StochasticDepth|stochastic_depth|"
    r"label_smoothing|LabelSmoothing\w*|weight_decay",
    "optimiser": rf"{OPTIMISERS}|param_groups\w*|add_param_group|inject_hyperparams|get_adam_optimizer",
    "schedule": r"\w*LR|\w+[Ss]chedule[rd]?|Cosine\w*|ReduceLROnPlateau|OneCycle\w*|get_\w*schedule\w*|\w*_schedule|"
    r"\w*_decay|piecewise_\w+|warmup\w*|linear_schedule|linspace|logspace|geomspace|polynomial_schedule|"
    r"create_scheduler\w*",
    "loss": r"\w*[Ll]oss\w*|cross_entropy|\w*CrossEntropy\w*|BCE\w*|binary_cross_entropy\w*|nll_loss|KLDiv\w*|"
            r"kl_div\w*|"
    r"huber\w*|mse_loss|smooth_l1\w*|SamplesLoss|CrossEntropyLoss|softmax_cross_entropy\w*|optax_loss",
    "clipping": r"clip_grad\w*|clip_by\w*|clip_grad_norm_?|clip_grad_value_?|adaptive_clip\w*|clamp_?|"
                r"clamp_min_?|clamp_max_?|clip",
    "initialisation": r"(?:trunc_)?normal_|(?:_no_grad_)?uniform_|trunc_normal\w*|variance_scaling\w*|lecun_\w+|"
                      r"glorot_\w+|he_\w+|"
    r"constant_|zeros_|ones_|eye_|dirac_|fill_|zero_|xavier_\w+|kaiming_\w+|orthogonal\w*|sparse_|init_weights?|"
    r"\w*_init|layer_init|"
    r"init_\w+|normal_init|Initializer\w*|truncated_normal",
    "augmentation": r"Random\w+|ColorJitter|Resize\w*|CenterCrop|RandAugment|AutoAugment|TrivialAugment\w*|"
                    r"AugMix|Mix[Uu]p\w*|"
    r"Cut[Mm]ix\w*|Cut[Oo]ut|GaussianBlur|GaussNoise|Normalize|ToTensor|Pad|Grayscale|Solarize|SpecAugment|"
    r"create_transform|"
    r"FrameStack\w*|ResizeObservation|GrayScaleObservation|NormalizeObservation|NormalizeReward|NoopResetEnv|"
    r"MaxAndSkipEnv|"
    r"TransformObservation|TransformReward|ClipRewardEnv|ClipAction|RecordEpisodeStatistics|rand_augment\w*|"
    r"auto_augment\w*",
    "ema": r"\w*EMA\w*|[Mm]odel[Ee]ma\w*|ExponentialMovingAverage|\w*ema_update\w*|update_ema|update_moving_average|"
    r"AveragedModel|get_ema\w*|lerp_?",
    "seed": r"manual_seed\w*|seed|seed_all|seed_everything|set_seed|random_seed|PRNGKey|default_rng|RandomState|"
            r"Generator|"
    r"fork_rng|set_rng_state|use_deterministic_algorithms|worker_init_fn",
    "precision": r"autocast|GradScaler|NativeScaler|half|bfloat16|float16|float32|set_float32_matmul_precision|"
    r"set_default_dtype|MixedPrecision\w*|Accelerator",
    "attention": r"scaled_dot_product_attention|MultiheadAttention|flash_attn\w*|sdp_kernel|sdpa_kernel|"
                 r"masked_fill_?|tril|triu|"
    r"memory_efficient_attention|xformers_attention|rotary\w*|Rotary\w*|apply_rotary\w*",
    "detach": r"detach_?|stop_gradient|no_grad|inference_mode|requires_grad_|set_grad_enabled|checkpoint",
    "sampling": r"multinomial|Categorical|Normal|Beta|Bernoulli|Gumbel\w*|gumbel_softmax|randn\w*|rand|randint|"
                r"randperm|top_k\w*|topk|"
    r"bernoulli_?|exponential_|random_sample|rand_like|TruncatedNormal|OneHotCategorical",
}  # fmt: skip
CALLS = [(topic, re.compile(rf"(?:{pattern})$")) for topic, pattern in _CALLS.items()]

# layers and tools whose literals are hyperparameters, though they are no detail of their own
LAYERS = re.compile(
    r"(?:Lazy)?(?:Linear|Dense|DenseGeneral|Embed(?:ding)?\w*|Conv(?:Transpose)?\dd?|Conv|LSTM\w*|GRU\w*|RNN\w*|"
    r"Upsample|interpolate|"
    r"\w*Pool(?:ing)?\d?d?|pad|PixelShuffle|DataLoader|unfold|fold|Fold|Unfold|partial|field|Field|Parameter|"
    r"Flatten|Rearrange|"
    r"layer_norm|linear|conv\dd|conv_transpose\dd|einsum|logsumexp|update|setdefault|getattr|get)$"
)

# shapes, indices, text: their literals shape nothing that a port would get wrong unseen
PLUMBING = frozenset(
    "range view reshape permute transpose size unsqueeze squeeze flatten print len mean sum isinstance chunk cat stack "
    "split expand repeat round int min max join format replace strip startswith endswith enumerate zip open Path "
    "get_device sleep exit warn warning info debug error log add_scalar add_image write read_text group sub match "
    "search compile findall rearrange einops var std shape movedim swapaxes index_select gather narrow add_argument "
    "append insert pop extend hasattr setattr ljust rjust center set_description subplot subplots figure plot savefig "
    "title xlabel ylabel legend imshow set_title deque Counter product numel item prod ndim dim unbind tile "
    "ValueError TypeError RuntimeError AssertionError KeyError NotImplementedError Exception super str bool "
    "slice".split()
)
# module constants made by these are tools or text, no settings
NO_SETTING = frozenset(
    "compile getLogger get_logger Path TypeVar NewType namedtuple join getenv get import_module load open CDLL Lock "
    "frozenset set object cast Logger ModuleType find_spec".split()
)
# keywords that are about layout, not about values
PLUMBING_KEYWORDS = frozenset(
    "dim axis keepdim keepdims indent flush stacklevel file end sep encoding help ncols width desc".split()
)

# names of things that carry hyperparameters in dict literals and attribute assignments
CONFIG_WORD = re.compile(
    r"(?:^|_)(?:cfg|cfgs|config|configs|conf|hparams?|hps?|hyper\w*|defaults?|kwargs|opts?|options|params|"
    r"settings|args|c|_?C)(?:$|_|\.)|"
    r"(?:cfg|config|hparams|defaults|kwargs|params|settings)$",
    re.IGNORECASE,
)
CONFIG_CLASS = re.compile(
    r"(?:Config\w*|Cfg|Args|Arguments|HParams?|Hparams|Params|Options|Settings|HyperParam\w*|Hyperparameters|Flags)$"
)
CONFIG_BASE = re.compile(
    r"(?:BaseModel|BaseSettings|NamedTuple|TypedDict|Struct|Config\w*|Args|Params|Configurable|FairseqDataclass|"
    r"Tap|PretrainedConfig)$"
)
RECORD_DECORATORS = frozenset(
    "dataclass dataclasses.dataclass define attrs.define attr.s attrs attr.attrs attr.dataclass s mutable "
    "frozen chz.chz chz "
    "pydantic.dataclasses.dataclass struct.dataclass flax.struct.dataclass configclass hydrated_dataclass".split()
)
CONFIG_CALLS = frozenset(
    "dict ConfigDict Namespace SimpleNamespace EasyDict AttrDict Dict Box edict CN CfgNode Munch OmegaConf.create "
    "FrozenConfigDict FieldReference placeholder OrderedDict".split()
)


def topic_of(name: str) -> str:
    """The topic of a called name's last word, or an empty string.

    >>> topic_of("clip_grad_norm_"), topic_of("LayerNorm"), topic_of("reshape")
    ('clipping', 'normalisation', '')
    """
    return next((topic for topic, pattern in CALLS if pattern.match(name)), "")
