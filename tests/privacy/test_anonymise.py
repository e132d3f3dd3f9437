"""Copies without personal data: every format end to end, joins that survive, and the way back through the vault."""

import csv
import json
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modelwright.core.encrypted_files import unlocked
from modelwright.core.errors import DataError, OptionError, VaultError
from modelwright.core.keyref import Key, write_keys
from modelwright.privacy.anonymise import anonymise
from modelwright.privacy.policy import Policy
from modelwright.privacy.pseudonyms import Pseudonyms
from modelwright.privacy.redact import Redactor
from modelwright.privacy.reveal import PSEUDONYM, remember_in, reveal
from modelwright.privacy.reversible import PseudonymStore

PEOPLE = ["张伟", "王芳", "李娜", "刘洋", "陈静", "杨明", "赵磊", "黄丽", "周涛", "吴敏", "徐强", "孙艳"]


def rows_of(count: int = 24) -> list[dict[str, str]]:
    return [
        {
            "姓名": PEOPLE[i % 12],
            "手机": f"138{20260000 + 37 * i}",
            "出生日期": f"19{60 + i}-03-1{i % 9}",
            "备注": f"请回电 138-{2026 + i}-{4000 + i}，邮箱 canary{i}@qq.com，谢谢",
            "类别": "退款" if i % 2 else "换货",
        }
        for i in range(count)
    ]


def secrets_of(rows: list[dict[str, str]]) -> list[str]:
    return [x for r in rows for x in (r["手机"], r["出生日期"], r["备注"][4:17], r["备注"][22:].partition("，")[0])]


def write_csv(path, rows, encoding="utf-8"):
    with path.open("w", newline="", encoding=encoding) as f:
        out = csv.DictWriter(f, list(rows[0]))
        out.writeheader()
        out.writerows(rows)


def read_csv(path):
    with path.open(newline="", encoding="utf-8") as f:
        return list(csv.DictReader(f))


def source_of(folder, form):
    rows = rows_of()
    path = folder / f"in.{'csv' if form == 'gb18030' else form}"
    if form in ("csv", "gb18030"):
        write_csv(path, rows, "gb18030" if form == "gb18030" else "utf-8")
    elif form == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        nested = [
            {"who": {"姓名": r["姓名"], "手机": r["手机"]}, "出生日期": r["出生日期"], "备注": [r["备注"]]}
            for r in rows
        ]
        path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in nested), encoding="utf-8")
    return path, rows


@pytest.mark.parametrize("form", ["csv", "gb18030", "parquet", "jsonl"])
def test_every_format_comes_out_without_a_value(tmp_path, form):
    path, rows = source_of(tmp_path, form)
    out = tmp_path / f"out{path.suffix}"
    done = anonymise(str(path), out)
    if form == "parquet":
        written = "\n".join(map(str, pq.read_table(out).to_pylist()))
    else:
        written = out.read_text(encoding="utf-8")
    assert not [s for s in [*secrets_of(rows), *PEOPLE] if s in written]
    assert done.rows == len(rows)
    assert written.count("谢谢") == len(rows)  # what is not private stays
    facts = json.dumps(done.to_json(), ensure_ascii=False)
    assert not [s for s in [*secrets_of(rows), *PEOPLE] if s in facts]
    assert {d["type"] for d in done.to_json()["done"]} >= {"phone", "email", "birth-date"}
    if form == "jsonl":
        assert list(json.loads(written.splitlines()[0])) == ["who", "出生日期", "备注"]
        assert list(json.loads(written.splitlines()[0])["who"]) == ["姓名", "手机"]


