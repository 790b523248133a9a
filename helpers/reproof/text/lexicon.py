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
    r"Sophia|Shampoo|Lookahead|SWA|SAM|Prodigy|AdEMAMix|SOAP|"
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
    r"clean-fid|pytorch-fid|sacreBLEU|Fairseq|ESPnet|Kaldi|SpeechBrain|RLlib|Stable-?Baselines3?|Acme|Dopamine|"
    r"CleanRL|spaCy|NLTK|"
    r"Gymnasium|OpenCV|RDKit|Stan|PyMC3?|GPyTorch|BoTorch|LightGBM|CatBoost|vLLM|Triton|Apex|Accelerate|PEFT|TRL|"
    r"[A-Z][\w-]+(?= v?\d+\.\d+\.\d+)|[A-Z][\w-]+ (?:package|library))(?:\s+v?\d+(?:\.\d+)+|-\d)?\b",
    "code": r"(?i:https?:\s?//\s?(?:www\.)?(?:github|gitlab|bitbucket|huggingface)\.\w+/[\w./-]+|"
    r"released code)",
    "precision": r"\b(?:bfloat16|bf16|BF16|fp16|FP16|fp32|FP32|float(?:16|32|64)|mixed[\s-]precision|half precision|"
    r"TF32|FP8|fp8|E4M3|E5M2|NF4|(?:INT|int)[48]|(?:\d+|single|double|half|full)-(?:bit|precision)|full precision)\b",
    "hardware": r"\b(?:(?:NVIDIA |Nvidia |Tesla |GeForce |RTX |GTX |Quadro )*(?:[VAHPTKLB]\d{2,4}s?|[TL]4s?|"
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
_UNITS = "one|two|three|four|five|six|seven|eight|nine"
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
NUMBER_WORDS = (
    rf"(?i:(?:{_TENS})(?:-(?:{_UNITS}))?|(?:(?:{_UNITS}|ten) )?(?:hundred|thousand)|{_UNITS}|ten|eleven|twelve|"
    r"(?:thir|four|fif|six|seven|eigh|nine)teen|dozen|single|once|twice|thrice|half|quarter|zero)"
)
# what is said with a noun of the field and a word before it, as in `sum pooling`; {w} is such a word
_WORD = (
    r"(?<![\w-])(?!(?i:the|an?|and|or|of|in|on|to|for|with|by|as|at|is|are|our|its|this|that|these|each|every|all|any|"
    r"no|same|both|used?|using|different|other|such|new|learning|rate|weight|batch|noise|first|second|final|last|total|"
    r"test|which|when|where|from|than|more|most|standard|several|various|their|respective|original|proposed|"
    r"additional|auxiliary|overall|training|following|following|two|three|via|after|before|during|per|apply|"
    r"applied|without|only|not|we|it|but|also|best|good|better|optimal|corresponding)\b)[A-Za-z][\w-]*[A-Za-z]"
)
# field: turns of phrase that are values, whatever the word in them
PHRASES: dict[str, str] = {
    "activation": rf"\b(?:gelu|relu|silu|swish|elu)\b|{_WORD}[\s-](?:activations?(?: functions?)?|"
    r"non-?linearit(?:y|ies))\b",
    "optimizer": rf"\b[A-Za-z]*(?:Adam|SGD|Adagrad|AMSGrad|RMSprop)[A-Za-z]*\b|{_WORD}[\s-]optimi[sz]ers?\b|"
    r"\b(?i:(?:stochastic |mini-?batch |full-batch )*gradient descent|conjugate gradients?|natural gradient|"
    r"Newton's method|evolution strategies)\b|"
    r"(?i:optimi[sz](?:ed|ation|e|er|ing)|trained|training|train)(?: \w+){0,2} (?:with|using|uses?|by|is|"
    r"employs?) (?:the )?"
    r"(?P<name>(?=[A-Z][a-z]*[A-Z]|Lion\b|Prodigy\b|LAMB\b)[A-Za-z-]+\b)(?! optimi[sz]er)",
    "schedule": rf"{_WORD}[\s-](?:noise |learning[\s-]rate |lr |LR |beta |β )?(?:schedul(?:es?|ers?|ing)|"
    rf"annealing|annealed|"
    r"decay(?:ed)?)\b(?<!weight decay)|\b(?:linearly|exponentially|step-?wise|geometrically|"
    r"log-linearly)(?: (?:decay|anneal|decreas|increas)\w*)?|\bpoly\b|\b[Cc]osine\b|"
    r"\b(?:constant|fixed) (?:learning|step)[\s-](?:rate|size)",
    "initialisation": rf"{_WORD}[\s-]initiali[sz](?:ed|ation)\b|"
    r"\b(?:set|initiali[sz]ed) (?:to|at|with|as|from) (?:all )?(?:zeros?|ones?|the identity)\b|\borthogonal(?:ly)?\b|"
    r"\b(?:drawn|sampled|initiali[sz]ed) from (?:a |an |the )?(?:[\w-]+ )?(?:normal|Gaussian|uniform|"
    r"Normal)(?: distribution)?\b|"
    r"\b(?:trained|training) from scratch|\bzero[\s-]init\w*",
    "normalisation": r"\b(?:standardi[sz]ed|z-scor(?:ed?|ing)|whiten(?:ed|ing)|(?:min-?max|quantile|robust|"
    r"mean)[\s-]\w*(?:scal|normali[sz])\w+|"
    r"(?:normali[sz]ed|normali[sz]ation) (?:to|with|by|using|per|into) (?:the |a |an )?(?:[\w-]+ ){0,2}[\w-]+|"
    r"zero mean and unit variance|"
    r"[pP](?:re|ost)-?(?:LN|[lL]ayer[nN]orm|[nN]orm(?:ali[sz]ation)?)|[A-Z]?[A-Za-z]+Norm|QK-?norm\w*)\b",
    "named": r"\b[A-Z]?[a-z]+[A-Z][A-Za-z]+\b(?!['’]s)|\b[A-Z]{2,}[a-z]+[A-Z]\w*\b",
    "identifier": r"\b[a-z]\w{2,}(?:\.[a-z]\w+)+\b|\b[a-z]{2,}(?:_[a-z]+)+\b(?!\s*[=.}])",
    "treatment": r"\b(?i:(?:replaced|filled|imputed|padded|divided|multiplied|weighted|masked|squashed|encoded|"
    r"represented|followed|preceded|"
    r"optimi[sz]ed) (?:by|with|using) (?:the |a |an )?(?:[A-Za-z-]+ )?[A-Za-z-]{4,}|(?:forward|backward|zero|"
    r"mean|median|edge)-(?:filled|padded|imputed)|"
    r"initiali[sz]ed (?:from|with|by|using|as|at) (?:the |a |an )?(?:[\w-]+ )?[A-Za-z-]{3,}|(?:go|goes|passed|"
    r"pass|passes|fed) through (?:the |a |an )?"
    r"(?:[\w-]+ )?[A-Za-z-]{4,}|(?:learnable|learned|trainable|fixed|constant|"
    r"shared) (?:[\w-]+ )?(?:parameters?|tokens?|quer(?:y|ies)|scales?|"
    r"temperature|variance|embeddings?|matri(?:x|ces)|biases)|(?:not|never) (?:dropped|shuffled|shared|clipped|"
    r"normali[sz]ed|scaled|tuned|updated|"
    r"trained|applied to)(?: (?:the )?[\w-]+(?: and [\w-]+)?)?|(?:masked|computed) (?:on|over|only on) [\w-]+)\b",
    "turn": r"\b(?i:frozen|(?:turned|switched) (?:off|on)|(?:unit|zero) (?:norm|length|variance|weights?|bias(?:es)?)|"
    r"zero (?:weight[\s-]decay|dropout|momentum)|"
    r"(?:[vx]|ε|epsilon|noise|velocity)-prediction|(?:drawn|sampled|taken) from (?:a |an |the )?[A-Za-z]+-?[A-Za-z]+|"
    r"(?:is|are|was|were) (?:also |then |all |first |randomly )?(?:cent(?:r|er)ed|lower-?cased|truncated|"
    r"shuffled|padded|resized|re-?scaled|"
    r"(?:down|up|re|sub)-?sampled|mirrored|binned|quanti[sz]ed|cached|packed|removed|filtered|detrended|denoised))\b|"
    rf"{_WORD}[\s-](?:filter(?:ing|s)?|weighting|spacing|thresholding|sampling|convolutions?|embeddings?|"
    rf"masking|matching|truncation)\b|"
    r"\b(?:Sync)?(?:BN|GN|LN|IN)\b|\b(?:FPN|PAN|ASPP|SPP|RPN|MoE|GQA|MQA|EMA)\b|"
    r"\b(?:accelerate|bitsandbytes|diffusers|einops|deepspeed|timm|wandb)\b",
    "left_out": r"\b(?i:no|without|disabl\w+|omit\w*|(?:do|does|did|is|are) not (?:use|apply|employ|need|add)|"
    r"not (?:using|applying)) "
    r"(?:(?:any|a|an|the|additional|explicit|further) )?(?:[\w-]+ )?(?i:drop-?out|weight[\s-]decay|"
    r"bias(?:es)?(?: terms?)?|warm-?up|clipping|"
    r"(?:learning[\s-]rate )?(?:decay|schedul\w+|annealing)|augmentations?|label smoothing|(?:layer |"
    r"batch )?norm(?:ali[sz]ation)?|EMA|"
    r"momentum|early stopping|regulari[sz]\w+|pre-?training|fine-?tuning|masking|padding|replacement|curriculum|"
    r"teacher forcing|"
    r"checkpointing|tuning|sweeps?)\b",
    "state": r"(?i:\b(?:embeddings?|weights?|encoders?|decoders?|backbones?|parameters?|layers?|norm\w*|"
    r"statistics|bias(?:es)?|heads?|networks?|"
    r"models?|tokeni[sz]er|extractor|LM|VAE|towers?|kernels?|frequencies) (?:is|are|being|was|were|kept|"
    r"remain\w*|stay\w*)"
    r"(?: (?:kept|all|not|also|then|always|first))* (?:frozen|(?:un)?tied|(?:un)?shared|learn(?:able|ed|t)|"
    r"trainable|fixed|disabled|enabled|"
    r"removed|turned off|detached|dropped|merged|reset|fine-tuned|updated)\b|\b(?:frozen|untied|tied|"
    r"EMA-averaged) [\w-]+)",
    "technique": r"\b(?i:deep supervision|fill-in-the-middle|mirroring|self-distillation|knowledge distillation|"
    r"curriculum(?: learning)?|"
    r"sequence packing|packing|de-?duplicat\w+|bucket\w*|oversampl\w+|class[\s-]balanc\w+|re-?weighting|"
    r"layer-?drop|bootstrap\w*|"
    r"reward (?:scaling|clipping|normali[sz]ation)|hindsight \w+(?: \w+)?|prioriti[sz]ed \w+(?: \w+)?|"
    r"importance sampling|auto-?cast|"
    r"(?:transposed|dilated|depth-?wise(?: separable)?|separable|deformable|strided|causal|grouped?|atrous|"
    r"gated|graph|sub-?pixel|masked) "
    r"convolutions?|(?:grouped-query|multi-query|multi-head|sliding-window|linear|flash|local|windowed|"
    r"deformable|scaled dot-product|additive|axial)[\s-]attention|default (?:\w+ )?(?:hyper-?parameters?|"
    r"settings?|values?|config\w*|parameters?|"
    r"temperature|momentum)|all (?:\w+ )?(?:layers|projections|matrices|modules))\b|\b(?:PCA|ICP|MinHash|"
    r"k-means|IQR|SMOTE|CutMix)\b",
    "statistics": r"\b(?i:(?:[\w-]+ )?[tzFU]-tests?|Wilcoxon(?: signed-rank| rank-sum)?(?: test)?|"
    r"Mann-Whitney(?: U)?(?: test)?|ANOVA|"
    r"Bonferroni|Holm|Friedman|McNemar|(?:log-?rank|permutation|randomi[sz]ation|chi-squared?) test|"
    r"interquartile \w+)\b",
    "checkpoint": r"\b(?=[\w.-]*[A-Z])[A-Za-z]\w{2,}(?:-[A-Za-z0-9.]+)*-(?:[vV]\d[\d.]*|[bBsSlLhH]/?\d{1,2}|"
    r"base|large|small|tiny|medium|[xX]+l|XL|huge|hf|"
    r"chat|instruct|Instruct|Chat|uncased|cased|\d+[bBmM])(?:-[A-Za-z0-9]+)*\b|\b[a-z]+(?:-[a-z0-9]+)*-(?:base|"
    r"large|small|uncased|cased)(?:-[a-z0-9]+)*\b|"
    r"\b(?:commit|revision|hash|tag)\s(?:hash )?[\da-f]{7,40}\b",
    "pooling": rf"{_WORD}[\s-]pool(?:ing|ed)\b",
    "padding": rf"{_WORD}[\s-](?:padding|interpolation|(?:up|down|re)-?sampling)\b",
    "position": r"\b(?i:(?:learn(?:ed|able|t)|sinusoidal|rotary|relative|absolute|fixed|fourier|frequency) (?:\w+ )?"
    r"(?:position(?:al)?|time(?:step)?|features?)(?: (?:encodings?|embeddings?|biases))?)\b|\b(?:RoPE|ALiBi)\b",
    "regularisation": r"\b(?i:label[\s-]smoothing|stochastic depth|drop-?path|layer-?scale|early[\s-]stopping|"
    r"teacher forcing|"
    r"gradient (?:checkpointing|penalty|accumulation)|(?:activation )?re-?checkpointing|weight (?:tying|"
    r"sharing)|spectral normali[sz]ation|"
    r"scheduled sampling|self-conditioning|classifier-free guidance|exponential moving average|(?:Polyak|weight|"
    r"checkpoint|model) averaging|"
    r"(?:hard|online|semi-hard) (?:example|negative) mining|non-?maximum suppression|NMS)\b",
    "augmentation": r"\b(?i:colou?r[\s-](?:jitter\w*|augment\w*|distort\w*)|gaussian (?:blur\w*|noise)|"
    r"gr[ae]y-?scale|solari[sz]\w+|"
    r"(?:random(?:ly)?|elastic|spatial|horizontal|vertical|left-right|gamma|brightness|contrast|speed|volume|"
    r"pitch|time) "
    r"(?:\w+ )?(?:crop|flip|rotat|scal|translat|shear|eras|deform|mirror|resiz|perturb|shift|mask|warp|stretch|"
    r"correct|shuffl|affine|jitter|"
    r"augment|mosaic)\w*|spec-?augment|test-time augmentation)\b|\b[A-Z]\w*(?:Mix|Aug(?:ment)?|Erasing|Crop|Cut|"
    r"Paste)\b|\b[Mm]osaic\b",
    "split": r"\b(?i:(?:dev|test|train|valid|val)[-_](?:[a-z]+|\d{2,4})|minival|trainval|val20\d\d|train20\d\d|"
    r"leave-one-out|"
    r"(?:scaffold|random|stratified|temporal|chronological|official|standard|default|patient-level|"
    r"subject-level|speaker-\w+|"
    r"k-fold|\w+-fold)[\s-](?:\w+[\s-])?(?:split(?:s|ting)?|folds?|cross-?validation|partitions?)|cross-?validation)\b",
    "loss": rf"(?i:minimi[sz]\w+|objective is|loss is|loss:) (?:the |an? )?(?:[\w-]+ )?(?:MSE|MAE|NLL|ELBO|CE|"
    rf"BCE|L1|L2)\b|"
    rf"{_WORD}[\s-](?:penalty|regulari[sz](?:er|ation)|loss|criterion|kernel|prior)\b|"
    r"\b(?:InfoNCE|NT-Xent|Charbonnier|[Hh]uber|Mat[ée]rn[-\w/]*|(?i:total[\s-]variation|"
    r"negative log[\s-]likelihood))\b|"
    r"\b(?:(?i:(?:binary |categorical |sparse |soft(?:max)? |weighted )?cross[\s-]?entropy|focal|[a-z]*dice|"
    r"huber|smooth[\s-]l1|"
    r"hinge|triplet|contrastive|mean[\s-](?:squared|absolute)[\s-]error|perceptual|adversarial|tversky|ranking|"
    r"pinball|quantile|"
    r"negative log[\s-]likelihood|charbonnier|margin)(?: losses| loss| error| objective| term| penalty|"
    r" criterion)|(?:binary |categorical )?cross[\s-]?entropy|(?:soft )?Dice\b|(?:BCE|CE|MSE|MAE|L1|L2|ℓ1|ℓ2|"
    r"NLL|BPR|InfoNCE|NT-Xent|GIoU|CIoU|"
    r"DIoU|IoU|KL|CTC|LPIPS|SSIM|DSSIM|D-SSIM|RNN-T|VLB|ELBO)(?:[\s-](?:loss(?:es)?|objective|divergence|terms?|"
    r"penalty|criterion|error)))\b",
    "search": r"\b(?:Optuna|Ray Tune|Hyperband|ASHA|TPE|Hyperopt|(?i:grid[\s-]search\w*|random search|"
    r"bayesian optimi[sz]ation|"
    r"population[\s-]based training|manual(?:ly)? (?:tun|search)\w*))\b",
    "library": r"\b(?:Optuna|W&B|Weights (?:&|and) Biases|TensorBoard|Hydra|MONAI|nnU-Net|OpenMM|ASE|Ray|Haiku|"
    r"Optax|Equinox|MXNet|PaddlePaddle|"
    r"MMSegmentation|MMCV|SimpleITK|TorchIO|ANTs|FSL|nerfstudio|Nerfstudio|gsplat|COLMAP|tiny-cuda-nn|RecBole|"
    r"lm-evaluation-harness|"
    r"FSDP|ZeRO(?:-\d)?|DDP|Slurm|SLURM|CUDA|cuDNN|NCCL|Python|Ubuntu|Docker|NetworkX|pandas|torch[a-z_]+|[a-z]+torch|"
    r"(?:PyTorch|Torch|Tensor|Open|Deep|Colossal|Fast|Py)[A-Z]\w+)\b(?:\s+v?\.?\d+(?:\.\d+)*)?|"
    r"\b[A-Z][\w+.-]*\s+\(?v(?:ersion|er\.?|\.)?\s?\d+(?:\.\d+)*",
    "hardware": r"\b(?:Intel|AMD|Apple|Xeon|EPYC|Ryzen|Threadripper|Jetson|Snapdragon|Cray|DGX|Cerebras|"
    r"Graphcore|Gaudi\d?|SXM\d|PCIe|NVL\d+|InfiniBand|NVLink|"
    r"Colab|AWS|MI\d{3}X?|RTX\s?A?\d{4}(?:\s?Ti|\s?Ada)?)\b(?:[\s-](?:Xeon|EPYC|Ryzen|Core|Gold|Silver|Platinum|"
    r"Orin|Nano|Xavier|"
    r"Threadripper|[A-Z]?\d{3,4}[A-Z]*|i[3579]-\d+\w*|[EW]\d?-\d+\w*|M[1-4](?: (?:Pro|Max|Ultra))?|\d\b))*",
    "decoding": r"\b(?i:greedy(?: decoding)?|nucleus sampling|top-[kp] sampling|self-consistency|"
    r"majority vot(?:e|ing)|sliding[\s-]window(?: inference)?)\b",
    "sampler": r"\b(?i:negative sampling|importance sampling|(?:hard|popularity|stratified|"
    r"latin hypercube)[\w-]* sampling|uniform sampling)\b",
}  # fmt: skip
# names behind these words are what the work was built with
BUILT_WITH = re.compile(
    r"\b(?i:(?:implement\w*|written|cod(?:e|ed|ebase)(?: base)?|buil[dt]s?|based|top|fork|featuri[sz]\w+|"
    r"simulat\w+|packages?|librar(?:y|ies)|"
    r"frameworks?|toolkits?|toolbox|software|provided|tracked|logged|rel(?:y|ies|ied)|powered|parallel\w*|"
    r"pre-?process\w*|evaluated|computed|"
    r"registered|tuned)(?: \w+){0,3}? (?:in|on|of|with|uses?|using|by|upon|via|is|are|from)) (?:the |a |"
    r"top of (?:the )?)*"
    r"(?P<name>[A-Za-z][\w.+-]*[A-Z][\w+-]*|[A-Z][\w+-]{2,}|[a-z]+(?:-[a-z]+)*(?= (?:librar|package|toolkit|"
    r"framework|codebase|repositor)))"
    r"|(?:on top of|fork of|implemented (?:in|with|using)|written in) (?!parallel|"
    r"practice)(?P<low>[a-z][a-z\d_-]+)(?=[.,;]| and [A-Z]| \()"
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
CHAIN = re.compile(r"[\s,](?:[A-Za-zα-ωΑ-Ω]\s?(?:_\{?[\w ]+\}?)?\s*=\s*){2,}$")
_OPERATOR = r"=+*/^_<>≤·∈|-"
# a symbol that is given its value; not one in a condition or within a formula
ASSIGNED = re.compile(
    rf"(?<!\bif )(?<!\bfor )(?<!\bwhen )(?<!\bat )(?<![{_OPERATOR}] )(?<!\b\w )(?<!\w\()(?<![\w{_OPERATOR}])"
    r"(?:[A-Za-zα-ωΑ-Ωℓ]\s?(?:_\{?[\w ]+\}?)?\s*=\s*)+$"
)
SAID = re.compile(
    r"(?i)hyper-?\s?param|\bsettings?\b|configuration|search space|training (?:details|recipe)|"
    r"implementation details|architect\w* (?:details|parameters)"
)
KEY_HEAD = re.compile(
    r"(?i)(?:hyper-?\s?)?param(?:eter)?s?|settings?|config(?:uration|s)?|hyper-?\s?parameters?|options?|arguments?"
)
SIZED = re.compile(
    r"(?i)\b(?:size|factor|rate|degree|order|rank|stride|depth|width|power|weight|ratio|epochs?|steps?)\s$"
)
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
BARE = re.compile(r"\d+\.\d+|\d+[eE]-?\d+|10\^|.*[kKMB%]$|\d{3,}|.*×")
"""Numbers that no word announces, and that few sentences have unless they say how something was done."""
VALUE_HEAD = re.compile(r"(?i)(?:best |default |chosen |final )?(?:values?|choice|used|range)")
HYPHENATED = re.compile(
    r"(?:degree|order|rank|width|depth|size|stride|batch|scale|length|patience|radius|window|top)-(?P<n>\d+)\b"
)


def compiled(table: dict[str, str]) -> list[tuple[str, re.Pattern[str]]]:
    """The patterns of one of the tables above."""
    return [(name, re.compile(pattern)) for name, pattern in table.items()]
