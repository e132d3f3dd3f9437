"""Answers that are files, written beside the table: whole or not at all, in the place of earlier ones, encrypted with the table."""

import io

import numpy as np
import pyarrow.csv as pcsv
import pytest
from PIL import Image

from modelwright.core.encrypted_files import open_plain, unlocked
from modelwright.core.errors import DataError, OptionError
from modelwright.core.keyref import Key, write_keys
from modelwright.data.kinds.image import decode
from modelwright.release.bundle import save
from modelwright.release.predict_file import predict_file
from pictures_made import enlarger, folder_of


@pytest.fixture
def bundle(tmp_path):
    save(enlarger(), tmp_path / "bundle")
    return str(tmp_path / "bundle")


def test_files_stand_beside_the_table(bundle, tmp_path):
    folder_of(tmp_path / "in", 10, 20, 24)
    (tmp_path / "in" / "p03.png").write_bytes(b"broken")
    out = tmp_path / "made.csv"
    for _ in range(2):  # a second time in the place of the first
        told = []
        summary = predict_file(bundle, str(tmp_path / "in"), out, say=told.append)
        assert (summary["rows"], summary["answered"], summary["bad"]) == (10, 9, 1)
        assert any("row 4" in w.en for w in told)
    rows = pcsv.read_csv(out).to_pylist()
    assert [r["prediction"] for r in rows][2:5] == ["made-files/000003.png", "", "made-files/000005.png"]
    made = sorted(p.name for p in (tmp_path / "made-files").iterdir())
    assert len(made) == 9
    assert np.asarray(Image.open(tmp_path / "made-files" / made[0])).shape == (40, 48, 3)
    assert not list(tmp_path.glob(".*part*"))


def test_nothing_is_left_of_what_did_not_end(bundle, tmp_path):
    folder_of(tmp_path / "in", 10, 20, 24)
    (tmp_path / "in" / "p09.png").write_bytes(b"broken")
    before = set(tmp_path.rglob("*"))
    with pytest.raises(DataError, match="row 10"):
        predict_file(bundle, str(tmp_path / "in"), tmp_path / "made.parquet", strict=True)
    assert set(tmp_path.rglob("*")) == before


def test_standard_output_takes_no_files(bundle, tmp_path):
    folder_of(tmp_path / "in", 1)
    with pytest.raises(OptionError, match="--out"):
        predict_file(bundle, str(tmp_path / "in"), None)


def test_an_encrypted_table_has_encrypted_files(bundle, tmp_path):
    write_keys(str(tmp_path / "k.key"), [Key.new()], new=True)
    folder_of(tmp_path / "in", 2, 20, 24)
    with unlocked(str(tmp_path / "k.key")):
        predict_file(bundle, str(tmp_path / "in"), tmp_path / "made.csv.mwv")
        place = tmp_path / "made-files" / "000001.png.mwv"
        assert b"PNG" not in place.read_bytes()[:200]
        with open_plain(place) as file:
            assert Image.open(io.BytesIO(file.read())).size == (48, 40)


def test_python_gives_the_file_as_json(bundle, tmp_path):
    from modelwright.release.bundle import load

    place = folder_of(tmp_path / "in", 1, 20, 24) / "p00.png"
    answer = load(tmp_path / "bundle").predict({"picture": str(place)})[0]["prediction"]
    assert answer["type"] == "image/png"
    import base64

    cell = {"path": None, "bytes": base64.b64decode(answer["data"]), "digest": "", "how": None}
    assert decode(cell).shape == (40, 48, 3)


def test_one_picture_becomes_one_file(bundle, tmp_path):
    folder = folder_of(tmp_path / "in", 2, 20, 24)
    predict_file(bundle, str(folder / "p00.png"), tmp_path / "made.png")
    assert Image.open(io.BytesIO((tmp_path / "made.png").read_bytes())).size == (48, 40)
    before = set(tmp_path.rglob("*"))
    with pytest.raises(OptionError, match="one answer"):
        predict_file(bundle, str(folder), tmp_path / "two.png")
    with pytest.raises(OptionError, match=r"\.png file"):
        predict_file(bundle, str(folder / "p00.png"), tmp_path / "made.jpg")
    assert set(tmp_path.rglob("*")) == before
