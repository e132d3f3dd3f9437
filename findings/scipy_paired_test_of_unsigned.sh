#!/usr/bin/env bash
# scipy 1.17.1: the paired t-test of unsigned integers calls a difference significant that is none; the unpaired test of them is right.
#
# ttest_rel subtracts the two samples in their own type, where 5 less 20 is 241, and takes the mean and deviation of that. Ratings from 1 to 10, pixels and counts are kept in uint8
# to save memory, and the paired test is how two models or two annotators are compared on the same rows: nothing is raised or warned of, and a p of 0.78 becomes 0.02 below. ttest_ind
# and wilcoxon of the same arrays convert to floats first; two of the distances do not: cityblock and chebyshev of 5 and 20 are 241. The documentation asks for array_like and says
# nothing of types. What helps: astype(float) of both.
# Discussed: in scipy's issue 7255 (2017) the same was mended for circmean and its like; of these we found nothing.
# Output seen (two lists of marks, p values):
#   even, uint8:   ttest_rel 0.0165, ttest_ind 0.8603, wilcoxon 1.0000
#   even, float64: ttest_rel 0.7774, ttest_ind 0.8603, wilcoxon 1.0000
#   less, uint8:   ttest_rel 0.0001, ttest_ind 0.1254, wilcoxon 0.0039
#   less, float64: ttest_rel 0.0001, ttest_ind 0.1254, wilcoxon 0.0039
#   5 and 20 in uint8: cityblock 241, chebyshev 241
# Exits 1 if this has changed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$place" scipy==1.17.1 numpy==2.4.6
cd "$place"
OPENBLAS_NUM_THREADS=1 PYTHONPATH=$place python3 - <<'PY'
import sys

import numpy as np
from scipy import stats
from scipy.spatial import distance

ONE = [7, 8, 6, 9, 7, 8, 5, 9, 6, 7, 8, 7]
EVEN = [6, 9, 7, 8, 8, 7, 6, 8, 7, 6, 9, 7]  # as often higher as lower
LESS = [7, 7, 5, 8, 6, 7, 5, 8, 5, 6, 7, 7]  # lower or equal throughout
seen = {}
for name, first, second in (("even", EVEN, ONE), ("less", LESS, ONE)):
    for kind in (np.uint8, float):
        a, b = np.array(first, kind), np.array(second, kind)
        seen[name, kind] = [float(test(a, b).pvalue) for test in (stats.ttest_rel, stats.ttest_ind, stats.wilcoxon)]
        told = ", ".join(f"{test} {p:.4f}" for test, p in zip(("ttest_rel", "ttest_ind", "wilcoxon"), seen[name, kind]))
        print(f"{name}, {np.dtype(kind).name + ':':8} {told}")
apart = [float(d(np.array([5], np.uint8), np.array([20], np.uint8))) for d in (distance.cityblock, distance.chebyshev)]
print(f"5 and 20 in uint8: cityblock {apart[0]:g}, chebyshev {apart[1]:g}")
near = all(np.allclose(seen[n, np.uint8][1:], seen[n, float][1:]) for n in ("even", "less"))
far = seen["even", np.uint8][0] < 0.05 < seen["even", float][0]
sys.exit(0 if near and far and apart == [241, 241] else 1)
PY
