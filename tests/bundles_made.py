"""Small bundles of every kind of model, for tests that damage them: plain tables, media, series, texts that are made, answers."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np

PLAIN = ("linear", "trees", "extratrees", "catboost", "tabm", "textcnn", "fastnet", "lstm", "constant")
# task, kind of the column that is added, recipe
MORE = (
    ("classification", "image", "linear"), ("classification", "image", "fastnet"), ("classification", "image", "resnet"),
    ("classification", "audio", "linear"), ("classification", "audio", "audiocnn"),
    ("classification", "video", "linear"), ("classification", "video", "framecnn"),
    ("classification", "series", "minirocket"), ("classification", "series", "inceptiontime"), ("classification", "series", "lstm-series"),
    ("classification", "molecule", "linear"), ("classification", "molecule", "mpnn"), ("classification", "sequence", "dnacnn"),
    ("ordinal", "", "ranktrees"), ("ordinal", "", "rankridge"), ("regression", "", "trees"), ("regression", "", "tabm"),
    ("multi-label-classification", "", "linear"), ("token-classification", "", "crf"), ("token-classification", "", "gazetteer"),
    ("token-classification", "", "bilstm-crf"), ("sentence-similarity", "", "pair-linear"), ("sentence-similarity", "", "sentence-encoder"),
    ("retrieval", "", "bm25"), ("retrieval", "", "tfidf"), ("question-answering", "", "answer-bm25"),
    ("text-generation", "", "ngram"), ("text-generation", "", "gpt"),
    ("translation", "", "retrieval"), ("translation", "", "seq2seq"), ("summarization", "", "copy"),
)  # fmt: skip


def make_bundles(place: Path, seconds: float = 3.0) -> list[Path]:
    """Write a small bundle of each model that can be had here, and beside each `rows.json` with rows to ask it for."""
    wanted = [("classification", "", name) for name in PLAIN] + list(MORE)
    return [made for one in wanted if (made := make(place, *one, seconds=seconds)) is not None]


def make(place: Path, task_name: str, modality: str, recipe_name: str, seconds: float = 3.0) -> Path | None:
    """Write one bundle; None where its recipe, its modality or a package of theirs is not here."""
    from modelwright.core.recipe import get_recipe, missing_modules, recipe_names
    from modelwright.core.task import get_task
    from modelwright.data.kinds.base import kind_of
    from modelwright.release.bundle import Predictor, save
    from modelwright.testing import context, sample_table

    found = {n.replace("_", "-"): n for n in recipe_names()}
    name = found.get(recipe_name.replace("_", "-"))
    if name is None or missing_modules(get_recipe(name)) or (modality and kind_of(modality) is None):
        return None
    task, recipe = get_task(task_name), get_recipe(name)
    table, target = sample_table(task, 90, modality=modality)
    options = recipe.variants(table.schema, target, len(table))[0]
    model = recipe.fit(table, table.take(np.arange(30)), options, context(task, target, seconds=seconds))
    folder = place / "-".join(filter(None, (task_name, modality, recipe_name)))
    save(Predictor(task, table.schema, target, [(1.0, model)], name="sample"), folder / "bundle", {"card.md": "# card"})
    inputs = [c.name for c in table.schema.inputs] or ["text"]
    rows = [{n: asked(table.column(n)[i].as_py()) for n in inputs} for i in (0, 1)]
    (folder / "rows.json").write_text(json.dumps([*rows, {}], default=str), encoding="utf-8")
    return folder


def asked(cell: Any) -> Any:
    """Return a cell as JSON holds it; bytes of media in base64."""
    if isinstance(cell, dict) and isinstance(cell.get("bytes"), bytes):
        return {"base64": base64.b64encode(cell["bytes"]).decode()}
    return {"base64": base64.b64encode(cell).decode()} if isinstance(cell, bytes) else cell


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """Return the rows that a bundle is asked for."""
    rows: list[dict[str, Any]] = json.loads((folder / "rows.json").read_text(encoding="utf-8"))
    return [
        {n: base64.b64decode(c["base64"]) if isinstance(c, dict) and "base64" in c else c for n, c in row.items()}
        for row in rows
    ]
