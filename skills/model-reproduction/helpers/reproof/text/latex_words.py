"""What LaTeX commands mean for a reader of the text: tables of facts."""

from __future__ import annotations

import re

# arguments that are not text
DROPPED = {
    "label": 1, "vspace": 1, "hspace": 1, "includegraphics": 1, "bibliographystyle": 1, "bibliography": 1,
    "usepackage": 1, "RequirePackage": 1, "documentclass": 1, "setlength": 2, "addtolength": 2, "setcounter": 2,
    "addtocounter": 2, "thispagestyle": 1, "pagestyle": 1, "color": 1, "definecolor": 3, "colorlet": 2,
    "hypersetup": 1, "cmidrule": 1, "cline": 1, "rule": 2, "phantom": 1, "hphantom": 1, "vphantom": 1,
    "newtheorem": 2, "theoremstyle": 1, "graphicspath": 1, "captionsetup": 1, "lstset": 1, "tikzset": 1,
    "cellcolor": 1, "rowcolor": 1, "columncolor": 1, "arrayrulecolor": 1, "stepcounter": 1, "refstepcounter": 1,
    "addcontentsline": 3, "markboth": 2, "linespread": 1, "fontsize": 2, "sisetup": 1, "usetikzlibrary": 1,
    "newcolumntype": 2, "setcitestyle": 1, "nocite": 1, "date": 1, "hyphenation": 1, "renewenvironment": 3,
    "newenvironment": 3, "newlength": 1, "newcounter": 1, "allowdisplaybreaks": 0, "icmltitlerunning": 1,
    "icmlsetsymbol": 2, "icmlcorrespondingauthor": 2, "icmlkeywords": 1, "title": 1, "numberwithin": 2, "pdfinfo": 1,
}  # fmt: skip
# leading arguments that are not text; what follows is
FIRST_DROPPED = {
    "textcolor": 1, "href": 1, "resizebox": 2, "scalebox": 1, "parbox": 1, "colorbox": 1, "fcolorbox": 2,
    "multirow": 2, "multicolumn": 2, "raisebox": 1, "rotatebox": 1, "adjustbox": 1, "minipage": 1, "foreignlanguage": 1,
}  # fmt: skip
CITES = re.compile(r"^(?:[cC]ite\w*|textcite|parencite|autocite|footcite|citeauthor|citeyear|shortcite)$")
REFS = ("ref", "eqref", "cref", "Cref", "autoref", "subref", "pageref", "vref", "nameref", "secref", "tabref", "figref")
REF_WORDS = {
    "section": "Section", "appendix": "Appendix", "table": "Table", "figure": "Figure", "algorithm": "Algorithm",
    "equation": "Equation",
}  # fmt: skip
SECTIONS = {
    "part": 0,
    "chapter": 1,
    "section": 1,
    "subsection": 2,
    "subsubsection": 3,
    "paragraph": 4,
    "subparagraph": 5,
}
BOLD = ("textbf", "bf", "bfseries", "mathbf", "boldsymbol", "bm", "best", "pmb")
SPACES = {
    "quad": " ", "qquad": " ", "newline": "\n", "linebreak": "\n", "par": "\n\n", "tabularnewline": "\n",
    "space": " ", "thinspace": " ", "enspace": " ", "hfill": " ", "hfil": " ", "newpage": "\n\n", "clearpage": "\n\n",
    "bigskip": "\n\n", "medskip": "\n\n", "smallskip": "\n\n", "noindent": "",
}  # fmt: skip
ACCENTS = {
    "'": "\u0301", "`": "\u0300", "^": "\u0302", '"': "\u0308", "~": "\u0303", "=": "\u0304", ".": "\u0307",
    "c": "\u0327", "v": "\u030c", "u": "\u0306", "H": "\u030b", "k": "\u0328", "r": "\u030a",
}  # fmt: skip
# siunitx
UNITS = {
    "giga": "G", "mega": "M", "kilo": "k", "tera": "T", "milli": "m", "micro": "μ", "nano": "n", "byte": "B",
    "bit": "bit", "second": "s", "hour": "h", "minute": "min", "hertz": "Hz", "watt": "W", "percent": "%", "meter": "m",
    "gibi": "Gi", "mebi": "Mi", "degree": "°", "joule": "J", "day": "d", "gram": "g", "volt": "V", "per": "/",
}  # fmt: skip
FLOATS = {
    "table": "table", "table*": "table", "figure": "figure", "figure*": "figure", "wraptable": "table",
    "wrapfigure": "figure", "algorithm": "algorithm", "algorithm*": "algorithm", "sidewaystable": "table",
    "SCtable": "table", "longtable": "table", "floatingtable": "table", "listing": "algorithm",
    "algorithm2e": "algorithm",
}  # fmt: skip
TABULARS = ("tabular", "tabular*", "tabularx", "tabulary", "array", "longtable", "tblr", "xltabular", "NiceTabular")
EQUATIONS = {
    "equation": 1, "align": 2, "gather": 2, "multline": 1, "eqnarray": 2, "alignat": 2, "flalign": 2, "displaymath": 0,
    "dmath": 1, "IEEEeqnarray": 2,
}  # fmt: skip
"""Display environments: 0 unnumbered, 1 one number, 2 one number a row."""
PICTURES = ("tikzpicture", "pgfpicture", "picture", "axis", "forest", "CCSXML", "filecontents", "filecontents*")
RAW = ("verbatim", "lstlisting", "minted", "Verbatim", "alltt")
