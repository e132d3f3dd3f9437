"""The service: keys on every route, equal answers, bounds, errors, nothing of a request kept."""

import dataclasses
import json
import logging
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from modelwright.core.words import Words
from modelwright.serve.app import create_app
from modelwright.serve.guard import WithoutValues
from modelwright.serve.keys import KeyRing
from modelwright.serve.limits import Refused, ServeLimits, parse_rows

OPEN = {"/healthz", "/readyz"}


def test_every_route_but_liveness_and_readiness_needs_a_key(predictor, key_and_ring):
    app = create_app(predictor, keys=key_and_ring[1])
    with TestClient(app, follow_redirects=False) as c:
        routes = [(m, r.path) for r in app.routes for m in r.methods - {"HEAD"}]
        assert len(routes) >= 8
        for method, path in routes:
            for headers in (
                {},
                {"Authorization": "Bearer wrong"},
                {"X-API-Key": "wrong"},
                {"Cookie": "modelwright_session=wrong"},
            ):
                code = c.request(method, path, headers=headers, content=b"{}").status_code
                asked = path.replace("{name}", "first")
                assert code == (200 if path in OPEN else 401), (method, asked, headers)


def test_a_path_that_is_no_route_needs_a_key_too(client, predictor, key_and_ring):
    assert client.get("/nowhere").status_code == 404
    with TestClient(create_app(predictor, keys=key_and_ring[1])) as c:
        assert c.get("/nowhere").status_code == 401
        assert c.get("/healthz/../schema").status_code == 401


def test_one_row_equals_many_equals_in_process(client, predictor, rows):
    sent = rows.drop_columns(["queue"]).to_pylist()
    many = client.post("/predict", json={"rows": sent, "scores": True}).json()["answers"]
    alone = [client.post("/predict", json={**r, "scores": True}).json() for r in sent]
    here = predictor.predict(sent, scores=True)
    for a, b, c in zip(many, alone, here, strict=True):
        assert a["prediction"] == b["prediction"] == c["prediction"]
        assert a["scores"] == pytest.approx(b["scores"], abs=1e-6)
        assert a["scores"] == pytest.approx(c["scores"], abs=1e-6)
    predictor.response.model_validate(many[0])


def test_a_bad_value_is_named_and_the_other_rows_are_answered(client, row):
    answers = client.post("/predict", json={"rows": [row, {**row, "amount": "a lot"}]}).json()["answers"]
    assert "prediction" in answers[0]
    assert answers[1]["error"]["row"] == 2
    assert answers[1]["error"]["column"] == "amount"
    both = client.post("/predict", json={"amount": "a lot", "member": 2.0})
    assert both.json()["error"]["row"] == 1
    alone = client.post("/predict", json={**row, "amount": "a lot"}, headers={"Accept-Language": "zh-CN"})
    assert alone.status_code == 422
    assert "数字" in alone.json()["error"]["message"]


def test_scores_may_be_asked_for_in_the_address(client, row):
    for value, held in (("true", True), ("1", True), ("True", True), ("false", False), ("0", False)):
        assert ("scores" in client.post(f"/predict?scores={value}", json=row).json()) is held
    assert "scores" in client.post("/predict?scores=true", json={"rows": [row]}).json()["answers"][0]
    assert "scores" in client.post("/predict", json={**row, "scores": True}).json()
    for kind in ("application/json", "application/x-ndjson"):
        wrong = client.post("/predict?scores=maybe", content=b"{}", headers={"Content-Type": kind})
        assert (wrong.status_code, wrong.json()["error"]["code"]) == (422, "scores")
    asked = client.get("/openapi.json").json()["paths"]["/predict"]["post"]["parameters"]
    assert [p["name"] for p in asked if p["in"] == "query"] == ["scores"]


def test_a_file_of_rows_is_told_where_it_goes(client, row):
    for kind in (
        "text/csv",
        "application/vnd.apache.parquet",
        "application/vnd.apache.arrow.stream",
        "multipart/form-data",
    ):
        found = client.post("/predict", content=b"message\nhello\n", headers={"Content-Type": kind})
        assert (found.status_code, found.json()["error"]["code"]) == (415, "kind")
        assert "POST /jobs" in found.json()["error"]["message"]
    for kind in (
        "application/x-www-form-urlencoded",
        "text/plain",
        "application/vnd.api+json",
    ):  # curl's own, and others
        assert client.post("/predict", content=json.dumps(row), headers={"Content-Type": kind}).status_code == 200


