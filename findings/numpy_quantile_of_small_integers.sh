#!/usr/bin/env bash
# numpy 2.4.6: a quantile of integers of 8, 16, 32 or 64 bits can lie outside of the data.
#
# Between two neighbours np.quantile and np.percentile interpolate by the difference of the two, in the integers' own type. Where that difference does
# not fit, it wraps around without a word: the middle of -30000 and 30000 comes out as 32768, above the largest value there is. np.median is right. What is
# built on it goes along: the row "50%" of pandas' describe() lies above "max", and pd.qcut, asked for two halves, puts all values into one. Samples of
# sound in 16 bits and pixels less their mean are such data. What helps: x.astype(float) first.
# Discussed in numpy's issue 29315 and pull request 30376, open in 2026; the docstrings say that results for integers are float64, and nothing of this.
# Output seen:
#   int8:  quantiles -114 128 114, median 0
#   int16: quantiles -31384 32768 31384, median 0
#   float: quantiles -50 0 50, median 0
#   pandas: 50% 32768, median 0, max 30000; qcut into halves [0, 0, 0, 0], as floats [0, 0, 1, 1]
# Exits 1 if this has changed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$place" numpy==2.4.6 pandas==3.1.1
cd "$place"
PYTHONPATH=$place python3 - <<'PY'
import sys

import numpy as np
import pandas as pd

seen = {}
for name, x in {
    "int8": np.array([-100, 100], np.int8),
    "int16": np.array([-30000, 30000], np.int16),
    "float": np.array([-100.0, 100.0]),
}.items():
    seen[name] = np.quantile(x, [0.25, 0.5, 0.75]).tolist()
    print(f"{name + ':':6} quantiles {' '.join(f'{q:g}' for q in seen[name])}, median {np.median(x):g}")
sound = pd.Series([-30000, -20000, 20000, 30000], dtype="int16")
told = sound.describe()
halves = [pd.qcut(s, 2, labels=False).tolist() for s in (sound, sound.astype(float))]
print(f"pandas: 50% {told['50%']:g}, median {sound.median():g}, max {told['max']:g}; qcut into halves {halves[0]}, as floats {halves[1]}")
same = seen == {"int8": [-114, 128, 114], "int16": [-31384, 32768, 31384], "float": [-50, 0, 50]}
sys.exit(0 if same and told["50%"] > told["max"] and halves == [[0, 0, 0, 0], [0, 0, 1, 1]] else 1)
PY
