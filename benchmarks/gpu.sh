#!/usr/bin/env bash
# All bars of a GPU in ten minutes: MODELWRIGHT_DATA=... bash benchmarks/gpu.sh [OUT]
# TINY=1 runs every part in seconds on a processor, to see that the script works before a GPU is at hand.
# Each part has its own time; one that fails or runs out of it is told, and the others go on.
set -uo pipefail
cd "$(dirname "$0")/.."
OUT="${1:-gpu-figures.txt}"
PYTHON="${PYTHON:-python3}"
export PYTHONPATH="$PWD/src:$PWD/benchmarks${PYTHONPATH:+:$PYTHONPATH}"
TINY="${TINY:-}"
: > "$OUT"

part() { # part SECONDS NAME COMMAND...
    local seconds="$1" name="$2"
    shift 2
    echo "== $name (at most $seconds s)" | tee -a "$OUT"
    timeout --kill-after=10 "$seconds" "$@" 2>&1 | tail -n 20 | tee -a "$OUT"
    local code="${PIPESTATUS[0]}"
    if [ "$code" -ne 0 ]; then echo "-- $name ended with $code" | tee -a "$OUT"; fi
}

{ date -u; uname -a; nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv 2> /dev/null || echo "no GPU"; } | tee -a "$OUT"
part 60 "TF32 and float32" "$PYTHON" benchmarks/gpu.py tf32 ${TINY:+--tiny}
part 120 "steps a second, with and without graphs" "$PYTHON" benchmarks/gpu.py steps ${TINY:+--tiny}
part 150 "tiny Shakespeare, 10.7 M parameters, dropout" "$PYTHON" benchmarks/gpu.py shakespeare ${TINY:+--tiny}
part 120 "CIFAR-10" "$PYTHON" benchmarks/gpu.py cifar ${TINY:+--tiny}
part 150 "every network recipe on the device" "$PYTHON" benchmarks/gpu.py recipes ${TINY:+--tiny}
date -u | tee -a "$OUT"
