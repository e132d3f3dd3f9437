#!/usr/bin/env bash
# pandas 3.1.1: the difference from one row to the next of unsigned integers wraps around, though it comes as floats; by groups it is right.
#
# diff() gives 5, 3 in uint8 as 254.0 and in uint64 as 1.8e19: the subtraction is done in the unsigned type and only its result made a float, which could have held -2. Signed
# integers of numpy are widened first; nullable ones are not, so that Int8 from 100 to -100 gives 56. groupby().diff() of the same columns is right, and so is pct_change().
# Meters, pixels and counts that a Parquet file or a downcast to save memory made unsigned fall in a row, and a fall looks like a leap. The documentation says
# that the result is calculated in the type at hand and is float64 always, which is true of unsigned integers and not of the signed ones. What helps: astype("int64") or
# astype(float) first.
# Discussed: issue 4899 of pandas-dev/pandas (2013, open; a change is proposed in 68100, September 2026); of nullable types we found nothing.
# Output seen:
#   uint8:  diff 254, by group -2, pct_change -0.4
#   uint64: diff 1.84467e+19, by group -2, pct_change -0.4
#   int8:   diff -2, by group -2, pct_change -0.4
#   100 to -100: int8 -200, Int8 56
# Exits 1 if this has changed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$place" pandas==3.1.1 numpy==2.4.6
cd "$place"
PYTHONPATH=$place python3 - <<'PY'
import sys

import pandas as pd

seen = {}
for kind in ("uint8", "uint64", "int8"):
    s = pd.Series([5, 3], dtype=kind)
    seen[kind] = [float(x.iloc[1]) for x in (s.diff(), s.groupby([0, 0]).diff(), s.pct_change())]
    print(f"{kind + ':':7} diff {seen[kind][0]:g}, by group {seen[kind][1]:g}, pct_change {seen[kind][2]:g}")
plain, nullable = (int(pd.Series([100, -100], dtype=kind).diff().iloc[1]) for kind in ("int8", "Int8"))
print(f"100 to -100: int8 {plain}, Int8 {nullable}")
wraps = seen["uint8"][0] == 254 and seen["uint64"][0] > 1e19 and seen["int8"][0] == -2
right = all(by_group == -2 and round(share, 9) == -0.4 for _, by_group, share in seen.values())
sys.exit(0 if wraps and right and (plain, nullable) == (-200, 56) else 1)
PY
