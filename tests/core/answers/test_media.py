"""Answers that are files: JSON both ways, what two are the same by, and what no codec holds."""

import json

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.answers.base import as_objects, target_from_state
from modelwright.core.answers.media import MediaCodec, file_bytes, file_json, type_of
from modelwright.core.schema import MEDIA


def test_a_file_is_json_and_back():
    answer = file_json("image/png", b"\x89PNG\r\n\x00\xff")
    assert json.loads(json.dumps(answer)) == answer
    assert file_bytes(answer) == b"\x89PNG\r\n\x00\xff"
    assert file_bytes(None) is None
    assert file_bytes({"figures": {}}) is None
    assert type_of(b"\xff\xd8\xff\xe0", "x") == "image/jpeg"


def test_codec(tmp_path):
    codec = target_from_state(MediaCodec("image-to-image", "image/png").state())
    assert isinstance(codec, MediaCodec)
    assert codec.media
    (tmp_path / "a.png").write_bytes(b"\x89PNG1")
    cells = pa.array([{"path": str(tmp_path / "a.png"), "bytes": None, "digest": "d", "how": None}, None], MEDIA)
    truth = codec.encode(cells)
    assert truth[1] is None
    assert file_bytes(codec.perfect(truth[:1])[0, 0]) == b"\x89PNG1"
    answer = file_json("image/png", b"one")
    assert codec.gist(answer) == codec.gist(dict(answer))
    assert codec.gist(answer) != codec.gist(file_json("image/png", b"two"))
    assert codec.decode(as_objects([answer])[:, None]).predictions == [answer]
    assert codec.column(["made-files/000001.png", None], True).to_pylist() == ["made-files/000001.png", None]


def test_figures_are_kept_in_a_folder(tmp_path):
    codec = MediaCodec("image-to-image", "image/png")
    scores = as_objects([{"figures": {"psnr": 30.5}}, None])[:, None]
    codec.save_scores(tmp_path, scores)
    assert np.array_equal(codec.load_scores(tmp_path), scores)


def test_response_names_type_and_data():
    from pydantic import create_model

    made = create_model("Answer", **MediaCodec("t", "image/png").answer_fields())
    assert made.model_validate({"prediction": None}).model_dump() == {"prediction": None}
    with pytest.raises(ValueError, match="data"):
        made.model_validate({"prediction": {"type": "image/png"}})
