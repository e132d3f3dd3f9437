"""One failure ends one candidate: a run in which every recipe but the baseline breaks still ends with a bundle."""

from __future__ import annotations

import modelwright as mw
from modelwright.core.recipe import get_recipe, guesses
from modelwright.core.task import get_task


def test_a_run_in_which_every_recipe_but_the_baseline_raises_ends_with_a_bundle(tmp_path, monkeypatch):
    def broken(self, train, valid, options, ctx):
        raise RuntimeError("CUDA out of memory")

    for name in get_task("classification").recipes:
        if not guesses(name):
            monkeypatch.setattr(type(get_recipe(name)), "fit", broken)
    rows = [{"x": float(i % 7), "y": f"k{i % 2}"} for i in range(120)]
    run = mw.fit(rows, "y", budget="20s", search="none", out=tmp_path, progress=False)
    assert run.predictor.predict(rows[0])[0]["prediction"] in ("k0", "k1")
    failed = [r for r in run.facts["leaderboard"] if r.get("reason") and "RuntimeError" in r["reason"][0]]
    assert {"linear", "trees"} <= {r["name"] for r in failed}
    assert all("CUDA out of memory" in r["reason"][0] for r in failed)
    assert (run.folder / "bundle" / "manifest.json").is_file()
    assert "CUDA out of memory" in "".join(p.read_text() for p in (run.folder / "failures").rglob("*.txt"))
