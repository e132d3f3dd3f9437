"""Rows that come as forms: a file in a field of its own is answered as the same file in a data URL, within the same bounds."""

import base64
import builtins
import tempfile

import numpy as np
import pytest
from starlette.testclient import TestClient

from modelwright.core.recipe import get_recipe
from modelwright.core.schema import Column, Schema
from modelwright.core.task import get_task
from modelwright.data.coerce import coerce_rows
from modelwright.data.kinds.base import kind_of
from modelwright.release.bundle import Predictor
from modelwright.serve.app import create_app
from modelwright.serve.limits import ServeLimits
from modelwright.testing import context

STATES = [i % 3 for i in range(45)]
PICTURES = kind_of("image").sample(STATES, 1)


def model_of(*columns: Column) -> Predictor:
    schema = Schema((*columns, Column("kind", "category", "target")))
    rows = [
        {**{c.name: p if c.modality == "image" else 1.0 for c in columns}, "kind": "abc"[s]}
        for p, s in zip(PICTURES, STATES, strict=True)
    ]
    table, bad = coerce_rows(rows, schema)
    assert not bad
    task, recipe = get_task("classification"), get_recipe("linear")
    target = task.fit_target(table.column("kind"), schema["kind"])
    options = recipe.variants(table.schema, target, len(table))[0]
    model = recipe.fit(table, table.take(np.arange(20)), options, context(task, target))
    return Predictor(task, table.schema, target, [(1.0, model)], name="seeing")


def client_of(predictor: Predictor, key_and_ring, **limits) -> TestClient:
    key, ring = key_and_ring
    app = create_app(predictor, keys=ring, limits=ServeLimits(**limits))
    head = {"Authorization": f"Bearer {key}", "Accept-Language": "en"}
    return TestClient(app, headers=head, raise_server_exceptions=False)


