"""Rows taken out of files: the others keep their bytes, in every format, compressed and encrypted."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.core.encrypted_files import open_plain, unlocked
from modelwright.core.errors import ColumnError, DataError, VaultError
from modelwright.core.keyref import Key, write_keys
from modelwright.privacy.rowfiles import of_subject, remove_rows
from modelwright.privacy.vault import encrypt_file

HEAD = b"\xef\xbb\xbfuser;text\r\n"
ODD = [
    b'u1;"two\r\nlines; and ""quotes"""\r\n',
    b"\r\n",
    b"u2; plain \r\n",
    b"u1;x\r\n",
    "u3;你好，世界\r\n".encode(),
    b"u2;end",
]


def test_what_stays_in_a_csv_keeps_its_bytes(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(HEAD + b"".join(ODD))
    path.chmod(0o640)
    assert remove_rows(path, "user", of_subject("u1"), look_only=True) == 2
    assert path.read_bytes() == HEAD + b"".join(ODD)
    assert remove_rows(path, "user", of_subject(" Ｕ1 ".lower())) == 2
    assert path.read_bytes() == HEAD + b"".join(p for p in ODD if not p.startswith(b"u1"))
    assert path.stat().st_mode & 0o777 == 0o640
    assert remove_rows(path, "user", of_subject("nobody")) == 0
    with pytest.raises(ColumnError, match="user"):
        remove_rows(path, "usr", of_subject("u1"))
    assert [p.name for p in tmp_path.iterdir()] == ["a.csv"]


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
def test_encodings(tmp_path, encoding):
    path, lines = tmp_path / "a.csv", ["用户,内容", *(f"张{i % 7},第{i}条，普通的文字内容" for i in range(60))]
    path.write_bytes(("\n".join(lines) + "\n").encode(encoding))
    assert remove_rows(path, "用户", of_subject("张3")) == 9
    assert path.read_bytes().decode(encoding).splitlines() == [x for x in lines if not x.startswith("张3,")]


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\x00", exclude_categories=("Cc", "Cs")), max_size=8)


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.tuples(st.sampled_from(["u1", "u2", "u3"]), CELL), min_size=3, max_size=12))
def test_any_csv_loses_exactly_the_rows_of_the_subject(tmp_path_factory, rows):
    import csv

    path = tmp_path_factory.mktemp("c") / "a.csv"
    with path.open("w", newline="", encoding="utf-8") as f:
        csv.writer(f).writerows([("user", "text"), *rows])
    assert remove_rows(path, "user", of_subject("u1")) == sum(u == "u1" for u, _ in rows)
    with path.open(newline="", encoding="utf-8") as f:
        assert list(csv.reader(f)) == [["user", "text"], *([u, t] for u, t in rows if u != "u1")]


def test_json_lines_and_kept_requests(tmp_path):
    path = tmp_path / "a.jsonl"
    rows = [
        {"user": "u1", "x": 1},
        {"user": "u2"},
        {"at": 3, "rows": [{"user": "u2"}, {"user": " u1 "}]},
        {"body": json.dumps({"rows": [{"user": "u1"}]})},
        {"body": "about u1"},
        {"user": ["u1"]},
    ]
    path.write_text("".join(json.dumps(r) + "\n" for r in rows) + '{"broken')
    assert remove_rows(path, "user", of_subject("u1")) == 3
    left = path.read_text().splitlines()
    assert [json.loads(x) for x in left[:-1]] == [rows[1], rows[4], rows[5]]
    assert left[-1] == '{"broken'
    array = tmp_path / "a.json"
    array.write_text(json.dumps(rows[:3]))
    assert remove_rows(array, "user", of_subject("u1")) == 2
    assert json.loads(array.read_text()) == [rows[1]]


