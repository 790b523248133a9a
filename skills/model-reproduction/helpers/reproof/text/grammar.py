"""Turns of grammar that state a choice, whatever it is called: what is used, left undone or restricted."""

from __future__ import annotations

import re
from collections.abc import Iterator

_STOP = (
    r"(?=\s?(?:[.,;:()\[]|$)|\s(?:with|for|to|in|on|of|and|as|from|by|at|that|which|where|when|instead|between|across|"
    r"during|over|under|after|before|within|is|are|was|were|rather|but|or|so|since|because|into|without|while)\b)"
)
_WORD = r"[\w@+/-]+(?:\.\w+)*"
# two words or more behind a verb of choice; `is used for` and `used to` choose nothing
USES = re.compile(
    r"(?<!\bis )(?<!\bare )(?<!\bwas )(?<!\bwere )(?<!\bbe )(?<!\bto )\b(?:use[ds]?|using|employ(?:s|ed|ing)?|"
    r"adopt(?:s|ed|ing)?|utili[sz](?:e[ds]?|ing)) (?:(?:the|an?|our|its|their) )?(?P<what>(?!(?:to|for|by|in|as|on|"
    r"with|only|less|fewer|more|smaller|larger|our|code|the|an?|min)\b)"
    rf"(?:{_WORD} ){{1,4}}?{_WORD}){_STOP}"
)
LEFT_UNDONE = re.compile(
    r"\b(?P<what>(?:never|not) (?:be )?(?:appl|averag|comput|conduct|employ|fine-tun|includ|initiali|interchang|"
    r"normali|optimi|perform|rely|reset|resampl|re-?scal|retrain|reus|shar|shuffl|tun|train|updat|us(?=ed?\b)|"
    r"weigh)\w*|none of (?:the |our )?[\w-]+(?:[’']s)?(?: [\w-]+)?)"
)
RESTRICTED = re.compile(
    r"(?<![\w-])(?P<what>(?:only|solely) (?:(?:on|in|by|with|for|from|at|during|when) )?(?:(?:the|an?|its|their) )?"
    r"(?!differ|one|two|\d|need|require|slight|possible)(?:[\w-]+ ){0,2}?[\w-]+)" + _STOP
)
COUNTED = re.compile(r"(?<![\w-])\d+(?:\.\d+)?(?![\w-])")  # numbers are candidates by themselves
FORMS = ((USES, "uses"), (LEFT_UNDONE, "left undone"), (RESTRICTED, "restricted"))


def choices(text: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, form) of what a sentence says was chosen, in words that no lexicon needs to have.

    >>> [text[a:b] for text in ["We use a zero-distance map, and gradients are never averaged."]
    ... for a, b, _ in choices(text)]
    ['zero-distance map', 'never averaged']
    """
    for pattern, form in FORMS:
        for match in pattern.finditer(text):
            if not COUNTED.search(match["what"]):
                yield *match.span("what"), form
