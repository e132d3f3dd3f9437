#!/usr/bin/env bash
# imbalanced-learn 0.14.2: SMOTE cuts what it makes of columns of integers down to whole numbers, so that the made rows are smaller than those they stand for.
#
# A new row lies between two rows of the rare class. In a matrix or a data frame of integers it is then stored with the type of its column, which cuts the
# decimals off and never rounds: a value between 0 and 1 becomes 0 every time. Counts, ages and columns of 0 and 1 (as they come from dummies) of the made rows lie
# below those of the real ones, and a model can tell the rare class by it. The same numbers as floats keep their mean. The documentation of SMOTE does not say that
# the type of the columns matters. What helps: hand the numbers over as floats and round afterwards, and SMOTENC for columns that are categories.
# Discussed: pull request 450 of scikit-learn-contrib/imbalanced-learn (2018) is where types began to be kept; of the cut we found nothing.
# Output seen (means of 100 real rows of the rare class, and of the 400 that were made from them):
#   real rows:        children 1.52, age 48.96, insured 0.62
#   made of floats:   children 1.54, age 48.44, insured 0.59
#   made of integers: children 1.21, age 48.03, insured 0.40
# Exits 1 if made rows of integers are no longer those of floats with their decimals cut off.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$place" imbalanced-learn==0.14.2 scikit-learn==1.9.1 numpy==2.4.6 scipy==1.17.1
cd "$place"
OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 PYTHONPATH=$place python3 - <<'PY'
import sys

import numpy as np
from imblearn.over_sampling import SMOTE

NAMES = ("children", "age", "insured")
rng = np.random.default_rng(0)
rows = np.column_stack([rng.integers(0, 4, 600), rng.integers(18, 80, 600), rng.integers(0, 2, 600)])
rare = np.arange(600) >= 500
made = {kind: SMOTE(random_state=0).fit_resample(rows.astype(kind), rare)[0][600:] for kind in (float, int)}
for name, part in (("real rows:", rows[rare]), ("made of floats:", made[float]), ("made of integers:", made[int])):
    print(f"{name:17} " + ", ".join(f"{n} {m:.2f}" for n, m in zip(NAMES, part.mean(axis=0))))
cut = np.array_equal(made[int], np.trunc(made[float]))
lower = (made[int].mean(axis=0) < made[float].mean(axis=0) - 0.15).all()
sys.exit(0 if cut and lower else 1)
PY
