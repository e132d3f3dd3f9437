"""Tables beside the rows: read, matched, protected, kept through selections and in bundles; what does not fit is named."""

import io

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from modelwright.core.config import make_config
from modelwright.core.errors import BundleError, ColumnError, DataError
from modelwright.core.events import EventStream, Note, Warned
from modelwright.core.related import load_related, save_related
from modelwright.core.schema import Column, Related, Schema, Table
from modelwright.core.task import get_task
from modelwright.core.words import Words
from modelwright.pipeline.intake import get_data
from modelwright.pipeline.related import kept_related
from modelwright.tune.parts import split_data

EVENTS = pa.table(
    {
        "user": [f"u{i % 7}" for i in range(60)],
        "item": [f"i{(i * i) % 11}" for i in range(60)],
        "time": list(range(60)),
    }
)
KINDS = ("shirt", "shoe", "hat")


def items(key: str = "item", count: int = 15) -> str:
    rows = [f"{key},kind,price,title"]
    rows += [f"i{i},{KINDS[i % 3]},{i + 0.5},{KINDS[i % 3]} number {i} 号" for i in range(count)]
    return "\n".join(rows) + "\n"


def read(tmp_path, heard=None, **texts):
    options = {}
    for name, text in texts.items():
        path = tmp_path / f"{name}.csv"
        path.write_text(text, encoding="utf-8")
        options[name] = str(path)
    events = EventStream()
    if heard is not None:
        events.listen(heard.append)
    config = make_config(data="memory", task="recommendation", **options)
    return config, get_data(config, EVENTS, events)


def test_a_related_table_stands_beside_every_part(tmp_path):
    config, data = read(tmp_path, items=items())
    parts = split_data(config, data.table, None, None, data.task, 60.0)
    for table in (parts.develop, parts.test, parts.develop.take(np.arange(3))):
        related = table.related["items"]
        assert len(related) == 15
        assert {c.name: c.modality for c in related.inputs} == {"kind": "category", "price": "number", "title": "text"}
    assert related.one("i4") == {"kind": "shoe", "price": 4.5, "title": "shoe number 4 号"}
    assert related.one("nothing") == {}
    lines = related.lines(pa.array(["i2", None, "what", "i1"]))
    assert lines.column("price").to_pylist() == [2.5, None, None, 1.5]


def test_items_that_nobody_had_are_in_the_catalogue_behind_the_others(tmp_path):
    config, data = read(tmp_path, items=items())
    target = split_data(config, data.table, None, None, data.task, 60.0).target
    had = set(EVENTS.column("item").to_pylist())
    new = {f"i{i}" for i in range(15)} - had
    assert set(target.items) == had | new
    assert set(target.items[-len(new) :]) == new


@pytest.mark.parametrize("key", ["item_id:token", "产品号"])
def test_the_key_is_found_by_a_usual_name_or_by_what_it_holds(tmp_path, key):
    _, data = read(tmp_path, items=items(key))
    assert data.table.related["items"].key == key.split(":")[0]


def test_what_does_not_fit_is_named(tmp_path):
    with pytest.raises(ColumnError, match=r"items.csv needs a column `item` .* it has what, kind, price, title"):
        read(tmp_path, items=items("what").replace("\ni", "\nx"))
    with pytest.raises(DataError, match="None of the 6 items of the events has a line"):
        read(tmp_path, items=items().replace("\ni", "\nx"))
    with pytest.raises(DataError, match="no line with a value in `item`"):
        read(tmp_path, items="item,kind\n,a\n,b\n")


def test_an_item_that_stands_twice_counts_once_and_is_told(tmp_path):
    heard = []
    _, data = read(tmp_path, heard, items=items() + "i3,hat,99,again\n,hat,1,none\n")
    said = [e.words.en for e in heard if isinstance(e, Warned)]
    assert any("1 lines are about items that had a line before, such as `i3` (row 16)" in s for s in said)
    assert any("1 lines have no `item`" in s for s in said)
    assert data.table.related["items"].one("i3")["price"] == 3.5
    notes = [e.words.en for e in heard if isinstance(e, Note)]
    assert any("15 lines of" in n and "6 of 6 in the events: kind, price, title" in n for n in notes)


def test_personal_data_in_a_related_table_is_replaced(tmp_path):
    people = "user,city,note,mail\n" + "".join(
        f"u{i},{'BJ' if i % 2 else 'SH'},call 1381234567{i} or come {'early' if i % 2 else 'late'},someone{i}@mail.com\n"
        for i in range(7)
    )
    _, data = read(tmp_path, users=people)
    users = data.table.related["users"]
    assert "mail" not in users.table.schema
    assert "13812345671" not in str(users.table.data.to_pylist())


def made() -> Related:
    def picture(colour):
        out = io.BytesIO()
        Image.new("RGB", (400, 300), colour).save(out, "PNG")
        return {"path": None, "bytes": out.getvalue(), "digest": "x", "how": None}

    schema = Schema(
        (
            Column("id", "id", "ignored"), Column("picture", "image"), Column("size", "number"), Column("new", "boolean"),
            Column("since", "timestamp"), Column("tags", "labels"), Column("sku", "id", "ignored", reason=Words("a", "b")),
            Column("secret", "text", "ignored"),
        )
    )  # fmt: skip
    import datetime as dt

    from modelwright.core.schema import arrow_type

    values = {
        "id": ["a", "b", "c"], "picture": [picture("red"), None, picture("blue")], "size": [1.5, None, 3.0],
        "new": [True, None, False], "since": [dt.datetime(2024, 2, 29, 12), None, None], "tags": [["x", "y"], [], None],
        "sku": ["s1", "s2", "s3"], "secret": ["p", "q", "r"],
    }  # fmt: skip
    data = pa.table({n: pa.array(v, arrow_type(schema[n].modality)) for n, v in values.items()})
    return Related(Table.of(data, schema), "id")


def test_what_is_kept_is_small_and_comes_back_equal(tmp_path):
    kept = kept_related(get_task("recommendation"), {"items": made(), "users": made()})
    assert set(kept) == {"items"}
    found = kept["items"]
    assert found.table.schema.names == ["id", "picture", "size", "new", "since", "tags", "sku"]
    shown = Image.open(io.BytesIO(found.one("c")["picture"]["bytes"]))
    assert shown.size == (160, 120)
    assert shown.getpixel((50, 50))[2] > 200
    save_related(found, tmp_path)
    again = load_related(tmp_path)
    assert again.table.data.to_pylist() == found.table.data.to_pylist()
    assert again.table.schema == found.table.schema
    (tmp_path / "table.json").write_text((tmp_path / "table.json").read_text().replace('"key": "id"', '"key": "x"'))
    with pytest.raises(BundleError, match="Copy the bundle again"):
        load_related(tmp_path)
