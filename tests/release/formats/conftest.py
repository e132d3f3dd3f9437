"""A small bundle, exported in a folder of the test's own."""

import pytest

from modelwright.release.bundle import save
from served_made import small_predictor


@pytest.fixture(scope="session")
def predictor():
    return small_predictor()


@pytest.fixture
def run(predictor, tmp_path, monkeypatch):
    """The folder of a run with nothing but its bundle, in `runs/` of the working folder."""
    for name in ("MODELWRIGHT_DB", "MODELWRIGHT_BLOBS", "MODELWRIGHT_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    predictor.card = {"name": "tickets", "asked": False, "met": None, "gate": []}
    place = tmp_path / "runs" / "tickets"
    place.mkdir(parents=True)
    (place / "config.yaml").write_text("data: memory\n")
    save(predictor, place / "bundle", {"card.md": "# card\n"})
    return place
