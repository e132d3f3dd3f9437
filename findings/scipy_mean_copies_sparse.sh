#!/usr/bin/env bash
# scipy 1.17.1: the column means of a sparse matrix of 32-bit numbers take a copy of all its values in 64 bits; the column sums take nothing.
#
# `m.sum(axis=0)` adds up the stored values where they lie. `m.mean(axis=0)` of the same CSR matrix first converts all of them, so that it holds
# twice the bytes of the values in addition, for a result of a few hundred numbers in 32 bits again; `dtype=np.float32` changes nothing. Dividing the sums by the
# number of rows, or multiplying by a vector of 1/N, gives the same means and needs no copy. On a matrix that fills half of the memory the mean is what runs out of it.
# Output seen (times vary):
#   values 48.0 MB; sum: 0.8 MB more, 19 ms; mean: 97.6 MB more, 51 ms; mean in 32 bits: 97.6 MB more, 49 ms
# Exits 1 if the mean no longer takes at least the bytes of the values, or differs from the sum by more than rounding.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$place" scipy==1.17.1 numpy==2.4.6
cd "$place"
PYTHONPATH=$place python3 - <<'PY'
import sys
import time
import tracemalloc

import numpy as np
from scipy.sparse import random

m = random(200_000, 300, 0.2, format="csr", dtype=np.float32, random_state=0)
held, told = {}, [f"values {m.data.nbytes / 1e6:.1f} MB"]
calls = {
    "sum": lambda: m.sum(axis=0),
    "mean": lambda: m.mean(axis=0),
    "mean in 32 bits": lambda: m.mean(axis=0, dtype=np.float32),
}
for name, call in calls.items():
    tracemalloc.start()
    result = call()
    held[name] = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    began = time.perf_counter()
    call()
    told.append(f"{name}: {held[name] / 1e6:.1f} MB more, {1000 * (time.perf_counter() - began):.0f} ms")
print("; ".join(told))
same = np.allclose(m.mean(axis=0), m.sum(axis=0) / m.shape[0], rtol=1e-4)
copies = min(held["mean"], held["mean in 32 bits"]) >= m.data.nbytes > 10 * held["sum"]
sys.exit(0 if same and copies else 1)
PY
