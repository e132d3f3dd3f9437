"""Columns as pretrained encoders read them: tokens with room for padding, pictures at their own size."""

import io
import json

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from modelwright.core.schema import MEDIA, Column
from modelwright.features.shared.hub import HubPixels, HubTokens
from modelwright.testing import _row, _same
from pretrained_made import tiny_image, tiny_text


def picture(width, height):
    values = np.random.default_rng(0).integers(0, 255, (9, 9, 3)).astype(np.uint8)
    held = io.BytesIO()
    Image.fromarray(values).resize((width, height), Image.Resampling.BICUBIC).save(held, "PNG")
    return held.getvalue()


def cells(*pictures):
    return pa.array([p and {"path": None, "bytes": p, "digest": None} for p in pictures], MEDIA)


def as_told(folder, told, values):
    (folder / "preprocessor_config.json").write_text(json.dumps(told))
    return HubPixels.fit(values, Column("x", "image", options={"pretrained": str(folder)}), None, 0)


def test_tokens(tmp_path):
    values = pa.array(["where is my parcel", "快递", None, "", "refund please " * 40])
    column = Column("x", "text", options={"pretrained": str(tiny_text(tmp_path / "a")), "length": 16})
    codec = HubTokens.fit(values, column, None, 0)
    whole = codec.encode(values)
    assert whole["missing"].tolist() == [0, 0, 1, 0, 0]
    assert whole["ids"].lengths.tolist() == [6, 3, 2, 2, 16], "first and last token, and cut at the length"
    assert whole["ids"].values.min() > 0, "0 is left for padding"
    again = HubTokens.restore(json.loads(json.dumps(codec.state(), ensure_ascii=False)), {})
    assert _same(again.encode(values), whole)
    assert _same(codec.encode(values.slice(1, 1)), _row(whole, 1))
    assert str(tmp_path) not in json.dumps(codec.state())


def test_an_older_folder_without_tokenizer_json(tmp_path):
    from transformers import BertTokenizer

    folder = tiny_text(tmp_path / "a")
    (folder / "tokenizer.json").unlink()
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "refund", "please"]
    (folder / "vocab.txt").write_text("\n".join(words))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": BertTokenizer.__name__}))
    codec = HubTokens.fit(
        pa.array(["Refund please"]), Column("x", "text", options={"pretrained": str(folder)}), None, 0
    )
    assert codec.encode(pa.array(["Refund please"]))["ids"].values.tolist() == [3, 6, 7, 4]


@pytest.mark.parametrize(
    ("cls", "changes"),
    [
        ("ViTImageProcessorPil", {"size": {"height": 24, "width": 24}}),
        ("ConvNextImageProcessorPil", {"size": {"shortest_edge": 24}}),
        ("CLIPImageProcessorPil", {"size": {"shortest_edge": 24}, "crop_size": {"height": 20, "width": 20}}),
    ],
)
@pytest.mark.parametrize("size", [(61, 40), (33, 57), (12, 30)])
def test_pictures_as_their_makers_prepare_them(tmp_path, cls, changes, size):
    import transformers

    theirs = getattr(transformers, cls)(**changes)
    theirs.save_pretrained(tmp_path / "p")
    told = json.loads((tmp_path / "p" / "preprocessor_config.json").read_text())
    held = picture(*size)
    codec = as_told(tiny_image(tmp_path / "a"), told, cells(held))
    ours = (codec.encode(cells(held))["pixels"][0] / 255 - codec.mean) / codec.std
    wanted = theirs(Image.open(io.BytesIO(held)), return_tensors="np")["pixel_values"][0].transpose(1, 2, 0)
    assert ours.shape == wanted.shape
    assert np.abs(ours - wanted).max() < 0.05


def test_grey_broken_and_missing_pictures(tmp_path):
    held = io.BytesIO()
    Image.new("L", (30, 20), 200).save(held, "PNG")
    values = cells(held.getvalue(), None, b"no picture")
    codec = as_told(tiny_image(tmp_path / "a"), {}, values)
    found = codec.encode(values)
    assert found["pixels"].shape == (3, 16, 16, 3)
    assert found["missing"].tolist() == [0, 1, 0]
    assert (found["pixels"][0] == 200).all()
    assert not found["pixels"][1:].any()
    again = HubPixels.restore(json.loads(json.dumps(codec.state())), {})
    assert _same(again.encode(values), found)
