"""A run on more rows than it may hold: trees learn from the others too, and the report says which models did."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pytest

from modelwright import fit
from modelwright.core.config import make_config
from modelwright.core.events import Note
from modelwright.core.reading import Drawn, Reading
from modelwright.data import collect
from modelwright.pipeline.rows_not_held import further


def written(path, rows=24_000):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 3))
    kinds = rng.integers(0, 400, rows)
    yes = x[:, 0] + 0.8 * np.sin(kinds * 1.7) * 2 + rng.normal(0, 0.5, rows) > 0
    names = np.array(["no", "yes"])[yes.astype(int)]
    pc.write_csv(
        pa.table({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "kind": [f"k{k}" for k in kinds], "y": names}), path
    )


def walked(path, out, **more):
    heard = []
    run = fit(
        str(path), "y", out=out, budget="60s", recipes=["trees"], folds=1, search="none", ensemble=False, progress=False,
        listeners=[lambda e: heard.append(e.words.en) if isinstance(e, Note) else None], **more,
    )  # fmt: skip
    report = json.loads((run.folder / "report.json").read_text(encoding="utf-8"))
    return heard, report


def test_trees_learn_from_rows_that_are_not_held(tmp_path, monkeypatch):
    written(tmp_path / "d.csv")
    monkeypatch.setattr(collect, "_SHARE", 40_000)
    heard, report = walked(tmp_path / "d.csv", tmp_path / "a")
    said = [w for w in heard if "were read once more." in w]
    assert said
    found = next(f for f in report["findings"] if f["code"] == "sampled")
    assert "of 24,000 rows that were read are held" in found["words"][0]
    assert "Boosted trees read the others once more" in found["advice"][0]
    without, alone = walked(tmp_path / "d.csv", tmp_path / "b", group="kind")
    assert report["value"] > 0.7
    assert not [w for w in without if "once more" in w]  # groups might belong together with rows that judge
    assert next(f for f in alone["findings"] if f["code"] == "sampled")


@pytest.mark.parametrize(
    "more", [{"group": "a"}, {"time": "a"}, {"epsilon": 1.0}, {"teacher": "b"}, {"split": "scaffold"}]
)
def test_rows_that_may_belong_together_are_not_read_again(tmp_path, more):
    path = tmp_path / "d.csv"
    path.write_text("a,y\n1,x\n")
    how = Drawn(0.5, 10, 5, 1.0)
    assert further(make_config(data=str(path), target="y"), str(path), Reading(), how).count == 5
    assert further(make_config(data=str(path), target="y", **more), str(path), Reading(), how) is None
    assert further(make_config(data=str(path), target="y"), pa.table({"a": [1]}), Reading(), how) is None
