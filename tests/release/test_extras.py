"""A bundle names the extras that it needs for answering, and older ones are understood without that."""

import importlib.util
import json
from pathlib import Path

import pytest

from modelwright.core.errors import MissingExtra
from modelwright.core.schema import Column, Schema
from modelwright.release.bundle import load, save
from modelwright.release.extras import needed, refuse_missing

STORED = Path(__file__).parent / "stored" / "format-1" / "bundle"
NUMBERS = Schema((Column("a", "number"),))


def test_a_bundle_names_them(tmp_path):
    save(load(STORED), tmp_path / "bundle")
    said = json.loads((tmp_path / "bundle" / "bundle.json").read_text(encoding="utf-8"))
    assert said["extras"] == ["catboost", "nn"]
    assert "extras" not in json.loads((STORED / "bundle.json").read_text(encoding="utf-8"))


def test_recipes_and_columns_are_counted():
    assert needed(["linear", "trees"], NUMBERS) == {}
    pictures = Schema((Column("p", "image"), Column("s", "audio"), Column("m", "molecule", "ignored")))
    assert list(needed(["linear", "textcnn"], pictures)) == ["audio", "image", "nn"]
    assert "trl" not in needed(["causal"], NUMBERS)["llm"]


def test_all_that_is_missing_is_one_line(monkeypatch):
    find = importlib.util.find_spec
    gone = {"catboost", "torch"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name in gone else find(name, *a))
    refuse_missing(["linear"], NUMBERS)
    with pytest.raises(MissingExtra, match=r'pip install "modelwright\[catboost,nn\]"') as e:
        load(STORED)
    assert len(str(e.value).splitlines()) == 1
    assert e.value.exit_code == 2
