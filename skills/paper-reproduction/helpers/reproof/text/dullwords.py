"""Words and turns that state no setting: what a remainder may leave out. Tables of facts."""

from __future__ import annotations

import re

NOT_SETUP = re.compile(
    r"(?i)introd|preliminar|notation|theor|derivation|lemma|related|abstract|conclu|discussion|acknowledg|broader|"
    r"proof|limitation|future work|ethic|reproducibility statement|societal|contribut|references|author"
)
RESULTS = re.compile(
    r"(?i)results?\b|findings|comparison with|state[- ]of[- ]the[- ]art|qualitative|analysis|visuali[sz]ation|"
    r"^(?:\W|\d)*main\b"
)
SETUP = re.compile(
    r"(?i)experiment|implement|detail|train|set-?up|setting|data|evaluat|hyper|config|appendix|optimi|infrastruct|"
    r"hardware|comput|protocol|procedure|metric|prepar|recipe|baseline|corpus|corpora|process|architect|methods\b|"
    r"materials|infer|sampl|ablation|benchmark|usage|tokeni|augment|schedule|participants|subjects|feature|classif|"
    r"model(?:s|\b)(?! of)|networks?\b|loss|split|study"
)
"""Headings of parts that say how something was done; elsewhere only what `we` did counts."""
PROVES = re.compile(r"\b(?:theorem|lemma|proposition|corollary|assumption|proof|prove|suppose|denote\w*)\b|[∇∂∫∑∞∀∃]")
THEORY = re.compile(
    rf"{PROVES.pattern}|\b(?:definition|assum\w+|let|holds?|converg\w+|satisf\w+|given (?:a|an|the)|consider)\b"
)
DOES = re.compile(
    r"\bwe (?:\w+ly |then |also |first |only |all )?(?:train|use|employ|adopt|appl|set|keep|fix|sampl|run|ran|"
    r"fit|fine-)"
)
"""The plainest way to say that something was done: listed even where all its words are those of any paper."""
# a sentence that reports, argues or points elsewhere
ARGUES = re.compile(
    r"\b(?:outperform\w*|achiev\w+|surpass\w*|exceeds?|(?:we|one|it) (?:can )?(?:be )?(?:also )?(?:observ\w+|s[ae]es?|"
    r"s[ae]w|seen|notic\w+|notes?|conclud\w+|hypothesi[sz]\w+|believ\w+|conjectur\w+|expect\w*|argu\w+|hop\w+|"
    r"speculat\w+|remark)|shows? that|showing|shown? (?:in|by)|indicat\w+|suggest\w*|demonstrat\w+|confirm\w*|"
    r"reveal\w*|highlight\w*|illustrat\w*|impl(?:y|ies)|explain\w*|improv(?:es?|ed|ements?) (?:over|the|perf|by|both)|"
    r"(?:better|worse|higher|lower|faster|slower|larger|smaller|fewer|more \w+) than|superior|inferior|competitive|"
    r"significantly|substantially|state[- ]of[- ]the[- ]art|remarkabl\w+|notabl[ey]|interesting\w*|surprising\w*|"
    r"support(?:s|ed|ing)? (?:the|our|claim|reliab)|attribut\w+|(?:is|are) (?:known|important|crucial|critical|"
    r"challenging|difficult|interesting|worth|common\w*|consistent|necessary)|(?:tables?|tab\.|figures?|"
    r"fig\.) ?\w{1,3}(?: also)? (?:shows?|reports?|presents?|summari[sz]es?|lists?|compares?|visuali[sz]es?|depicts?|"
    r"gives?|provides?)|(?:is|are|be) (?:shown|found|reported|given|provided|presented|listed|summari[sz]ed|described|"
    r"discussed|detailed|deferred|illustrated|depicted|available) (?:in|by|below|above|at|here)|in this (?:section|"
    r"appendix))"
)
# a sentence that says what was done, whatever else it says
STATES_ANYWAY = re.compile(
    r"\b(?:we|authors) (?:(?:\w+ly|then|also|first|next|further|do|did|have|only|all|instead|chose to|choose to|"
    r"opt(?:ed)? to) )*(?!(?:show|find|found|observ|see|saw|note|notic|conclud|believ|hypothesi|report|argu|demonstrat|"
    r"propos|present|introduc|discuss|expect|refer|hope|remark|can|could|may|might|will|would|are|were|is|confirm|"
    r"defer|provide|summari|illustrat|visuali|analy|investigat|study|studied|explor|aim|want|need|conjectur|speculat|"
    r"thank|acknowledg|attribut|highlight|leave|ask|answer|address|describe|detail|give|begin|start by|turn|recall|"
    r"have|had|thus|therefore|hence)\w*\b)[a-z]+(?:ed|[a-z])?\b(?! that\b)|\b(?:is|are|was|were) (?:\w+ly |then |also |"
    r"first |only |not |all )*(?!shown|report|present|describ|discuss|illustrat|depict|summari|given|provid|observ|"
    r"seen|found|expect|need|requir|believ|known|motivat|inspir|attribut|support|confirm|achiev|improv|outperform|"
    r"affect|limit|relat|call|refer)(?:\w+ed|\w+en|set|split|drawn|held|kept|built|run|fed|done)\b"
)
# a clause that gives a reason, a purpose or a place
STARTS_ASIDE = re.compile(
    r"\s*(?:because|since|as (?:shown|discussed|described|detailed|mentioned|in|proposed|suggested|reported|noted|"
    r"expected|seen|such|they|this|the|it|we)|due to|owing to|thanks to|so that|such that|thus|thereby|therefore|hence|"
    r"which (?:allows?|enables?|makes?|means|leads?|results?|helps?|ensures?|gives?|is|are|was|were|can|may|has|have)|"
    r"(?:making|allowing|enabling|providing|ensuring|leading|resulting|suggesting|indicating|showing|demonstrating|"
    r"creating|testing|reflecting|accounting|yielding|helping|avoiding|preventing|reducing|increasing|improving|"
    r"following the same|see|e\.g|i\.e|cf|according to)|(?:in order )?to (?:improve|ensure|avoid|allow|enable|prevent|"
    r"reduce|increase|assess|verify|demonstrate|test|evaluate|emphasi[sz]e|facilitate|encourage|account|show|support|"
    r"better|make|help|study|examine|understand|investigate|fairly|mitigate|address|handle|maintain|preserve|restore|"
    r"isolate|determine|analy[sz]e|compare)|(?:for|with) (?:details?|more|further|example|instance|respect)|"
    r"for this reason|in (?:contrast|addition|particular|fact|general|other words|this way|theory|practice|summary)|"
    r"however|moreover|furthermore|overall|if (?!the (?:validation|loss))|as a result|as such)\b"
)
# a word that restricts, denies or says how, whatever it stands by
MARKS = re.compile(
    r"(?<![\w-])(?:only|solely|default|standard|official|remaining|separate|shared|held-out|instead|rather than|same|"
    r"identical|unchanged|none|no|not|never|without|every|each|all|jointly|separately|independently|randomly|uniformly|"
    r"simultaneously|sequentially|progressively|linearly|fully|manually|automatically|per-\w+|non-\w+|\w+-(?:level|"
    r"based|wise|only|free|specific|independent|dependent|aware|style|side|off|out|in|up|normali[sz]ed|learned|trained|"
    r"tuned|noise|form|matched|balanced|tokens?))(?![\w-])"
)
DULL = frozenset(
    """
    a an the this that these those it its they them their we our us i you he she his her one ones and or but nor
    so yet if then than as while whereas where which who whose whom when what how why because since of in on at
    by for from to into onto with within without over under between among across through during after before
    until upon about against via per toward towards along around above below near beyond behind beside besides
    off out up down is are was were be been being am do does did done doing have has had having can could may
    might must shall should will would not no yes also only just even still already again further furthermore
    moreover however therefore thus hence instead rather both either neither each every all any some several
    many much more most less least few fewer other others another such same different various certain given
    following respective respectively corresponding very too quite well often usually typically generally
    commonly mainly mostly largely roughly approximately first second third next last final finally later
    previous previously subsequent subsequently there here now use uses used using usage utilize utilise employ
    employs employed adopt adopted apply applies applied perform performed performs conduct conducted run runs
    ran make makes made take takes taken give gives gave get gets got put set sets setting settings set-up setup
    choose chose chosen choice choices select selected selects keep kept keeps train trains trained training
    test tests tested testing evaluate evaluated evaluates evaluation evaluations validate model models
    modelling method methods approach approaches experiment experiments experimental result results paper work
    study section sections table tables figure figures appendix equation eq fig tab algorithm data dataset
    datasets sample samples example examples number numbers value values size sizes parameter parameters
    hyperparameter hyperparameters hyper-parameter hyper-parameters configuration configurations case cases way
    ways part parts type types kind kinds form forms thing things term terms fact order task tasks problem
    problems process processes procedure procedures step steps stage stages phase phases default specific
    particular general common standard new original proposed own main whole entire total overall full based
    according due compared called named denoted denote denotes defined define defines means mean meaning consist
    consists consisting comprise comprises contain contains containing include includes included including
    provide provides provided obtain obtained obtains yield yields compute computed computes calculate
    calculated report reports reported show shows shown present presents presented describe described describes
    follow follows followed find finds found see sees note notes et al e.g i.e cf etc vs resp performance
    accuracy quality effect effects impact influence role available public publicly code implementation
    implementations implement implemented input inputs output outputs network networks architecture
    architectures layer layers large larger small smaller high higher low lower long longer short shorter good
    better best need needs needed require requires required allow allows allowed let lets unless otherwise
    specified stated mentioned noted time times ours baseline baselines optimize optimized optimise optimised
    aim aims aimed strive strived consider considered considers serve serves ultimately specifically adhering
    carry carried purpose purposes respect beginning mode able ability like lead leads
    """.split()
)
