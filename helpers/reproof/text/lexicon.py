"""Words of the field: what a number near them means, and words that are values themselves. Tables of facts."""

from __future__ import annotations

import re

# field: words that announce it. Order matters only for display. Case counts where a capital does (Adam, IS).
ANNOUNCED: dict[str, str] = {
    "optimizer": r"(?i:optimi[sz]ers?|optimi[sz]ed with|optimi[sz]ation algorithm)|momentum",
    "learning_rate": r"(?i:learning[\s-]*rates?|\blrs?\b|step[\s-]?sizes?|\bpeak rate)",
    "schedule": r"(?i:schedul\w*|anneal\w*|decay(?:s|ed|ing)?(?!\s*rate of the EMA)|cosine|milestones?|"
    r"plateau|lr scheme)",
    "warmup": r"(?i:warm[\s-]?up\w*|ramp[\s-]?up)",
    "batch_size": r"(?i:(?:mini-?)?batch(?:es)?(?:[\s-]*sizes?)?|samples per (?:batch|update)|"
    r"tokens per batch)",
    "steps": r"(?i:(?:training|gradient|optimi[sz]ation|time|update)?[\s-]*steps?|iterations?|updates|rounds|"
    r"iterat(?:e|ing))",
    "epochs": r"(?i:epochs?|passes over)",
    "weight_decay": r"(?i:weight[\s-]*decay|\bL_?\{?2\}?[\s-]*(?:regulari[sz]\w*|penalty)|\bwd\b)",
    "betas": r"(?:[βB]eta|β|\bbetas?\b)",
    "eps": r"(?:ε|ϵ|\beps(?:ilon)?\b)",
    "grad_clip": r"(?i:clip\w*|max(?:imum)? (?:gradient )?norm)",
    "ema": r"(?i:\bEMA\b|(?:exponential )?moving average|polyak|averaging|averaged the (?:last|weights))",
    "dropout": r"(?i:drop[\s-]?out|drop[\s-]?path|stochastic depth|drop rate)",
    "width": r"(?i:dim(?:ension)?(?:s|al|ality)?\b|hidden[\s-]*(?:units?|sizes?|states?|layers?)?|widths?|"
    r"channels?|filters?"
    r"|filter depths?|embeddings?|units?\b|neurons|features?|latent|inner-layer)|d_\{?\w+",
    "layers": r"(?i:layers?|blocks?|depth|stages?)",
    "heads": r"(?i:\bheads?\b|attention (?:resolution|heads?))",
    "kernel": r"(?i:kernels?|strides?|padding|pooling|convolution\w*|downsampl\w*|\bconv\b)",
    "multiplier": r"(?i:multiples?|multipliers?|channel[\s_]mult\w*|expansion)",
    "tokenizer": r"(?i:tokeni[sz]\w*|vocab\w*|byte[\s-]?pair|\bBPE\b|word-?piece|sentence-?piece|merges|"
    r"subwords?)",
    "sequence_length": r"(?i:(?:sequence|context|input|token)[\s-]*(?:length|window|size)|\btokens\b|"
    r"max(?:imum)?[\s-]*length)",
    "image_size": r"(?i:resolutions?|image[\s-]*sizes?|pixels?|\bcrops?\b|resiz\w*|\bimages?\b)",
    "augmentation": r"(?i:augment\w*|flip\w*|mix-?up|cut-?mix|rand-?augment|jitter\w*|crop\w*|"
    r"normali[sz]ed to)",
    "split": r"(?i:(?:training|test|train|validation|dev|held-out|evaluation)[\s-]*(?:sets?|splits?|samples?|"
    r"examples?|images?|"
    r"data|points)?|splits?|folds?|sentence pairs)",
    "samples": r"(?i:samples?|examples?|generated|points|instances|trajector\w+|particles)",
    "seeds": r"(?i:(?:random )?seeds?|\bruns\b|repetitions?|trials?|repeat\w*|averaged? over|"
    r"standard (?:deviation|error)s?)",
    "hardware": r"(?:\b[GT]PUs?\b|\bCPUs?\b|\bnodes?\b|\bmachine|NVIDIA|\bcores?\b)",
    "time": r"(?i:\b(?:minutes?|hours?|days?|seconds?|mins?|hrs?|weeks?)\b|wall[\s-]?clock|training time|took|"
    r"takes?)",
    "memory": r"(?i:\b[GMT]i?B\b|memory|storage)",
    "parameters": r"(?i:param(?:eter)?s\b|model size|million weights)",
    "loss_weight": r"(?i:weight(?:ed|ing|s)?\b|coefficients?|penalty|trade-?off|hyper-?parameters?|balanc\w+|"
    r"label smoothing)"
    r"|(?:[λαγωτηδρκσ]\b)",
    "noise": r"(?i:noise|variance|temperature|\bsigma\b|standard deviation|diffusion)|σ",
    "sinkhorn": r"(?i:\bblur\b|scaling|entropic|sinkhorn|\bregulari[sz]ation)",
    "solver": r"(?i:\bNFEs?\b|function evaluations|\bODE\b|\bSDE\b|solver|sampler|sampling|integrat\w+|"
    r"tolerance|guidance|"
    r"beam|length penalty|\bnucleus\b|top-?[kp]\b)",
    "evaluation": r"(?i:\bFID\b|\bBLEU\b|Wasserstein|Inception|accuracy|metric|evaluat\w+|distance|"
    r"\bscores?\b)",
    "search": r"(?i:\bgrid\b|search(?:ed)?|tuned|selected|chosen|range|threshold|ratio|margin|probability|"
    r"uniform\w*|set to)",
    "initialisation": r"(?i:initiali[sz]\w*|\binit\b|gain)",
    "discount": r"(?i:discount\w*|\bGAE\b|generali[sz]ed advantage|eligibility|(?:\bn|[\s-]\$?)-?step returns?|"
    r"\breturns\b)",
    "exploration": r"(?i:explor\w+|greedy|entropy|random(?:ly)? actions?|uniformly random|epsilon[\s-]greedy)",
    "replay": r"(?i:replay|\bbuffers?\b|transitions?|queue|memory bank|negatives?\b|update-to-data)",
    "environment": r"(?i:environments?|episodes?|\bframes?\b|horizon|roll-?outs?|\bactors?\b|workers|repeat|skip\w*|"
    r"stack\w*|atoms?|support|rewards?|actions?|unroll\w*|returns?)",
    "target": r"(?i:target (?:network|update|KL|entropy)|soft[\s-]update|critics?\b|\bKL\b|copied)",
    "audio": r"(?i:\bk?Hz\b|\bmel\b|\bhop\b|windows?|\bFFT\b|filter-?banks?|\bms\b|utterances?|spectro\w+|cepstr\w+|"
    r"\bMFCCs?\b|audio|speech|masks?\b|masked|masking|spans?\b|\bCTC\b|look-?ahead|left context)",
    "codebook": r"(?i:code-?books?|codes\b|entries|commitment|quanti[sz]\w+|\bbits?\b|prototypes?|clusters?|centroids?|"
    r"neighbou?rs|\bk-?NN\b)",
    "adapter": r"(?i:\bLoRA\b|\brank\b|adapters?|prompts?|prefix|experts?|capacity|router|routing|accumulat\w+|"
    r"\bshots?\b|instructions?|comparisons?|cut-?off)",
    "position": r"(?i:rotary|positional|base frequency|patch(?:es)?|views?\b)",
    "regularisation": r"(?i:truncat\w+|\bpsi\b|mixing|patience|early stopping|slopes?\b|prior|erasing|multi-?crop|"
    r"discard\w*|clip\w*)",
    "trees": r"(?i:\btrees?\b|estimators|leaves|boosting|length-?scales?|bandwidth|inducing|burn-?in|chains?\b|"
    r"thinning|"
    r"leapfrog)",
}  # fmt: skip
# field: words that are values
VALUES: dict[str, str] = {
    "optimizer": r"\b(?:AdamW?|Adamax|NAdam|RAdam|SGD|RMS[Pp]rop|LAMB|LARS|Lion|Adafactor|Ada[Gg]rad|Muon|"
    r"Sophia|Shampoo|Lookahead|SWA|SAM|Prodigy|AdEMAMix|SOAP|"
    r"L-?BFGS|Nesterov)\b",
    "schedule": r"(?i:\b(?:cosine(?:\s+(?:decay|annealing|schedule))?|linear(?:ly)?\s+(?:decay\w*|warm(?:[\s-]?up)?\w*|"
    r"schedule)|inverse square"
    r"[\s-]root|constant learning rate|polynomial decay|step decay|uniform schedule|one-?cycle|"
    r"(?:\w+\s+)?lr scheme)\b)",
    "weight_decay": r"(?i:\b(?:no|without)\s+weight\s+decay\b)",
    "dropout": r"(?i:\b(?:no|without)\s+dropout\b)",
    "activation": r"\b(?:Leaky\s?ReLU|ReLU6?|GELU|Gelu|SiLU|Swish|SwiGLU|GEGLU|SELU|ELU|PReLU|Mish|"
    r"(?i:softplus|tanh|sigmoid|"
    r"softmax|hard-?swish))\b",
    "normalisation": r"(?i:\b(?:layer|batch|group|instance|RMS|spectral|weight)[\s-]?norm(?:ali[sz]ation)?\b)",
    "initialisation": r"\b(?:Xavier|Glorot|Kaiming|He (?=init)|(?i:orthogonal (?=init)|truncated normal))\b",
    "tokenizer": r"(?:\bBPE\b|(?i:byte[\s-]?pair encoding|word-?piece|sentence-?piece|unigram tokeni[sz]er))",
    "augmentation": r"(?i:\b(?:(?:random )?(?:horizontal )?flip\w*|random crop\w*|mix-?up|cut-?mix|cut-?out|"
    r"rand-?augment|"
    r"auto-?augment|color jitter\w*)\b)",
    "model": r"\b(?:U-?Net|UNet|MLP|CNN|ResNet|WideResNet|ResNeXt|DenseNet|MobileNet|ConvNeXt|Swin|ViT|DiT|Transformer|"
    r"Conformer|LSTM|GRU|RNN|TCN|VAE|GAN|BERT|RoBERTa|GPT|T5|CLIP|LLaMA|Llama|Mistral|Mamba|EfficientNet|VGG|WaveNet|"
    r"HiFi-GAN|wav2vec|HuBERT|Tacotron|(?:Mask|Faster) R-CNN|YOLO|DETR|PointNet|GNN|GCN|GAT|GraphSAGE|NeRF|XGBoost|"
    r"DQN|PPO|SAC|TD3|DDPG|A2C|A3C|IMPALA|Rainbow|"
    r"(?i:fully[\s-]connected|convolutional neural network))s?(?:-?\d{1,3})?(?:[-/][A-Z]{1,2}(?:[-/]\d{1,3})?)?\b",
    "library": r"\b(?:Py[Tt]orch(?:\s*(?:Lightning|Geometric))?|TensorFlow|JAX|Flax|Keras|Geom-?[Ll]oss|GeomLoss|KeOps|"
    r"POT|torchdiffeq|torchdyn|"
    r"torchcfm|torchsde|diffusers|timm|[Tt]ransformers library|Hugging\s?Face|DeepSpeed|Megatron(?:-LM)?|"
    r"fairseq|OTT(?:-JAX)?|"
    r"scikit-learn|NumPy|SciPy|DGL|PyG|tensor2tensor|detectron2|MMDetection|OpenAI Gym|MuJoCo|xFormers|"
    r"FlashAttention|torchmetrics|"
    r"clean-fid|pytorch-fid|sacreBLEU|Fairseq|ESPnet|Kaldi|SpeechBrain|RLlib|Stable-?Baselines3?|Acme|Dopamine|"
    r"CleanRL|spaCy|NLTK|"
    r"Gymnasium|OpenCV|Open3D|RDKit|Stan|PyMC3?|GPyTorch|BoTorch|LightGBM|CatBoost|vLLM|Triton|Apex|Accelerate|PEFT|"
    r"TRL|"
    r"[A-Z][\w-]+(?= v?\d+\.\d+\.\d+)|[A-Z][\w-]+ (?:package|library))(?:\s+v?\d+(?:\.\d+)+|-\d)?\b",
    "code": r"(?i:https?:\s?//\s?(?:www\.)?(?:github|gitlab|bitbucket|huggingface)\.\w+/[\w./-]+|"
    r"released code)",
    "precision": r"\b(?:bfloat16|bf16|BF16|fp16|FP16|fp32|FP32|float(?:16|32|64)|[Mm]ixed[\s-]precision|half precision|"
    r"TF32|tfloat32|tf32|FP8|fp8|E4M3|E5M2|NF4|(?:INT|int)[48]|(?:\d+|single|double|half|full)-(?:bit|precision)|"
    r"full precision)\b",
    "hardware": r"\b(?<=\bon )(?:an? |the )?(?:single )?[CGT]PUs?\b|"
    r"\b(?:(?:NVIDIA |Nvidia |Tesla |GeForce |RTX |GTX |Quadro )*(?:[VAHPTKLB]\d{2,4}s?|[TL]4s?|"
    r"[12345]0[5-9]0(?:\s?Ti)?|Titan \w+|"
    r"TPU\s?v\d\w*)(?:\s?(?:GPUs?|TPUs?|\d+\s?GB))?)\b",
    "data": r"\b(?:MNIST|Fashion-?MNIST|CIFAR[\s-]?100?|(?:Tiny|mini|tiered)?-?ImageNet(?:-?\d+[kK]?)?|CelebA(?:-HQ)?|"
    r"LSUN|"
    r"FFHQ|SVHN|STL-?10|Omniglot|iNaturalist|Places365|CUB-200|ADE20[kK]|Cityscapes|KITTI|nuScenes|ScanNet|ShapeNet|"
    r"ModelNet\d*|Kinetics(?:-\d+)?|UCF-?101|LAION(?:-\w+)?|Flickr30[kK]|VQAv?2?|QM9|ZINC|OGB\w*|Cora|PubMed|Citeseer|"
    r"MovieLens|UCI|Atari|MuJoCo|DeepMind Control(?: Suite)?|D4RL|Procgen|VoxCeleb\d?|AudioSet|LJ ?Speech|VCTK|"
    r"Switchboard|TIMIT|Common ?Voice|IWSLT[\s']?\d{2,4}|MultiNLI|MNLI|SST-?2|CoNLL(?:-\d+)?|MMLU|GSM8[kK]|"
    r"HumanEval|BookCorpus|"
    r"COCO|WMT[\s']?\d{2,4}|SQuAD|"
    r"GLUE|Wiki[Tt]ext(?:-\d+)?|Penn Treebank|LibriSpeech|OpenWebText|C4|The Pile|8-?gaussians|moons|"
    r"checkerboard|s-?curve|"
    r"synthetic (?:data)?sets?)\b",
    "solver": r"\b(?:(?i:explicit |implicit |backward )?Euler(?:-Maruyama)?|Heun|RK4|RK45|[Dd]opri5|"
    r"Runge[\s-]Kutta|DDIM|DDPM|DPM-Solver(?:\+\+)?|"
    r"(?i:ancestral sampling|beam search|greedy decoding))\b",
    "evaluation": r"(?:\bFID\b|Fr[ée]chet [Ii]nception [Dd]istances?|Inception [Ss]core|"
    r"\d?-?Wasserstein(?: distance)?|\bBLEU\b)",
}  # fmt: skip
METRICS: dict[str, tuple[str, str]] = {
    "fid": ("lower", r"\bs?FID\b|fr[ée]chet inception"), "kid": ("lower", r"\bKID\b"),
    "inception_score": ("higher", r"\bIS\b|inception score"),
    "w2": ("lower", r"wasserstein|\bW_?\{?2\}?\b|earth mover"),
    "nfe": ("lower", r"\bNFEs?\b|function evaluations"), "perplexity": ("lower", r"perplexity|\bPPL\b"),
    "nll": ("lower", r"\bNLL\b|neg\w* log[\s-]?lik\w*|\bbpd\b|bits?[\s/-]*(?:per[\s-]*)?dim\w*"),
    "rmse": ("lower", r"\bRMSE\b"), "mse": ("lower", r"\bMSE\b"), "mae": ("lower", r"\bMAE\b"),
    "wer": ("lower", r"\bWER\b|word error"), "error": ("lower", r"\berrors?\b|\berr\b"),
    "loss": ("lower", r"\bloss\b"),
    "accuracy": ("higher", r"\bacc(?:uracy|\.)?\b|top-?[15]\b"), "bleu": ("higher", r"\bBLEU\b"),
    "rouge": ("higher", r"\bROUGE\S*"), "f1": ("higher", r"\bF-?1\b|\bF-?score"),
    "map": ("higher", r"\bmAP\b|\bAP\d*\b"),
    "auc": ("higher", r"\bAU(?:RO|PR)?C\b"), "psnr": ("higher", r"\bPSNR\b"), "ssim": ("higher", r"\bSSIM\b"),
    "precision": ("higher", r"\bprecision\b"), "recall": ("higher", r"\brecall\b"), "iou": ("higher", r"\bm?IoU\b"),
    "exact_match": ("higher", r"\bEM\b|exact match"), "return": ("higher", r"\breturns?\b|\breward\b"),
    "parameters": ("lower", r"\bparams?\b|parameters"), "flops": ("lower", r"\b[GT]?FLOPs?\b"),
    "time": ("lower", r"\btime\b|latency|\bhours?\b|\bseconds?\b|\bms\b"), "distance": ("lower", r"\bdistance\b"),
    "score": ("higher", r"\bscores?\b"),
}  # fmt: skip
_UNITS = "one|two|three|four|five|six|seven|eight|nine"
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
NUMBER_WORDS = (
    rf"(?i:(?:{_TENS})(?:-(?:{_UNITS}))?|(?:(?:{_UNITS}|ten) )?(?:hundred|thousand)|{_UNITS}|ten|eleven|twelve|"
    r"(?:thir|four|fif|six|seven|eigh|nine)teen|dozen|single|once|twice|thrice|half|quarter|zero)"
)
# a number behind these is a name, not a value
NAMED = re.compile(
    r"(?i:tables?|tab\.|figures?|figs?\.|sections?|sec\.|eqs?\.|equations?|appendix|app\.|algorithms?|"
    r"chapters?|theorems?|"
    r"lemmas?|definitions?|propositions?|remarks?|corollar(?:y|ies)|pages?|footnotes?|assumptions?|examples?|"
    r"§|step )\s*\(?\s*$"
)
SYMBOL = re.compile(
    r"(?:[A-Za-zα-ωΑ-Ωℓ]{1,14})(?:\s?_\{?[\w ,]{1,14}\}?|\s\d)?(?:\^\{[^{}]{1,6}\})?\s*(?:=|:=|∈|≈|←|≤|<|∼|"
    r"~)\s*[\[({]?\s*$"
)

