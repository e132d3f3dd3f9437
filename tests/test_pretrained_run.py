"""A run with a pretrained encoder, from the table to a bundle that no longer needs it."""

import shutil

import pytest

from modelwright.api import fit, load
from modelwright.core.errors import OptionError
from modelwright.core.task import get_task
from pretrained_made import tiny_text


def test_a_run_with_a_named_encoder(tmp_path):
    base = tiny_text(tmp_path / "hidden-place" / "tiny")
    raw, target = get_task("classification").sample(120, 0)
    run = fit(
        raw, target, out=tmp_path / "runs", budget="60s", pretrained=[str(base)], recipes=["constant", "frozen", "finetune"],
        search="none", folds=1, gate="accuracy>=0.1",
    )  # fmt: skip
    tried = {r["recipe"]: r.get("reason") for r in run.leaderboard}
    assert {"frozen", "constant"} <= {r for r, reason in tried.items() if not reason}, tried
    rows = raw.drop_columns([target]).to_pylist()[:5]
    before = [a["prediction"] for a in run.predict(rows)]
    shutil.rmtree(base.parent)
    assert [a["prediction"] for a in load(run.folder).predict(rows)] == before
    card = (run.folder / "bundle" / "card.md").read_text()
    assert "pretrained encoder tiny (bert)" in card
    for path in (run.folder / "bundle").rglob("*"):
        if path.is_file():
            assert path.suffix in {".json", ".safetensors", ".txt", ".md"}
            assert b"hidden-place" not in path.read_bytes(), path


def test_an_unusable_encoder_leaves_no_run_behind(tmp_path):
    raw, target = get_task("classification").sample(40, 0)
    with pytest.raises(OptionError, match="no folder"):
        fit(raw, target, out=tmp_path / "runs", budget="20s", pretrained=[str(tmp_path / "nothing")])
    assert not (tmp_path / "runs").exists() or not any((tmp_path / "runs").iterdir())
