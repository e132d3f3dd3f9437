"""OpenAI's API with the official client, against a real server: texts, streams, limits, quotas, errors, the page."""

import json
import re
import socket
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import openai
import pytest
import uvicorn
from starlette.testclient import TestClient

from language_made import folder
from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.release.bundle import Predictor, load, save
from modelwright.release.wrap import is_causal_folder, wrap_causal
from modelwright.serve.app import create_app
from modelwright.serve.keys import KeyRing
from modelwright.serve.limits import ServeLimits
from modelwright.serve.vllm import Upstream, launch, model_folder, proxy_app
from modelwright.testing import context, sample_table

SAID = [{"role": "user", "content": "hello"}]


class Running:
    """A server in a thread."""

    def __init__(self, app, key):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.key, self.app = key, app
        self.server = uvicorn.Server(uvicorn.Config(app, port=self.port, log_level="error"))
        self.thread = threading.Thread(target=self.server.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        until = time.monotonic() + 30
        while not self.server.started and time.monotonic() < until:
            time.sleep(0.02)
        self.client = openai.OpenAI(base_url=f"http://127.0.0.1:{self.port}/v1", api_key=self.key, max_retries=0)
        return self

    def __exit__(self, *_):
        self.client.close()
        self.server.should_exit = True
        self.thread.join(20)


def ring(path):
    made, key = KeyRing.open(path / "keys.json")
    return made, key


@pytest.fixture(scope="module")
def predictor(tmp_path_factory):
    return wrap_causal(str(folder(tmp_path_factory.mktemp("tiny") / "tiny-chat")))


@pytest.fixture(scope="module")
def running(predictor, tmp_path_factory):
    keys, key = ring(tmp_path_factory.mktemp("keys"))
    with Running(create_app(predictor, keys=keys, limits=ServeLimits(tokens_per_minute=10_000_000)), key) as r:
        yield r


@pytest.fixture
def client(running):
    return running.client


def test_models_and_a_chat(client):
    assert [m.id for m in client.models.list().data] == ["tiny-chat"]
    assert client.models.retrieve("tiny-chat").id == "tiny-chat"
    answer = client.chat.completions.create(model="tiny-chat", messages=SAID, max_tokens=9, seed=3)
    again = client.chat.completions.create(model="tiny-chat", messages=SAID, max_tokens=9, seed=3)
    assert answer.choices[0].message.content == again.choices[0].message.content
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].finish_reason in ("stop", "length")
    assert answer.usage.completion_tokens <= 9
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_a_stream_tells_the_same_as_one_answer(client):
    asked = {"model": "tiny-chat", "messages": SAID, "max_tokens": 25, "seed": 4, "n": 2}
    whole = client.chat.completions.create(**asked)
    parts, reasons, usage = ["", ""], [None, None], None
    for chunk in client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}):
        usage = chunk.usage or usage
        for c in chunk.choices:
            parts[c.index] += c.delta.content or ""
            assert reasons[c.index] is None
            reasons[c.index] = c.finish_reason
    assert parts == [c.message.content for c in whole.choices]
    assert reasons == [c.finish_reason for c in whole.choices]
    assert usage == whole.usage


def test_completions_logprobs_and_stop(client):
    plain = client.completions.create(
        model="tiny-chat", prompt=["hello", "what"], max_tokens=6, temperature=0, logprobs=2
    )
    assert [c.index for c in plain.choices] == [0, 1]
    first = plain.choices[0]
    assert "".join(first.logprobs.tokens).encode() == first.text.encode() or "\ufffd" in first.text
    assert len(first.logprobs.top_logprobs[0]) == 2
    mark = first.text[2:4]
    cut = client.completions.create(model="tiny-chat", prompt="hello", max_tokens=6, temperature=0, stop=[mark])
    assert cut.choices[0].text == first.text[: first.text.index(mark)]
    assert cut.choices[0].finish_reason == "stop"
    told = client.chat.completions.create(model="tiny-chat", messages=SAID, max_tokens=3, logprobs=True, top_logprobs=3)
    assert len(told.choices[0].logprobs.content[0].top_logprobs) == 3


