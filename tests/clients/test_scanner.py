"""The security scanner finds nothing of weight; what it finds and is harmless is listed with the reason."""

import json

HARMLESS = {
    "EXCESSIVE_FILE_COUNT": "the helpers are real copies, because installers drop links",
    "UNDECLARED_NETWORK_DESTINATION": "addresses in comments and messages; nothing is fetched from them",
    "DATA_EXFIL_NETWORK_REQUESTS": "read.py --fetch, on the user's flag only; SKILL.md says so",
}


def test_the_security_scanner_finds_nothing_that_is_not_explained(client, pack):
    said = client(
        client.folder / "scan" / "bin" / "skill-scanner", "scan-all", pack / "skills", "--format", "json"
    ).stdout
    answer = json.loads(said[said.index("{") :])
    found = [finding for skill in answer["results"] for finding in skill["findings"]]
    assert answer["results"], "nothing was scanned"
    wrong = [f"{f['rule_id']} {f['file_path']}:{f['line_number']}" for f in found if f["rule_id"] not in HARMLESS]
    assert wrong == []
