#!/usr/bin/env bash
# catboost 1.2.10: a model of several labels over a category answers otherwise once it went through catboost's own JSON format.
#
# Trained with MultiLogloss, saved as JSON and loaded again, its raw answers differ by whole units from those before; no error and no warning.
# The binary format gives the same answers, and so does JSON for one label (Logloss) and for several classes (MultiClass). Who wants a readable
# format for several labels can train one model for each label.
# Output seen (largest difference of raw answers on the training rows):
#   MultiLogloss   json 5.177   binary 0.000
#   Logloss        json 0.000   binary 0.000
#   MultiClass     json 0.000   binary 0.000
# Exits 1 if this has changed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$place" catboost==1.2.10 numpy==2.4.6
cd "$place"
PYTHONPATH=$place python3 - <<'PY'
import sys

import catboost
import numpy as np

rng = np.random.default_rng(0)
kind, size = rng.choice(list("abcd"), 400), rng.normal(size=400).round(2)
labels = np.stack([(kind == "a") | (size > 0), kind == "b", size < 0.5], 1).astype(int)
classes = (kind == "a") * 1 + (size > 0) * 1
far = {}
for loss, truth in (("MultiLogloss", labels), ("Logloss", labels[:, 0]), ("MultiClass", classes)):
    pool = catboost.Pool([[k, s] for k, s in zip(kind, size)], label=truth, cat_features=[0])
    model = catboost.CatBoostClassifier(
        loss_function=loss, iterations=20, depth=3, verbose=False, allow_writing_files=False, thread_count=1, random_seed=0
    )
    model.fit(pool)
    before = model.predict(pool, prediction_type="RawFormulaVal")
    model.save_model("model.json", format="json", pool=pool)
    model.save_model("model.cbm")
    for form, name in (("json", "model.json"), ("cbm", "model.cbm")):
        again = catboost.CatBoostClassifier()
        again.load_model(name, format=form)
        far[loss, form] = float(abs(again.predict(pool, prediction_type="RawFormulaVal") - before).max())
    print(f"{loss:<14} json {far[loss, 'json']:.3f}   binary {far[loss, 'cbm']:.3f}")
exact = all(v < 1e-9 for k, v in far.items() if k != ("MultiLogloss", "json"))
sys.exit(0 if exact and far["MultiLogloss", "json"] > 1 else 1)
PY
