"""Columns of GIFs: clips where most of them move, pictures where they do not, and as the user says in any case."""

import base64
import io

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from modelwright.api import inspect
from modelwright.data import _gifs
from modelwright.data.infer import infer_schema


def gif(frames):
    held = io.BytesIO()
    pictures = [Image.fromarray(np.full((8, 8), 40 * i, np.uint8)) for i in range(frames)]
    pictures[0].save(held, "GIF", save_all=True, append_images=pictures[1:])
    return held.getvalue()


def folder_of(tmp_path, counts):
    for i, n in enumerate(counts):
        (tmp_path / f"{i}.gif").write_bytes(gif(n) if n else b"GIF89a nothing")
    lines = [f"{i}.gif,{'ab'[i % 2]}" for i in range(len(counts))]
    (tmp_path / "all.csv").write_text("\n".join(["clip,label", *lines]))
    return tmp_path / "all.csv"


@pytest.mark.parametrize(("counts", "modality"), [([5, 4, 1], "video"), ([1, 1, 4], "image"), ([1, 4, 1, 4], "image"), ([0, 5, 4], "video"), ([0, 0], "image")])  # fmt: skip
def test_most_files_tell(tmp_path, counts, modality):
    path = folder_of(tmp_path, counts)
    raw = pa.table({"clip": [f"{i}.gif" for i in range(len(counts))], "label": ["a"] * len(counts)})
    assert infer_schema(raw, target="label", folder=path.parent)["clip"].modality == modality


@pytest.mark.parametrize("said", ["image", "video"])
def test_what_the_user_says_holds(tmp_path, said):
    for counts in ([4, 4], [1, 1]):
        raw = pa.table({"clip": ["0.gif", "1.gif"], "label": ["a", "b"]})
        folder = folder_of(tmp_path, counts).parent
        column = infer_schema(raw, target="label", folder=folder, overrides={"clip": said})["clip"]
        assert column.modality == said
        first_alone = column.reason is not None and "the first alone is read" in column.reason.en
        assert first_alone == (said == "image" and max(counts) > 1)


def test_the_reason_is_told_in_both_languages(tmp_path):
    found = inspect(folder_of(tmp_path, [4, 3, 4, 1]), "label")
    assert next(c for c in found["columns"] if c["name"] == "clip")["modality"] == "video"
    told = next(f for f in found["findings"] if f["code"] == "read-as")
    assert "3 of 4 looked at have several frames" in told["words"][0]
    assert "4 个文件中有 3 个含多帧" in told["words"][1]
    assert "--column clip=image" in told["advice"][1]


def test_bytes_and_data_urls():
    moves, still = gif(3), gif(1)
    url = "data:image/gif;base64," + base64.b64encode(moves).decode()
    for cells, modality in (([moves] * 3, "video"), ([still] * 3, "image"), ([url] * 3, "video")):
        raw = pa.table({"clip": cells, "label": ["a", "b", "a"]})
        assert infer_schema(raw, target="label")["clip"].modality == modality


def test_without_a_library_for_video_they_stay_pictures(monkeypatch):
    monkeypatch.setattr(_gifs.importlib.util, "find_spec", lambda name: None)
    assert infer_schema(pa.table({"clip": [gif(3)] * 3}))["clip"].modality == "image"
