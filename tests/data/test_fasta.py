"""FASTA files as tables."""

import gzip

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelwright.core.errors import DataError
from modelwright.data.sources import batches, read

LETTERS = st.text("ACGTNacgtn", min_size=1, max_size=60)
NAMES = st.text("abcXYZ0189_.", min_size=1, max_size=12)
WORDS = st.text("abc xyz,()", max_size=20).map(lambda s: " ".join(s.split()))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(NAMES, WORDS, LETTERS), min_size=1, max_size=8),
    st.integers(1, 70),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_what_is_written_is_read(tmp_path, records, width, ending, packed):
    lines = []
    for name, words, letters in records:
        lines.append(f">{name} {words}".rstrip())
        lines += [letters[i : i + width] for i in range(0, len(letters), width)]
        lines.append("")
    data = ending.join(lines).encode()
    path = tmp_path / ("x.fasta.gz" if packed else "x.fa")
    path.write_bytes(gzip.compress(data) if packed else data)
    table = read(path)
    assert table.column_names == ["id", "description", "sequence"]
    assert table.to_pylist() == [
        {"id": n, "description": w or None, "sequence": s} for n, w, s in records
    ]  # fmt: skip


def test_labels_that_headers_name_leave_id_and_description(tmp_path):
    path = tmp_path / "x.fa"
    path.write_text(">a first label=pos\nACGT\n>b class=neg second\nAC\n; a comment\nGT\n")
    assert read(path).to_pylist() == [
        {"id": "a", "description": "first", "sequence": "ACGT", "label": "pos"},
        {"id": "b", "description": "second", "sequence": "ACGT", "label": "neg"},
    ]


def test_labels_after_a_bar_only_where_few_recur(tmp_path):
    path = tmp_path / "x.fa"
    path.write_text("".join(f">s{i}|{i % 2}\nACGT\n" for i in range(8)))
    assert read(path).column("label").to_pylist() == ["0", "1"] * 4
    assert read(path).column("id").to_pylist()[:2] == ["s0", "s1"]
    path.write_text("".join(f">sp|P{i}\nACGT\n" for i in range(8)))
    assert "label" not in read(path).column_names


def test_batches_and_empty_records(tmp_path):
    path = tmp_path / "x.fna"
    path.write_text(">a\n>b\nAC\n>c\nGT\n")
    parts = list(batches(path, rows=2))
    assert [p.num_rows for p in parts] == [2, 1]
    assert parts[0].column("sequence").to_pylist() == [None, "AC"]


def test_bad_files_are_named(tmp_path):
    path = tmp_path / "x.fa"
    path.write_text("ACGT\n>a\nACGT\n")
    with pytest.raises(DataError, match=r"line 1.*`>`"):
        read(path)
    path.write_bytes(b">a\n\xff\xfe\x00\n")
    with pytest.raises(DataError, match="not a complete FASTA"):
        read(path)
    path.write_text("")
    with pytest.raises(DataError):
        read(path)
    broken = tmp_path / "x.fa.gz"
    broken.write_bytes(gzip.compress(b">a\nACGT\n" * 100)[:-9])
    with pytest.raises(DataError):
        read(broken)