@pytest.mark.parametrize(
    ("body", "en", "zh"),
    [
        (b'{"amount": NaN}', "NaN is no JSON; null is a missing value", "NaN 不是 JSON；缺失值用 null"),
        (b'{"amount": }', "Expecting value at character 12", "第 12 个字符处不合语法"),
        (b"[" * 100_000, "nested too deeply", "嵌套过深"),
        (b'{"message": "\xff"}', "byte 14 is no UTF-8", "第 14 个字节不是 UTF-8"),
        (b'{"amount": ' + b"9" * 5000 + b"}", "a number has too many digits", "有数字位数过多"),
    ],
)
def test_what_keeps_a_body_from_being_json_is_said_in_both_languages(client, body, en, zh):
    error = client.post("/predict", content=body).json()["error"]
    assert error["message"] == f"Expected JSON: {en}."
    assert error["message_zh"] == f"应为 JSON：{zh}。"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400), (b"{", 400), (b"\xff\xfe", 400), (b"[1]", 422), (b"3", 422), (b'{"rows": []}', 422),
        (b'{"rows": [3]}', 422), (b"{}", 422), (b'{"nothing": 1}', 422), (b'{"message": {"a": {}}}', 422),
        (b"[" * 100_000, 400), (b'{"a":' * 30_000, 400), (b'{"amount": NaN}', 400), (b'{"amount": ' + b"9" * 5000 + b"}", 400),
        (b'{"message": "' + b"x" * 2000 + b'"}', 422),
    ],
)  # fmt: skip
def test_requests_that_do_not_fit(client, body, status):
    reply = client.post("/predict", content=body)
    assert reply.status_code == status
    assert reply.json()["error"]["message"]


def test_body_limit_counts_bytes_whatever_the_header_says(client):
    def stream():
        for _ in range(40):
            yield b" " * 10_000

    assert client.post("/predict", content=stream()).status_code == 413
    assert client.post("/predict", content=b" " * 300_000).status_code == 413
    assert client.post("/predict", json={"rows": [{"amount": 1}] * 51}).status_code == 413


def test_one_key_spends_its_quota_and_the_other_is_unaffected(predictor, row):
    ring = KeyRing.of({"a": "key-a", "b": "key-b"})
    app = create_app(predictor, keys=ring, limits=ServeLimits(rows_per_minute=5))
    with TestClient(app) as c:
        codes = [c.post("/predict", json=row, headers={"X-API-Key": "key-a"}).status_code for _ in range(6)]
        assert codes == [200] * 5 + [429]
        refused = c.post("/predict", json=row, headers={"X-API-Key": "key-a"})
        assert int(refused.headers["Retry-After"]) >= 1
        assert c.post("/predict", json=row, headers={"X-API-Key": "key-b"}).status_code == 200


def test_explain_schema_metrics_openapi(client, row):
    explained = client.post("/explain", json=row).json()
    assert explained["answer"]["prediction"]
    assert {e["column"] for e in explained["explanation"]} <= {"amount", "channel", "member", "message"}
    schema = client.get("/schema").json()
    assert [c["name"] for c in schema["columns"]] == ["amount", "channel", "member", "message"]
    assert "modelwright_requests_total" in client.get("/metrics").text
    assert "/predict" in client.get("/openapi.json").json()["paths"]


def test_requests_never_reach_logs_metrics_or_errors(client, row, caplog, capfd):
    canary = "身份证11010519491231002X"
    with caplog.at_level(logging.DEBUG):
        client.post("/predict", json={**row, "message": canary})
        client.post("/predict", json={**row, "message": {"a": canary}})
        client.post("/predict", content=canary.encode())
    captured = capfd.readouterr()
    for place in (caplog.text, captured.out, captured.err, client.get("/metrics").text):
        assert canary not in place


def test_half_a_character_is_no_crash(client, row):
    for broken in ('"\\ud800"', '"a\\udfff"', '"\\u0000"'):
        body = '{"message": ' + broken + ', "channel": ' + broken + "}"
        assert client.post("/predict", content=body).status_code == 200
        assert client.post("/predict", content='{"rows": [{"amount": ' + broken + "}]}").status_code == 200
        assert client.post("/explain", content='{"amount": 1, ' + broken + ": 2}").status_code == 200


def test_what_fails_inside_is_answered_in_one_shape_and_logged_without_values(
    predictor, key_and_ring, row, monkeypatch
):
    key, ring = key_and_ring

    def fail(table):
        said = table.column("message")[0].as_py()
        if said is None:  # the rows that warm the model up
            return predictor.scores(table)
        raise ValueError(f"could not read {said}")

    record = logging.LogRecord("uvicorn.error", logging.ERROR, "x", 1, "failed", (), None)
    broken = dataclasses.replace(predictor)
    monkeypatch.setattr(broken, "scores", fail)
    with TestClient(create_app(broken, keys=ring), raise_server_exceptions=False) as c:
        reply = c.post("/predict", json={**row, "message": "canary-1"}, headers={"X-API-Key": key})
    assert reply.status_code == 500
    assert reply.json()["error"]["code"] == "internal"
    assert "canary" not in reply.text
    try:
        fail(predictor.table([{**row, "message": "canary-1"}])[0])
    except ValueError:
        record.exc_info = sys.exc_info()
    assert WithoutValues().filter(record)
    text = logging.Formatter().format(record)
    assert "canary" not in text
    assert "ValueError at" in text


