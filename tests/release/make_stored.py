"""Writes the bundle of this version that later versions must load: python tests/release/make_stored.py

Run it once for each new `FORMAT`, never for an old one; what it leaves in `stored/format-N` is committed.
"""

import json
from pathlib import Path

import numpy as np

from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.release.bundle import Predictor, save
from modelwright.release.check import FORMAT
from modelwright.testing import context, sample_table

SMALL = {
    "linear": {},
    "trees": {"rounds": 10},
    "catboost": {"rounds": 10},
    "tabm": {"width": 16, "number_width": 4, "members": 4, "epochs": 3, "embedding": 8, "filters": 8, "bigrams": False},
    "lstm": {"embedding": 8, "hidden": 8, "epochs": 2, "bigrams": False},
}


def main() -> None:
    """Fit a small model of several recipes, save them as one bundle, and keep what it answers."""
    task = get_task("classification")
    table, target = sample_table(task, 60)
    members = []
    for name, changes in SMALL.items():
        recipe = get_recipe(name)
        options = recipe.variants(table.schema, target, len(table))[0].model_copy(update=changes)
        members.append((1 / len(SMALL), recipe.fit(table, table, options, context(task, target))))
    predictor = Predictor(task, table.schema, target, members, name="stored")
    predictor.shifts = {"column": "channel", "label": 1, "values": {"mail": 0.2, "chat": -0.1}}  # what format 2 added
    place = Path(__file__).parent / "stored" / f"format-{FORMAT}"
    save(predictor, place / "bundle", {"card.md": "# stored\n", "card.zh-CN.md": "# stored\n"})
    rows = table.take(np.arange(6))
    cells = {c.name: rows.column(c.name).to_pylist() for c in table.schema.inputs}
    answers = {"columns": cells, "scores": predictor.scores(rows).tolist()}
    (place / "answers.json").write_text(json.dumps(answers, ensure_ascii=False, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
