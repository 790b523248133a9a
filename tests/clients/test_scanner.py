"""The security scanner finds nothing of weight; what it mistakes is listed, with the lines that explain it."""

import json
import re

# rule: (why it is harmless, what the reported line or file must look like for that to be true)
HARMLESS = {
    "EXCESSIVE_FILE_COUNT": ("the helpers are real copies, because installers drop links", r""),
    "UNDECLARED_NETWORK_DESTINATION": ("an address in a comment or a message; nothing is fetched from it", r"\.py$"),
    "DATA_EXFIL_NETWORK_REQUESTS": ("read.py --fetch, on the user's flag only; SKILL.md says so", r"read/fetch\.py$"),
    "TOOL_ABUSE_UNDECLARED_NETWORK": ("the same request, reported once more for the skill", r"SKILL\.md$"),
    "COMMAND_INJECTION_EVAL": ("torch's Module.eval(), which takes no text", r"\.eval\(\)"),
    "COMMAND_INJECTION_OS_SYSTEM": ("a list of words, no shell", r"^process = subprocess\.Popen\($"),
    "RESOURCE_ABUSE_INFINITE_LOOP": ("a generator: it goes on only when asked for more", r"extra/loader\.py$"),
    "GLOB_HIDDEN_FILE_TARGETING": ("a file's own name and any suffix, no dot file", r"glob\(f\"(\w+/)?\{\w+\}\.\*\"\)"),
    "FILE_MAGIC_MISMATCH": ("pinned packages, a line each, guessed to be another kind of text", r"requirements\.txt$"),
}


def explained(finding):
    reason, looks_like = HARMLESS.get(finding["rule_id"], ("", r"(?!)"))
    shown = finding["snippet"] or finding["file_path"] or ""
    return bool(reason) and (re.search(looks_like, shown) or re.search(looks_like, finding["file_path"] or ""))


def test_the_security_scanner_finds_nothing_that_is_not_explained(client, pack):
    said = client(
        client.folder / "scan" / "bin" / "skill-scanner", "scan-all", pack / "skills", "--format", "json"
    ).stdout
    answer = json.loads(said[said.index("{") :])
    found = [finding for skill in answer["results"] for finding in skill["findings"]]
    assert answer["results"], "nothing was scanned"
    wrong = [f"{f['rule_id']} {f['file_path']}:{f['line_number']} {f['snippet']}" for f in found if not explained(f)]
    assert wrong == []


def test_a_call_of_eval_on_text_would_not_be_explained():
    finding = {"rule_id": "COMMAND_INJECTION_EVAL", "file_path": "x.py", "snippet": "value = eval(text)"}
    assert not explained(finding)
    assert explained({**finding, "snippet": "model.eval()"})
    assert not explained({**finding, "rule_id": "COMMAND_INJECTION_OS_SYSTEM", "snippet": "os.system(text)"})


def test_a_finding_of_an_unknown_rule_is_not_explained():
    assert not explained({"rule_id": "NEW", "file_path": "SKILL.md", "snippet": None})
