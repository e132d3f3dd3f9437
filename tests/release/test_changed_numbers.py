"""Bundles of tagging and linear models whose numbers were changed: refused at once, without the memory or time they ask for."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import mutated
from bundles_made import make, rows_of
from modelwright.core.errors import BundleError
from modelwright.release.bundle import load


def changed(folder: Path, name: str, key: list, value) -> Path:
    """Return the folder of a bundle with one value of a JSON file changed, and a manifest that fits."""
    import hashlib

    one = folder / "bundle"
    path = next(one.rglob(name))
    old = path.read_bytes()
    data = json.loads(old)
    at = data
    for part in key[:-1]:
        at = at[part]
    at[key[-1]] = value
    new = json.dumps(data).encode()
    path.write_bytes(new)
    manifest = one / "manifest.json"
    sums = [hashlib.sha256(b).hexdigest() for b in (old, new)]
    manifest.write_text(manifest.read_text("utf-8").replace(*sums), "utf-8")
    return one


@pytest.fixture(scope="module")
def tagger(tmp_path_factory):
    return make(tmp_path_factory.mktemp("made"), "token-classification", "", "crf")


@pytest.fixture(scope="module")
def linear(tmp_path_factory):
    return make(tmp_path_factory.mktemp("made"), "classification", "", "linear")


@pytest.mark.parametrize("longest", [0, -1, None, 0.5])
def test_pieces_without_end(tagger, tmp_path, longest):
    folder = Path(shutil.copytree(tagger, tmp_path / "x"))
    with pytest.raises(BundleError):
        load(changed(folder, "model.json", ["reading", "longest"], longest)).predict(rows_of(folder))


@pytest.mark.parametrize("shape", [[2**31 - 1, 3], [295, 2**31 - 1], [0, 3], None])
def test_weights_that_no_memory_holds(linear, tmp_path, shape):
    folder = Path(shutil.copytree(linear, tmp_path / "x"))
    with pytest.raises(BundleError):
        load(changed(folder, "model.json", ["shape"], shape))


def test_whole_ones_answer(tagger, linear):
    for folder in (tagger, linear):
        assert mutated.try_bundle(folder / "bundle", rows_of(folder)) == "read"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_damaged_bundles_of_all_kinds_are_read_or_refused(tmp_path):
    from bundles_made import make_bundles

    assert len(make_bundles(tmp_path)) > 25
    counts, bad = mutated.fuzz(100_000, 11, ["bundle"], tmp_path, seconds=60)
    assert counts["refused"] > 50
    assert not bad, "\n".join(f"{b['said']} {b['index']} {b.get('what', '')[-600:]}" for b in bad[:5])
