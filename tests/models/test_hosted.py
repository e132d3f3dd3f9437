"""The client of hosted models: what it sends and where, retries, prices, what it keeps, what it refuses."""

import pytest

from hosted_made import completion, served
from modelwright.core.errors import ModelwrightError, OptionError
from modelwright.models.hosted import KEY, Hosted, check_endpoint

CHAT = [{"role": "user", "content": "hello 你好"}]


def hosted(fake, **more):
    return Hosted(fake.url, "large", pause=0.01, **more)


def test_asks_the_named_model_with_the_key_and_counts_what_it_costs(monkeypatch):
    monkeypatch.setenv(KEY, "canary-key")
    with served(lambda body: "hi") as fake:
        client = hosted(fake, price_in=2.0, price_out=10.0)
        assert client.ask([CHAT, [{"role": "user", "content": "other"}]]) == ["hi", "hi"]
    assert {h["path"] for h in fake.headers} == {"/v1/chat/completions"}
    assert fake.headers[0]["Authorization"] == "Bearer canary-key"
    assert fake.asked[0]["model"] == "large"
    assert client.spent.to_json() == {"requests": 2, "tokens_in": 200, "tokens_out": 20, "cost": pytest.approx(6e-4)}
    assert "canary-key" not in repr(client)
    assert "canary-key" not in str(client.state())


def test_what_was_answered_is_not_asked_again_but_rounds_are():
    with served(lambda body: "hi") as fake:
        client = hosted(fake)
        client.ask([CHAT, CHAT])
        client.ask([CHAT])
        assert len(fake.asked) == 1
        client.ask([CHAT], round_=1)
        client.ask([CHAT], keep=False)
        assert len(fake.asked) == 3


def test_busy_endpoints_are_asked_again():
    states = iter([429, 503, 200])

    def answer(body):
        state = next(states)
        return "hi" if state == 200 else (state, {"error": "busy"}, {"Retry-After": "0"})

    with served(answer) as fake:
        assert hosted(fake).ask([CHAT]) == ["hi"]
    assert len(fake.asked) == 3


def test_endpoint_that_stays_broken_is_named_without_the_key(monkeypatch):
    monkeypatch.setenv(KEY, "canary-key")
    with served(lambda body: (500, {}, {})) as fake, pytest.raises(ModelwrightError, match="no answer after 5") as e:
        hosted(fake).ask([CHAT])
    assert "canary" not in str(e.value)


@pytest.mark.parametrize(("code", "word"), [(401, KEY), (404, "--endpoint-model")])
def test_refused_requests_say_what_to_do(code, word):
    with served(lambda body: (code, {"error": "no"}, {})) as fake, pytest.raises(OptionError, match=word):
        hosted(fake).ask([CHAT])
    assert len(fake.asked) == 1


def test_json_is_asked_for_in_the_plainest_way_that_the_endpoint_knows():
    def answer(body):
        kind = body.get("response_format", {}).get("type")
        return "{}" if kind is None else (400, {"error": f"response_format {kind} is unknown"}, {})

    with served(answer) as fake:
        client = hosted(fake, at_once=1)
        client.ask([CHAT], schema={"type": "object"})
        assert [b.get("response_format", {}).get("type") for b in fake.asked] == ["json_schema", "json_object", None]
        client.ask([CHAT], schema={"type": "object"}, round_=1)
    assert len(fake.asked) == 4


def test_redirects_are_not_followed():
    with (
        served(lambda body: "stolen") as other,
        served(lambda body: (307, {}, {"Location": f"{other.url}/chat/completions"})) as fake,
        pytest.raises(OptionError, match="307"),
    ):
        hosted(fake).ask([CHAT])
    assert other.asked == []


def test_an_answer_of_another_shape_is_refused():
    with served(lambda body: (200, {"text": "hi"}, {})) as fake, pytest.raises(ModelwrightError, match="OpenAI"):
        hosted(fake).ask([CHAT])


def test_ends_when_the_time_does():
    with served(lambda body: "hi") as fake, pytest.raises(ModelwrightError, match="time ran out"):
        hosted(fake).ask([CHAT], expired=lambda: True)
    assert fake.asked == []


@pytest.mark.parametrize(
    "url", ["ftp://a/v1", "api.example.com/v1", "http://api.example.com/v1", "https://user:pw@api.example.com/v1", ""]
)
def test_addresses_that_are_none_or_unsafe_are_refused(url):
    with pytest.raises(OptionError):
        check_endpoint(url)


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        ("https://api.example.com/v1/", "https://api.example.com/v1/chat/completions"),
        ("http://10.0.0.7:8000/v1", "http://10.0.0.7:8000/v1/chat/completions"),
        ("http://localhost:1/v1/chat/completions", "http://localhost:1/v1/chat/completions"),
    ],
)
def test_addresses_are_completed(url, whole):
    assert check_endpoint(url) == whole


def test_no_content_is_an_empty_answer():
    reply = completion("x")
    reply["choices"][0]["message"]["content"] = None
    with served(lambda body: (200, reply, {})) as fake:
        assert hosted(fake).ask([CHAT]) == [""]
