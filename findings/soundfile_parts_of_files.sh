#!/usr/bin/env bash
# soundfile 0.14.0 (libsndfile 1.2.2): a part of an MP3 or Ogg Vorbis file has other samples than the same stretch of the whole file.
#
# sf.read(file, start=s, frames=n) of an MP3 begins to decode near s. A frame needs bytes of the frames before it; where they are missing, the first samples of a
# part, up to two or three thousand, are silent or far off. Reading 8,000 samples earlier and dropping them helps (4,000 not always). Of an Ogg Vorbis file the
# whole part can lie some hundred samples later than asked for, and reading earlier seldom helps; reading from the beginning does. FLAC is exact. Nothing
# is raised or warned of, though libmpg123 may write "part2_3_length too large" to the standard error. Who cuts long recordings by `start` learns from
# other sounds than who reads them whole.
# Discussed: issue 402 of bastibe/python-soundfile takes the message for a damaged file (here the library itself wrote the file a moment before); issue
# 885 of libsndfile (2022, open) tells of the first block after a seek in Vorbis.
# Output seen:
#   MP3:  51 of 120 parts differ by more than .05; read 8,000 samples earlier 0; later than asked for by 0
#   OGG:  40 of 120 parts differ by more than .05; read 8,000 samples earlier 36; later than asked for by 560
#   FLAC: 0 of 120 parts differ by more than .05; read 8,000 samples earlier 0; later than asked for by 0
# Exits 1 if parts of MP3 or Ogg files are exact now, or FLAC or the remedy for MP3 is not.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$place" soundfile==0.14.0 numpy==2.4.6
cd "$place"
PYTHONPATH=$place python3 - 2>messages <<'PY' || { cat messages >&2; exit 1; }
import io
import sys

import numpy as np
import soundfile as sf

RATE, LENGTH, PARTS, EARLIER = 44100, 3000, 120, 8000
t = np.arange(4 * RATE) / RATE
sound = (0.5 * np.sin(2 * np.pi * 440 * t) * (np.sin(2 * np.pi * 3 * t) > 0)).astype(np.float32)  # a tone, three times a second
starts = np.linspace(EARLIER, len(sound) - EARLIER, PARTS).astype(int)


def differs(part, whole, at):
    return len(part) != LENGTH or np.abs(part - whole[at : at + LENGTH]).max() > 0.05


wrong, later = {}, {}
for kind in ("MP3", "OGG", "FLAC"):
    held = io.BytesIO()
    sf.write(held, sound, RATE, format=kind)
    file = held.getvalue()
    whole = sf.read(io.BytesIO(file), dtype="float32")[0]
    counts, shifts = [], set()
    for early in (0, EARLIER):
        bad = 0
        for s in starts:
            part = sf.read(io.BytesIO(file), start=s - early, frames=early + LENGTH, dtype="float32")[0][early:]
            if differs(part, whole, s):
                bad += 1
                shifts |= {o for o in range(1, 2048) if part.any() and np.array_equal(part, whole[s + o : s + o + LENGTH])}
        counts.append(bad)
    wrong[kind], later[kind] = counts, shifts or {0}
    print(
        f"{kind + ':':5} {counts[0]} of {PARTS} parts differ by more than .05; read 8,000 samples earlier {counts[1]};"
        f" later than asked for by {', '.join(map(str, sorted(later[kind])))}"
    )
mp3 = wrong["MP3"][0] > 0 and wrong["MP3"][1] == 0
sys.exit(0 if mp3 and wrong["OGG"][0] > 0 and later["OGG"] != {0} and wrong["FLAC"] == [0, 0] else 1)
PY
