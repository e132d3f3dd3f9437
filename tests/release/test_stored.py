"""A bundle written by an older version loads in this one and answers as it did then; one stored for each format."""

import json
from pathlib import Path

import numpy as np
import pytest

from modelwright.release.bundle import load
from modelwright.release.check import FORMAT

PLACES = sorted((Path(__file__).parent / "stored").glob("format-*"))


@pytest.mark.parametrize("place", PLACES, ids=lambda p: p.name)
def test_a_stored_bundle_still_answers(place):
    said = json.loads((place / "answers.json").read_text(encoding="utf-8"))
    predictor = load(place / "bundle")
    rows = [dict(zip(said["columns"], cells)) for cells in zip(*said["columns"].values())]
    table, bad = predictor.table(rows)
    assert not bad
    assert np.allclose(predictor.scores(table), said["scores"], atol=1e-4)


def test_there_is_one_for_every_format():
    assert [p.name for p in PLACES] == [f"format-{n}" for n in range(1, FORMAT + 1)]
