"""Folders of pairs, by folders and by names, and what is said of pictures without a partner."""

import pytest

from modelwright.core.errors import DataError
from modelwright.data.pairs import pairs_table
from pictures_made import picture, png


def write(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(png(picture(0, 8, 8)))


def names(table, column):
    return [v.rsplit("/", 2)[-2] + "/" + v.rsplit("/", 1)[-1] for v in table.column(column).to_pylist()]


@pytest.mark.parametrize(
    ("a", "b"), [("low", "high"), ("Noisy", "Clean"), ("input", "target"), ("before", "after"), ("输入", "输出")]
)
def test_two_folders(tmp_path, a, b):
    write(tmp_path, f"{a}/x.png", f"{a}/y.png", f"{b}/y.jpg", f"{b}/x.png")
    table = pairs_table(tmp_path)
    assert names(table, "picture") == [f"{a}/x.png", f"{a}/y.png"]
    assert names(table, "good") == [f"{b}/x.png", f"{b}/y.jpg"]


def test_words_in_names(tmp_path):
    write(tmp_path, "s/img_1_SRF_2_LR.png", "s/img_1_SRF_2_HR.png", "s/img_2_SRF_2_HR.png", "s/img_2_SRF_2_LR.png")
    table = pairs_table(tmp_path)
    assert names(table, "picture") == ["s/img_1_SRF_2_LR.png", "s/img_2_SRF_2_LR.png"]
    assert names(table, "good") == ["s/img_1_SRF_2_HR.png", "s/img_2_SRF_2_HR.png"]


def test_good_pictures_alone(tmp_path):
    write(tmp_path, "one.png", "two.png", ".hidden/three.png")
    (tmp_path / "notes.txt").write_text("none")
    table = pairs_table(tmp_path)
    assert table.column_names == ["good"]
    assert table.num_rows == 2


def test_no_partner_and_no_picture(tmp_path):
    write(tmp_path, "low/x.png", "low/z.png", "high/x.png")
    with pytest.raises(DataError, match=r"low/z\.png"):
        pairs_table(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no pictures"):
        pairs_table(tmp_path / "empty")
