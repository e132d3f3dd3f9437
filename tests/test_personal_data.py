"""Personal data in a whole run: nothing of it stays anywhere, and what was masked in training is masked in service."""

import json
import logging

import pyarrow as pa
import pytest
from starlette.testclient import TestClient

from modelwright import api

QUICK = {"budget": "20m", "recipes": ["constant", "linear"], "search": "none", "ensemble": False}
ROWS = 120


def identity(i: int) -> str:
    body = f"110105{1950 + i % 50}{i % 12 + 1:02}{i % 28 + 1:02}{i:03}"
    return body + "10X98765432"[sum(int(c) * pow(2, 17 - n, 11) for n, c in enumerate(body)) % 11]


def card(i: int) -> str:
    body = f"622202{770000000 + 7919 * i:09}"
    total = sum(int(c) if n % 2 else sum(divmod(2 * int(c), 10)) for n, c in enumerate(reversed(body)))
    return body + str(-total % 10)


def values_of(i: int) -> dict[str, str]:
    return {
        "phone": f"138{20260000 + 101 * i}", "email": f"canary{i}@example.cn", "id": identity(i), "card": card(i),
        "born": f"19{50 + i % 50}-0{i % 9 + 1}-1{i % 8 + 1}",
    }  # fmt: skip


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A run on a table that holds personal data in columns of its own and in texts, some of them mistaken so that the report quotes."""
    folder = tmp_path_factory.mktemp("private")
    lines = ["手机,身份证号,出生日期,渠道,内容,类别"]
    for i in range(ROWS):
        v, side = values_of(i), i % 2
        words = ("商品坏了要退款", "包裹一直没有收到")[side if i % 7 else 1 - side]
        lines.append(
            f"{v['phone']},{v['id']},{v['born']},{('app', 'mail')[i % 3 == 0]},"
            f"{words}，电话{v['phone']}，邮箱{v['email']}，身份证{v['id']}，卡号{v['card']},{('退款', '物流')[side]}"
        )
    (folder / "d.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    logs = logging.getLogger()
    held: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: held.append(record.getMessage())  # type: ignore[method-assign]
    logs.addHandler(handler)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            run = api.fit(folder / "d.csv", "类别", name="r", listeners=[lambda e: held.append(str(e))], **QUICK)
    finally:
        logs.removeHandler(handler)
    run.folder = folder / "runs" / "r"
    return run, held


def planted() -> list[str]:
    return [v for i in range(ROWS) for v in values_of(i).values()]


def test_no_value_stays_anywhere(ran):
    run, held = ran
    text = "\n".join(p.read_bytes().decode("utf-8", "ignore") for p in run.folder.rglob("*") if p.is_file())
    text += "\n".join(held) + json.dumps(run.facts, ensure_ascii=False, default=str)
    assert [v for v in planted() if v in text] == []
    assert "<PHONE>" in text  # quoted rows hold what stands instead
    done = {
        (c["column"], c["done"]) for c in json.loads((run.folder / "report.json").read_text())["private"]["columns"]
    }
    assert done >= {("手机", "ignored"), ("身份证号", "ignored"), ("出生日期", "months"), ("内容", "replaced")}


def test_the_same_shield_stands_before_every_answer(ran, tmp_path):
    run, _ = ran
    loaded = api.load(run.folder / "bundle")
    texts = [f"商品坏了要退款，电话{values_of(i)['phone']}，邮箱{values_of(i)['email']}" for i in (0, 999)]
    rows = [{"渠道": "app", "内容": t, "出生日期": d} for t, d in zip(texts, ("1985-03-01", "1985-03-31"), strict=True)]
    table, bad = loaded.table(rows)
    assert not bad
    assert table.column("内容").to_pylist() == ["商品坏了要退款，电话<PHONE>，邮箱<EMAIL>"] * 2
    assert len(set(table.column("出生日期").to_pylist())) == 1
    one, two = loaded.predict(rows, scores=True)
    assert one == two


def test_the_service_tells_and_keeps_no_value(ran, tmp_path, caplog, capfd):
    from modelwright.serve.app import create_app
    from modelwright.serve.keys import KeyRing

    run, _ = ran
    ring, key = KeyRing.open(tmp_path / "keys.json")
    v = values_of(5)
    row = {"渠道": "app", "内容": f"要退款，电话{v['phone']}，身份证{v['id']}，{v['email']}", "出生日期": v["born"]}
    app = create_app(run.predictor, keys=ring)
    with caplog.at_level(logging.DEBUG), TestClient(app, headers={"Authorization": f"Bearer {key}"}) as client:
        told = [
            client.post("/predict", json=row),
            client.post("/explain", json=row),
            client.post("/predict", json={**row, "出生日期": v["id"]}),
        ]
        told += [client.get("/metrics"), client.get("/schema")]
    assert [r.status_code for r in told] == [200, 200, 422, 200, 200]
    said = capfd.readouterr()
    places = [r.text for r in told] + [caplog.text, said.out, said.err]
    assert not [x for x in (v["phone"], v["id"], v["email"]) for p in places if x in p]
    assert "<PHONE>" in told[1].text


def test_what_is_allowed_stays(ran, monkeypatch):
    run, _ = ran
    data = run.folder.parent.parent / "d.csv"
    found = api.inspect(data, target="类别", private=["keep:内容"])
    done = {c["column"]: c["done"] for c in found["private"]["columns"]}
    assert done["内容"] == "kept"
    assert done["手机"] == "ignored"
    assert not [v for v in planted() if v in json.dumps(found, ensure_ascii=False, default=str)]


def test_names_that_are_hidden_in_texts_are_replaced():
    table = [
        {"text": f"客户{n}来电说没有收到货", "queue": "abc"[i % 3]} for i, n in enumerate(["张伟", "王芳", "李娜"] * 4)
    ]
    found = api.inspect(pa.Table.from_pylist(table), target="queue")
    (column,) = [c for c in found["private"]["columns"] if c["column"] == "text"]
    assert "person" in {f["type"] for f in column["found"]}
    assert "张伟" not in json.dumps(found["private"], ensure_ascii=False)
