"""Saved models: what damaged files lead to is one error with a sentence, whatever reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from modelwright.core.errors import BundleError, MissingExtra
from modelwright.core.saved import Loading, read_arrays, read_state, write_arrays, write_state
from modelwright.core.words import Words


def test_state_and_arrays_come_back(tmp_path: Path) -> None:
    arrays = {"turned": np.arange(6.0).reshape(2, 3).T, "one": np.array(3, np.int32)}
    write_state(tmp_path, {"名": 1})
    write_arrays(tmp_path / "a.safetensors", arrays)
    assert read_state(tmp_path) == {"名": 1}
    again = read_arrays(tmp_path / "a.safetensors")
    for name, array in arrays.items():
        assert np.array_equal(again[name], array)
        assert again[name].shape == array.shape


@pytest.mark.parametrize("text", [None, "{", '{"other": 1}', "[]", '{"size": [1]}'])
def test_damage_is_one_sentence(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "model.json").write_text(text, encoding="utf-8")
    told = pytest.raises(BundleError, match=r"The trees in .* cannot be read \(\w+\)\. Copy")
    with told as caught, Loading(tmp_path, Words("trees", "树模型")):
        float(read_state(tmp_path)["size"])
    assert "中的树模型（" in caught.value.words.zh


def test_damaged_arrays_too(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(b"nothing")
    with pytest.raises(BundleError, match="SafetensorError") as caught, Loading(tmp_path):
        read_arrays(tmp_path / "a.safetensors")
    assert caught.value.__cause__ is not None


def test_detail_is_told_where_it_is_asked_for(tmp_path: Path) -> None:
    for detail, why in ((False, r"\(ValueError\)"), (True, r"\(checksum\)")):
        with pytest.raises(BundleError, match=why), Loading(tmp_path, detail=detail):
            raise ValueError("checksum")


def test_other_errors_pass(tmp_path: Path) -> None:
    for error in (MissingExtra("nn", "A network", "网络"), KeyboardInterrupt(), ImportError("x")):
        with pytest.raises(type(error)) as caught, Loading(tmp_path):
            raise error
        assert caught.value is error