SPELLED_SYMBOL = re.compile(
    r"\b(?:[A-Za-z]+_\w+|(?:alpha|beta|gamma|delta|epsilon|eps|zeta|eta|theta|kappa|lambda|mu|nu|xi|rho|sigma|"
    r"tau|phi|psi|"
    r"omega)\d?)(?:\s(?:is|was|equals|of|to)\s|\s?[=:]\s?)$",
    re.IGNORECASE,
)

SEEDS = re.compile(r"(?i)\bseeds?\b[\s:=({\[]*(?:(?:\d+|and|or)[,\s]*)*$")  # a seed may look like a year
EVERY = re.compile(r"\bevery (?P<n>(?:other|second|third|fourth|fifth|sixth|eighth|tenth)\b|\d+(?:st|nd|rd|th)\b)")
KEY_VALUE = re.compile(
    r"\s*(?:[-*•]\s+)?\**(?P<key>[A-Za-z][\w \-/#.]{1,40}?)\**\s?[:=]\**\s+(?P<value>[^\s:|][^:|]{0,50}?)\.?\s*$"
)
"""A line that is nothing but a setting and its value, as in a list."""
_OPERATOR = r"=+*/^_<>≤·∈|-"
# a symbol that is given its value; not one in a condition or within a formula
ASSIGNED = re.compile(
    rf"(?<!\bif )(?<!\bfor )(?<!\bwhen )(?<!\bat )(?<![{_OPERATOR}] )(?<!\b\w )(?<!\w\()(?<![\w{_OPERATOR}])"
    r"(?:[A-Za-zα-ωΑ-Ωℓ]\s?(?:_\{?[\w ]+\}?)?\s*=\s*)+(?:-\s*)?$"
)
SAID = re.compile(
    r"(?i)hyper-?\s?param|\bsettings?\b|configuration|search space|training (?:details|recipe)|"
    r"implementation details|architect\w* (?:details|parameters)"
)
KEY_HEAD = re.compile(
    r"(?i)(?:hyper-?\s?)?param(?:eter)?s?|settings?|config(?:uration|s)?|hyper-?\s?parameters?|options?|arguments?|"
    r"components?|modules?|items?|stages?|layers?|blocks?"
)
SIZED = re.compile(
    r"(?i)\b(?:size|factor|rate|degree|order|rank|stride|depth|width|power|weight|ratio|epochs?|steps?)\s$"
)
CONFIG_HEAD = re.compile(
    r"(?i)(?:best |default |chosen |final |our )?(?:values?|settings?|config(?:uration)?s?|specifications?|details?|"
    r"description|choice|used|range)"
)
"""What stands above the second column of a table that lists components or settings, never results."""
DATE_BEFORE = re.compile(
    r"(?i)\b(?:from|between|until|through|years?|to|and|spans?|spanning|covers?|covering|over|period|summers?|"
    r"january|april|july|october|march|may|june|august|september|november|december|february)\s$|\d[-/]$"
)
DATED = re.compile(
    r"(?i)train|valid|test|held[\s-]out|evaluat|data|split|period|spans?\b|covers?\b|record|climat|season"
)
"""A year in such a sentence, behind such a word, is part of the set-up, not of a citation."""
ORDINAL = re.compile(
    r"(?i:third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|twelfth|penultimate|second-to-last)"
    r"(?=[\s-](?:[a-z-]+[\s-])?(?:layers?|blocks?|epochs?|stages?|steps?|iterations?|phases?|rounds?|updates?|"
    r"frames?)\b)"
)
CITED = re.compile(r"(?<=[\w.,;)”\"’%])\s?\[\d{1,3}(?:\s?[,;-]\s?\d{1,3})*\]")
"""What looks like a numeric citation; a list of values looks the same, but for the words before it."""
LISTS_VALUES = re.compile(
    r"(?i)(?:\b(?:of|to|at|is|was|are|by|be|in|from|within|between|over|range|set|values?|lists?)|[:=∈])$"
)
FRACTION = re.compile(r"(?i:(?:an?|one|two|three|four)[\s-](?:half|third|quarter|fifth|eighth|tenth|hundredth)s?)\b")
GLUED = re.compile(r"(?i:of|to|is|at|by|from|than|with|size|rate|over)(?=\d)")
"""A word that an extraction ran together with the number behind it."""
COUNTED = re.compile(
    r"[\s-]*(?:[a-z-]+[\s-]+){0,2}(?!(?:this|was|has|its|does|thus)\b)[a-z]{3,}s\b|\s*(?:[A-Z]\d|GPU|TPU|NVIDIA|RTX)"
)
NEAR_NUMBER_WORD = re.compile(
    r"^[\s-]*(?:[\w-]+[\s-]+){0,2}?(?:(?-i:[a-z]{3,}s\b(?<!ss)(?<!us))|half\b|layers?|blocks?|heads?|epochs?|"
    r"steps?|GPUs?|"
    r"TPUs?|runs?|seeds?|times|days?|hours?|weeks?|convolutional|hidden|units?|folds?|trials?|samples?|iterations?)",
    re.IGNORECASE,
)
PHASES = re.compile(
    r"(?i:\b(?:pre-?train\w*|"
    r"fine-?tun\w*|trajectory pool|predictor|discriminator|generator|encoder|decoder|teacher|student|"
    r"distillation|first (?:phase|stage)|second (?:phase|stage)|inference|at sampling time|reward model|critic|actor|"
    r"autoencoder|velocity|straight flow|denoiser|"
    r"classifier)\b)"
)
CONTINUES = re.compile(r"\s?(?:,|/|or|and|,\s?(?:or|and)|to|–|-)\s?(?:approximately\s)?")
JOINS = re.compile(r"(?:\b(?:of|to|at|is|was|are|by|be)|[:=])\s*(?:about |approximately |value )?$")
BOUNDS = re.compile(
    r"\b(?:above|below|over|under|than|exceed\w*|within|after|before|every|least|most|until|by|from|between|and|with|"
    r"using|for|reach\w*|contains?|has|have|uses?|into|per|only|exactly|up to|via)\s$"
)
"""What stands before a number that bounds or counts something."""
BARE = re.compile(r"\d+\.\d+|\d+[eE]-?\d+|10\^|.*[kKMB%]$|\d{3,}|.*×")
"""Numbers that no word announces, and that few sentences have unless they say how something was done."""
VALUE_HEAD = re.compile(r"(?i)(?:best |default |chosen |final )?(?:values?|choice|used|range)")
HYPHENATED = re.compile(
    r"(?:degree|order|rank|width|depth|size|stride|batch|scale|length|patience|radius|window|top)-(?P<n>\d+)\b"
)