def test_answers_fit_the_schema(client):
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}, "n": {"type": "integer", "minimum": 1, "maximum": 40}},
              "required": ["ok", "n"], "additionalProperties": False}  # fmt: skip
    for seed in range(3):
        said = client.chat.completions.create(
            model="tiny-chat", messages=SAID, seed=seed, temperature=1.5,
            response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema}},
        )  # fmt: skip
        value = json.loads(said.choices[0].message.content)
        assert isinstance(value["ok"], bool)
        assert 1 <= value["n"] <= 40
        assert said.choices[0].finish_reason == "stop"
    text = client.completions.create(
        model="tiny-chat", prompt="x", max_tokens=40, extra_body={"guided_regex": "(很好){2}[abc]{3}"}
    )
    assert re.fullmatch("(很好){2}[abc]{3}", text.choices[0].text)
    cut = client.chat.completions.create(
        model="tiny-chat", messages=SAID, max_tokens=1, response_format={"type": "json_object"}
    )
    assert cut.choices[0].finish_reason == "length"


def test_vectors(client):
    found = client.embeddings.create(model="tiny-chat", input=["hello", "你好", "hello"])
    a, b, c = (np.array(d.embedding) for d in found.data)
    assert np.allclose(a, c)
    assert not np.allclose(a, b)
    plain = client.embeddings.create(model="tiny-chat", input="hello", encoding_format="float")
    assert np.allclose(plain.data[0].embedding, a, atol=1e-6)
    with pytest.raises(openai.BadRequestError, match="dimensions"):
        client.embeddings.create(model="tiny-chat", input="x", dimensions=3)


def test_many_at_once_are_each_as_alone(client):
    def ask(i):
        said = [{"role": "user", "content": f"hello {i}"}]
        return (
            client.chat.completions.create(model="tiny-chat", messages=said, max_tokens=20, seed=i)
            .choices[0]
            .message.content
        )

    alone = [ask(i) for i in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(8))) == alone


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"model": "other"}, openai.NotFoundError, "tiny-chat"), ({"messages": []}, openai.BadRequestError, "messages"),
        ({"temperature": -1}, openai.BadRequestError, "temperature"), ({"messages": [{"role": "user"}]}, openai.BadRequestError, "role"),
        ({"messages": [{"role": "user", "content": "hello " * 200}]}, openai.BadRequestError, "reads 96"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, openai.BadRequestError, "tools"),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"uniqueItems": True}}}}, openai.BadRequestError, "uniqueItems"),
        ({"extra_body": {"guided_regex": "(a"}}, openai.BadRequestError, "Regular"),
    ],
)  # fmt: skip
def test_errors_have_openais_shape(client, changes, error, said):
    with pytest.raises(error, match=said) as found:
        client.chat.completions.create(**{"model": "tiny-chat", "messages": SAID, **changes})
    assert {"message", "type", "param", "code"} <= set(found.value.body)


FIELDS = [
    ("completions", {"echo": True, "logprobs": 2}, "echo"), ("completions", {"echo": 1}, "echo"), ("completions", {"best_of": 3}, "best_of"),
    ("completions", {"suffix": "x"}, "suffix"), ("completions", {"logprobs": True}, "logprobs"), ("chat", {"n": True}, "n"),
    ("chat", {"stream": "yes"}, "stream"), ("chat", {"store": True}, "store"), ("chat", {"tool_choice": "required"}, "tool_choice"),
    ("chat", {"logit_bias": {"5": 1}}, "logit_bias"), ("chat", {"guided_grammar": "x"}, "guided_grammar"), ("chat", {"temperatur": 1}, "temperature"),
    ("chat", {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "data:"}}]}]}, r"content\[1\]"),
    ("chat", {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]}, r"content\[0\]"),
    ("chat", {"messages": [{"role": "assistant", "content": "a", "tool_calls": [{"id": "x"}]}]}, "tool_calls"),
    ("chat", {"top_logprobs": 2}, "logprobs"), ("chat", {"stop": ["a"] * 17}, "stop"), ("chat", {"stream": True, "stream_options": {"usage": True}}, "include_usage"),
    ("chat", {"guided_choice": ["a"], "guided_regex": "b"}, "keep one"), ("chat", {"structured_outputs": {"grammar": "x"}}, "structured_outputs"),
    ("chat", {"structured_outputs": {"json": {"not": {}}}}, "not"), ("chat", {"response_format": {"type": "yaml"}}, "json_object"),
    ("embeddings", {"dimensions": 4}, "dimensions"), ("embeddings", {"encoding_format": "int8"}, "encoding_format"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "more", "said"), FIELDS, ids=lambda v: str(v)[:40])
