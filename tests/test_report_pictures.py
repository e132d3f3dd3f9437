"""Small pictures of mistakes: in the report of the run folder, where it can be written anew, and nowhere in the bundle."""

import csv
import io
import json

import numpy as np
import pytest
from PIL import Image

from modelwright.api import fit
from modelwright.evaluate.report.page import write_report


@pytest.fixture
def photos(tmp_path):
    """Pictures whose labels are partly wrong, so that there are mistakes to show."""
    rng = np.random.default_rng(0)
    lines = []
    for i in range(90):
        pixels = rng.integers(0, 90, (40, 40, 3)).astype(np.uint8)
        pixels[:, :, i % 2] += 120
        held = io.BytesIO()
        Image.fromarray(pixels).save(held, "PNG")
        (tmp_path / f"{i}.png").write_bytes(held.getvalue())
        lines.append([f"{i}.png", "ab"[(i % 2) ^ (i % 7 == 0)]])
    with (tmp_path / "photos.csv").open("w", newline="") as f:
        csv.writer(f).writerows([["photo", "label"], *lines])
    return tmp_path / "photos.csv"


def test_pictures_of_mistakes_stay_in_the_run_folder(photos, tmp_path):
    run = fit(
        str(photos),
        "label",
        out=tmp_path / "runs",
        budget="60s",
        recipes=["constant", "linear"],
        search="none",
        folds=1,
        name="p",
    )
    facts = json.loads((run.folder / "report.json").read_text(encoding="utf-8"))
    urls = [u for m in facts["mistakes"] for u in m.get("pictures", {}).values()]
    assert urls
    for path in (run.folder / "bundle").rglob("*"):
        if path.is_file():
            held = path.read_bytes()
            assert b"data:image" not in held, path
            assert not [u for u in urls if u.split(",")[1][:200].encode() in held], path
    assert urls[0] in write_report(facts, "zh"), "the page can be written anew in the other language"