def test_joins_survive_under_the_same_key_and_not_under_another(tmp_path):
    rows = rows_of()
    other = [
        {"电话": f"+86 {r['手机'][:3]} {r['手机'][3:7]} {r['手机'][7:]}", "金额": str(i)} for i, r in enumerate(rows)
    ]
    write_csv(tmp_path / "a.csv", rows)
    write_csv(tmp_path / "b.csv", other)
    for name, key in (("a", b"k"), ("b", b"k"), ("c", b"o")):
        source = tmp_path / f"{'b' if name == 'c' else name}.csv"
        anonymise(str(source), tmp_path / f"{name}.out.csv", pseudonyms=Pseudonyms(key * 32))
    a = [r["手机"] for r in read_csv(tmp_path / "a.out.csv")]
    assert a == [r["电话"] for r in read_csv(tmp_path / "b.out.csv")]
    assert len(set(a)) == len(rows)
    assert not set(a) & {r["电话"] for r in read_csv(tmp_path / "c.out.csv")}


def test_each_action_by_type_and_column(tmp_path):
    rows = rows_of()
    write_csv(tmp_path / "in.csv", rows)
    rules = ["mask:phone", "placeholder:备注", "keep:备注/email", "drop:类别", "keep:person", "generalise:birth-date"]
    anonymise(str(tmp_path / "in.csv"), tmp_path / "out.csv", rules=rules)
    got = read_csv(tmp_path / "out.csv")
    assert list(got[0]) == ["姓名", "手机", "出生日期", "备注"]
    assert [r["姓名"] for r in got] == [r["姓名"] for r in rows]
    assert {r["手机"][:2] + r["手机"][-1:] for r in got} == {"13" + r["手机"][-1:] for r in rows}
    assert all("*" in r["手机"] for r in got)
    assert [r["出生日期"] for r in got] == [r["出生日期"][:7] for r in rows]
    assert [r["备注"] for r in got] == [f"请回电 <PHONE>，邮箱 canary{i}@qq.com，谢谢" for i in range(len(rows))]


def test_surrogates_look_real(tmp_path):
    write_csv(tmp_path / "in.csv", rows_of())
    anonymise(str(tmp_path / "in.csv"), tmp_path / "out.csv", rules=["surrogate"])
    got = read_csv(tmp_path / "out.csv")
    assert all(r["手机"].isdigit() and len(r["手机"]) == 11 for r in got)
    assert all("@example.com" in r["备注"] for r in got)
    assert not {r["手机"] for r in got} & {r["手机"] for r in rows_of()}


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_pseudonyms_lead_back_through_the_vault_alone(tmp_path, form):
    path, rows = source_of(tmp_path, form)
    out, back, store = tmp_path / f"out{path.suffix}", tmp_path / f"back{path.suffix}", tmp_path / "names.mwv"
    rules = ["pseudonym", "keep:birth-date"]
    write_keys(str(tmp_path / "v.key"), [Key.new()], new=True)
    write_keys(str(tmp_path / "other.key"), [Key.new()], new=True)
    with unlocked(str(tmp_path / "v.key")):
        for name in (out, tmp_path / f"again{path.suffix}"):  # what is known already is no error
            with PseudonymStore.open(store) as kept:
                anonymise(str(path), name, rules=rules, pseudonyms=Pseudonyms(b"k" * 32, remember_in(kept)))
        with PseudonymStore.open(store) as kept:
            done = reveal(str(out), back, kept)
    assert "canary" not in out.read_text(encoding="utf-8")
    assert b"canary" not in store.read_bytes()
    if form == "csv":
        assert read_csv(back) == rows
    else:
        assert [json.loads(x) for x in back.read_text("utf-8").splitlines()] == [
            json.loads(x) for x in path.read_text("utf-8").splitlines()
        ]
    assert done.revealed == len(PSEUDONYM.findall(out.read_text(encoding="utf-8"))) > 0
    assert done.unknown == 0
    with (
        unlocked(str(tmp_path / "other.key")),
        pytest.raises(VaultError, match="Wrong key"),
        PseudonymStore.open(store),
    ):
        pass


