"""Media in requests: data URLs are answered and explained; paths, addresses and bombs are refused, and nothing is opened."""

import base64
import io
import json
import resource
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from modelwright.core.errors import ModelwrightError
from modelwright.core.recipe import get_recipe
from modelwright.core.schema import Column, Schema
from modelwright.core.task import get_task
from modelwright.data.coerce import coerce_rows
from modelwright.data.kinds.base import kind_of
from modelwright.release.bundle import Predictor
from modelwright.serve.app import create_app
from modelwright.serve.limits import Refused, ServeLimits, parse_rows
from modelwright.testing import context

SCHEMA = Schema((Column("photo", "image"), Column("amount", "number"), Column("kind", "category", "target")))
STATES = [i % 3 for i in range(60)]


def url(data: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


@pytest.fixture(scope="module")
def pictures() -> list[bytes]:
    return kind_of("image").sample(STATES, 1)


@pytest.fixture(scope="module")
def seeing(pictures) -> Predictor:
    rows = [{"photo": p, "amount": 1.0, "kind": "abc"[s]} for p, s in zip(pictures, STATES, strict=True)]
    table, bad = coerce_rows(rows, SCHEMA)
    assert not bad
    task = get_task("classification")
    target = task.fit_target(table.column("kind"), SCHEMA["kind"])
    recipe = get_recipe("linear")
    options = recipe.variants(table.schema, target, len(table))[0]
    model = recipe.fit(table, table.take(np.arange(20)), options, context(task, target))
    return Predictor(task, table.schema, target, [(1.0, model)], name="seeing")


@pytest.fixture
def seen(seeing, key_and_ring):
    key, ring = key_and_ring
    with TestClient(
        create_app(seeing, keys=ring), headers={"Authorization": f"Bearer {key}"}, raise_server_exceptions=False
    ) as c:
        yield c


def png_that_claims(width: int, height: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(9))) + chunk(b"IEND", b"")


def packed(width: int, height: int) -> bytes:
    held = io.BytesIO()
    Image.new("L", (width, height)).save(held, "PNG")
    return held.getvalue()


def test_data_urls_are_answered_as_in_process(seen, seeing, pictures):
    rows = [{"photo": url(p), "amount": 1.0} for p in pictures[:4]]
    many = seen.post("/predict", json={"rows": rows, "scores": True}).json()["answers"]
    alone = seen.post("/predict", json=rows[2]).json()
    here = seeing.predict([{"photo": p, "amount": 1.0} for p in pictures[:4]], scores=True)
    assert [a["prediction"] for a in many] == ["a", "b", "c", "a"]
    assert alone["prediction"] == "c"
    for a, b in zip(many, here, strict=True):
        assert a["scores"] == pytest.approx(b["scores"], abs=1e-6)


@pytest.mark.parametrize("route", ["/predict", "/explain"])
@pytest.mark.parametrize(
    "said",
    [
        "{file}", "file://{file}", "http://127.0.0.1/x.png", "https://example.org/x.png", "../../x.png", "x.png", "/etc/pas",
        "/etc/passwd", "~/x.png", "\\\\server\\x.png", "data:image/png,raw", "data:text/html;base64,PGI+", "{long}",
    ],
)  # fmt: skip
def test_paths_and_addresses_are_refused_and_nothing_is_opened(seen, pictures, tmp_path, monkeypatch, said, route):
    file = tmp_path / "x.png"
    file.write_bytes(pictures[0])
    monkeypatch.chdir(tmp_path)
    cell = said.format(file=file, long="/".join(["tmp"] * 40) + "/x.png")

    def never(self, *args, **more):
        raise AssertionError(f"opened {self}")

    for name in ("open", "read_bytes", "stat"):
        monkeypatch.setattr(Path, name, never)
    reply = seen.post(route, json={"photo": cell, "amount": 1.0}, headers={"Accept-Language": "en"})
    monkeypatch.undo()
    assert reply.status_code == 422
    error = reply.json()["error"]
    assert (error["row"], error["column"]) == (1, "photo")
    assert error["message"].startswith("row 1, column `photo`")
    assert "第 1 行" in error["message_zh"]


@pytest.mark.parametrize("cell", ["", " ", None])
def test_an_empty_cell_is_a_missing_value(seen, cell):
    reply = seen.post("/explain", json={"photo": cell, "amount": 1.0})
    assert reply.status_code == 200
    assert reply.json()["pictures"] == {}


@pytest.mark.parametrize("cell", [{"path": "/etc/passwd"}, {"bytes": "x"}, [["/etc/passwd"]], ["/etc/passwd"]])
def test_nested_cells_are_refused(seen, cell):
    assert seen.post("/predict", json={"photo": cell}).status_code == 422


