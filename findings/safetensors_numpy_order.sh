#!/usr/bin/env bash
# safetensors 0.8.0: a NumPy array whose memory lies column by column is written with its numbers in the wrong places.
#
# safetensors.numpy.save takes the bytes as they lie and notes the shape as if they lay row by row. So what has been transposed, a factor from
# scipy.linalg.qr, directions of scikit-learn's PCA and often a data frame's to_numpy() load again with the same shape and type and other numbers,
# without a word. 0.7.0 wrote them well, and safetensors.torch.save refuses such tensors. What helps: np.ascontiguousarray before saving.
# Discussed in issue 825 of safetensors/safetensors (August 2026, open).
# Output seen:
#   0.7.0: saved [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]  loaded [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]
#   0.8.0: saved [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]  loaded [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]
# Exits 1 if this has changed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$place/numpy" numpy==2.4.6
for version in 0.7.0 0.8.0; do
  python3 -m pip install --quiet --disable-pip-version-check --target "$place/$version" safetensors==$version
done
cd "$place"
for version in 0.7.0 0.8.0; do
  PYTHONPATH=$place/$version:$place/numpy python3 - <<'PY'
import sys

import numpy as np
import safetensors
from safetensors.numpy import load, save

matrix = np.arange(6, dtype=np.float32).reshape(2, 3).T
loaded = load(save({"matrix": matrix}))["matrix"]
print(f"{safetensors.__version__}: saved {matrix.tolist()}  loaded {loaded.tolist()}")
sys.exit(0 if np.array_equal(loaded, matrix) == (safetensors.__version__ == "0.7.0") else 1)
PY
done