def test_docs_name_the_routes_and_load_nothing(client):
    page = client.get("/docs", headers={"Accept-Language": "zh-CN"})
    assert "POST /predict" in page.text
    assert "某一行的回答依据什么" in page.text
    assert "src=" not in page.text
    assert "http://" not in page.text
    assert "https://" not in page.text


@pytest.mark.parametrize("name", ["rows", "scores"])
def test_columns_called_as_our_own_words_are_read_as_columns(name):
    body = json.dumps({name: True, "x": 1}).encode()
    assert parse_rows(body, ServeLimits(), {name, "x"}) == ([{name: True, "x": 1}], True, False)
    assert parse_rows(b'{"scores": true, "x": 1}', ServeLimits(), {"x"}) == ([{"x": 1}], True, True)


def test_headers(client, row):
    head = client.post("/predict", json=row).headers
    assert head["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in head["Content-Security-Policy"]
    assert "Access-Control-Allow-Origin" not in head


def test_login_opens_the_page_and_a_wrong_key_does_not(predictor, key_and_ring):
    key, ring = key_and_ring
    with TestClient(create_app(predictor, keys=ring)) as c:
        shut = c.get("/", headers={"Accept-Language": "zh"})
        assert shut.status_code == 401
        assert "您的密钥" in shut.text
        assert predictor.name not in shut.text
        assert c.post("/login", content="key=wrong").status_code == 401
        opened = c.post("/login", content=f"key={key}")
        assert opened.status_code == 200
        assert 'id="app"' in opened.text
        assert "http" not in opened.text.replace("http-equiv", "").split("<script")[0].split("</style>")[1]
        assert c.get("/schema").status_code == 200


def test_the_page_says_how_to_call_it_and_shows_no_key(predictor, key_and_ring):
    key, ring = key_and_ring
    with TestClient(create_app(predictor, keys=ring), headers={"X-API-Key": key}) as c:
        text = c.get("/").text
        for said in (
            "Call it from code",
            "用代码调用",
            "Bearer KEY",
            "docs?lang=",
            "Answer a table",
            "Fill in an example",
        ):
            assert said in text
        assert key not in text
        assert c.get("/docs?lang=zh").status_code == 200


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["rows", "message", "amount", "member", "channel", "x", ""]), inner, max_size=5
        )
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=JSON, path=st.sampled_from(["/predict", "/explain"]))
def test_no_request_gives_a_500(client, data, path):
    reply = client.post(path, content=json.dumps(data).encode("utf-8", "surrogatepass"))
    assert reply.status_code < 500, reply.text


@pytest.mark.parametrize("column", ["amount", "member", "channel", "message"])
def test_whole_numbers_beyond_all_floats_are_no_crash(client, row, column):
    """Found by fuzzing: JSON knows no bounds, floats do."""
    for number in ("9" * 400, "-1" + "0" * 399):
        reply = client.post("/predict", content=json.dumps(row)[:-1] + f', "{column}": {number}}}')
        assert reply.status_code in (200, 422), reply.text


def test_what_is_not_answered_costs_nothing(predictor, key_and_ring, row):
    key, ring = key_and_ring
    app = create_app(predictor, keys=ring)
    service = app.state.service
    headers = {"Authorization": f"Bearer {key}"}
    with TestClient(app, headers=headers, raise_server_exceptions=False) as c:

        def paid() -> int:
            return service.quota.spent.get("first", 0)

        assert c.post("/predict", json={"rows": [row] * 5}).status_code == 200
        assert paid() == 5
        assert c.post("/predict", json={**row, "amount": "no number"}).status_code == 422
        assert c.post("/predict", json={"rows": [row, {**row, "amount": "no number"}]}).status_code == 200
        assert paid() == 6
        real = service.batcher.scores

        async def fails(*args):
            raise RuntimeError

        service.batcher.scores = fails
        assert c.post("/predict", json=row).status_code == 500
        service.batcher.scores = real
        service.batcher.check = lambda *args: (_ for _ in ()).throw(Refused(429, "busy", Words("no", "否"), retry=7))
        refused = c.post("/predict", json={"rows": [row] * 50})
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "7")
        assert paid() == 6
        assert service.quota.usage.rows["first"] == 6
        real_why = service._why
        service._why = fails_now
        assert c.post("/explain", json=row).status_code == 500
        assert paid() == 6
        service._why = real_why
        assert c.post("/explain", json=row).status_code == 200
        assert paid() == 56
    assert service.batcher._line._keys == {}  # no place is kept


def fails_now(table):
    raise RuntimeError