def test_in_process_without_a_folder_paths_are_refused(seeing, pictures, tmp_path):
    file = tmp_path / "x.png"
    file.write_bytes(pictures[1])
    for cell in (str(file), {"path": str(file)}):
        _, bad = seeing.table([{"photo": cell, "amount": 1.0}])
        assert [b.column for b in bad] == ["photo"]
    with pytest.raises(ModelwrightError, match="data URL"):
        seeing.explain({"photo": str(file)})
    found = seeing.explain({"photo": "x.png"}, folder=tmp_path, seconds=3.0)
    assert next(a for a in found if a["column"] == "photo")["text"] == "x.png"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (png_that_claims(50_000, 50_000), "too many pixels"),
        (png_that_claims(9000, 9000), "9000 x 9000"),
        (packed(8000, 8000), "at most 50 million"),
        (b"\x89PNG\r\n\x1a\n" + bytes(60), "not a complete picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n" + bytes(60), "not a complete picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>", "not a complete picture"),
    ],
)
def test_bombs_and_damaged_pictures_are_named_with_memory_flat(seen, data, message):
    assert seen.post("/predict", json={"photo": url(packed(2000, 2000))}).status_code == 200
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    reply = seen.post("/predict", json={"photo": url(data), "amount": 1.0})
    assert reply.status_code == 422
    assert message in reply.json()["error"]["message"]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB


def test_a_truncated_jpeg_is_named(seen):
    held = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (200, 200, 3)).astype(np.uint8)).save(held, "JPEG")
    answers = seen.post(
        "/predict",
        json={"rows": [{"photo": url(held.getvalue(), "image/jpeg")}, {"photo": url(held.getvalue()[:3000])}]},
    ).json()["answers"]
    assert "prediction" in answers[0]
    assert (answers[1]["error"]["row"], answers[1]["error"]["column"]) == (2, "photo")


def test_media_may_be_long_and_texts_may_not(seen, client):
    noise = np.random.default_rng(0).integers(0, 255, (700, 700, 3)).astype(np.uint8)
    held = io.BytesIO()
    Image.fromarray(noise).save(held, "PNG")
    assert len(url(held.getvalue())) > 1_000_000
    assert seen.post("/predict", json={"photo": url(held.getvalue())}).status_code == 200
    assert seen.post("/predict", json={"photo": "x" * ((16 << 20) + 1)}).json()["error"]["code"] == "cell"
    assert seen.post("/predict", content=b'{"photo": "' + b"x" * (32 << 20) + b'"}').status_code == 413
    assert seen.post("/predict", json={"rows": [{"amount": 1}] * 65}).status_code == 413
    assert seen.post("/predict", json={"amount": "x" * 100_001}).json()["error"]["code"] == "cell"
    assert client.post("/predict", content=b'{"message": "' + b"x" * 300_000 + b'"}').status_code == 413


def test_what_is_under_way_is_bounded_and_given_back(seeing, key_and_ring):
    key, ring = key_and_ring
    app = create_app(seeing, keys=ring, limits=ServeLimits(held=1))
    small = ServeLimits(held=1, media_body=1000, body=1000)
    with TestClient(
        create_app(seeing, keys=ring, limits=small),
        headers={"Authorization": f"Bearer {key}"},
        raise_server_exceptions=False,
    ) as c:
        for _ in range(5):  # what has been answered no longer counts
            assert c.post("/predict", json={"amount": 1.0, "x": "y" * 700}).status_code == 200
        assert c.post("/predict", content=b" " * 2000).status_code == 413
        assert c.post("/predict", json={"amount": 1.0}).status_code == 200
    assert app.state.service.limits.body == 32 << 20


async def _gone():
    return {"type": "http.request", "body": b"x" * 600, "more_body": False}


def test_who_has_shown_no_key_draws_on_nothing_that_others_need(monkeypatch):
    import asyncio

    from modelwright.serve import limits
    from modelwright.serve.limits import BodyLimit

    monkeypatch.setattr(limits, "_LOGIN_SECONDS", 0.05)

    async def stalled():
        await asyncio.sleep(60)

    async def some():
        return {"type": "http.request", "body": b"x" * 3000, "more_body": True}

    async def all_():
        codes = []

        async def app(scope, receive, send):
            while True:
                await receive()

        limit = BodyLimit(app, 10**6, held=10**6)
        for receive in (stalled, some):
            try:
                await limit({"type": "http", "key": None}, receive, None)
            except Refused as e:
                codes.append((e.status, limit.now))
        return codes

    assert asyncio.run(all_()) == [(408, 0), (413, 0)]


