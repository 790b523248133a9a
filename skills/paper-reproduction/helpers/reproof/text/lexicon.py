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
    r"|filter depths?|embeddings?|units|neurons|features?|latent|inner-layer)|d_\{?\w+",
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
    "evaluation": r"(?:\bFID\b|\bIS\b|\bBLEU\b|Wasserstein|Inception|(?i:accuracy|metric|evaluat\w+|distance|"
    r"\bscores?\b))",
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
    r"Sophia|Shampoo|"
    r"L-?BFGS|Nesterov)\b",
    "schedule": r"(?i:\b(?:cosine(?:\s+(?:decay|annealing|schedule))?|linear(?:ly)?\s+(?:decay\w*|warm\w*|"
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
    r"(?i:fully[\s-]connected|convolutional neural network))s?(?:-?\d{1,3})?\b",
    "library": r"\b(?:Py[Tt]orch(?:\s*Lightning)?|TensorFlow|JAX|Flax|Keras|Geom-?[Ll]oss|GeomLoss|KeOps|POT|"
    r"torchdiffeq|torchdyn|"
    r"torchcfm|torchsde|diffusers|timm|[Tt]ransformers library|Hugging\s?Face|DeepSpeed|Megatron(?:-LM)?|"
    r"fairseq|OTT(?:-JAX)?|"
    r"scikit-learn|NumPy|SciPy|DGL|PyG|tensor2tensor|detectron2|MMDetection|OpenAI Gym|MuJoCo|xFormers|"
    r"FlashAttention|torchmetrics|"
    r"clean-fid|pytorch-fid|sacreBLEU|Fairseq|ESPnet|Kaldi|SpeechBrain|RLlib|Stable-?Baselines3?|Acme|Dopamine|CleanRL|spaCy|NLTK|"
    r"Gymnasium|OpenCV|RDKit|Stan|PyMC3?|GPyTorch|BoTorch|LightGBM|CatBoost|vLLM|Triton|Apex|Accelerate|PEFT|TRL|"
    r"[A-Z][\w-]+(?= v?\d+\.\d+\.\d+)|[A-Z][\w-]+ (?:package|library))(?:\s+v?\d+(?:\.\d+)+)?\b",
    "code": r"(?i:https?:\s?//\s?(?:www\.)?(?:github|gitlab|bitbucket|huggingface)\.\w+/[\w./-]+|"
    r"released code)",
    "precision": r"\b(?:bfloat16|bf16|BF16|fp16|FP16|fp32|FP32|float(?:16|32|64)|mixed[\s-]precision|half precision|"
    r"TF32)\b",
    "hardware": r"\b(?:(?:NVIDIA |Nvidia |Tesla |GeForce |RTX |GTX |Quadro )*(?:[VAHPTKL]\d{2,4}s?|"
    r"[2345]0[5-9]0(?:\s?Ti)?|Titan \w+|"
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
NUMBER_WORDS = (
    r"(?i:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|sixteen|twenty|fifty|hundred|single|once|"
    r"twice|half)"
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
    r"\b(?:[A-Za-z]+_\w+|(?:alpha|beta|gamma|delta|epsilon|eps|zeta|eta|theta|kappa|lambda|mu|nu|xi|rho|sigma|tau|phi|psi|"
    r"omega)\d?)(?:\s(?:is|was|equals|of|to)\s|\s?[=:]\s?)$",
    re.IGNORECASE,
)


def compiled(table: dict[str, str]) -> list[tuple[str, re.Pattern[str]]]:
    """The patterns of one of the tables above."""
    return [(name, re.compile(pattern)) for name, pattern in table.items()]
