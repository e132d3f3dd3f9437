"""The application for Ray Serve: answers are those of the bundle, requests that come together are answered in one call."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from starlette.requests import Request

from modelwright.core.errors import OptionError
from modelwright.release.bundle import save
from modelwright.serve import ray_app
from served_made import KEY, small_predictor

ROW = {"amount": 1.5, "channel": "mail", "member": True, "message": "我要退款 please"}
ROWS = [{**ROW, "amount": float(i)} for i in range(5)]


@pytest.fixture(scope="module")
def predictor():
    return small_predictor()


@pytest.fixture
def bundle(predictor, tmp_path):
    save(predictor, tmp_path / "bundle")
    return str(tmp_path / "bundle")


def asked(method, path, body=b"", key=KEY):
    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(b"authorization", f"Bearer {key}".encode())] if key else []
    return Request({"type": "http", "method": method, "path": path, "query_string": b"", "headers": headers}, receive)


class One(ray_app.RayModel):
    """The application's model in this process, without Ray."""

    async def ask(self, *request, **named):
        async def scored(table):
            return (await self.scores_of([table]))[0]

        reply = await self.answer(asked(*request, **named), scored)
        return reply.status_code, json.loads(reply.body)


def test_requests_are_answered_as_by_the_service(bundle, predictor):
    model = One(bundle, KEY)

    def ask(*request, **named):
        return asyncio.run(model.ask(*request, **named))

    many = json.dumps({"rows": ROWS, "scores": True}).encode()
    wanted = predictor.predict(ROWS, scores=True)
    status, said = ask("POST", "/desk/predict", many)
    assert status == 200
    assert said["answers"] == [pytest.approx(w) if isinstance(w, float) else w for w in wanted]
    assert ask("POST", "/predict", json.dumps(ROW).encode())[1]["prediction"] == predictor.predict(ROW)[0]["prediction"]
    assert ask("GET", "/healthz", key="")[0] == 200
    assert ask("GET", "/schema")[1]["task"] == "classification"
    assert ask("POST", "/predict", many, key="wrong")[0] == 401
    assert ask("POST", "/predict", b"{")[1]["error"]["code"] == "no_json"
    assert ask("GET", "/nowhere")[0] == 404
    assert ask("POST", "/predict", b"{" + b" " * (5 << 20))[0] == 413
    bad = json.dumps({"rows": [{**ROW, "amount": "many"}, ROW]}).encode()
    first, second = ask("POST", "/predict", bad)[1]["answers"]
    assert first["error"]["column"] == "amount"
    assert second["prediction"]


def test_tables_of_several_requests_are_one_call(bundle, predictor, monkeypatch):
    model, calls = One(bundle, KEY), []
    inner = model.predictor.scores
    monkeypatch.setattr(model.predictor, "scores", lambda table: calls.append(len(table)) or inner(table))
    tables = [predictor.table(part)[0] for part in (ROWS[:2], ROWS[2:3], ROWS[3:])]
    found = asyncio.run(model.scores_of(tables))
    assert calls == [5]
    assert [len(f) for f in found] == [2, 1, 2]
    assert found[2] == pytest.approx(predictor.scores(tables[2]))


def test_a_short_key_is_refused(bundle):
    with pytest.raises(OptionError, match="at least 16"):
        ray_app.application(bundle, "short")


@pytest.mark.slow
def test_the_exported_application_runs_on_a_local_ray(predictor, tmp_path, monkeypatch):
    pytest.importorskip("ray.serve")
    from modelwright.release.export_to import export_model

    monkeypatch.chdir(tmp_path)
    save(predictor, tmp_path / "runs" / "desk" / "bundle")
    folder = export_model("runs/desk/bundle", "ray-serve", tmp_path / "out")
    key = (folder / "secrets" / "key").read_text()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    code = (
        "import ray, sys; from ray import serve; sys.path.insert(0, '.')\n"
        f"ray.init(num_cpus=2, include_dashboard=False, object_store_memory=80 << 20)\n"
        f"serve.start(http_options={{'host': '127.0.0.1', 'port': {port}}})\n"
        "from app import app\n"
        "handle = serve.run(app, route_prefix='/')\n"
        f"print(handle.predict.remote([{ROW!r}]).result()[0]['prediction'], flush=True)\n"
        "sys.stdin.read()\nserve.shutdown(); ray.shutdown()\n"
    )
    env = {**os.environ, "PYTHONPATH": str(folder), "RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS": "0"}
    with open(tmp_path / "log", "wb") as log:
        ray = subprocess.Popen(
            [sys.executable, "-c", code], cwd=folder, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
        )
    try:
        by_handle = ray.stdout.readline().decode().strip()
        assert by_handle == predictor.predict(ROW)[0]["prediction"], (tmp_path / "log").read_text()[-3000:]
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/predict",
            json.dumps({"rows": ROWS, "scores": True}).encode(),
            {"Authorization": f"Bearer {key}"},
        )
        until = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(request, timeout=20) as reply:
                    said = json.loads(reply.read())
                break
            except urllib.error.URLError:
                assert time.monotonic() < until
                time.sleep(0.5)
        wanted = predictor.predict(ROWS, scores=True)
        assert [a["prediction"] for a in said["answers"]] == [w["prediction"] for w in wanted]
        for a, w in zip(said["answers"], wanted, strict=True):
            assert a["scores"] == pytest.approx(w["scores"])
    finally:
        ray.stdin.close()
        ray.wait(60)
        ray.stdout.close()
