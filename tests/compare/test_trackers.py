"""Results out of files that other tools write, byte by byte as their formats say; a bad byte costs only itself."""

import json
import sqlite3
import struct

import pytest
import yaml

from reproof.compare.wire import fields

SETTINGS = {"experiment": "toy", "n_test": 64, "n_generated": 64, "core_hash": "k0", "lr": 0.1,
            "condition": {"sampling_steps": 10}, "steps_done": {"fit": 200}}  # fmt: skip


def varint(number):
    out = b""
    while number > 0x7F:
        out, number = out + bytes([number & 0x7F | 0x80]), number >> 7
    return out + bytes([number])


def message(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def event(tag, step, value):
    scalar = message(1, tag.encode()) + varint(2 << 3 | 5) + struct.pack("<f", value)
    whole = varint(1 << 3 | 1) + struct.pack("<d", 1e9) + varint(2 << 3) + varint(step) + message(5, message(1, scalar))
    return struct.pack("<Q", len(whole)) + b"crc0" + whole + b"crc1"


def item(key, value, *, nested=False):
    return message(1, message(2 if nested else 1, key.encode()) + message(16, json.dumps(value).encode()))


def wandb_log(settings, rows):
    config = b"".join(item(key, value) for key, value in settings.items())
    records = [message(17, message(1, b"abc123") + message(4, config))]
    for step, row in rows:
        pairs = b"".join(item(key, value, nested=True) for key, value in row.items())
        records.append(message(2, pairs + message(2, varint(1 << 3) + varint(step))))
    data = b":W&B\xbe\xbe\x00"
    for record in records:
        data += b"crc0" + struct.pack("<HB", len(record), 1) + record
    return data


def tensorboard(folder, seed, value):
    place = folder / f"toy/seed{seed}"
    place.mkdir(parents=True)
    (place / "hparams.yaml").write_text(yaml.safe_dump(SETTINGS | {"seed": seed}))
    logged = b"".join(event("train/loss", step, 1 / step) for step in (50, 100, 200)) + event("eval/w2", 200, value)
    (place / "events.out.tfevents.1.host").write_bytes(logged)


def wandb(folder, seed, value):
    place = folder / f"wandb/offline-run-{seed}"
    place.mkdir(parents=True)
    log = wandb_log(SETTINGS | {"seed": seed}, [(50, {"train/loss": 0.5}), (200, {"w2": value})])
    (place / f"run-{seed}.wandb").write_bytes(log.replace(b"abc123", f"abc12{seed}".encode()))


def mlflow(folder, seed, value):
    run = folder / f"mlruns/1/run{seed}"
    for kind in ("metrics", "params", "tags"):
        (run / kind).mkdir(parents=True)
    (run / "meta.yaml").write_text("status: 3\n")
    flat = {"condition.sampling_steps": 10, "steps_done.fit": 200} | {
        key: item for key, item in SETTINGS.items() if not isinstance(item, dict)
    }
    for key, said in (flat | {"seed": seed}).items():
        (run / "params" / key).write_text(str(said))
    (run / "metrics" / "w2").write_text(f"1700000000 9.0 100\n1700000001 {value} 200\n")


def trackio(folder, seed, value):
    (folder / "trackio").mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(folder / "trackio" / "p.db")
    database.execute("create table if not exists metrics (run_name text, step integer, metrics text)")
    database.execute("create table if not exists configs (run_name text, config text)")
    database.execute(
        "insert into configs values (?, ?)", (f"r{seed}", json.dumps(SETTINGS | {"seed": seed, "_Group": "g"}))
    )
    database.execute("insert into metrics values (?, ?, ?)", (f"r{seed}", 200, json.dumps({"w2": value})))
    database.commit()
    database.close()


def mlflow_database(folder, seed, value):
    folder.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(folder / "mlflow.db")
    database.execute("create table if not exists runs (run_uuid text)")
    database.execute("create table if not exists params (key text, value text, run_uuid text)")
    database.execute(
        "create table if not exists metrics (key text, value real, timestamp int, run_uuid text, step int)"
    )
    flat = {"condition.sampling_steps": 10, "steps_done.fit": 200, "experiment": "toy", "n_test": 64, "n_generated": 64,
            "lr": 0.1, "core_hash": "k0", "seed": seed}  # fmt: skip
    database.executemany("insert into params values (?, ?, ?)", [(k, str(v), f"r{seed}") for k, v in flat.items()])
    database.execute("insert into metrics values ('w2', ?, 1, ?, 200)", (value, f"r{seed}"))
    database.commit()
    database.close()


def table(folder, seed, value):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "records.csv"
    head = (
        "experiment,seed,run_id,config_hash,core_hash,n_test,n_generated,condition.sampling_steps,steps_done.fit,w2\r\n"
    )
    line = f"toy,{seed},r{seed},c0,k0,64,64,10,200,{value}\r\n"
    path.write_bytes(((path.read_bytes().decode() if path.exists() else "\ufeff" + head) + line).encode())


def document(folder, seed, value):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "results.json"
    rows = json.loads(path.read_text())["records"] if path.exists() else []
    rows.append(SETTINGS | {"seed": seed, "run_id": f"r{seed}", "config_hash": "c0", "metric": "w2", "value": value})
    path.write_text(json.dumps({"records": rows}))


@pytest.mark.parametrize("write", [tensorboard, wandb, mlflow, trackio, mlflow_database, table, document])
def test_three_seeds_of_a_tracker_are_judged_like_records(project, write):
    project.experiment["seeds"] = [0, 1, 2]
    for seed in range(3):
        write(project.folder / "results", seed, 0.75 + 0.25 * seed)  # exact in single precision
    claim = project.judged()
    assert (claim.ours.n, claim.ours.mean, claim.ours.seeds) == (3, 1.0, [0, 1, 2])
    assert claim.reason.startswith("0 ") or "0 below" in claim.reason
    assert all(record.file_sha256 for record in claim.records)


@pytest.mark.parametrize(("write", "name"), [(tensorboard, "events.out.tfevents.1.host"), (wandb, "run-0.wandb")])
def test_a_log_that_was_cut_off_gives_what_it_holds_and_says_so(project, write, name):
    write(project.folder / "results", 0, 1.0)
    (path,) = (project.folder / "results").rglob(name)
    path.write_bytes(path.read_bytes()[:-5])
    answer = project.compare()
    file = next(file for file in answer.files if file.path.endswith(name))
    assert any("cut off, as a killed run leaves it" in problem for problem in file.problems)
    assert answer.claims[0].verdict == "NOT_RUN"


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 100, b":W&B\xbe\xbe\x00" + b"\xff" * 50, b"SQLite format 3\x00" + b"x" * 99]
)
@pytest.mark.parametrize(
    "name", ["toy/seed0/events.out.tfevents.1", "run-1.wandb", "mlflow.db", "records.csv", "results.json"]
)
def test_rubbish_is_said_and_the_other_files_still_count(project, name, content):
    project.results(1.0, 1.001, 0.999, 1.002, 0.998)
    path = project.folder / "results" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    assert project.judged().verdict == "MATCH"


def test_a_line_of_a_table_with_a_cell_too_few_is_left_out_and_said(project):
    for seed in range(3):
        table(project.folder / "results", seed, 1.0)
    path = project.folder / "results" / "records.csv"
    path.write_bytes(path.read_bytes() + b"toy,3,r3\r\n")
    answer = project.compare()
    assert answer.files[0].problems == ["line 5: has another number of cells than the header; left out"]
    assert answer.claims[0].ours.n == 3


def test_results_whose_settings_nobody_knows_are_typed(project):
    place = project.folder / "results/toy/seed0"
    place.mkdir(parents=True)
    (place / "events.out.tfevents.1.host").write_bytes(event("w2", 200, 1.0))
    project.claim["condition"] = {}
    claim = project.judged()
    assert (claim.verdict, claim.typed) == ("INCONCLUSIVE", [1.0])


def test_negative_and_large_numbers_of_the_wire_format():
    assert list(fields(varint(3 << 3) + varint(2**63))) == [(3, 0, 2**63)]
    with pytest.raises(ValueError, match="cut off"):
        list(fields(b"\x08\xff"))
