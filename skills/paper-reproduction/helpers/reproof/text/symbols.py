"""Spellings of the same symbol: LaTeX commands, Unicode superscripts, HTML entities and tags, dashes."""

from __future__ import annotations

import html
import re

SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
SUPERSCRIPT_RUN = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺]+")
SUBSCRIPT_RUN = re.compile("[₀-₉]+")
MINUS = "\u2212\u2013\u2014\u2010\u2011\u2012\u2015\ufe63\uff0d"
DASHES = str.maketrans(dict.fromkeys(MINUS, "-"))
INVISIBLE = re.compile("[\u00ad\ufffe\u200b-\u200f\u2060\ufeff\x02]")
TAG_NAMES = (
    "table|thead|tbody|tfoot|tr|td|th|br|hr|p|b|i|u|em|strong|small|span|div|a|img|code|cite|center|caption|font"
)
TAG = re.compile(rf"</?(?:{TAG_NAMES})(?:\s+[\w:-]+\s*=\s*(?:\"[^\"<>]*\"|'[^'<>]*'|[\w.%#-]+))*\s*/?>", re.IGNORECASE)
RAISED = re.compile(r"<(sup|sub)(?:\s[^<>]{0,80})?>(.{0,80}?)</\1>", re.IGNORECASE | re.DOTALL)
ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "varepsilon": "ε", "zeta": "ζ", "eta": "η",
    "theta": "θ", "vartheta": "θ", "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ",
    "pi": "π", "varpi": "π", "rho": "ρ", "varrho": "ρ", "sigma": "σ", "varsigma": "ς", "tau": "τ", "upsilon": "υ",
    "phi": "φ", "varphi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ",
    "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ", "Upsilon": "Υ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω",
}  # fmt: skip
LATEX_WORDS = {
    **GREEK, "times": "×", "cdot": "·", "leq": "≤", "le": "≤", "leqslant": "≤", "geq": "≥", "ge": "≥", "geqslant": "≥",
    "ll": "≪", "gg": "≫", "lt": "<", "gt": ">", "pm": "±", "mp": "∓", "neq": "≠", "ne": "≠", "approx": "≈", "sim": "~",
    "simeq": "≈", "propto": "∝", "infty": "∞", "in": "∈", "notin": "∉", "to": "→", "rightarrow": "→", "leftarrow": "←",
    "Rightarrow": "⇒", "uparrow": "↑", "downarrow": "↓", "mapsto": "↦", "nabla": "∇", "partial": "∂", "sum": "∑",
    "prod": "∏", "int": "∫", "sqrt": "√", "ell": "ℓ", "ldots": "...", "dots": "...", "cdots": "...", "odot": "⊙",
    "otimes": "⊗", "oplus": "⊕", "circ": "∘", "cup": "∪", "cap": "∩", "subset": "⊂", "forall": "∀", "exists": "∃",
    "langle": "⟨", "rangle": "⟩", "lVert": "∥", "rVert": "∥", "Vert": "∥", "dagger": "†", "ddagger": "‡", "star": "⋆",
    "ast": "*", "prime": "′", "mid": "|", "lbrace": "{", "rbrace": "}", "textasciitilde": "~", "textpm": "±",
    "texttimes": "×", "textminus": "-", "textdegree": "°", "degree": "°", "textmu": "μ", "ss": "ß", "o": "ø", "ae": "æ",
    "checkmark": "✓", "cmark": "✓", "xmark": "✗",
    "log": "log", "exp": "exp", "ln": "ln", "min": "min", "max": "max", "sin": "sin", "cos": "cos", "tanh": "tanh",
    "arg": "arg", "sup": "sup", "inf": "inf", "lim": "lim", "det": "det", "Pr": "Pr", "dim": "dim",
    "S": "§", "P": "¶", "LaTeX": "LaTeX", "TeX": "TeX",
}  # fmt: skip
DASH_RUN = re.compile(r"(?<!-)-{2,3}(?!-)")
IN_FORMULA = re.compile(r"(?<![\\$])\$[^$\n]{1,2000}?(?<!\\)\$")
SCRIPT_BLANKS = re.compile(r"\s*\^\s*\{\s*[-+−]?\s*\d[\d\s]*\}")
THOUSANDS = re.compile(r"(?<=\d) , (?=0 \d \d(?! ?\d))")  # 1 , 2 0 0 may be two numbers; 1 , 0 2 4 may not
NUMBER_BLANKS = re.compile(r"(?<=\d) (?=[\d.])|(?<=\d[.]) (?=\d)|(?<=\d [.]) (?=\d)")
LATEX = re.compile(r"\\(?:([a-zA-Z]+)|([%$#&_{}]))")


def spelled(text: str) -> str:
    """`text` with tags blanked and entities, LaTeX words, raised and lowered digits in one spelling.

    >>> spelled("5 × 10⁻⁴"), spelled("$10^{-4}$"), spelled("10<sup>-4</sup>")
    ('5 × 10^{-4}', '$10^{-4}$', '10^{-4}')
    """
    if "$" in text:
        text = IN_FORMULA.sub(lambda formula: closed_up(formula[0]), text)
    if "<" in text:
        text = RAISED.sub(lambda m: ("^{" if m[1].lower() == "sup" else "_{") + m[2] + "}", text)
        text = TAG.sub(" ", text)
    if "&" in text:
        text = ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
    if "--" in text:
        text = DASH_RUN.sub(lambda run: "–" if len(run[0]) == 2 else "—", text)
    if "\\" in text:
        text = LATEX.sub(lambda m: f" {LATEX_WORDS.get(m[1], '')} " if m[1] else m[2], text)
    return raised(text)


def closed_up(tex: str) -> str:
    r"""A formula without the blanks inside its numbers, which TeX does not print either.

    >>> closed_up(r"1 0 ^ { - 4 } , \beta = 0 . 9 9 9")
    '10^{-4} , \\beta = 0.999'
    """
    tex = SCRIPT_BLANKS.sub(lambda script: script[0].replace(" ", ""), tex)
    tex = THOUSANDS.sub(",", tex)
    return NUMBER_BLANKS.sub("", tex)


def raised(text: str) -> str:
    """`text` with Unicode superscripts as `^{..}`, subscripts as plain digits, invisible characters gone."""
    if text.isascii():
        return text
    text = SUPERSCRIPT_RUN.sub(lambda run: "^{" + run[0].translate(SUPERSCRIPTS) + "}", text)
    text = SUBSCRIPT_RUN.sub(lambda run: run[0].translate(SUBSCRIPTS), text)
    return INVISIBLE.sub("", text)
