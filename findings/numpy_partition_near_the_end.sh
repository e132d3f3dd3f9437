#!/usr/bin/env bash
# numpy 2.4.6: the largest twenty of a million numbers that are mostly equal cost many times as much at the end as at the beginning.
#
# `np.partition(x, len(x) - 20)` and `np.partition(-x, 19)` give the same twenty numbers. Where most values are equal, as scores of items that
# nothing speaks for are zero, the first takes tens of times as long as the second, the negation counted in. With values that all
# differ both take about as long.
# Output seen (times vary):
#   mostly zeros: 246 ms and 3 ms, 74.9 times
#   all different: 14 ms and 15 ms, 0.9 times
# Exits 1 if the first is no longer five times slower, or the answers differ.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$place" numpy==2.4.6
cd "$place"
PYTHONPATH=$place python3 - <<'PY'
import sys
import time

import numpy as np

K, N = 20, 1_000_000


def best(call):
    times = []
    for _ in range(5):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return 1000 * min(times)


rng = np.random.default_rng(0)
sparse = np.zeros(N, np.float32)
sparse[rng.integers(0, N, 2000)] = rng.random(2000)
ratios = []
for name, x in (("mostly zeros", sparse), ("all different", rng.random(N).astype(np.float32))):
    end, beginning = best(lambda: np.partition(x, N - K)), best(lambda: np.partition(-x, K - 1))
    ratios.append(end / beginning)
    print(f"{name}: {end:.0f} ms and {beginning:.0f} ms, {ratios[-1]:.1f} times")
equal = np.array_equal(np.sort(np.partition(sparse, N - K)[-K:]), np.sort(-np.partition(-sparse, K - 1)[:K]))
sys.exit(0 if ratios[0] >= 5 and equal else 1)
PY
