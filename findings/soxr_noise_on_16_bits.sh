#!/usr/bin/env bash
# soxr 1.1.0: sound of 16 bits comes back with noise that differs from channel to channel, even where the rate stays as it is.
#
# The documentation says that the type of the result is that of the input, and speaks of no dither. For int16 one is added, always, and nothing turns it off: a
# quarter of the samples of pure silence are no longer 0, two equal channels are told apart, and a call from 16,000 to 16,000 Hz changes one sample in four.
# What looks for silence by zeros, takes a recording for mono because its channels are equal, or compares recordings by a digest, goes wrong without a word;
# int32 and floats come back as expected. What helps: convert to float32 before and round afterwards by oneself.
# Discussed: dofuuz/python-soxr 10 to 12 (2023) are about patterns in that noise and its being the same in every run, not about its being there at all.
# Output seen (samples that are not 0, of silence; samples whose two equal channels differ):
#   int16:   44,100 -> 16,000 Hz: 3729 of 16000, channels 7201; 16,000 -> 16,000 Hz: 3732 of 16000, channels 6411
#   int32:   44,100 -> 16,000 Hz: 0 of 16000, channels 0; 16,000 -> 16,000 Hz: 0 of 16000, channels 0
#   float32: 44,100 -> 16,000 Hz: 0 of 16000, channels 0; 16,000 -> 16,000 Hz: 0 of 16000, channels 0
# Exits 1 if silence of 16 bits stays silent, or other types do not.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$place" soxr==1.1.0 numpy==2.4.6
cd "$place"
PYTHONPATH=$place python3 - <<'PY'
import sys

import numpy as np
import soxr

TO = 16_000
counts = {}
for kind in ("int16", "int32", "float32"):
    parts = []
    for rate in (44_100, TO):
        silence = soxr.resample(np.zeros((rate, 2), kind), rate, TO)
        tone = np.round(8000 * np.sin(np.arange(rate) / 50)).astype(kind)
        both = soxr.resample(np.column_stack([tone, tone]), rate, TO)
        seen = int((silence[:, 0] != 0).sum()), int((both[:, 0] != both[:, 1]).sum())
        counts[kind, rate] = seen
        parts.append(f"{rate:,} -> {TO:,} Hz: {seen[0]} of {len(silence)}, channels {seen[1]}")
    print(f"{kind + ':':8} " + "; ".join(parts))
noisy = all(min(seen) > 1000 for (kind, _), seen in counts.items() if kind == "int16")
others = all(seen == (0, 0) for (kind, _), seen in counts.items() if kind != "int16")
sys.exit(0 if noisy and others else 1)
PY
