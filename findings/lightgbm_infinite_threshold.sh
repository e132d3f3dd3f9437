#!/usr/bin/env bash
# lightgbm 4.7.0: in its text format the threshold of a split can be `inf`.
#
# Where the best split sends the missing values of a column one way and all others the other way, the tree is written with `threshold=inf` (and reads
# back well). A reader that takes the format for plain finite decimals refuses such a model or, worse, compares with a number it has made up.
# Output seen:
#   thresholds: inf
#   written, read again: equal answers
# Exits 1 if this has changed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$place" lightgbm==4.7.0 numpy==2.4.6 scipy
cd "$place"
PYTHONPATH=$place python3 - <<'PY'
import re
import sys

import lightgbm as lgb
import numpy as np

rng = np.random.default_rng(0)
x = rng.normal(size=(400, 1))
y = (rng.random(400) < 0.4).astype(float)  # nothing but whether the value is missing tells the answer
x[y == 1] = np.nan
options = {"objective": "binary", "num_leaves": 2, "verbose": -1, "num_threads": 1, "min_data_in_leaf": 5, "seed": 0}
model = lgb.train(options, lgb.Dataset(x, y), num_boost_round=1)
text = model.model_to_string()
found = re.findall(r"^threshold=(.*)$", text, re.M)
print("thresholds:", *found)
equal = np.array_equal(lgb.Booster(model_str=text).predict(x), model.predict(x))
print("written, read again:", "equal answers" if equal else "other answers")
sys.exit(0 if found == ["inf"] and equal else 1)
PY
