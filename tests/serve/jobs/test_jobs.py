"""Jobs: files of rows that are answered by and by, by whichever process is there, without one row twice."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from modelwright.core.keyref import Key, write_keys
from modelwright.serve.app import create_app
from modelwright.serve.jobs import files, runner, store
from modelwright.serve.keys import KeyRing, add_key
from modelwright.serve.limits import ServeLimits
from modelwright.serve.stores import home_of_folder


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MODELWRIGHT_KEY", raising=False)
    monkeypatch.delenv("MODELWRIGHT_VAULT", raising=False)
    monkeypatch.setattr(runner, "LOOK", 0.05)
    monkeypatch.setattr(runner, "CHUNK", 10)
    monkeypatch.setattr(runner, "_FULL", 0.1)


class Tried:
    """A service in this process, and a key."""

    def __init__(self, client: TestClient, key: str) -> None:
        self.client, self.headers = client, {"X-API-Key": key}

    def send(self, body: bytes, kind: str = "text/csv", **more: Any) -> Any:
        return self.client.post("/jobs", content=body, headers={**self.headers, "Content-Type": kind}, **more)

    def get(self, path: str, **more: Any) -> Any:
        return self.client.get(path, headers=self.headers, **more)

    def begun(self, id_: str) -> None:
        """Wait until a job is being answered."""
        until = time.monotonic() + 30
        while (job := self.get(f"/jobs/{id_}").json())["state"] != "running":
            assert time.monotonic() < until, job
            time.sleep(0.02)

    def ended(self, id_: str) -> dict[str, Any]:
        until = time.monotonic() + 30
        while (job := self.get(f"/jobs/{id_}").json())["state"] in store.OPEN:
            assert time.monotonic() < until, job
            time.sleep(0.05)
        return dict(job)


@pytest.fixture
def serving(predictor: Any, tmp_path: Path) -> Callable[..., Any]:
    @contextmanager
    def serve(key: str = "", **limits: Any) -> Iterator[Tried]:
        path = tmp_path / "keys" / "keys.json"
        made = key or add_key(path, "one")
        ring, _ = KeyRing.open(path)
        home = home_of_folder("sample", "1", path)
        app = create_app(predictor, keys=ring, home=home, limits=ServeLimits(**limits))
        with TestClient(app, raise_server_exceptions=False) as client:
            yield Tried(client, made)

    return serve


def table_of(rows: int) -> bytes:
    lines = [f"{i}.5,mail,true,refund number {i} please" for i in range(rows)]
    return "\n".join(["amount,channel,member,message", *lines, ""]).encode()


def test_a_file_is_answered_and_streamed_in_each_form(serving: Any, predictor: Any) -> None:
    with serving() as one:
        before = time.time()
        reply = one.send(table_of(35))
        assert reply.status_code == 202
        job = one.ended(reply.json()["id"])
        assert (job["state"], job["rows"], job["done"], job["unread"]) == ("done", 35, 35, 0)
        lines = one.get(f"/jobs/{job['id']}/result?format=jsonl").text.splitlines()
        found = [json.loads(line) for line in lines]
        assert [a["row"] for a in found] == list(range(1, 36))
        rows = [
            {"amount": i + 0.5, "channel": "mail", "member": True, "message": f"refund number {i} please"}
            for i in range(35)
        ]
        asked = one.client.post("/predict", json={"rows": rows}, headers=one.headers).json()["answers"]
        assert [a["prediction"] for a in found] == [a["prediction"] for a in asked]
        cells = list(csv.DictReader(io.StringIO(one.get(f"/jobs/{job['id']}/result").text)))
        assert [c["prediction"] for c in cells] == [str(a["prediction"]) for a in asked]
        made = pq.read_table(io.BytesIO(one.get(f"/jobs/{job['id']}/result?format=parquet").content))
        assert made.column("row").to_pylist() == list(range(1, 36))
        assert one.client.app.state.spent() == {"one": 70}
        assert before - 1 < time.time()
        assert [j["id"] for j in one.get("/jobs").json()["jobs"]] == [job["id"]]


def test_other_forms_and_rows_that_cannot_be_read(serving: Any) -> None:
    sink = io.BytesIO()
    pq.write_table(pa.table({"amount": ["1", "x", "3"], "message": ["a", "b", "c"]}), sink)
    with serving() as one:
        ids = [
            one.send(sink.getvalue(), "application/vnd.apache.parquet").json()["id"],
            one.send(b'{"amount": 1}\n{"amount": "x"}\n{"amount": 3}\n', "application/x-ndjson").json()["id"],
        ]
        for id_ in ids:
            job = one.ended(id_)
            assert (job["state"], job["unread"], job["done"]) == ("done", 1, 3), job
            found = [json.loads(line) for line in one.get(f"/jobs/{id_}/result?format=jsonl").text.splitlines()]
            assert [("error" in a, a["row"]) for a in found] == [(False, 1), (True, 2), (False, 3)]
            assert found[1]["error"]["column"] == "amount"
        assert one.client.app.state.spent() == {"one": 4}


def test_answers_of_jobs_carry_what_they_warn_of(serving: Any) -> None:
    lines = table_of(12).decode().splitlines()
    lines[11] = ",,,"
    with serving() as one:
        job = one.ended(
            one.send("\n".join(["extra," + lines[0], *("1," + x for x in lines[1:])]).encode()).json()["id"]
        )
        found = [json.loads(line) for line in one.get(f"/jobs/{job['id']}/result?format=jsonl").text.splitlines()]
        warned = {a["row"]: {w["code"]: w.get("row") for w in a["warnings"]} for a in found if "warnings" in a}
        assert warned[11]["no-input"] == 11
        assert set(warned) == {11}
        assert "warnings" in next(csv.reader(io.StringIO(one.get(f"/jobs/{job['id']}/result?format=csv").text)))


def test_what_is_wrong_is_one_sentence_and_leaves_nothing(serving: Any, tmp_path: Path) -> None:
    with serving(job_body=1000) as one:
        assert one.send(b"a", "application/json").status_code == 415
        assert one.send(b"").status_code == 422
        assert one.send(b"x" * 2000).status_code == 413
        assert one.get("/jobs/" + "0" * 32).status_code == 404
        assert one.get("/jobs/..%2F..").status_code == 403
        assert not list((tmp_path / "keys" / "jobs").iterdir())
        id_ = one.send(b"PAR1 nonsense", "application/vnd.apache.parquet").json()["id"]
        job = one.ended(id_)
        assert job["state"] == "failed"
        assert job["error"]["message"].startswith("The file is not a complete Parquet file")
        assert job["error"]["message_zh"].startswith("该文件不是完整的 Parquet 文件")
        assert str(tmp_path) not in json.dumps(job)
        assert one.get(f"/jobs/{id_}/result").status_code == 409
        assert one.client.delete(f"/jobs/{id_}", headers=one.headers).status_code == 200
        assert not list((tmp_path / "keys" / "jobs").iterdir())
        assert one.client.app.state.spent() == {}


def test_a_file_is_read_as_predict_reads_it(serving: Any) -> None:
    rows = [(0.5, "hello"), (1234.5, "refund please"), (3.0, "invoice")] * 5
    points = "amount,message\n" + "".join(f"{a},{m}\n" for a, m in rows)
    commas = "amount;message\n" + "".join(f"{a:,};{m}\n".translate(str.maketrans(",.", ".,")) for a, m in rows)
    assert "1.234,5;refund please" in commas
    with serving() as one:
        row = {"amount": "1.500", "message": "hello"}
        live = one.client.post("/predict", json=row, headers=one.headers).json()["confidence"]
        found = []
        for text in (points, commas):
            job = one.ended(one.send(text.encode()).json()["id"])
            assert (job["state"], job["unread"]) == ("done", 0), job
            lines = one.get(f"/jobs/{job['id']}/result?format=jsonl").text.splitlines()
            found.append([(a["prediction"], a["confidence"]) for a in map(json.loads, lines)])
        assert [answer for answer, _ in found[0]] == [answer for answer, _ in found[1]]
        sure, also = ([confidence for _, confidence in part] for part in found)
        assert sure == pytest.approx(
            also, abs=1e-6
        )  # rows are taken together as they come, and sums of other sizes differ
        # what one file says of its numbers is nothing to other requests
        assert one.client.post("/predict", json=row, headers=one.headers).json()["confidence"] == pytest.approx(
            live, abs=1e-6
        )
        job = one.ended(one.send(b"colour,size\nred,1\n").json()["id"])
        assert job["state"] == "failed"
        assert "The file has none of the columns that the model reads" in job["error"]["message"]
        assert one.client.app.state.spent() == {"one": 2 * len(rows) + 2}


def test_the_columns_of_a_result_do_not_depend_on_where_rows_can_be_read(serving: Any) -> None:
    lines = ["amount,message", *["x,hello"] * 15, *["1,refund please"] * 10]  # the first part holds errors alone
    with serving() as one:
        job = one.ended(one.send("\n".join(lines).encode()).json()["id"])
        assert (job["state"], job["unread"], job["done"]) == ("done", 15, 25)
        read = list(csv.DictReader(io.StringIO(one.get(f"/jobs/{job['id']}/result?format=csv").text)))
        assert [bool(r["prediction"]) for r in read] == [False] * 15 + [True] * 10
        sent = one.get(f"/jobs/{job['id']}/result?format=parquet").content
        assert pq.read_table(io.BytesIO(sent)).column("prediction").null_count == 15


def test_a_key_sees_its_own_jobs_alone(serving: Any, tmp_path: Path) -> None:
    with serving() as one:
        id_ = one.send(table_of(3)).json()["id"]
        one.ended(id_)
        other = add_key(tmp_path / "keys" / "keys.json", "two", role="admin")
        headers, until = {"X-API-Key": other}, time.monotonic() + 20
        while (
            one.client.get("/jobs", headers=headers).status_code == 401
        ):  # a change of the key file is seen within a second
            assert time.monotonic() < until
            time.sleep(0.1)
        for path in (f"/jobs/{id_}", f"/jobs/{id_}/result"):
            assert one.client.get(path, headers=headers).status_code == 404
        assert one.client.delete(f"/jobs/{id_}", headers=headers).status_code == 404
        assert one.client.get("/jobs", headers=headers).json() == {"jobs": []}


def test_another_process_goes_on_where_one_stopped_and_no_row_comes_twice(
    serving: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    write = files.write_part

    def few(folder: Path, first: int, answers: list[Any]) -> None:
        write(folder, first, answers)
        written.append(first)
        time.sleep(0.3)

    monkeypatch.setattr(files, "write_part", few)
    with serving() as one:
        id_ = one.send(table_of(45)).json()["id"]
        while len(written) < 2:
            time.sleep(0.02)
        key = one.headers["X-API-Key"]
    assert len(written) < 5
    with serving(key) as one:
        job = one.ended(id_)
        assert (job["state"], job["done"]) == ("done", 45)
        lines = one.get(f"/jobs/{id_}/result?format=jsonl").text.splitlines()
        assert [json.loads(line)["row"] for line in lines] == list(range(1, 46))
        assert one.client.app.state.service.quota.usage.rows == {"one": 45}
    assert written == sorted(set(written))


def test_a_full_disk_is_waited_for_and_told(serving: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    full, write, whole = [True], files.write_part, files.Written.write

    def refuse(*args: Any) -> None:
        if full[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(*args)

    monkeypatch.setattr(files, "write_part", refuse)
    with serving() as one:
        id_ = one.send(table_of(5)).json()["id"]
        one.begun(id_)

        def no_room(self: Any, data: bytes) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(files.Written, "write", no_room)
        reply = one.send(table_of(5))
        assert (reply.status_code, reply.json()["error"]["code"], reply.headers["retry-after"]) == (503, "disk", "30")
        monkeypatch.setattr(files.Written, "write", whole)
        full[0] = False
        assert one.ended(id_)["done"] == 5


def test_a_job_is_deleted_while_it_runs_and_after_its_time(
    serving: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write = files.write_part
    monkeypatch.setattr(files, "write_part", lambda *a: (write(*a), time.sleep(0.2)))
    with serving() as one:
        id_ = one.send(table_of(200)).json()["id"]
        one.begun(id_)
        assert one.client.delete(f"/jobs/{id_}", headers=one.headers).json() == {"id": id_, "deleted": True}
        assert one.get(f"/jobs/{id_}").status_code == 404
        second = one.send(table_of(5)).json()["id"]
        assert one.ended(second)["state"] == "done"
        assert [p.name for p in (tmp_path / "keys" / "jobs").iterdir()] == [second]
        monkeypatch.setattr(store, "KEPT", -1.0)
        monkeypatch.setattr(runner, "_CLEAN", 0.0)
        until = time.monotonic() + 10
        while one.get(f"/jobs/{second}").status_code != 404 or list((tmp_path / "keys" / "jobs").iterdir()):
            assert time.monotonic() < until
            time.sleep(0.05)


def test_a_key_may_have_only_so_many_that_wait(serving: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_OPEN", 1)
    write = files.write_part
    monkeypatch.setattr(files, "write_part", lambda *a: (write(*a), time.sleep(0.3)))
    with serving() as one:
        first = one.send(table_of(30)).json()["id"]
        assert one.send(table_of(3)).status_code == 429
        one.ended(first)
        assert one.send(table_of(3)).status_code == 202


def test_files_are_encrypted_where_a_vault_is_open(
    serving: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place = str(tmp_path / "vault.key")
    write_keys(place, [Key.new()], new=True)
    monkeypatch.setenv("MODELWRIGHT_VAULT", place)
    with serving() as one:
        id_ = one.send(table_of(15)).json()["id"]
        assert one.ended(id_)["state"] == "done"
        assert len(one.get(f"/jobs/{id_}/result?format=jsonl").text.splitlines()) == 15
    held = b"".join(p.read_bytes() for p in (tmp_path / "keys" / "jobs" / id_).iterdir())
    assert b"refund" not in held
    assert b"prediction" not in held


def test_a_version_that_is_not_the_champion_answers_no_job(serving: Any) -> None:
    with serving() as one:
        leads = [False]
        one.client.app.state.service.leads = lambda: leads[0]
        id_ = one.send(table_of(5)).json()["id"]
        time.sleep(0.5)
        assert one.get(f"/jobs/{id_}").json()["state"] == "queued"
        leads[0] = True
        assert one.ended(id_)["done"] == 5


def test_files_of_another_service_that_shares_the_keys_are_left_alone(
    serving: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "_CLEAN", 0.0)
    place = tmp_path / "keys"
    with serving() as one:
        id_, left = store.new_id(), place / "jobs" / store.new_id()
        kept = place / "jobs" / id_
        for folder in (kept, left):
            folder.mkdir(parents=True)
            os.utime(folder, (time.time() - 7200,) * 2)
        store.Store(f"sqlite:///{place / 'records.db'}", "other").add(
            "one", "csv", 1, tenant=None, scores=False, id_=id_
        )
        one.ended(one.send(table_of(5)).json()["id"])
        until = time.monotonic() + 20
        while left.exists():
            assert time.monotonic() < until
            time.sleep(0.05)
        assert kept.is_dir()