def test_no_field_is_passed_over(predictor, tmp_path, kind, more, said):
    keys, key = ring(tmp_path)
    path = {"chat": "/v1/chat/completions"}.get(kind, f"/v1/{kind}")
    base = {
        "chat": {"messages": SAID, "max_tokens": 2},
        "completions": {"prompt": "a", "max_tokens": 2},
        "embeddings": {"input": "a"},
    }
    with TestClient(create_app(predictor, keys=keys), headers={"Authorization": f"Bearer {key}"}) as c:
        answer = c.post(path, json={**base[kind], **more})
        assert answer.status_code == 400
        assert re.search(said, answer.json()["error"]["message"])
        assert c.post(path, json=base[kind]).status_code == 200


def test_fields_that_ask_for_nothing_and_those_of_the_books_are_taken(predictor, tmp_path):
    keys, key = ring(tmp_path)
    more = {"echo": None, "tools": [], "tool_choice": "auto", "store": False, "logit_bias": {}, "user": "u1", "metadata": {"a": "b"}, "n": 1,
            "parallel_tool_calls": True, "service_tier": "auto", "modalities": ["text"], "stream_options": None}  # fmt: skip
    back = {"role": "assistant", "content": "hi", "refusal": None, "tool_calls": None, "annotations": []}
    with TestClient(create_app(predictor, keys=keys), headers={"Authorization": f"Bearer {key}"}) as c:
        asked = {"messages": [*SAID, back, *SAID], "max_tokens": 2, **more}
        assert c.post("/v1/chat/completions", json=asked).status_code == 200


def test_answers_are_one_of_the_choices(client):
    for more in ({"guided_choice": ["退货", "refund"]}, {"structured_outputs": {"choice": ["退货", "refund"]}}):
        said = client.chat.completions.create(model="tiny-chat", messages=SAID, max_tokens=40, extra_body=more)
        assert said.choices[0].message.content in ("退货", "refund")
    said = client.chat.completions.create(
        model="tiny-chat", messages=SAID, max_tokens=40, extra_body={"structured_outputs": {"json": {"enum": [3, 14]}}}
    )
    assert said.choices[0].message.content in ("3", "14")


def test_keys_and_quotas(running, predictor, tmp_path):
    stranger = openai.OpenAI(base_url=f"http://127.0.0.1:{running.port}/v1", api_key="wrong")
    with stranger, pytest.raises(openai.AuthenticationError) as wrong:
        stranger.models.list()
    assert wrong.value.body["type"] == "authentication_error"
    keys, key = ring(tmp_path)
    with Running(create_app(predictor, keys=keys, limits=ServeLimits(tokens_per_minute=200)), key) as r:
        quota = r.app.state.talker.quota
        for _ in range(3):  # what was not used is given back
            used = r.client.chat.completions.create(
                model="", messages=SAID, max_tokens=60, extra_body={"guided_regex": "a"}
            )
            assert used.usage.completion_tokens == 1
        assert quota._minute.wait("first", 61, 200.0) == 0
        with pytest.raises(openai.RateLimitError) as full:
            r.client.chat.completions.create(model="", messages=SAID, max_tokens=80, n=3)
        assert full.value.body["type"] == "rate_limit_error"
        assert int(full.value.response.headers["retry-after"]) > 0


