"""vLLM as the engine behind the same keys and quotas: it runs beside the service, on this machine only, and is passed on to.

Kwon et al. 2023. Requests and answers go through unchanged; tokens are counted from the usage that vLLM tells.
"""

from __future__ import annotations

import asyncio
import http.client
import importlib.util
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from modelwright.core.errors import BundleError, ModelwrightError, OptionError
from modelwright.core.run import read_json
from modelwright.core.words import Words
from modelwright.serve.event_streams import event_stream, failed
from modelwright.serve.guard import Guard, Stopping, add_errors, answer_json, asked_lang
from modelwright.serve.keys import KeyRing
from modelwright.serve.limits import BodyLimit, Refused, ServeLimits
from modelwright.serve.openai_routes import add_chat
from modelwright.serve.openai_shapes import bad, in_shape
from modelwright.serve.page import add_page
from modelwright.serve.quota import Quota
from modelwright.serve.roles import NEEDS, Rules

_START = 900.0  # seconds that vLLM may take to load a model
_PATHS = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings")


def model_folder(path: Path) -> tuple[Path, str]:
    """Return the folder that vLLM loads, and the model's name: a plain folder, or the member of a bundle.

    Raises OptionError where the bundle holds no language model in such a layout, BundleError for a damaged one.
    """
    if not (path / "manifest.json").is_file():
        return path, path.resolve().name
    from modelwright.release.check import verify

    verify(path)
    data = read_json(path / "bundle.json")
    members = data["members"]
    folder = path / members[0]["folder"]
    if len(members) != 1 or not (folder / "config.json").is_file():
        raise OptionError(
            f"{path} holds no single language model that vLLM could load.",
            f"{path} 中没有可由 vLLM 加载的单个语言模型。",
        )
    return folder, str(data["name"])


class Upstream:
    """A server of OpenAI's API on this machine, with a key of its own."""

    def __init__(self, port: int, key: str, process: Any = None) -> None:
        self.port, self.key, self.process = port, key, process

    def open(
        self, method: str, path: str, body: bytes = b""
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        """Send a request; return connection and response, the body still to be read. Raises OSError."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        connection.request(
            method, path, body or None, {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        )
        return connection, connection.getresponse()

    def wait(self, seconds: float) -> None:
        """Wait until it answers. Raises ModelwrightError where it ends or takes too long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.process is not None and self.process.poll() is not None:
                break
            try:
                connection, response = self.open("GET", "/v1/models")
                connection.close()
                if response.status == 200:
                    return
            except OSError:
                pass
            time.sleep(0.5)
        self.stop()
        raise ModelwrightError("vLLM did not start; its own words above say why.", "vLLM 未能启动；原因见其上方输出。")

    def stop(self) -> None:
        """End the process, if it was started here."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()


def launch(folder: Path, name: str) -> Upstream:
    """Start vLLM on a model folder. Raises OptionError where it is not installed, ModelwrightError where it does not start."""
    if importlib.util.find_spec("vllm") is None:
        raise OptionError(
            "--backend vllm needs vLLM, which is not installed: pip install vllm (a GPU is needed). Leave the option out to use the own engine.",
            "--backend vllm 需要 vLLM，但未安装：pip install vllm（需要 GPU）。去掉该选项即使用自带引擎。",
        )
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    key = secrets.token_urlsafe(24)
    command = [
        sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(folder), "--served-model-name", name,
        "--host", "127.0.0.1", "--port", str(port), "--disable-log-requests",
    ]  # fmt: skip
    # the key goes by the environment, where other users of the machine do not see it
    process = subprocess.Popen(  # noqa: S603 - the command is made above
        command, env={**os.environ, "VLLM_API_KEY": key, "VLLM_NO_USAGE_STATS": "1"}
    )
    upstream = Upstream(port, key, process)
    upstream.wait(_START)
    return upstream


def vllm_app(path: Path, keys: KeyRing, *, lang: str, secure_cookie: bool, **door: Any) -> tuple[FastAPI, str]:
    """Start vLLM on a bundle or folder; return the service before it, and the model's name."""
    folder, name = model_folder(path)
    if not (folder / "config.json").is_file():
        raise BundleError(f"{folder} holds no config.json.", f"{folder} 中没有 config.json。")
    return proxy_app(launch(folder, name), name, keys, lang=lang, secure_cookie=secure_cookie, **door), name


def proxy_app(
    upstream: Upstream,
    name: str,
    keys: KeyRing,
    *,
    limits: ServeLimits | None = None,
    lang: str = "en",
    secure_cookie: bool = False,
    origins: frozenset[str] = frozenset(),
    stopping: Stopping | None = None,
) -> FastAPI:
    """Return the service before another one of OpenAI's shape: keys, quotas, limits, the page to chat."""
    limits = limits or ServeLimits()
    app = FastAPI(title=f"Modelwright: {name}", docs_url=None, redoc_url=None, openapi_url=None)
    registry = CollectorRegistry()
    requests = Counter("modelwright_requests", "Requests by route and status", ["route", "status"], registry=registry)
    seconds = Histogram("modelwright_seconds", "Seconds per request", ["route"], registry=registry)
    quota = Quota(limits.tokens_per_minute)
    add_errors(app)
    for path in _PATHS:
        app.post(path)(_pass(upstream, quota, path))

    @app.get("/v1/models")
    async def models(request: Request) -> Response:
        return await in_shape(request, partial(asyncio.to_thread, _pass_on, upstream, "GET", "/v1/models", b""))

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(registry), media_type="text/plain; version=0.0.4")

    @app.get("/healthz")
    async def healthz() -> Response:
        return answer_json({"alive": True})

    @app.get("/readyz")
    async def readyz() -> Response:
        try:
            found = await asyncio.to_thread(_pass_on, upstream, "GET", "/v1/models", b"")
        except Refused:
            return answer_json({"ready": False}, 503)
        return answer_json({"ready": found.status_code == 200}, 200 if found.status_code == 200 else 503)

    add_chat(app, {"model": name, "speaks": True, "context": 4096})
    add_page(app, keys, lang, secure_cookie)
    app.router.add_event_handler("shutdown", upstream.stop) if hasattr(app.router, "add_event_handler") else None
    app.add_middleware(BodyLimit, limit=limits.body, held=limits.held)
    routes: Any = app.routes
    app.add_middleware(
        Guard,
        keys=keys,
        requests=requests,
        seconds=seconds,
        rules=Rules(routes, {r.path: "predictor" for r in routes if r.path not in NEEDS}),
        release=(name, "1"),
        forms=frozenset({"/chat"}),
        origins=origins,
        stopping=stopping,
    )
    return app


