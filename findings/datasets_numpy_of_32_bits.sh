#!/usr/bin/env bash
# datasets 5.2.0: with_format("numpy") turns columns of float64 into float32, a single row not.
#
# The features say float64, and the Arrow data underneath keeps it; read through the format, a column or a slice of rows comes in 32 bits, so that
# 16777217 becomes 16777216 and two timestamps of one afternoon become one. The same cell read by its row, data[0]["x"], has all its digits. Whole numbers keep their 64 bits.
# What helps: with_format("numpy", dtype=numpy.float64), or with_format("arrow").
# Output seen:
#   feature float64, column float32, slice float32, row float64
#   by column 16777216, by row 16777217; timestamps of 30 s apart: 1 different by column, 2 by arrow
#   with dtype=numpy.float64: float64; whole numbers: int64
# Exits 1 if this has changed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/own"  # beside other packages than its own, dill may fail to name what it saves
"$place/own/bin/python" -m pip install --quiet --disable-pip-version-check datasets==5.2.0 numpy==2.3.5
cd "$place"
HF_HOME=$place/cache PYTHONPATH= "$place/own/bin/python" - <<'PY'
import sys

import datasets
import numpy as np

data = datasets.Dataset.from_dict(
    {"x": [16777217.0, 0.1], "seconds": [1764694800.0, 1764694830.0], "order": [2**53 + 1, 1]}
)
read = data.with_format("numpy")
kinds = [data.features["x"].dtype, *(str(v.dtype) for v in (read["x"][:], read[:]["x"], read[0]["x"]))]
print("feature {}, column {}, slice {}, row {}".format(*kinds))
by_column, by_row = read["x"][:][0], read[0]["x"]
times = [len(set(read["seconds"][:].tolist())), len(set(data.with_format("arrow")[:]["seconds"].to_pylist()))]
print(f"by column {by_column:.0f}, by row {by_row:.0f}; timestamps of 30 s apart: {times[0]} different by column, {times[1]} by arrow")
whole = str(data.with_format("numpy", dtype=np.float64)["x"][:].dtype), str(read["order"][:].dtype)
print(f"with dtype=numpy.float64: {whole[0]}; whole numbers: {whole[1]}")
same = kinds == ["float64", "float32", "float32", "float64"] and (by_column, by_row) == (16777216, 16777217)
sys.exit(0 if same and times == [1, 2] and whole == ("float64", "int64") else 1)
PY
