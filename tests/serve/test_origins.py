"""Pages of other origins: those that were named may ask with a key, none may use this service's cookie."""

import pytest
from starlette.testclient import TestClient

from modelwright.core.errors import OptionError
from modelwright.serve.app import create_app
from modelwright.serve.guard import COOKIE
from modelwright.serve.origins import parse_origins

APP = "https://app.example.com"


@pytest.fixture
def opened(predictor, key_and_ring):
    key, ring = key_and_ring
    with TestClient(create_app(predictor, keys=ring, origins=parse_origins([APP + "/"]))) as c:
        c.cookies.set(COOKIE, ring.begin("first"))
        yield c, key, ring


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://testserver:9000"},  # another port of this machine
        {"Origin": APP},  # may ask with a key, not with the cookie
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://testserver", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://testserver.evil.example"},
    ],
)
def test_a_foreign_page_changes_nothing_with_the_cookie(opened, headers, row):
    c, _, ring = opened
    for method, path, body in (
        ("POST", "/keys", {"name": "mine", "role": "admin"}),
        ("DELETE", "/keys/first", None),
        ("POST", "/predict", row),
        ("POST", "/explain", row),
        ("POST", "/login", None),
    ):
        reply = c.request(method, path, json=body, headers=headers)
        assert (reply.status_code, reply.json()["error"]["code"]) == (403, "origin"), path
    assert [k.name for k in ring.all()] == ["first"]


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://testserver"}, {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {}],
)  # fmt: skip
def test_its_own_page_and_programs_go_on(opened, headers, row):
    c, key, _ = opened
    assert c.post("/predict", json=row, headers=headers).status_code == 200
    c.cookies.clear()
    foreign = {**headers, "Origin": "https://elsewhere.example", "X-API-Key": key}
    assert c.post("/predict", json=row, headers=foreign).status_code == 200  # a key that was shown is no cookie


def test_a_browser_may_send_the_form_of_the_key(opened):
    """A form carries `Origin: null` from a page whose referrer policy is no-referrer (Fetch standard, Origin header)."""
    c, key, _ = opened
    c.cookies.clear()
    page = c.get("/")
    origin = "null" if page.headers["referrer-policy"] == "no-referrer" else "http://testserver"
    sent = {"Origin": origin, "Sec-Fetch-Site": "same-origin"}
    reply = c.post("/login?lang=en", data={"key": key}, headers=sent, follow_redirects=False)
    assert (reply.status_code, reply.headers.get("location")) == (303, "./?lang=en")


def test_a_named_origin_may_ask_and_no_other(opened, row):
    c, key, _ = opened
    ask = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    yes = c.options("/predict", headers={**ask, "Origin": APP})
    assert yes.status_code == 204
    assert yes.headers["access-control-allow-origin"] == APP
    assert "Authorization" in yes.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in yes.headers
    no = c.options("/predict", headers={**ask, "Origin": "https://evil.example"})
    assert no.status_code == 403
    assert "access-control-allow-origin" not in no.headers
    c.cookies.clear()
    for origin, told in ((APP, APP), ("https://evil.example", None)):
        for headers in ({"Authorization": f"Bearer {key}"}, {}):  # refusals are told to the page too
            reply = c.post("/predict", json=row, headers={**headers, "Origin": origin})
            assert reply.headers.get("access-control-allow-origin") == told
            if told:
                assert reply.headers["vary"] == "Origin"


def test_without_a_named_origin_none_is_told(client, row):
    reply = client.post("/predict", json=row, headers={"Origin": APP})
    assert "access-control-allow-origin" not in reply.headers


@pytest.mark.parametrize(
    "text", ["*", "app.example.com", "https://a.example/path", "https://", "ftp://a.example", "null", ""]
)
def test_what_is_no_origin_is_refused(text):
    with pytest.raises(OptionError, match="--allow-origin"):
        parse_origins([text])


def test_origins_are_compared_as_browsers_write_them():
    assert parse_origins(["HTTPS://App.Example.com:443/"]) == {"https://app.example.com"}
    assert parse_origins(["http://[::1]:8080"]) == {"http://[::1]:8080"}


def test_a_wrong_key_and_no_key_are_told_apart(client, row):
    client.headers.pop("Authorization")
    none = client.post("/predict", json=row)
    wrong = client.post("/predict", json=row, headers={"Authorization": "Bearer mws_other"})
    assert [r.status_code for r in (none, wrong)] == [401, 401]
    assert [r.json()["error"]["code"] for r in (none, wrong)] == ["key", "wrong_key"]
    assert "mws_other" not in wrong.text


def test_errors_never_quote_what_a_request_brought(predictor, tmp_path, monkeypatch, row):
    from modelwright.serve.keys import KeyRing

    monkeypatch.setenv("MODELWRIGHT_LEDGER", "off")
    ring, admin = KeyRing.open(tmp_path / "k.json")
    mark = "canary42"
    bad = [
        ("POST", "/predict", {**row, mark: {"a": 1}}),
        ("POST", "/predict", {**row, mark: "x" * 200_000}),
        ("POST", "/predict", {mark: 1}),
        ("POST", "/predict", {**row, "amount": mark}),
        ("POST", "/predict", {"rows": [mark]}),
        ("POST", "/explain", {**row, mark: [[1]]}),
        ("POST", "/keys", {"name": "a", mark: 1}),
        ("POST", "/keys", {"name": "a", "role": mark}),
        ("POST", "/keys", {"name": "a", "expires": mark}),
        ("POST", "/keys", {"name": "first", "role": "viewer", "scopes": [mark]}),
        ("POST", "/keys", {"name": mark * 20}),
        ("DELETE", f"/keys/{mark}", None),
        ("GET", f"/{mark}?{mark}={mark}", None),
        ("POST", "/login", {mark: mark}),
    ]
    with TestClient(create_app(predictor, keys=ring), headers={"X-API-Key": admin}) as c:
        for method, path, body in bad:
            reply = c.request(method, path, json=body)
            assert 400 <= reply.status_code < 500, (path, reply.status_code)
            assert mark not in reply.text, (path, reply.text)
        assert mark not in c.post("/predict", content=b'{"' + mark.encode() + b'": NaN}').text
