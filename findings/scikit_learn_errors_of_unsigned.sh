#!/usr/bin/env bash
# scikit-learn 1.9.1: two of its errors of regression wrap around where labels and predictions are unsigned integers; their neighbours do not.
#
# max_error and median_absolute_error subtract in the type that they are given: 5 less 20 in uint8 is 241. mean_absolute_error and mean_squared_error of the
# same arrays are right, as they convert to floats first; so in a report of all four it looks as if a few answers were far off. Pixels, ratings and
# rounded counts are such data. What helps: astype(float) of both.
# The same in mean_squared_error was issue 28827 (2024), since mended; of these two we found nothing.
# Output seen:
#   of uint8:  mean absolute 12.5, mean squared 162.5, median absolute 128, largest 246
#   of floats: mean absolute 12.5, mean squared 162.5, median absolute 12.5, largest 15
# Exits 1 if this has changed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$place" scikit-learn==1.9.1 numpy==2.4.6 scipy==1.17.1
cd "$place"
PYTHONPATH=$place python3 - <<'PY'
import sys

import numpy as np
from sklearn import metrics

truth, told = np.array([30, 5, 40, 50], np.uint8), np.array([20, 20, 25, 60], np.uint8)
errors = {
    "mean absolute": metrics.mean_absolute_error,
    "mean squared": metrics.mean_squared_error,
    "median absolute": metrics.median_absolute_error,
    "largest": metrics.max_error,
}
rows = []
for name, kind in (("of uint8:", np.uint8), ("of floats:", float)):
    rows.append([error(truth.astype(kind), told.astype(kind)) for error in errors.values()])
    print(f"{name:10} " + ", ".join(f"{n} {e:g}" for n, e in zip(errors, rows[-1])))
sys.exit(0 if rows == [[12.5, 162.5, 128, 246], [12.5, 162.5, 12.5, 15]] else 1)
PY
