"""A bundle is put once, fetched once, and never used where it is not the one that was released."""

from __future__ import annotations

import importlib.util
import json
import shutil

import fsspec
import pytest

from modelwright.core.errors import BundleError, MissingExtra, RegistryAway, RegistryError
from modelwright.release.registry import blobs
from modelwright.release.registry.store import Registry

REMOTE = "memory://bucket/models"


@pytest.fixture
def remote():
    files = fsspec.filesystem("memory")
    files.store.clear()
    yield files
    files.store.clear()


@pytest.mark.parametrize("blobs_at", [None, "elsewhere", "file://{}/by-url", REMOTE])
def test_a_release_answers_from_wherever_its_bundle_is(make_run, tmp_path, predictor, remote, blobs_at):
    registry = Registry(tmp_path / "registry.db", blobs_at and blobs_at.format(tmp_path))
    registry.release(make_run(), "desk")
    shutil.rmtree(tmp_path / "runs" / "first")
    row = {"message": "my parcel has not moved", "channel": "mail", "amount": 4.5}
    assert registry.load("desk").predict(row) == predictor.predict(row)


def test_what_lies_at_a_url_is_fetched_once(make_run, tmp_path, remote):
    registry = Registry(tmp_path / "registry.db", REMOTE)
    made = registry.release(make_run(), "desk")
    first = registry.folder(made)
    assert first.is_relative_to(tmp_path / "cache")
    remote.store.clear()
    assert registry.folder(made) == first


def test_the_same_bundle_is_put_once(make_run, tmp_path, remote, monkeypatch):
    registry = Registry(tmp_path / "registry.db", REMOTE)
    run = make_run()
    registry.release(run, "desk")
    monkeypatch.setattr(type(remote), "put_file", lambda *_, **__: pytest.fail("put again"))
    assert registry.release(run, "desk").version == 2


@pytest.mark.parametrize("blobs_at", [None, REMOTE])
@pytest.mark.parametrize("part", ["manifest.json", "bundle.json", "members/0/weights.safetensors"])
def test_a_bundle_that_was_tampered_with_is_refused(make_run, tmp_path, remote, blobs_at, part):
    registry = Registry(tmp_path / "registry.db", blobs_at)
    made = registry.release(make_run(), "desk")
    if blobs_at:
        place = f"/bucket/models/{made.digest[:2]}/{made.digest}/bundle/{part}"
        remote.pipe_file(place, remote.cat_file(place) + b" ")
    else:
        place = tmp_path / "bundles" / made.digest[:2] / made.digest / "bundle" / part
        place.write_bytes(place.read_bytes() + b" ")
    with pytest.raises(
        (RegistryError, BundleError), match=r"not the one that was released|was changed after it was written"
    ):
        registry.load("desk")
    assert not list((tmp_path / "cache").rglob("manifest.json")), "nothing that does not fit is kept"


def test_a_manifest_cannot_name_files_elsewhere(make_run, tmp_path):
    bundle = make_run() / "bundle"
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["files"]["../../evil.json"] = "0" * 64
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match="leads out"):
        blobs._names(bundle)
    with pytest.raises(BundleError):
        Registry(tmp_path / "registry.db").release(tmp_path / "runs" / "first", "desk")


def test_a_damaged_copy_is_put_right_by_releasing_again(make_run, tmp_path):
    registry = Registry(tmp_path / "registry.db")
    run = make_run()
    made = registry.release(run, "desk")
    (registry.folder(made) / "bundle.json").write_text("{}")
    registry.release(run, "desk")
    assert registry.load("desk").name == "sample"


def test_a_damaged_run_is_not_released(make_run, tmp_path):
    run = make_run()
    (run / "bundle" / "card.md").write_text("another")
    registry = Registry(tmp_path / "registry.db")
    with pytest.raises(BundleError, match="changed after it was written"):
        registry.release(run, "desk")
    assert not (tmp_path / "registry.db").exists()
    assert not (tmp_path / "bundles").exists()


def test_a_bundle_that_is_gone_is_told(make_run, tmp_path):
    registry = Registry(tmp_path / "registry.db", tmp_path / "here")
    made = registry.release(make_run(), "desk")
    shutil.move(tmp_path / "here", tmp_path / "there")
    with pytest.raises(RegistryError, match="MODELWRIGHT_BLOBS"):
        registry.folder(made)
    assert Registry(tmp_path / "registry.db", tmp_path / "there").folder(made).is_dir(), "moved, and named anew"


def test_a_registry_that_was_moved_finds_its_bundles(make_run, tmp_path):
    Registry(tmp_path / "a" / "registry.db").release(make_run(), "desk")
    shutil.move(tmp_path / "a", tmp_path / "b")
    moved = Registry(tmp_path / "b" / "registry.db")
    assert moved.load("desk").name == "sample"


def test_a_place_that_cannot_be_reached_is_told(make_run, tmp_path, remote, monkeypatch):
    registry = Registry(tmp_path / "registry.db", REMOTE)

    def refuse(*_, **__):
        raise ConnectionError("no route\nto host")

    monkeypatch.setattr(type(remote), "put_file", refuse)
    with pytest.raises(RegistryAway, match=r"no route to host\). Nothing was changed"):
        registry.release(make_run(), "desk")
    assert registry.names() == []


@pytest.mark.skipif(importlib.util.find_spec("s3fs") is not None, reason="the library is installed")
def test_without_the_library_the_extra_is_named(make_run, tmp_path):
    with pytest.raises(MissingExtra, match=r"modelwright\[s3\]"):
        Registry(tmp_path / "registry.db", "s3://bucket/models").release(make_run(), "desk")