def test_pseudonyms_in_lists_and_structs_lead_back(tmp_path):
    rows = [
        {"said": [f"ring {PHONE}", None], "user": {"mail": "canary@example.com", "n": 1}},
        {"said": None, "user": None},
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "in.parquet")
    write_keys(str(tmp_path / "v.key"), [Key.new()], new=True)
    with unlocked(str(tmp_path / "v.key")):
        with PseudonymStore.open(tmp_path / "names.mwv") as kept:
            made = Pseudonyms(b"k" * 32, remember_in(kept))
            anonymise(str(tmp_path / "in.parquet"), tmp_path / "out.parquet", pseudonyms=made)
        assert "canary" not in str(pq.read_table(tmp_path / "out.parquet").to_pylist())
        with PseudonymStore.open(tmp_path / "names.mwv") as kept:
            done = reveal(str(tmp_path / "out.parquet"), tmp_path / "back.parquet", kept)
    assert pq.read_table(tmp_path / "back.parquet").to_pylist() == rows
    assert (done.revealed, done.unknown) == (2, 0)


def test_what_the_store_does_not_know_stays_and_is_counted(tmp_path):
    strange = Pseudonyms(b"x" * 32).of("phone", "13812345678")
    (tmp_path / "in.csv").write_text(f"a,b\n{strange},1\nphone_short,2\n")
    write_keys(str(tmp_path / "v.key"), [Key.new()], new=True)
    with unlocked(str(tmp_path / "v.key")), PseudonymStore.open(tmp_path / "n.mwv") as kept:
        done = reveal(str(tmp_path / "in.csv"), tmp_path / "out.csv", kept)
        assert (done.revealed, done.unknown, done.rows) == (0, 1, 2)
        assert [w.en for w in done.lines()][1] == "1 pseudonym not in the store: kept as they are"
        with pytest.raises(DataError, match="received the folder"):
            reveal(str(tmp_path), tmp_path / "out2.csv", kept)
    assert strange in (tmp_path / "out.csv").read_text()


@pytest.mark.parametrize(
    ("form", "rows"), [("csv", ["a,b", "1,2", "1,2,3,4", "5,6"]), ("jsonl", ['{"a": 1}', "[2]", '{"a": 5}'])]
)
def test_rows_that_cannot_be_read_keep_their_place_when_pseudonyms_are_turned_back(tmp_path, form, rows):
    path, out = tmp_path / f"in.{form}", tmp_path / f"out.{form}"
    path.write_text("\n".join(rows))
    write_keys(str(tmp_path / "v.key"), [Key.new()], new=True)
    with unlocked(str(tmp_path / "v.key")), PseudonymStore.open(tmp_path / "n.mwv") as kept:
        done = reveal(str(path), out, kept)
    assert (done.rows, done.to_json()["unread"]) == (3, 1)
    assert "row 2" in done.lines()[0].en
    assert done.lines()[0].en.endswith("it stands empty in the copy.")
    assert len(out.read_text().splitlines()) == len(rows)


