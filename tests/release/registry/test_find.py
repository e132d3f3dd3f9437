"""A name leads to its champion wherever a bundle is asked for, a folder of the same name goes first, and nothing else pays for it."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

import modelwright
from modelwright.core.errors import BundleError, RegistryError
from modelwright.release.registry.find import find_bundle, resolve
from modelwright.release.registry.store import Registry

ROW = {"message": "my parcel has not moved", "channel": "mail", "amount": 4.5}


@pytest.fixture
def released(make_run) -> Registry:
    registry = Registry()
    for n in range(3):
        registry.release(make_run(f"run{n}"), "desk")
    registry.promote("desk", 2)
    registry.promote("desk", 3, "challenger")
    return registry


def test_a_name_leads_to_its_champion(released, predictor):
    folder, version = resolve("desk")
    assert version == "2"
    assert (folder / "card.md").read_text() == "# run1\n"
    assert find_bundle("desk") == folder
    assert modelwright.load("desk").predict(ROW) == predictor.predict(ROW)
    for text, found in (("desk/1", "1"), ("desk/challenger", "3"), ("desk/previous", "1"), ("desk/champion", "2")):
        assert resolve(text).version == found
    released.rollback("desk")
    assert resolve("desk").version == "1"


def test_a_folder_goes_before_a_release(released, make_run, tmp_path):
    run = make_run("desk")
    assert resolve("desk") == (resolve(run).folder.relative_to(tmp_path), "1")
    assert find_bundle("desk").samefile(run / "bundle")
    shutil.rmtree(run / "bundle")
    with pytest.raises(BundleError, match="has no bundle"):
        find_bundle("desk")


def test_what_is_neither_is_told_with_the_names_that_there_are(released):
    for text in ("dsk", "no/such/run", "../desk", ""):
        with pytest.raises(BundleError) as caught:
            find_bundle(text)
        assert "desk" in caught.value.words.en
        assert "desk" in caught.value.words.zh
    with pytest.raises(RegistryError, match="has no version 9"):
        find_bundle("desk/9")


def test_a_released_name_can_be_released_under_another(released):
    assert released.release("desk", "shop").digest == released.get("desk").digest


def test_the_database_is_opened_only_for_names(make_run, tmp_path):
    make_run("first")
    code = (
        "import sys, modelwright, modelwright.cli.app; from modelwright.release.registry.find import find_bundle\n"
        "find_bundle('first')\n"
        "try: find_bundle('absent')\n"
        "except modelwright.ModelwrightError: pass\n"
        "print([m for m in ('sqlalchemy', 'alembic', 'fsspec', 'psycopg') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