def test_a_client_that_goes_away_frees_its_place(running, client):
    stream = client.chat.completions.create(model="tiny-chat", messages=SAID, max_tokens=80, stream=True, n=8)
    next(iter(stream))
    stream.close()
    until = time.monotonic() + 10
    while running.app.state.talker.writer.waiting and time.monotonic() < until:
        time.sleep(0.05)
    assert running.app.state.talker.writer.waiting == 0


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # what earlier clients left open
def test_a_failing_step_ends_its_requests_and_not_the_service(predictor, tmp_path, monkeypatch):
    keys, key = ring(tmp_path)
    with Running(create_app(predictor, keys=keys), key) as r:
        net = r.app.state.talker.writer.engine.net
        monkeypatch.setattr(net, "step", lambda ids, at: 1 / 0)
        with pytest.raises(openai.InternalServerError, match="failed"):
            r.client.chat.completions.create(model="", messages=SAID, max_tokens=9, extra_body={"guided_regex": "abc"})
        asked = urllib.request.Request(
            f"http://127.0.0.1:{r.port}/v1/chat/completions",
            json.dumps({"model": "", "messages": SAID, "max_tokens": 9, "stream": True}).encode(),
            {"Authorization": f"Bearer {key}", "Accept-Language": "zh-CN", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(asked, timeout=20) as reply:
            told = reply.read().decode()
        last = json.loads(told.strip().split("\n\n")[-1].removeprefix("data: "))["error"]
        assert (last["type"], last["code"]) == ("server_error", "internal")
        assert last["message"] == last["message_zh"] != ""
        monkeypatch.undo()
        assert r.client.chat.completions.create(model="", messages=SAID, max_tokens=2).choices


def test_the_page_wants_a_login_and_runs_nothing_but_its_own(predictor, tmp_path):
    keys, key = ring(tmp_path)
    with TestClient(create_app(predictor, keys=keys), follow_redirects=False) as c:
        assert c.get("/chat").status_code == 401
        assert "password" in c.get("/chat").text
        c.post("/login", data={"key": key})
        assert c.get("/").headers["location"].startswith("chat")
        page = c.get("/chat?lang=zh")
        assert page.status_code == 200
        assert "script-src 'nonce-" in page.headers["content-security-policy"]
        assert 'lang="zh-CN"' in page.text
        assert not re.search(r"https?://(?!www\.w3\.org)", page.text.split("<script")[0])
        assert c.get("/?form=1").status_code == 200
        assert c.post("/predict", json={"prompt": "hello"}).json()["prediction"] is not None
        names = [p for p in c.get("/openapi.json").json()["paths"] if p.startswith("/v1")]
        assert {"/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/models"} <= set(names)


def test_a_run_of_texts_serves_from_its_bundle(tmp_path):
    task = get_task("text-generation")
    table, target = sample_table(task, 40)
    recipe = get_recipe("ngram")
    model = recipe.fit(table, table, recipe.options(), context(task, target))
    save(Predictor(task, task.served(table.schema), target, [(1.0, model)], name="grams"), tmp_path / "bundle")
    keys, key = ring(tmp_path)
    with Running(create_app(load(tmp_path / "bundle"), keys=keys), key) as r:
        assert r.client.completions.create(model="grams", prompt="the cat", max_tokens=20).choices[0].text
        with pytest.raises(openai.BadRequestError, match="no vectors"):
            r.client.embeddings.create(model="grams", input="x")
    assert not is_causal_folder(tmp_path / "bundle")


def test_another_engine_behind_the_same_keys_and_quotas(running, tmp_path):
    keys, key = ring(tmp_path)
    app = proxy_app(Upstream(running.port, running.key), "tiny-chat", keys, limits=ServeLimits(tokens_per_minute=400))
    with Running(app, key) as r:
        asked = {"model": "tiny-chat", "messages": SAID, "max_tokens": 8, "seed": 1}
        here, there = (c.chat.completions.create(**asked) for c in (r.client, running.client))
        assert here.choices[0].message.content == there.choices[0].message.content
        chunks = list(r.client.chat.completions.create(**asked, stream=True))
        assert "".join(c.choices[0].delta.content or "" for c in chunks) == here.choices[0].message.content
        assert [m.id for m in r.client.models.list().data] == ["tiny-chat"]
        with pytest.raises(openai.NotFoundError):
            r.client.chat.completions.create(**{**asked, "model": "x"})
        stranger = openai.OpenAI(base_url=f"http://127.0.0.1:{r.port}/v1", api_key=running.key)
        with stranger, pytest.raises(openai.AuthenticationError):
            stranger.models.list()
        with pytest.raises(openai.RateLimitError):
            r.client.chat.completions.create(**{**asked, "max_tokens": 500})
    gone = proxy_app(Upstream(9, "x"), "tiny-chat", keys)
    with TestClient(gone, headers={"Authorization": f"Bearer {key}"}) as c:
        assert c.post("/v1/completions", json={"prompt": "x"}).status_code == 503
        for asked in ({"prompt": "x"}, {"prompt": "x", "stream": True}):
            away = c.post("/v1/completions", json=asked, headers={"Accept-Language": "zh"})
            assert (away.status_code, away.headers["Retry-After"]) == (503, "5")
            assert away.json()["error"]["message"] == "引擎未响应；请查看其日志。"
        assert c.get("/v1/models").status_code == 503
        assert c.get("/readyz").status_code == 503


def test_vllm_is_named_where_it_is_missing(tmp_path, monkeypatch):
    import importlib.util

    from modelwright.core.errors import OptionError

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(OptionError, match="pip install vllm"):
        launch(tmp_path, "x")
    assert model_folder(tmp_path) == (tmp_path, tmp_path.name)