def test_a_copy_that_fails_leaves_nothing(tmp_path):
    (tmp_path / "in.csv").write_text("a,b\n1,2\n")
    with pytest.raises(OptionError, match="is the source itself"):
        anonymise(str(tmp_path / "in.csv"), tmp_path / "in.csv", force=True)
    (tmp_path / "out.csv").write_text("mine")
    with pytest.raises(OptionError, match="exists already"):
        anonymise(str(tmp_path / "in.csv"), tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "mine"
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no PAR1")
    with pytest.raises(DataError):
        anonymise(str(tmp_path / "bad.parquet"), tmp_path / "new.csv")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.parquet", "in.csv", "out.csv"]


def test_fields_that_come_late_are_cleaned_under_their_own_names(tmp_path):
    rows = [{"city": "Graz"} for _ in range(4096)] + [{"mail": f"bob{i}@example.com", "city": None} for i in range(4)]
    source = tmp_path / "d.jsonl"
    source.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    anonymise(str(source), tmp_path / "o.csv", k=2, quasi=["city"])
    with (tmp_path / "o.csv").open(encoding="utf-8", newline="") as f:
        got = list(csv.DictReader(f))
    assert len(got) == len(rows)
    assert got[0]["mail"] == ""
    assert got[-1]["mail"].startswith("email_")
    assert "example.com" not in (tmp_path / "o.csv").read_text(encoding="utf-8")
    anonymise(str(source), tmp_path / "k.csv", k=2, quasi=["mail"], rules=["keep"])


def test_rows_that_cannot_be_read_stand_empty_in_the_copy(tmp_path):
    (tmp_path / "d.csv").write_text("city,n\n" + "Graz,1\n" * 30 + "Bari,2,3\n" + "Lyon,4\n" * 9)
    done = anonymise(str(tmp_path / "d.csv"), tmp_path / "o.csv")
    assert [(m.row, m.line) for m in done.unread] == [(31, 32)]
    assert (tmp_path / "o.csv").read_text().splitlines()[31] == ","


PHONE, CARD = 13812345678, "11010519491231002X"


def test_phone_numbers_that_libraries_write_as_fractions_go(tmp_path):
    lines = [f"{PHONE + i}.0,{i}.5" if i % 3 else f",{i}.5" for i in range(40)]
    (tmp_path / "in.csv").write_text("phone,amount\n" + "\n".join(lines) + "\n")
    key = Pseudonyms(b"k" * 32)
    anonymise(str(tmp_path / "in.csv"), tmp_path / "out.csv", pseudonyms=key)
    got = read_csv(tmp_path / "out.csv")
    assert [r["phone"] for r in got] == [key.of("phone", str(PHONE + i)) if i % 3 else "" for i in range(40)]
    assert [r["amount"] for r in got] == [f"{i}.5" for i in range(40)]
    rows = [{"phone": float(PHONE + i), "sum": 1.3e9 + i / 2, "note": "x"} for i in range(40)]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    anonymise(str(tmp_path / "in.jsonl"), tmp_path / "out.jsonl", pseudonyms=key)
    objects = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [o["phone"] for o in objects] == [key.of("phone", str(PHONE + i)) for i in range(40)]
    assert [o["sum"] for o in objects] == [1.3e9 + i / 2 for i in range(40)]


def test_numbers_of_typed_columns_go_though_only_some_are_private(tmp_path):
    rows = range(60)
    table = pa.table(
        {
            "exact": pa.array([Decimal(PHONE + i) for i in rows], pa.decimal128(18, 2)),
            "联系方式": [PHONE + i if i % 3 == 0 else 1000 + i for i in rows],
            "contact": [float(PHONE + i) if i % 3 == 0 else i + 0.5 for i in rows],
            "postcode": [10000 + 97 * i for i in rows],
            "amount": pa.array([Decimal(1_000_000 + i) / 4 for i in rows], pa.decimal128(12, 2)),
            "count": [100_000 + i for i in rows],
        }
    )
    pq.write_table(table, tmp_path / "in.parquet")
    key = Pseudonyms(b"k" * 32)
    anonymise(str(tmp_path / "in.parquet"), tmp_path / "out.parquet", pseudonyms=key)
    got = pq.read_table(tmp_path / "out.parquet").to_pydict()
    assert got["exact"] == [key.of("phone", str(PHONE + i)) for i in rows]
    assert got["联系方式"] == [key.of("phone", str(PHONE + i)) if i % 3 == 0 else str(1000 + i) for i in rows]
    assert got["contact"] == [key.of("phone", str(PHONE + i)) if i % 3 == 0 else f"{i}.5" for i in rows]
    assert got["postcode"] == [f"{(10000 + 97 * i) // 1000}***" for i in rows]
    assert got["amount"] == table["amount"].to_pylist()
    assert got["count"] == table["count"].to_pylist()


def test_lists_and_structs_of_parquet_hold_nothing_either(tmp_path):
    person = pa.struct({"phone": pa.int64(), "age": pa.int8(), "lat": pa.float64(), "notes": pa.list_(pa.string())})
    rows = [{"phone": PHONE + i, "age": i, "lat": 39.90421, "notes": [f"ring {PHONE}", None, ""]} for i in range(9)]
    said = [["fine", f"mail a{i}@example.com"] for i in range(9)]
    table = pa.table(
        {
            "user": pa.array([*rows, None, {**rows[0], "notes": None}], person),
            "said": pa.array([*said, None, []], pa.list_(pa.string())),
            "pair": pa.array([*said, None, ["x", None]], pa.list_(pa.string(), 2)),
            "large": pa.array([*said, None, []], pa.large_list(pa.string())),
            "viewed": pa.array([*said, None, []], pa.list_view(pa.string())),
            "by": pa.array([*([[(str(PHONE), {"tel": f"call {PHONE}"})]] * 9), None, []], pa.map_(pa.string(), pa.struct({"tel": pa.string()}))),
            "series": pa.array([[1.5, 2.0]] * 11, pa.list_(pa.float32())),
            "raw": pa.array([b"x"] * 11),
        }
    )  # fmt: skip
    key = Pseudonyms(b"k" * 32)
    redactor = Redactor(Policy.parse([]), key)
    for name in table.column_names:
        redactor.plan(name, table.column(name))
    for at, part in ((0, table), (4, table.slice(4))):
        got = redactor.table(part)
        assert str(PHONE) not in str(got.to_pylist())
        assert "@example" not in str(got.to_pylist())
        assert [got.column(n).is_valid().to_pylist() for n in got.column_names] == [
            part.column(n).is_valid().to_pylist() for n in got.column_names
        ]
        user = got["user"].to_pylist()
        assert user[0] == {
            "phone": key.of("phone", str(PHONE + at)),
            "age": at,
            "lat": 39.9,
            "notes": [f"ring {key.of('phone', str(PHONE))}", None, ""],
        }
        assert user[-1]["notes"] is None
        mail = f"mail {key.of('email', f'a{at}@example.com')}"
        for name in ("said", "pair", "large", "viewed"):
            assert got[name][0].as_py() == ["fine", mail]
        assert got["pair"][-1].as_py() == ["x", None]
        own = key.of("phone", str(PHONE))
        assert got["by"][0].as_py() == [(own, {"tel": f"call {own}"})]
        assert (got["series"], got["raw"]) == (part["series"], part["raw"])
    assert [w.en for w in redactor.lines()][-1] == "`raw`: bytes, which are copied as they are and not looked through"
    pq.write_table(table.select(["user", "said", "pair", "large", "series", "raw"]), tmp_path / "in.parquet")
    copied = anonymise(str(tmp_path / "in.parquet"), tmp_path / "out.parquet", rules=["drop:phone"])
    kept = pq.read_table(tmp_path / "out.parquet")
    assert set(kept["user"][0].as_py()) == {"age", "lat", "notes"}
    assert kept["user"].is_valid().to_pylist() == table["user"].is_valid().to_pylist()
    assert "`user.phone`: left out" in [w.en for w in copied.redactor.lines()]


def test_places_within_objects_are_made_coarse(tmp_path):
    (tmp_path / "in.jsonl").write_text(json.dumps({"at": {"lat": 39.90421, "lng": 116.40739}}) + "\n")
    copied = anonymise(str(tmp_path / "in.jsonl"), tmp_path / "out.jsonl")
    assert json.loads((tmp_path / "out.jsonl").read_text()) == {"at": {"lat": 39.9, "lng": 116.4}}  # numbers
    assert any("`at.lat`" in w.en for w in copied.redactor.lines())
    anonymise(str(tmp_path / "in.jsonl"), tmp_path / "kept.jsonl", rules=["keep:gps"])
    assert json.loads((tmp_path / "kept.jsonl").read_text()) == {"at": {"lat": 39.90421, "lng": 116.40739}}


def test_keys_of_objects_hold_nothing_with_a_form(tmp_path):
    row = {
        "by": {str(PHONE): {"n": 1}, f"+86 {PHONE}": {"n": 2}, "mother": 3},
        CARD: "x",
        "2024": 5,
        "f_100001": 6,
        "Lyon": 7,
    }
    (tmp_path / "in.jsonl").write_text(json.dumps(row) + "\n")
    key = Pseudonyms(b"k" * 32)
    anonymise(str(tmp_path / "in.jsonl"), tmp_path / "out.jsonl", pseudonyms=key)
    own, card = key.of("phone", str(PHONE)), key.of("id-card", CARD)
    got = json.loads((tmp_path / "out.jsonl").read_text())
    assert got == {
        "by": {own: {"n": 1}, f"{own}_2": {"n": 2}, "mother": 3}, card: "x", "2024": 5, "f_100001": 6, "Lyon": 7
    }  # fmt: skip
    assert list(got) == ["by", card, "2024", "f_100001", "Lyon"]
    anonymise(str(tmp_path / "in.jsonl"), tmp_path / "gone.jsonl", rules=["drop:phone", "keep:id-card"])
    gone = json.loads((tmp_path / "gone.jsonl").read_text())
    assert gone["by"] == {"mother": 3}
    assert CARD in gone


def test_what_stands_beside_other_letters_and_in_keys_is_turned_back(tmp_path):
    rows = [{"text": f"联系张伟{PHONE}", "by": {str(PHONE): "ok"}}, {"text": "请找王芳OK", "by": {"Hi": "我是张伟A座"}}]
    (tmp_path / "in.jsonl").write_text(
        "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8"
    )
    write_keys(str(tmp_path / "v.key"), [Key.new()], new=True)
    with unlocked(str(tmp_path / "v.key")), PseudonymStore.open(tmp_path / "n.mwv") as kept:
        makes = Pseudonyms(b"k" * 32, remember_in(kept))
        anonymise(str(tmp_path / "in.jsonl"), tmp_path / "out.jsonl", pseudonyms=makes)
        reveal(str(tmp_path / "out.jsonl"), tmp_path / "back.jsonl", kept)
    out = (tmp_path / "out.jsonl").read_text(encoding="utf-8")
    assert not [s for s in (str(PHONE), "张伟", "王芳") if s in out]
    assert [json.loads(x) for x in (tmp_path / "back.jsonl").read_text(encoding="utf-8").splitlines()] == rows


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_positions_among_which_one_is_no_number_stay_readable_and_coarse(tmp_path, ending):
    cells = ["39.90421"] * 2500 + ["39.90421N", "n/a", None]
    source, out = tmp_path / f"in.{ending}", tmp_path / f"out.{ending}"
    if ending == "jsonl":
        source.write_text("".join(json.dumps({"at": {"lat": c}}) + "\n" for c in cells))
    elif ending == "csv":
        source.write_text("lat,x\n" + "".join(f"{c or ''},{i}\n" for i, c in enumerate(cells)))
    else:
        pq.write_table(pa.table({"lat": cells, "x": list(range(len(cells)))}), source)
    anonymise(str(source), out)
    found = {
        "jsonl": lambda: [json.loads(line)["at"]["lat"] for line in out.read_text().splitlines()],
        "csv": lambda: [r["lat"] for r in read_csv(out)],
        "parquet": lambda: pq.read_table(out)["lat"].to_pylist(),
    }[ending]()
    assert found[0] == "39.9"
    assert not any("39.904" in str(c) for c in found)
    assert found[-3:-1] == ["39.9N", "n/a"]


@pytest.mark.parametrize(
    ("cell", "coarse"),
    [("-39.90421", "-39.9"), ("39,95 S", "40,0 S"), ("116.40739° E", "116.4° E"), ("39.98", "40.0"), ("unknown", "unknown"), ("39°54′15″N", "<GPS>")],
)  # fmt: skip
def test_degrees_are_made_coarse_as_they_are_written(tmp_path, cell, coarse):
    (tmp_path / "in.jsonl").write_text("".join(json.dumps({"lat": c}) + "\n" for c in ("39.9", "39.8", "39.7", cell)))
    anonymise(str(tmp_path / "in.jsonl"), tmp_path / "out.jsonl")
    assert json.loads((tmp_path / "out.jsonl").read_text().splitlines()[-1])["lat"] == coarse
