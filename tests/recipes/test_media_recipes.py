"""Recipes for sound and clips: chosen by column, fused with others, and from a folder to a served answer."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import modelwright
from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.recipe import get_recipe
from modelwright.core.schema import Column, Schema
from modelwright.data.kinds.base import kind_of

NAMES = {"audio": ("audiocnn", "audiotransformer"), "video": ("framecnn", "framelstm", "r2plus1d")}
PAIRS = [(m, n) for m, names in NAMES.items() for n in names]


@pytest.mark.parametrize(("modality", "name"), PAIRS)
def test_recipes_want_their_own_column(modality, name):
    target = ClassesCodec.fit(pa.array(["left", "right"] * 8))
    other = Schema((Column("x", "number"), Column("y", "category", "target")))
    why = get_recipe(name).refuses(other, target, 16)
    assert why is not None
    assert kind_of(modality).title.zh in why.zh
    own = Schema((Column("x", modality), Column("y", "category", "target")))
    assert get_recipe(name).refuses(own, target, 16) is None


@pytest.mark.parametrize(("modality", "name"), PAIRS)
def test_plans_grow_shorter_with_rows(modality, name):
    schema = Schema((Column("x", modality), Column("y", "category", "target")))
    target = ClassesCodec.fit(pa.array(["walk", "fall"] * 8))
    epochs = [get_recipe(name).variants(schema, target, n)[0].epochs for n in (100, 1000, 30_000)]
    assert epochs == sorted(epochs, reverse=True)
    assert epochs[0] > epochs[-1]


def test_clips_with_sides_are_not_mirrored():
    schema = Schema((Column("x", "video"), Column("y", "category", "target")))
    for labels, flip in ((["turn left", "turn right"], False), (["walk", "fall"], True)):
        target = ClassesCodec.fit(pa.array(labels * 8))
        assert get_recipe("framecnn").variants(schema, target, 100)[0].flip is flip


def test_cheaper_ones_come_first():
    ranks = {name: get_recipe(name).rank for _, name in PAIRS}
    assert ranks["audiocnn"] < ranks["audiotransformer"]
    assert ranks["framecnn"] < ranks["framelstm"] < ranks["r2plus1d"]


def test_a_folder_of_tones_becomes_a_model(tmp_path: Path):
    kind = kind_of("audio")
    states = np.arange(72) % 3
    for i, (state, sound) in enumerate(zip(states, kind.sample(states.tolist(), 0))):
        place = tmp_path / "tones" / ("low", "middle", "high")[state]
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{i}.wav").write_bytes(sound)
    (tmp_path / "tones" / "low" / "broken.wav").write_bytes(b"no sound")
    run = modelwright.fit(tmp_path / "tones", target="label", budget="12s", out=tmp_path / "runs")
    assert run.metrics["accuracy"] > 0.9
    rows = pa.table({"audio": pa.array(kind.sample([0, 2], 7))})
    assert [answer["prediction"] for answer in run.predict(rows)] == ["low", "high"]
    reasons = {row["name"]: row["status"] for row in run.leaderboard}
    assert reasons["linear"] == "ok"
