"""What a project was generated from: hashes, and the texts themselves, so that a later change can be merged."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reproof import __version__
from reproof.paths import sha256

FOLDER = ".scaffold"
MANIFEST, BASE, INPUTS = f"{FOLDER}/manifest.json", f"{FOLDER}/base.json", f"{FOLDER}/inputs.json"


@dataclass(frozen=True)
class Generated:
    """The state at the last generation. `base` lacks a text that was lost or changed since: its hash tells."""

    name: str = ""
    files: dict[str, str] = field(default_factory=dict)
    base: dict[str, str] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)
    """What was given by flags besides plan and core, so that an update need not be told again."""

    @property
    def core(self) -> str:
        """Where the algorithm of this project lies."""
        return f"src/{self.name}/core/"


def generated_in(out: Path) -> Generated | None:
    """What was generated in `out`, or None."""
    data = _json(out / MANIFEST)
    files = data.get("files")
    if not isinstance(files, dict):
        return None
    texts = {name: text for name, text in _json(out / BASE).items() if sha256(str(text)) == files.get(name)}
    return Generated(str(data.get("name", "")), files, texts, data.get("sources", {}), _json(out / INPUTS))


def _json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def store_files(name: str, base: dict[str, str], sources: dict[str, str], inputs: dict[str, Any]) -> dict[str, str]:
    """Path -> text of the files that remember what was generated, and from what."""
    hashes = {path: sha256(text) for path, text in base.items()}
    manifest = {"reproof": __version__, "name": name, "sources": sources, "files": hashes}
    return {
        MANIFEST: json.dumps(manifest, indent=1, sort_keys=True) + "\n",
        BASE: json.dumps(base, indent=0, sort_keys=True, ensure_ascii=False) + "\n",
        INPUTS: json.dumps(inputs, indent=1, sort_keys=True) + "\n",
    }
