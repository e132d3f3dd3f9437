"""What is given to be answered: a pipe, one picture, a folder of them; and what the model cannot read is refused by name."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pytest

from modelwright.core.errors import DataError
from modelwright.core.schema import Column
from modelwright.data.prediction_source import given
from modelwright.data.sources import read

PHOTO, TEXT = Column("photo", "image"), Column("text", "text")


@pytest.mark.parametrize(
    ("piped", "rows"),
    [
        (b"text,n\nhello,1\n,2\n", [{"text": "hello", "n": "1"}, {"text": None, "n": "2"}]),
        (b' \n{"text": "a"}\n', [{"text": "a"}]),
    ],
)
def test_a_pipe_is_read_by_its_first_character_and_leaves_nothing(monkeypatch, piped, rows):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(piped), isatty=lambda: False))
    from pathlib import Path

    with given("-", [TEXT], []) as (source, _):
        assert [{k: v or None for k, v in r.items()} for r in read(source).to_pylist()] == rows
        assert Path(source).is_file()
    assert not Path(source).exists()


def test_an_empty_pipe_and_a_keyboard_are_refused(monkeypatch):
    for stdin, why in (
        (SimpleNamespace(buffer=io.BytesIO(b" \n"), isatty=lambda: False), "empty"),
        (SimpleNamespace(isatty=lambda: True), "pipe rows in"),
    ):
        monkeypatch.setattr(sys, "stdin", stdin)
        with pytest.raises(DataError, match=why), given("-", [TEXT], []):
            pass


def test_pictures_become_rows_under_the_models_column(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("new/b.png", "new/a.jpg", "new/.hidden.png", "new/notes.md", "sorted/cat/c.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    with given("new", [PHOTO, TEXT], []) as (table, folder):
        assert table.to_pylist() == [{"photo": "new/a.jpg"}, {"photo": "new/b.png"}]
        assert folder == tmp_path
    with given("new/b.png", [PHOTO], []) as (table, _):
        assert table.to_pylist() == [{"photo": "new/b.png"}]
    for labels, found in ((["cat", "dog"], {"label": "cat"}), (["dog"], {}), ([], {})):
        with given("sorted", [PHOTO], labels) as (table, _):
            assert table.to_pylist() == [{"photo": "sorted/cat/c.png"} | found], (
                "what is no label of the model is a folder's name"
            )
    with pytest.raises(DataError, match="which the model does not read"), given("new", [TEXT], []):
        pass
    with pytest.raises(DataError, match="several columns"), given("new", [PHOTO, Column("back", "image")], []):
        pass


def test_tables_stay_what_they_are(tmp_path):
    with given(str(tmp_path / "rows.csv"), [PHOTO], []) as (source, folder):
        assert (source, folder) == (str(tmp_path / "rows.csv"), tmp_path)
