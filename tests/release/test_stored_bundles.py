"""Bundles that an earlier version wrote load, and answer as they did: one for each format, and one for each task."""

import base64
import json
from pathlib import Path

import numpy as np
import pytest

import modelwright
from modelwright.core.task import task_names
from modelwright.release.bundle import load
from modelwright.release.check import FORMAT

BUNDLES = Path(__file__).resolve().parents[1] / "bundles"
FORMATS = sorted((Path(__file__).parent / "stored").glob("format-*"))


def alike(a, b):
    if isinstance(a, float) or isinstance(b, float):
        return a == pytest.approx(b, rel=1e-6, abs=1e-6)
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(alike(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(alike, a, b))
    return type(a) is type(b) and a == b


def plain(value):
    return {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else str(value)


def cell_of(value):
    return base64.b64decode(value["base64"]) if isinstance(value, dict) and "base64" in value else value


def test_every_task_has_a_stored_bundle():
    assert {p.name for p in BUNDLES.iterdir() if (p / "bundle").is_dir()} >= set(task_names())


@pytest.mark.parametrize("place", sorted(p for p in BUNDLES.iterdir() if p.is_dir()), ids=lambda p: p.name)
def test_a_stored_bundle_answers_as_it_did(place):
    stored = json.loads((place / "answers.json").read_text(encoding="utf-8"))
    predictor = modelwright.load(place / "bundle")
    rows = [{name: cell_of(value) for name, value in row.items()} for row in stored["rows"]]
    answers = predictor.predict(rows, scores=True, allow_missing=True)
    for row, answer, before in zip(rows, answers, stored["answers"], strict=True):
        assert alike(json.loads(json.dumps(answer, default=plain)), before), row


@pytest.mark.parametrize("place", FORMATS, ids=lambda p: p.name)
def test_a_bundle_of_each_format_still_answers(place):
    said = json.loads((place / "answers.json").read_text(encoding="utf-8"))
    predictor = load(place / "bundle")
    rows = [dict(zip(said["columns"], cells)) for cells in zip(*said["columns"].values())]
    table, bad = predictor.table(rows)
    assert not bad
    assert np.allclose(predictor.scores(table), said["scores"], atol=1e-4)


def test_every_format_has_a_stored_bundle():
    assert [p.name for p in FORMATS] == [f"format-{n}" for n in range(1, FORMAT + 1)]