def test_too_much_at_a_time_is_refused_with_a_wait():
    import asyncio

    from modelwright.serve.limits import BodyLimit

    async def both():
        inside = asyncio.Event()
        said = []

        async def app(scope, receive, send):
            await receive()
            inside.set()
            await asyncio.sleep(0.05)

        limit = BodyLimit(app, 1000, held=1000)
        first = asyncio.create_task(limit({"type": "http", "key": "some", "path": "/explain"}, _gone, None))
        await inside.wait()
        try:
            await limit({"type": "http", "key": "some", "path": "/explain"}, _gone, None)
        except Refused as e:
            said.append((e.status, e.retry))
        await first
        await limit({"type": "http", "key": "some", "path": "/explain"}, _gone, None)
        return said, limit.now

    assert asyncio.run(both()) == ([(429, 1)], 0)


@pytest.mark.parametrize(
    ("cell", "fits"),
    [
        ([1, 2.5, None], True), ([[1, 2], [3, 4]], True), ([[1] * 50_000, [2] * 50_000], True), ("[1, 2]", True),
        ([[1] * 50_001, [2] * 50_000], False), ([[1]] * 65, False), ([[[1]]], False), ([["a"]], False), ([1, [2]], False),
        ([{"a": 1}], False), (["1"], False),
    ],
)  # fmt: skip
def test_series_are_nested_within_bounds_and_only_they(cell, fits):
    body = json.dumps({"wave": cell}).encode()
    if fits:
        rows, _, _ = parse_rows(body, ServeLimits(), ["wave"], {"wave": "series"})
        assert rows == [{"wave": cell}]
    else:
        with pytest.raises(Refused) as e:
            parse_rows(body, ServeLimits(), ["wave"], {"wave": "series"})
        assert e.value.status == 422
    if isinstance(cell, list) and any(isinstance(v, list) for v in cell):
        with pytest.raises(Refused):
            parse_rows(body, ServeLimits(), ["wave"], {"wave": "text"})


def test_an_explanation_shows_where_and_quotes_nothing(seen, pictures):
    reply = seen.post("/explain", json={"photo": url(pictures[1]), "amount": 1.0})
    data = reply.json()
    photo = next(a for a in data["explanation"] if a["column"] == "photo")
    assert photo["text"] == "image, 2 kB"
    heat = np.array(photo["heat"])
    assert heat.ndim == 2
    assert np.abs(heat).max() == 1
    assert photo["how"] == "occlusion"
    assert sum(data["shares"].values()) == pytest.approx(1)
    shown = data["pictures"]["photo"]
    assert shown.startswith("data:image/")
    size = Image.open(io.BytesIO(base64.b64decode(shown.split(",")[1]))).size
    assert size == (24, 24)
    assert "PNG" not in json.dumps(data["explanation"])


def test_the_schema_says_what_media_are(seen):
    for said in (seen.get("/schema").json()["request"], seen.get("/openapi.json").json()):
        text = json.dumps(said)
        assert '"format": "data-url"' in text
        assert '"contentEncoding": "base64"' in text
        assert '"contentMediaType": "image/*"' in text
    columns = {c["name"]: c for c in seen.get("/schema").json()["columns"]}
    assert columns["photo"]["longest"] == 16 << 20
    assert ".png" in columns["photo"]["suffixes"]
    assert columns["amount"]["longest"] == 100_000


def test_the_page_stays_shut_to_the_outside(seen):
    page = seen.get("/")
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "media-src data: blob:" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    script = page.text.split("<script", 1)[1]
    for word in ("innerHTML", "insertAdjacentHTML", "eval(", "document.write", "http://", "https://"):
        assert word not in script


def test_molecules_are_drawn_and_places_count_in_what_was_read(key_and_ring):
    pytest.importorskip("rdkit")
    schema = Schema((Column("smiles", "molecule"), Column("kind", "category", "target")))
    found = ["CCO", "CCCO", "OCC(C)C", "CCN", "CCCN", "NCC(C)C"]
    table, bad = coerce_rows([{"smiles": s, "kind": s[-1] if s[-1] in "ON" else s[0]} for s in found * 6], schema)
    assert not bad
    task = get_task("classification")
    target = task.fit_target(table.column("kind"), schema["kind"])
    recipe = get_recipe("linear")
    model = recipe.fit(table, table, recipe.variants(table.schema, target, 36)[0], context(task, target))
    key, ring = key_and_ring
    app = create_app(Predictor(task, table.schema, target, [(1.0, model)], name="smiles"), keys=ring)
    with TestClient(app, headers={"Authorization": f"Bearer {key}"}) as client:
        told = client.post("/explain", json={"smiles": "C(C)(CC)O"}).json()
        page = client.get("/", headers={"Accept": "text/html"})
    assert told["read_as"] == {"smiles": "CCC(C)O"}
    drawn = base64.b64decode(told["pictures"]["smiles"].removeprefix("data:image/svg+xml;base64,")).decode()
    assert drawn.count("<ellipse") >= 1
    spans = {told["read_as"]["smiles"][a["start"] : a["end"]] for a in told["explanation"] if a["start"] is not None}
    assert spans <= {"C", "O"}
    assert "unsafe" not in page.headers["content-security-policy"]
