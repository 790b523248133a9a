"""Proper names in sentences about the set-up: data, models and tools that stand in no lexicon."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reproof.text.keys import citations

PROPER = re.compile(
    r"\b(?:[A-Z][\w+-]*[A-Z\d][\w+-]*|[a-z]+[A-Z]\w*|"
    r"(?<![.:•*)\]-])(?<![.:•*-] )(?<!^)[A-Z][a-z]{2,}(?: [A-Z][a-z]{2,})*)"
)
NO_NAME = re.compile(
    r"(?:Table|Tab|Figure|Fig|Section|Sec|Appendix|Equation|Eq|Algorithm|Theorem|Lemma|Chapter|Supplement\w*|We|The|Our|"
    r"For|In|"
    r"This|These|All|Both|Each|When|Unless|Note|Finally|Following|As|To|On|At|By|From|With|While|It|Its|They|GPU|GPUs|"
    r"CPU|TPU|TPUs|LR|RGB|ID|Task|Setting|Value|Name|TABLE|FIGURE|EQUATION|[IVX]+(?:-[A-Z])?|First|Then|Suppose|"
    r"According|However|Moreover|Thus|Hence|Although|Figures|Tables|Proof|Proposition)\b"
)
USED = re.compile(
    r"\b((?:us(?:es?|ed|ing)|employ\w*|adopt\w*|utili[sz]\w*|leverag\w*)|(?:pre-?)?train\w* (?:on|with|from)|"
    r"fine-?tun\w*(?: on)?|initiali[sz]\w* (?:from|with|by)|evaluat\w* on|(?:extracted|generated|computed|taken|"
    r"derived|synthesi[sz]ed|tokeni[sz]ed|optimi[sz]ed|encoded|collected|selected|drawn|sampled) (?:via|by|with|using|"
    r"from)|(?:data ?sets?|corpus|benchmarks?|model|backbone|encoder|decoder|framework|toolkit|simulator) (?:is|are)|"
    r"based on|built on|provided by|as in|[Ff]or|report(?:s|ed)?|measured? (?:by|with|using|via)|"
    r"metrics? (?:is|are|include)|including|namely)\s(?:the |an? |our |its )?(?:[a-z-]+ )?$"
)
"""What stands before a name that something was made with or from."""
AUTHOR = re.compile(r"\s(?:et al|and [A-Z][a-z]+,? \(?(?:19|20)\d\d)|,? \(?(?:19|20)\d\d|[’']s?\b")
JOINED = re.compile(r"(?:\s?(?:\([^()]{4,40}\)|\[[\d, ]{1,12}\]))?(?:,? and |, or | or |, | / )(?:the )?")
USED_CHARS = 40


def names(text: str, apart: list[tuple[int, int]]) -> Iterator[tuple[int, int, str]]:
    """(start, end, what announces it or '') of names in the middle of a sentence or with capitals inside.

    Args:
        text: a sentence.
        apart: spans that are known already, or citations.
    """
    apart = [*apart, *citations(text)]
    before: tuple[int, str] | None = None
    for name in PROPER.finditer(text):
        first, last = name.span()
        is_other = NO_NAME.match(name[0]) or AUTHOR.match(text, last) or text.startswith(("**", ":"), last)
        if is_other or any(a < last and first < b for a, b in apart):
            continue
        used = USED.search(text, max(0, first - USED_CHARS), first)
        if not used and before and JOINED.fullmatch(text, before[0], first):
            announced = before[1]  # PSNR, SSIM and LPIPS: what holds for the first holds for the rest
        else:
            announced = used[1] if used else ""
        before = (last, announced) if announced else None
        yield first, last, announced
