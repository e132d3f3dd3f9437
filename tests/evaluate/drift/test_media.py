"""Pictures and sounds: brightness and loudness are looked at, and a change of either is found."""

import io
import json

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.schema import Column, Schema, Table
from modelwright.data.coerce import coerce
from modelwright.evaluate.drift.reference import Reference, make_reference
from modelwright.evaluate.drift.verdicts import looked

image = pytest.importorskip("PIL.Image")


def _pictures(count: int, light: float, seed: int) -> Table:
    rng = np.random.default_rng(seed)
    cells = []
    for _ in range(count):
        pixels = (rng.random((16, 16, 3)) * 200 * light * rng.uniform(0.8, 1)).astype(np.uint8)
        out = io.BytesIO()
        image.fromarray(pixels).save(out, "PNG")
        cells.append(out.getvalue())
    schema = Schema((Column("photo", "image"),))
    return coerce(pa.table({"photo": pa.array(cells, pa.large_binary())}), schema)[0]


def test_darkened_pictures_are_found_and_others_are_not():
    train = _pictures(120, 1.0, 0)
    reference = make_reference(train, train.schema)
    assert {"brightness", "contrast", "sketch 1"} <= {f.part for f in reference.figures}
    for light, state in ((1.0, "steady"), (0.5, "drifted")):
        codes, tally = reference.read(_pictures(60, light, 1))
        assert [v.state for v in looked(reference, reference.binned(codes), tally)] == [state]


@pytest.mark.parametrize("older", [False, True])
def test_a_stored_reference_reads_pictures_as_the_one_that_was_made(older):
    made = make_reference(_pictures(60, 1.0, 0), _pictures(1, 1.0, 0).schema)
    stored = json.loads(json.dumps(made.to_json()))
    for reader in stored["columns"]:
        assert reader["codec"] == {}, "pictures keep nothing"
        if older:  # as bundles were written once
            del reader["codec"]
    some = _pictures(20, 0.5, 1)
    assert (Reference.from_json(stored).read(some)[0] == made.read(some)[0]).all()


def test_a_missing_picture_has_no_figures():
    train = _pictures(60, 1.0, 0)
    reference = make_reference(train, train.schema)
    gone = Table.of(pa.table({"photo": pa.nulls(3, train.data.schema.field("photo").type)}), train.schema)
    codes, _ = reference.read(gone)
    assert (codes[:, 0] == 1).all()
    assert (codes[:, 1:] == -1).all()
