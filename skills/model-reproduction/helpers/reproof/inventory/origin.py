"""Which code this is: commit, version, licence; read from files, git is not run."""

from __future__ import annotations

import re
from pathlib import Path

from reproof.paths import sha256

_LICENCES = [
    ("Apache-2.0", ("Apache License", "Version 2.0")),
    ("AGPL-3.0", ("GNU AFFERO GENERAL PUBLIC LICENSE", "Version 3")),
    ("LGPL", ("GNU LESSER GENERAL PUBLIC LICENSE",)),
    ("GPL-3.0", ("GNU GENERAL PUBLIC LICENSE", "Version 3")),
    ("GPL-2.0", ("GNU GENERAL PUBLIC LICENSE", "Version 2")),
    ("MPL-2.0", ("Mozilla Public License", "2.0")),
    ("CC-BY-NC-4.0", ("Attribution-NonCommercial 4.0",)),
    ("CC-BY-NC", ("NonCommercial",)),
    ("CC-BY-4.0", ("Creative Commons", "Attribution 4.0")),
    ("CC0-1.0", ("CC0 1.0",)),
    ("Unlicense", ("This is free and unencumbered software",)),
    ("BSD-3-Clause", ("Redistribution and use in source and binary forms", "Neither the name")),
    ("BSD-2-Clause", ("Redistribution and use in source and binary forms",)),
    ("ISC", ("Permission to use, copy, modify, and/or distribute",)),
    ("MIT", ("Permission is hereby granted, free of charge", "WITHOUT WARRANTY OF ANY KIND")),
]
_SHA = re.compile(r"^[0-9a-f]{40}(?:[0-9a-f]{24})?$")


def commit_of(root: Path) -> str:
    """The commit that HEAD of a checkout points at, or an empty string."""
    git = root / ".git"
    if git.is_file():  # a worktree or a submodule: the file names the real folder
        target = _small(git).partition("gitdir:")[2].strip()
        git = (root / target) if target else git
    head = _small(git / "HEAD").strip()
    if not head.startswith("ref:"):
        return head if _SHA.match(head) else ""
    ref = head.partition(":")[2].strip()
    if ".." in ref or ref.startswith("/"):
        return ""
    common = git / _small(git / "commondir").strip() if (git / "commondir").is_file() else git
    for folder in (git, common):
        direct = _small(folder / ref).strip()
        if _SHA.match(direct):
            return direct
        for line in _small(folder / "packed-refs").splitlines():
            if line.endswith(f" {ref}") and _SHA.match(line.partition(" ")[0]):
                return line.partition(" ")[0]
    return ""


def remote_of(root: Path) -> str:
    """The address that a checkout was cloned from, without a password, or an empty string."""
    match = re.search(r"^\s*url\s*=\s*(\S+)", _small(root / ".git" / "config"), re.M)
    return re.sub(r"//[^/@]*@", "//", match[1]) if match else ""


def name_and_version(root: Path, files: list[str]) -> tuple[str, str]:
    """As the package's metadata say, else as its packaging files and `__version__` say."""
    at_top = [f for f in files if f.endswith(("PKG-INFO", "METADATA")) and f.count("/") <= 1]
    for name in sorted(at_top, key=lambda f: f.count("/")):
        text = _small(root / name)
        found = re.search(r"^Name: *(\S+)", text, re.M), re.search(r"^Version: *(\S+)", text, re.M)
        if found[0] and found[1]:
            return found[0][1], found[1][1]
    name = version = ""
    for file in ("pyproject.toml", "setup.cfg", "setup.py"):
        text = _small(root / file) if file in files else ""
        match = re.search(r"^\s*name\s*=\s*['\"]?([\w.-]+)", text, re.M)
        name = name or (match[1] if match else "")
        match = re.search(r"^\s*version\s*=\s*['\"]?(\d[\w.+-]*)", text, re.M)
        version = version or (match[1] if match else "")
    for file in files:
        if not version and file.count("/") <= 2 and file.endswith(("__init__.py", "version.py", "__version__.py")):
            match = re.search(r"^__version__\s*=\s*['\"]([^'\"]+)", _small(root / file), re.M)
            version = match[1] if match else ""
    return name or root.resolve().name, version


def licence_of(root: Path, files: list[str]) -> tuple[str, str]:
    """(licence, file): by its text, else by what the metadata say, else empty."""
    at_top = [f for f in files if f.count("/") <= 1 and re.search(r"(?:^|/)(?:LICEN[CS]E|COPYING|UNLICENSE)", f, re.I)]
    for file in sorted(at_top, key=lambda f: f.count("/")):
        text = " ".join(_small(root / file).split())
        for name, words in _LICENCES:
            if all(word.lower() in text.lower() for word in words):
                return name, file
        return "unknown text: read it", file
    for file in files:
        if file.count("/") <= 1 and file.endswith(("PKG-INFO", "METADATA", "pyproject.toml", "setup.cfg", "setup.py")):
            text = _small(root / file)
            match = re.search(
                r"^License(?:-Expression)?: *(.+)$|^\s*license\s*=\s*['\"{]+(?:\s*text\s*=\s*['\"])?([^'\"}\n]+)",
                text,
                re.M,
            )
            if match:
                return (match[1] or match[2]).strip(), file
    return "", ""


def digest_of(root: Path, files: list[str]) -> str:
    """Digest of the names and bytes of the files that were read."""
    return sha256("".join(f"{name}\0{sha256((root / name).read_bytes())}\n" for name in files))


def _small(path: Path) -> str:
    """Text of a small file, or nothing."""
    if path.is_symlink() or not path.is_file() or path.stat().st_size > 2**20:
        return ""
    return path.read_bytes().decode("utf-8", errors="replace")
