"""A subject's erasure reaches the files of jobs: found in any column and form, deleted whole, named where it cannot be looked into."""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from modelwright.cli.app import app
from modelwright.core.keyref import Key, write_keys
from modelwright.privacy.ledger import NAME as LEDGER
from modelwright.serve.jobs import files
from modelwright.serve.jobs.erase import forget
from modelwright.serve.jobs.store import Store, new_id

Send = Callable[..., Path]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a service below a folder of runs."""
    for name in ("MODELWRIGHT_VAULT", "MODELWRIGHT_DB", "MODELWRIGHT_KEY"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "runs" / "serve"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def send(place: Path) -> Send:
    """Keep a job as the service does, half answered; return its folder."""

    def send(data: bytes, form: str = "csv") -> Path:
        id_ = new_id()
        folder = place / "jobs" / id_
        with files.Written(files.sent(folder, form)) as file:
            file.write(data)
            file.done()
        Store(f"sqlite:///{place / 'records.db'}", "desk").add(
            "one", form, len(data), tenant=None, scores=False, id_=id_
        )
        files.write_part(folder, 0, [{"row": 1, "prediction": "refund"}])
        return folder

    return send


def kept(place: Path) -> set[str]:
    return Store(f"sqlite:///{place / 'records.db'}", "desk").known()


def test_jobs_that_hold_the_subject_are_deleted_whole_and_no_others(place: Path, send: Send) -> None:
    root, sink = place.parent, io.BytesIO()
    pq.write_table(pa.table({"n": [1, 2], "who": [["bob"], ["eve", "ann"]]}), sink)
    mine = [
        send("customer,message\nbob,hello\n Ａｎｎ,hi\nann,again\n".replace("Ａｎｎ", "ａｎｎ").encode()),
        send(b'{"message": "x", "about": {"by": "ann"}}\n{"message": "y"}\n', "jsonl"),
        send(sink.getvalue(), "parquet"),
        send(b'customer,message\nbob,hello\n"ann,"a,b",c,d,e\n'),  # in a row that cannot be read
    ]
    others = [send(b"customer,message\nanna,hello\nbob,joann\n"), send(b'{"customer": "bob"}\n', "jsonl")]
    found = forget(root, "ann", erase=False)
    assert found.rows == {str(mine[0]): 2, str(mine[1]): 1, str(mine[2]): 1, str(mine[3]): 1}
    assert all(folder.is_dir() for folder in mine), "only looked at"
    assert forget(root, "ann", erase=True).rows == found.rows
    assert not any(folder.exists() for folder in mine)
    assert all(folder.is_dir() for folder in others)
    assert kept(place) == {folder.name for folder in others}
    assert forget(root, "ann", erase=True).rows == {}


def test_an_encrypted_job_is_read_with_the_vault_and_named_without(
    place: Path, send: Send, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = tmp_path / "vault.key"
    write_keys(str(vault), [Key.new()], new=True)
    monkeypatch.setenv("MODELWRIGHT_VAULT", str(vault))
    folder = send(b"customer,message\nann,hello\n")
    monkeypatch.delenv("MODELWRIGHT_VAULT")
    locked = forget(place.parent, "ann", erase=True)
    assert [name for name, _ in locked.unread] == [str(folder)]
    assert folder.is_dir()
    monkeypatch.setenv("MODELWRIGHT_VAULT", str(vault))
    assert forget(place.parent, "ann", erase=True).rows == {str(folder): 1}
    assert not folder.exists()


def test_what_was_left_of_a_file_that_was_being_sent_goes_after_an_hour(place: Path, send: Send) -> None:
    send(b"customer,message\nbob,hello\n")
    left = [place / "jobs" / new_id() for _ in range(2)]
    for folder in left:
        folder.mkdir()
        (folder / ".sent.csv.1.part").write_bytes(b"ann")
    os.utime(left[0], (time.time() - 7200,) * 2)
    assert forget(place.parent, "ann", erase=True).swept == [left[0]]
    assert [folder.exists() for folder in left] == [False, True]


def test_the_proof_of_erasure_tells_it(
    place: Path, send: Send, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELWRIGHT_LANG", "en")
    folder = send(b"customer,message\nann,hello\n")
    asked = ["consent", "erase", "ann", "--runs", str(place.parent)]
    looked = CliRunner().invoke(app, [*asked, "--dry-run"])
    assert f"{folder}: 1 row, a job\n" in looked.output
    assert folder.is_dir()
    assert json.loads(
        CliRunner().invoke(app, ["consent", "show", "ann", "--runs", str(place.parent), "--json"]).output
    )["jobs"] == {str(folder): 1}
    done = CliRunner().invoke(app, asked)
    assert (done.exit_code, f"{folder}: 1 row, the whole job was deleted\n" in done.output) == (0, True), done.output
    entries = [json.loads(line) for line in (place.parent / LEDGER).read_text().splitlines()]
    (entry,) = [e for e in entries if e["did"] == "subject erased"]
    assert (entry["jobs"], entry["rows"]) == (1, 1)
    assert "ann" not in json.dumps(entry["subject"])