def test_numbers_and_typed_columns(tmp_path):
    table = pa.table({"user": [7, 8, 7, None], "when": pa.array([1, 2, 3, 4], pa.timestamp("us", "UTC"))})
    table = table.replace_schema_metadata({"made": "by us"})
    path = tmp_path / "a.parquet"
    pq.write_table(table, path, compression="zstd", row_group_size=2)
    assert remove_rows(path, "user", of_subject("7")) == 2
    after = pq.read_table(path)
    assert after.column("user").to_pylist() == [8, None]
    assert after.schema.equals(table.schema, check_metadata=True)
    assert pq.ParquetFile(path).metadata.row_group(0).column(0).compression == "ZSTD"
    for new, name in ((pa.ipc.new_file, "a.arrow"), (pa.ipc.new_stream, "s.arrow")):
        with pa.OSFile(str(tmp_path / name), "wb") as f, new(f, table.schema) as w:
            w.write_table(table)
        assert remove_rows(tmp_path / name, "user", of_subject("7")) == 2


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.jsonl.gz"])
def test_compressed_and_encrypted_files_stay_so(tmp_path, name):
    lines = [b"user,text\n", *(b"u%d,some text\n" % (i % 5) for i in range(50))]
    if "jsonl" in name:
        lines = [b'{"user": "u%d"}\n' % (i % 5) for i in range(50)]
    data = b"".join(lines)
    plain, hidden, key = tmp_path / name, tmp_path / f"{name}.mwv", Key.new()
    plain.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    encrypt_file(plain, hidden, key)
    write_keys(str(tmp_path / "k"), [key], new=True)
    with pytest.raises(VaultError, match="--vault"):
        remove_rows(hidden, "user", of_subject("u3"))
    with unlocked(str(tmp_path / "k")):
        assert remove_rows(hidden, "user", of_subject("u3")) == 10
        with open_plain(hidden) as f:
            left = f.read()
    left = gzip.decompress(left) if name.endswith(".gz") else left
    assert left == b"".join(x for x in lines if b"u3" not in x)
    assert hidden.read_bytes()[:7] == b"MWVAULT"


def test_a_format_that_cannot_be_changed_is_named(tmp_path):
    (tmp_path / "a.xlsx").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"a\.xlsx"):
        remove_rows(tmp_path / "a.xlsx", "user", of_subject("u1"))
    (tmp_path / "a.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(DataError, match="Parquet"):
        remove_rows(tmp_path / "a.parquet", "user", of_subject("u1"))


@pytest.mark.parametrize("layout", ["string_view", "dictionary", "runs", "binary_view", "list"])
@pytest.mark.parametrize("name", ["a.arrow", "s.arrow", "a.parquet"])
def test_no_layout_keeps_what_was_taken_out(tmp_path, layout, name):
    cells = ["someone-who-leaves", "someone-who-stays", None, "someone-who-leaves"]
    column = {
        "string_view": pa.array(cells, pa.string_view()),
        "binary_view": pa.array([c and c.encode() for c in cells], pa.binary_view()),
        "dictionary": pa.array(cells).dictionary_encode(),
        "runs": pa.RunEndEncodedArray.from_arrays(pa.array([1, 2, 3, 4], pa.int32()), pa.array(cells)),
        "list": pa.array([[c] for c in cells], pa.list_(pa.string_view())),
    }[layout]
    if name == "a.parquet" and layout in ("runs", "binary_view", "list"):
        pytest.skip("Parquet does not know the layout")
    table = pa.table({"user": ["u1", "u2", "u3", "u1"], "who": column})
    path = tmp_path / name
    if name == "a.parquet":
        pq.write_table(table, path)
    else:
        new = pa.ipc.new_file if name == "a.arrow" else pa.ipc.new_stream
        with pa.OSFile(str(path), "wb") as f, new(f, table.schema) as w:
            w.write_table(table)
    assert remove_rows(path, "user", of_subject("u1")) == 2
    assert b"someone-who-leaves" not in path.read_bytes()
    assert b"someone-who-stays" in path.read_bytes()