def url(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def one(name: str, data: bytes = PICTURES[1], kind: str = "image/png"):
    return (name, ("anything.png", data, kind))


@pytest.fixture(scope="module")
def seeing() -> Predictor:
    return model_of(Column("photo", "image"), Column("amount", "number"))


@pytest.fixture
def seen(seeing, key_and_ring):
    with client_of(seeing, key_and_ring) as c:
        yield c


@pytest.mark.parametrize("field", ["photo", "file"])
@pytest.mark.parametrize("kind", ["image/png", "application/octet-stream", "text/html", "image/"])
def test_a_form_is_answered_as_the_data_url_is(seen, field, kind):
    for picture in PICTURES[:3]:
        form = seen.post("/predict", files=[one(field, picture, kind)], data={"amount": "2.5", "scores": "true"})
        row = seen.post("/predict", json={"photo": url(picture), "amount": 2.5, "scores": True})
        assert form.status_code == 200
        assert form.json() == row.json()
        assert form.json()["scores"]


def test_an_explanation_takes_a_form_too(seen):
    form = seen.post("/explain", files=[one("file")], data={"amount": "1"})
    assert form.status_code == 200
    assert form.json()["pictures"].keys() == {"photo"}


def test_scores_are_asked_for_in_the_address_or_in_a_field(seen):
    for query, data, held in (
        ("", {}, False),
        ("?scores=1", {}, True),
        ("", {"scores": "1"}, True),
        ("", {"scores": "false"}, False),
    ):
        assert ("scores" in seen.post(f"/predict{query}", files=[one("file")], data=data).json()) is held
    wrong = seen.post("/predict", files=[one("file")], data={"scores": "maybe"})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (422, "scores")


def test_a_form_without_a_chosen_file_is_a_row_without_it(seen):
    form = seen.post("/predict", files=[one("photo", b"", "application/octet-stream")], data={"amount": "1"})
    row = seen.post("/predict", json={"photo": None, "amount": 1})
    assert (form.status_code, form.json()) == (row.status_code, row.json())


@pytest.mark.parametrize(
    ("files", "data", "status", "code", "said"),
    [
        ([one("photo"), one("photo")], {}, 422, "file", "more than once"),
        ([one("photo"), one("file")], {}, 422, "file", "more than once"),
        ([one("picture")], {"amount": "1"}, 422, "file", "`photo` (or `file`)"),
        ([one("amount")], {}, 422, "file", "`photo` (or `file`)"),
        ([one("scores")], {}, 422, "file", "`photo` (or `file`)"),
        ([one("photo", PICTURES[1][:60])], {}, 422, "value", "not a complete picture"),
        ([one("photo", bytes(3000))], {}, 422, "cell", "3,000 bytes; at most 2,900"),
        ([one("photo")], {"amount": "many"}, 422, "value", "row 1, column `amount`"),
        ([one("photo")], {"amount": ["1", "2"]}, 422, "value", "row 1, column `amount`"),
        ([one("photo", bytes(70_000))], {}, 413, "too_large", "65536"),
    ],
)  # fmt: skip
def test_forms_that_do_not_fit(seeing, key_and_ring, files, data, status, code, said):
    with client_of(seeing, key_and_ring, media_cell=4000, media_body=1 << 16, body=1 << 16) as c:
        error = c.post("/predict", files=files, data=data)
        assert error.status_code == status
        assert error.json()["error"]["code"] == code
        assert said in error.json()["error"]["message"]
        assert "picture`" not in error.text  # what the request named is not quoted
        assert any(ord(letter) > 0x4E00 for letter in error.json()["error"]["message_zh"])


def test_a_form_that_breaks_off_is_refused(seen):
    head = b'--x\r\nContent-Disposition: form-data; name="amount"\r\n\r\n1\r\n--x\r\nContent-Disposition: form-data; name="photo"; filename="a"\r\n\r\n'
    whole = head + PICTURES[0] + b"\r\n--x--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    assert seen.post("/predict", content=whole, headers=kind).status_code == 200
    for body in (head + PICTURES[0], whole[:-6], b"", b"{}"):
        error = seen.post("/predict", content=body, headers=kind)
        assert (error.status_code, error.json()["error"]["code"]) == (400, "form")
    for named in ("multipart/form-data", "multipart/form-data; boundary=x; charset=utf-7"):
        said = seen.post("/predict", content=whole, headers={"Content-Type": named})
        assert said.status_code in (200, 400)


def test_several_columns_of_files_are_each_named(key_and_ring):
    both = model_of(Column("before", "image"), Column("after", "image"))
    with client_of(both, key_and_ring) as c:
        form = c.post("/predict", files=[one("before"), one("after", PICTURES[0])])
        row = c.post("/predict", json={"before": url(PICTURES[1]), "after": url(PICTURES[0])})
        assert (form.status_code, form.json()) == (200, row.json())
        error = c.post("/predict", files=[one("file")]).json()["error"]
        assert "`before`, `after`." in error["message"]
        fields = c.get("/openapi.json").json()["paths"]["/predict"]["post"]["requestBody"]["content"]
        assert "file" not in fields["multipart/form-data"]["schema"]["properties"]


def test_nothing_of_a_form_goes_to_the_disk(seen, monkeypatch):
    def never(*args, **named):
        raise AssertionError("a file was made")

    monkeypatch.setattr(tempfile, "TemporaryFile", never)
    large = PICTURES[1] + bytes(3 << 20)  # more than a library keeps in memory by itself
    assert seen.post("/predict", files=[one("photo", large)]).status_code == 200


def test_without_the_library_a_form_is_told_what_to_do(seen, monkeypatch):
    real = builtins.__import__

    def absent(name, *args, **named):
        if name == "python_multipart":
            raise ImportError(name)
        return real(name, *args, **named)

    monkeypatch.setattr(builtins, "__import__", absent)
    reply = seen.post("/predict", files=[one("photo")])
    monkeypatch.undo()
    error = reply.json()["error"]
    assert (reply.status_code, error["code"]) == (415, "extra")
    for words in (error["message"], error["message_zh"]):
        assert "modelwright[serve]" in words
        assert '{"photo": "data:image/png;base64,' in words


def test_a_bare_file_is_told_where_it_goes(seen, client):
    for kind in ("image/png", "application/octet-stream"):
        error = seen.post("/predict", content=PICTURES[0], headers={"Content-Type": kind})
        assert (error.status_code, error.json()["error"]["code"]) == (415, "kind")
        assert "curl -F photo=@FILE" in error.json()["error"]["message"]
    assert (
        client.post("/predict", content=b"{", headers={"Content-Type": "application/octet-stream"}).status_code == 400
    )


def test_openapi_tells_of_forms_where_a_column_takes_files(seen, client):
    for route in ("/predict", "/explain"):
        told = seen.get("/openapi.json").json()["paths"][route]["post"]["requestBody"]["content"]
        fields = told["multipart/form-data"]["schema"]["properties"]
        assert fields["photo"] == {"type": "string", "format": "binary"}
        assert fields["file"]["format"] == "binary"
        assert fields["amount"] == {"type": "string"}
        plain = client.get("/openapi.json").json()["paths"][route]["post"]["requestBody"]["content"]
        assert "multipart/form-data" not in plain
