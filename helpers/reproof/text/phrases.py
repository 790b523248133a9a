"""Turns of phrase that are values themselves, as in `sum pooling`, `biases are tied` or `built on jraph`: tables.

Three tables by how they are found: HEADS are nouns whose first word is any word, TURNS are matched upon text in lower
case (a blank in them stands for a hyphen too), NAMES where capitals count. Each is scanned over the whole paper, so
time counts here.
"""

from __future__ import annotations

import re

STOP_WORDS = (
    "the an a and or of in on to for with by as at is are our its this that these each every all any no same both use "
    "used using different other such new learning rate weight batch noise first second final last total test which "
    "when where from than more most standard several various their respective original proposed additional auxiliary "
    "overall training following two three via after before during per apply applied without only not we it but also "
    "best good better optimal corresponding one four five six seven eight nine ten several many few earlier later"
)
# field: nouns that make a value together with the word before them
HEADS: dict[str, str] = {
    "activation": r"activations?(?: functions?)?|non-?linearit(?:y|ies)",
    "optimizer": r"optimi[sz]ers?",
    "schedule": r"(?:noise |learning[\s-]rate |lr |beta |β )?(?:schedul(?:es?|ers?|ing)|annealing|annealed|"
    r"decay(?:ed)?)",
    "initialisation": r"initiali[sz](?:ed|ation)",
    "pooling": r"pool(?:ing|ed)",
    "padding": r"padding|interpolation|(?:up|down|re)-?sampling",
    "turn": r"filter(?:ing|s)?|weighting|spacing|thresholding|sampling|convolutions?|embeddings?|masking|matching|"
    r"truncation|encodings?|aggregation|averaging|scoring|decomposition",
    "setting": r"difficulty|mode|stages?",
    "evaluation": r"index",
    "loss": r"penalty|regulari[sz](?:er|ation)|loss|criterion|kernel|prior|divergence",
    "split": r"splits?|partition(?:ing)?|subset",
}
# field: turns of phrase, in lower case
TURNS: dict[str, str] = {
    "optimizer": r"\b(?:(?:stochastic |mini-?batch |full-batch )*gradient descent|conjugate gradients?|"
    r"natural gradient|newton's method|evolution strategies)\b",
    "schedule": r"\b(?:linearly|exponentially|step-?wise|geometrically|log-linearly)(?: (?:decay|anneal|decreas|"
    r"increas)\w*)?|\b(?:constant|fixed) (?:learning|step)[\s-](?:rate|size)",
    "initialisation": r"\b(?:set|initiali[sz]ed) (?:to|at|with|as|from) (?:all )?(?:zeros?|ones?|the identity)\b|"
    r"\borthogonal(?:ly)?\b|\b(?:drawn|sampled|initiali[sz]ed) from (?:an? |the )?(?:[\w-]+ )?(?:normal|gaussian|"
    r"uniform)(?: distribution)?\b|\b(?:trained|training|initiali[sz]ed|learned) from scratch|\bzero[\s-]init\w*",
    "normalisation": r"\b(?:standardi[sz]ed|z-scor(?:ed?|ing)|whiten(?:ed|ing)|(?:min-?max|quantile|robust|"
    r"mean)[\s-]\w*(?:scal|normali[sz])\w+|(?:normali[sz]ed|normali[sz]ation) (?:to|with|by|using|per|into) "
    r"(?:the |an? )?(?:[\w-]+ ){0,2}[\w-]+|zero mean and unit variance)\b",
    "treatment": r"\b(?:(?:replaced|filled|imputed|padded|divided|multiplied|weighted|masked|squashed|encoded|"
    r"represented|followed|preceded|optimi[sz]ed) (?:by|with|using) (?:the |an? )?(?:[a-z-]+ )?[a-z-]{4,}|"
    r"(?:forward|backward|zero|mean|median|edge)-(?:filled|padded|imputed)|initiali[sz]ed (?:from|with|by|using|as|"
    r"at) (?:the |an? )?(?:[\w-]+ )?[a-z-]{3,}|(?:go|goes|passed|pass|passes|fed) through (?:the |an? )?"
    r"(?:[\w-]+ )?[a-z-]{4,}|(?:learnable|learned|trainable|fixed|constant|shared) (?:[\w-]+ )?(?:parameters?|"
    r"tokens?|quer(?:y|ies)|scales?|temperature|variance|embeddings?|matri(?:x|ces)|biases)|(?:not|never) "
    r"(?:dropped|shuffled|shared|clipped|normali[sz]ed|scaled|tuned|updated|trained|applied to)(?: (?:the )?[\w-]+"
    r"(?: and [\w-]+)?)?|(?:only )?(?:masked|computed|calculated|averaged|applied) (?:only )?(?:on|over|at|after|"
    r"before) "
    r"(?:the )?[\w-]+|"
    r"applied to (?:the |all |every )?(?:[\w-]+,? (?:and )?){0,5}(?:projections?|matrices|layers|weights|inputs?|"
    r"outputs?|"
    r"embeddings?)(?: matrices)?)\b",
    "turn": r"\b(?:(?:un)?frozen|(?:un)?free?z(?:es?|ing)|(?:turned|switched) (?:off|on)|(?:unit|zero) (?:\w+ )?"
    r"(?:scale|norm|length|variance|weights?|bias(?:es)?)|"
    r"zero (?:weight[\s-]decay|dropout|momentum)|(?:[vx]|ε|epsilon|noise|velocity)-prediction|"
    r"(?:drawn|sampled|taken) from (?:an? |the )?[a-z]+-?[a-z]+|(?:is|are|was|were) (?:also |then |all |first |"
    r"randomly )?(?:cent(?:r|er)ed|lower-?cased|truncated|shuffled|padded|resized|re-?scaled|"
    r"(?:down|up|re|sub)-?sampled|mirrored|binned|quanti[sz]ed|cached|packed|removed|filtered|detrended|denoised|"
    r"discarded|dropped|ignored|excluded|averaged|concatenated|summed|added|duplicated|interleaved|re-?ordered|"
    r"sorted|flattened|tied|shared|merged))\b|\b(?:halv(?:ed|ing)|doubl(?:ed|ing)|"
    r"(?:drawn|sampled|chosen|picked|distributed|spaced) (?:uniformly|evenly|log-?uniformly|i\.?i\.?d)|"
    r"uniformly (?:from|in|over)|"
    r"(?:best|lowest|highest|minimum|maximum|smallest|largest) (?:validation|val|dev(?:elopment)?|held-out) [a-z]+|"
    r"(?:best|last|final) checkpoints?)\b|"
    r"\b(?:accelerate|bitsandbytes|diffusers|einops|deepspeed|timm|wandb)\b",
    "left_out": r"\b(?:no|without|disabl\w+|omit\w*|(?:do|does|did|is|are) not (?:use|apply|employ|need|add)|"
    r"not (?:using|applying)) (?:(?:any|an?|the|additional|explicit|further) )?(?:[\w-]+ )?(?:drop-?out|"
    r"weight[\s-]decay|bias(?:es)?(?: terms?)?|warm-?up|clipping|(?:learning[\s-]rate )?(?:decay|schedul\w+|"
    r"annealing)|augmentations?|label smoothing|(?:layer |batch )?norm(?:ali[sz]ation)?|ema|momentum|early stopping|"
    r"regulari[sz]\w+|pre-?training|fine-?tuning|masking|padding|replacement|curriculum|teacher forcing|"
    r"checkpointing|tuning|sweeps?|stack\w*|pooling|residuals?|skip connections?)\b|"
    r"\bwithout (?:any )?(?:[\w-]+ )?(?!(?:using|losing|having|being|requiring|sacrificing|changing|"
    r"affecting|knowing|relying|increasing|reducing)\b)[a-z-]{3,}ing\b",
    "state": r"\b(?:embeddings?|weights?|encoders?|decoders?|backbones?|parameters?|layers?|norm\w*|statistics|"
    r"bias(?:es)?|heads?|networks?|models?|tokeni[sz]er|extractor|lm|vae|towers?|kernels?|frequencies) (?:is|are|"
    r"being|was|were|kept|remain\w*|stay\w*)(?: (?:kept|all|not|also|then|always|first))* (?:frozen|(?:un)?tied|"
    r"(?:un)?shared|learn(?:able|ed|t)|trainable|fixed|disabled|enabled|removed|turned off|detached|dropped|merged|"
    r"reset|fine-tuned|updated)\b|\b(?:frozen|untied|tied|ema-averaged) [\w-]+|"
    r"\b(?:is|are|was|were|remains?|stays?) (?:also |always |kept )?(?!(?:equal|identical|similar|typical|critical|"
    r"crucial|"
    r"optimal|natural|practical|trivial|essential|beneficial|special|general|usual|specific|dramatic|basic|popular|"
    r"particular|additional|final|real|small|ideal|minimal|central|several|theoretical|empirical|experimental|"
    r"problematic|total|original|familiar|vital|substantial|marginal|neutral|realistic|clear|prior|near|actual)\b)"
    r"[a-z-]{3,}(?:al|ic|ar)(?=\s?[.,;:)]|\s(?:and|with|in|for|over)\b)",
    "technique": r"\b(?:deep supervision|fill-in-the-middle|mirroring|self-distillation|knowledge distillation|"
    r"curriculum(?: learning)?|sequence packing|packing|de-?duplicat\w+|bucket\w*|oversampl\w+|class[\s-]balanc\w+|"
    r"re-?weighting|layer-?drop|bootstrap\w*|reward (?:scaling|clipping|normali[sz]ation)|hindsight \w+(?: \w+)?|"
    r"prioriti[sz]ed \w+(?: \w+)?|auto-?cast|(?:transposed|dilated|depth-?wise(?: separable)?|separable|deformable|"
    r"strided|causal|grouped?|atrous|gated|graph|sub-?pixel|masked) convolutions?|(?:grouped-query|multi-query|"
    r"multi-head|sliding-window|linear|flash|local|windowed|deformable|scaled dot-product|additive|axial)[\s-]"
    r"attention|"
    r"default (?:\w+ )?(?:hyper-?parameters?|settings?|values?|config\w*|parameters?|temperature|momentum)|"
    r"all (?:(?:of )?(?:the|its) )?(?:\w+ )?(?:layers|projections|matrices|modules|parameters|weights)|"
    r"(?:uniformly )?at random|(?:as per|by|left at|kept at|at) (?:the |their )?defaults?|(?:with|without) replacement|"
    r"round-robin|first-in[\s-]first-out|early fusion|late fusion)\b",
    "statistics": r"\b(?:(?:[\w-]+ )?[tzfu]-tests?|wilcoxon(?: signed-rank| rank-sum)?(?: test)?|"
    r"mann-whitney(?: u)?(?: test)?|anova|bonferroni|holm|friedman|mcnemar|(?:log-?rank|permutation|"
    r"randomi[sz]ation|chi-squared?) test|interquartile \w+)\b",
    "position": r"\b(?:(?:learn(?:ed|able|t)|sinusoidal|rotary|relative|absolute|fixed|fourier|frequency) (?:\w+ )?"
    r"(?:position(?:al)?|time(?:step)?|features?)(?: (?:encodings?|embeddings?|bias(?:es)?))?)\b|\b(?:rope|alibi)\b",
    "regularisation": r"\b(?:label[\s-]smoothing|stochastic depth|drop-?path|layer-?scale|early[\s-]stopping|"
    r"teacher forcing|gradient (?:checkpointing|penalty|accumulation)|(?:activation )?re-?checkpointing|"
    r"weight (?:tying|sharing)|spectral normali[sz]ation|scheduled sampling|self-conditioning|"
    r"classifier-free guidance|exponential moving average|(?:polyak|weight|checkpoint|model) averaging|"
    r"(?:hard|online|semi-hard) (?:example|negative) mining|non-?maximum suppression|nms)\b",
    "augmentation": r"\b(?:colou?r[\s-](?:jitter\w*|augment\w*|distort\w*)|gaussian (?:blur\w*|noise)|gr[ae]y-?scale|"
    r"solari[sz]\w+|(?:random(?:ly)?|elastic|spatial|horizontal|vertical|left-right|gamma|brightness|contrast|speed|"
    r"volume|pitch|time) (?:\w+ )?(?:crop|flip|rotat|scal|translat|shear|eras|deform|mirror|resiz|perturb|shift|mask|"
    r"warp|stretch|correct|shuffl|affine|jitter|augment|mosaic)\w*|spec-?augment|test-time augmentation|mosaic)\b",
    "split": r"\b(?:(?:dev|test|train|valid|val)[-_](?:[a-z]+|\d{2,4})|minival|trainval|val20\d\d|train20\d\d|"
    r"leave-one-out|(?:scaffold|random|stratified|temporal|chronological|official|standard|default|patient-level|"
    r"subject-level|speaker-\w+|k-fold|\w+-fold)[\s-](?:\w+[\s-])?(?:split(?:s|ting)?|folds?|cross-?validation|"
    r"partitions?)|cross-?validation)\b",
    "loss": r"\b(?:minimi[sz]\w+|objective is|loss is|loss:) (?:the |an? )?(?:[\w-]+ )?(?:mse|mae|nll|elbo|ce|bce|"
    r"l1|l2)\b|\b(?:infonce|nt-xent|charbonnier|huber|mat[ée]rn[-\w/]*|total[\s-]variation|"
    r"negative log[\s-]likelihood|combinations? of (?:[\w-]+, ){0,6}[\w-]+,? and [\w-]+)\b|"
    r"\b(?:(?:binary |categorical |sparse |soft(?:max)? |weighted )?cross[\s-]?entropy|focal|[a-z]*dice|huber|"
    r"smooth[\s-]l1|hinge|triplet|contrastive|mean[\s-](?:squared|absolute)[\s-]error|squared error|perceptual|"
    r"adversarial|tversky|ranking|pinball|quantile|negative log[\s-]likelihood|charbonnier|margin)(?: losses| loss|"
    r" error| objective| term| penalty| criterion)|\b(?:(?:binary |categorical )?cross[\s-]?entropy|(?:soft )?dice|"
    r"mean[\s-](?:squared|absolute)[\s-]error|squared error)\b|"
    r"\b(?:bce|ce|mse|mae|l1|l2|ℓ1|ℓ2|nll|bpr|infonce|nt-xent|giou|ciou|diou|iou|kl|ctc|lpips|ssim|dssim|d-ssim|"
    r"rnn-t|vlb|elbo)[\s-](?:loss(?:es)?|objective|divergence|terms?|penalty|criterion|error)\b",
    "search": r"\b(?:grid[\s-]search\w*|random search|bayesian optimi[sz]ation|population[\s-]based training|"
    r"manual(?:ly)? (?:tun|search)\w*|hyperopt|hyperband|optuna|ray tune|quasi-random|latin hypercube)\b",
    "decoding": r"\b(?:greedy(?: decoding)?|nucleus sampling|top-[kp] sampling|self-consistency|"
    r"majority vot(?:e|ing)|sliding[\s-]window(?: inference)?)\b",
    "sampler": r"\b(?:negative sampling|importance sampling|(?:hard|popularity|stratified|latin hypercube)[\w-]* "
    r"sampling|uniform sampling)\b",
}  # fmt: skip
# field: turns of phrase with capitals that count
NAMES: dict[str, str] = {
    "activation": r"\b(?:gelu|relu|silu|swish|elu)\b",
    "optimizer": r"\b(?:[A-Z]\w*)?(?:Adam|SGD|Adagrad|AMSGrad|RMSprop)[A-Za-z]*\b|"
    r"\b(?:[Oo]ptimi[sz](?:ed|ation|e|er|ing)|[Tt]rain(?:ed|ing)?)(?: \w+){0,2} (?:with|using|uses?|by|is|employs?) "
    r"(?:the )?(?P<name>(?=[A-Z][a-z]*[A-Z]|Lion\b|Prodigy\b|LAMB\b)[A-Za-z-]+\b)(?! optimi[sz]er)",
    "schedule": r"\bpoly\b|\b[Cc]osine\b",
    "normalisation": r"\b(?:[pP](?:re|ost)-?(?:LN|[lL]ayer[nN]orm|[nN]orm(?:ali[sz]ation)?)|[A-Z]?[A-Za-z]+Norm|"
    r"QK-?norm\w*)\b",
    "named": r"\b[A-Z]?[a-z]+[A-Z][A-Za-z]+\b(?!['’]s)|\b[A-Z]{2,}[a-z]+[A-Z]\w*\b|"
    r"\b(?:[A-Z](?=[A-Z]*[a-z])[A-Za-z]+|[A-Z]{2,})\d\w*(?:[.-]\w+)*\b|"
    r"\b[A-Z][A-Za-z]*-?\d{3}\w*\b|\b[A-Z][a-z]+[A-Z]\w*-\d+\b",
    "identifier": r"\b[a-z]\w{2,}(?:\.[a-z]\w+)+\b|\b[a-z]{2,}(?:_[a-z]+)+\b(?!\s*[=.}])",
    "turn": r"\b(?:Sync)?(?:BN|GN|LN|IN)\b|\b(?:FPN|PAN|ASPP|SPP|RPN|MoE|GQA|MQA|EMA)\b",
    "technique": r"\b(?:PCA|ICP|MinHash|k-means|IQR|SMOTE|CutMix)\b",
    "checkpoint": r"\b(?=[\w.-]*[A-Z])[A-Za-z]\w{2,}(?:-[A-Za-z0-9.]+)*-(?:[vV]\d[\d.]*|[bBsSlLhH]/?\d{1,2}|"
    r"[bB]ase|BASE|[lL]arge|LARGE|small|tiny|medium|[xX]+l|XL|huge|hf|[cC]hat|[iI]nstruct|uncased|cased|\d+[bBmM])"
    r"(?:-[A-Za-z0-9]+)*\b|\b[a-z]+(?:-[a-z0-9]+)*-(?:base|large|small|uncased|cased)(?:-[a-z0-9]+)*\b|"
    r"\b(?:commit|revision|hash|tag)\s(?:hash )?[\da-f]{7,40}\b",
    "augmentation": r"\b[A-Z]\w*(?:Mix|Aug(?:ment)?|Erasing|Crop|Cut|Paste)\b",
    "search": r"\b(?:ASHA|TPE)\b",
    "data": r"\b(?:data ?sets?|corpora|corpus|benchmarks?|tasks?)(?:,|:| are| is| such as| include| namely)? "
    r"(?:the )?(?P<data>[A-Z][\w-]*[A-Z\d][\w-]*(?:(?: \[[\d, ]+\])?,? (?:and )?(?:\[\d+\] )?[A-Z][\w-]+){0,8})|"
    r"\b[A-Z][\w-]+(?: [A-Z][\w-]+){0,4}(?= (?:data ?sets?|corpus|corpora|benchmarks?|suite|collection)\b)",
    "library": r"\b(?:Optuna|W&B|Weights (?:&|and) Biases|TensorBoard|Hydra|MONAI|nnU-Net|OpenMM|ASE|Ray|Haiku|"
    r"Optax|Equinox|MXNet|PaddlePaddle|MMSegmentation|MMCV|SimpleITK|TorchIO|ANTs|FSL|nerfstudio|Nerfstudio|gsplat|"
    r"COLMAP|tiny-cuda-nn|RecBole|lm-evaluation-harness|FSDP|ZeRO(?:-\d)?|DDP|Slurm|SLURM|CUDA|cuDNN|NCCL|Python|"
    r"Ubuntu|Docker|NetworkX|pandas|torch[a-z_]+|[a-z]+torch|(?:PyTorch|Torch|Tensor|Open|Deep|Colossal|Fast|Py)"
    r"[A-Z]\w+)\b(?:\s+v?\.?\d+(?:\.\d+)*)?|\b[A-Z][\w+.-]*\s+\(?v(?:ersion|er\.?|\.)?\s?\d+(?:\.\d+)*",
    "hardware": r"\b(?:Intel|AMD|Apple|Xeon|EPYC|Ryzen|Threadripper|Jetson|Snapdragon|Cray|DGX|Cerebras|"
    r"Graphcore|Gaudi\d?|SXM\d|PCIe|NVL\d+|InfiniBand|NVLink|Colab|AWS|MI\d{3}X?|RTX\s?A?\d{4}(?:\s?Ti|\s?Ada)?)\b"
    r"(?:[\s-](?:Xeon|EPYC|Ryzen|Core|Gold|Silver|Platinum|Orin|Nano|Xavier|Threadripper|[A-Z]?\d{3,4}[A-Z]*|"
    r"i[3579]-\d+\w*|[EW]\d?-\d+\w*|M[1-4](?: (?:Pro|Max|Ultra))?|\d\b))*",
}  # fmt: skip
# names behind these words are what the work was built with
BUILT_WITH = re.compile(
    r"\b(?:[Ii]mplement\w*|[Ww]ritten|[Cc]od(?:e|ed|ebase)(?: base)?|[Bb]uil[dt]s?|[Bb]ased|top|fork|[Ff]eaturi[sz]\w+|"
    r"[Ss]imulat\w+|[Pp]ackages?|[Ll]ibrar(?:y|ies)|[Ff]rameworks?|[Tt]oolkits?|[Tt]oolbox|[Ss]oftware|[Pp]rovided|"
    r"[Tt]racked|[Ll]ogged|[Rr]el(?:y|ies|ied)|[Pp]owered|[Pp]arallel\w*|[Pp]re-?process\w*|[Ee]valuated|"
    r"[Cc]omputed|[Rr]egistered|[Tt]uned)(?: \w+){0,3}? (?:in|on|of|with|uses?|using|by|upon|via|is|are|from) (?:the |"
    r"a |top of (?:the )?)*(?!(?:Appendi|Section|Table|Figure|Supplement|Algorithm)\w*\b)"
    r"(?P<name>[A-Za-z][\w.+-]*[A-Z][\w+-]*|[A-Z][\w+-]{2,}|[a-z]+(?:-[a-z]+)*"
    r"(?= (?:librar|package|toolkit|framework|codebase|repositor)))"
    r"|(?:on top of|fork of|implemented (?:in|with|using)|written in) (?!parallel|practice)"
    r"(?P<low>[a-z][a-z\d_-]+)(?=[.,;]| and [A-Z]| \()"
)
