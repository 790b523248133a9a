import datetime
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from reproof import evidence


def record(headline="fine", **changes):
    fields = {
        "number": 1,
        "helper": "plan check",
        "argv": [],
        "created": datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc),
        "seconds": 0.1,
        "ok": True,
        "headline": headline,
        "inputs": {},
        "versions": {},
        "answer": {"ok": True},
        "previous": evidence.FIRST,
    }
    return evidence.Evidence(**(fields | changes))


def three(folder):
    return [evidence.append(folder, record(f"number {n}")) for n in (1, 2, 3)]


def test_records_are_numbered_and_chained(tmp_path):
    paths = three(tmp_path)
    assert [path.name for path in paths] == [f"000{n}-plan-check.json" for n in (1, 2, 3)]
    records, findings = evidence.audit(tmp_path)
    assert not findings
    assert records[0].previous == "0" * 64
    assert records[2].previous == records[1].digest


def test_an_edited_record_is_found(tmp_path):
    path = three(tmp_path)[1]
    path.write_text(path.read_text().replace("number 2", "number 9"))
    _, findings = evidence.audit(tmp_path)
    assert [(f.file, "changed" in f.problem) for f in findings] == [("0002-plan-check.json", True)]


def test_an_edited_record_with_a_new_digest_breaks_the_chain(tmp_path):
    path = three(tmp_path)[1]
    forged = evidence.read(path).model_copy(update={"headline": "better"}).sealed()
    path.write_text(forged.model_dump_json())
    _, findings = evidence.audit(tmp_path)
    assert [f.file for f in findings] == ["0003-plan-check.json"]


def test_a_removed_record_is_found(tmp_path):
    three(tmp_path)[1].unlink()
    _, findings = evidence.audit(tmp_path)
    assert [f.problem for f in findings] == ["record 2 is missing or renamed"]


def test_the_last_record_removed_leaves_an_intact_chain_which_the_gate_must_notice_as_missing(tmp_path):
    three(tmp_path)[2].unlink()
    records, findings = evidence.audit(tmp_path)
    assert (len(records), findings) == (2, [])


def test_a_file_that_is_no_record_is_named(tmp_path):
    three(tmp_path)
    (tmp_path / "0004-x.json").write_text(json.dumps({"ok": True}))
    _, findings = evidence.audit(tmp_path)
    assert findings[0].file == "0004-x.json"


def test_helpers_that_finish_at_once_do_not_lose_records(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: evidence.append(tmp_path, record(str(n))), range(24)))
    records, findings = evidence.audit(tmp_path)
    assert len(records) == 24
    assert not findings


@pytest.mark.parametrize("change", ["edit", "remove"])
def test_a_changed_input_makes_a_record_stale(tmp_path, change):
    source = tmp_path / "plan.yaml"
    source.write_text("a: 1")
    seen = record(inputs=evidence.hashed_inputs([source], tmp_path))
    assert evidence.changed_inputs(seen, tmp_path) == []
    source.write_text("a: 2") if change == "edit" else source.unlink()
    assert evidence.changed_inputs(seen, tmp_path) == ["plan.yaml"]


def test_nan_in_an_answer_still_has_a_stable_digest(tmp_path):
    evidence.append(tmp_path, record(answer={"value": float("nan")}))
    assert evidence.audit(tmp_path)[1] == []