def _pass_on(upstream: Upstream, method: str, path: str, body: bytes) -> Response:
    """Return what the engine answers. Raises Refused where it does not answer."""
    try:
        connection, response = upstream.open(method, path, body)
        data = response.read()
        connection.close()
    except OSError:
        raise _away() from None
    return Response(data, response.status, media_type="application/json")


def _away() -> Refused:
    return Refused(
        503, "engine", Words("The engine does not answer; see its log.", "引擎未响应；请查看其日志。"), retry=5
    )


def _pass(upstream: Upstream, quota: Quota, path: str) -> Any:
    async def answer(request: Request) -> Response:
        body, who = await request.body(), request.scope["who"]
        try:
            asked = json.loads(body)
            if not isinstance(asked, dict):
                raise ValueError("no object")
        except (ValueError, RecursionError):
            raise bad(Words("Expected a JSON object.", "应为 JSON 对象。"), None) from None
        # taken beforehand: three bytes a token, and the longest answer; what was not used is given back
        most = asked.get("max_completion_tokens") or asked.get("max_tokens") or 512
        whole = len(body) // 3 + (int(most) if isinstance(most, int) and path != "/v1/embeddings" else 0)
        quota.spend(who, whole)
        if not asked.get("stream"):
            used = 0
            try:
                whole_answer = await asyncio.to_thread(_pass_on, upstream, "POST", path, body)
                used = _used(bytes(whole_answer.body))
            finally:
                quota.refund(who, whole - used)
            return whole_answer
        told = bool((asked.get("stream_options") or {}).get("include_usage"))
        asked["stream_options"] = {**(asked.get("stream_options") or {}), "include_usage": True}
        try:
            connection, response = await asyncio.to_thread(upstream.open, "POST", path, json.dumps(asked).encode())
        except OSError:
            quota.refund(who, whole)
            raise _away() from None
        if response.status != 200:
            quota.refund(who, whole)
            return Response(await asyncio.to_thread(response.read), response.status, media_type="application/json")
        lines = _stream_lines(connection, response, quota, who, whole, told, asked_lang(request.headers))
        return event_stream(lines)

    async def passed(request: Request) -> Response:
        return await in_shape(request, partial(answer, request))

    passed.__name__ = path.rsplit("/", 1)[-1]
    return passed


async def _stream_lines(
    connection: http.client.HTTPConnection,
    response: http.client.HTTPResponse,
    quota: Quota,
    who: str,
    whole: int,
    told: bool,
    lang: str,
) -> AsyncIterator[bytes]:
    """Pass events on as they come; the one that only tells usage is kept back where it was not asked for."""
    used = 0
    try:
        while line := await asyncio.to_thread(response.readline):
            if not line.startswith(b"data: {"):
                if line.strip():
                    yield line + b"\n"
                continue
            used = _used(line[6:]) or used
            if told or b'"choices":[]' not in line.replace(b" ", b""):
                yield line + b"\n"
    except OSError:
        yield failed(Refused(503, "engine", Words("The engine went away.", "引擎已中断。")), lang)
    finally:
        connection.close()
        quota.refund(who, whole - used)


def _used(data: bytes) -> int:
    try:
        return int((json.loads(data).get("usage") or {}).get("total_tokens", 0))
    except (ValueError, AttributeError, TypeError):
        return 0
