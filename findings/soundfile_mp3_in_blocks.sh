#!/usr/bin/env bash
# soundfile 0.14.0 (libsndfile 1.2.2): an MP3 read block by block, or from inside, has other samples than the same file read at once.
#
# After each read of a file that can be sought soundfile seeks the place where the file stands anyway. A frame of MP3 needs bytes of the frames before it, which a
# seek throws away: after every block, by `blocks()` or by `read(n)` again and again, up to some thousand samples are silent or far off. The shorter the
# blocks the worse. `sf.read(file, start=s)` has it once, and of an Ogg Vorbis file that whole part can lie some hundred samples late. Nothing is
# raised or warned of, though libmpg123 may write "part2_3_length too large" to the standard error. What helps: read at once; or say that the file cannot be
# sought (`file.seekable = lambda: False`), and for a part begin 8,000 samples earlier (an MP3) or at the beginning (Ogg Vorbis).
# Discussed: issue 402 of bastibe/python-soundfile takes the message for a damaged file (here the library itself wrote the file a moment before); issue
# 885 of libsndfile (2022, open) tells of the first block after a seek in Vorbis. Of blocks of an MP3 we found nothing.
# Output seen (samples of 176,400 that differ by more than .01 from those of the file read at once):
#   MP3:  blocks of 1,024: 34026, of 65,536: 1667, of 1,024 unsought: 0; 53 of 120 parts differ
#   OGG:  blocks of 1,024: 0, of 65,536: 0, of 1,024 unsought: 0; 40 of 120 parts differ
#   FLAC: blocks of 1,024: 0, of 65,536: 0, of 1,024 unsought: 0; 0 of 120 parts differ
# Exits 1 if blocks of MP3, or parts of MP3 and Ogg files, are exact now, or what should be exact is not.
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

RATE, LENGTH, PARTS = 44100, 3000, 120
t = np.arange(4 * RATE) / RATE
sound = (0.5 * np.sin(2 * np.pi * 440 * t) * (np.sin(2 * np.pi * 3 * t) > 0)).astype(np.float32)  # a tone, three times a second


def in_blocks(file, size, unsought=False):
    parts = []
    with sf.SoundFile(io.BytesIO(file)) as source:
        if unsought:
            source.seekable = lambda: False
        while len(part := source.read(size, dtype="float32")):
            parts.append(part)
    return np.concatenate(parts)


seen = {}
for kind in ("MP3", "OGG", "FLAC"):
    held = io.BytesIO()
    sf.write(held, sound, RATE, format=kind)
    file = held.getvalue()
    whole = sf.read(io.BytesIO(file), dtype="float32")[0]
    counts = [
        int((np.abs(in_blocks(file, size, unsought) - whole) > 0.01).sum())
        for size, unsought in ((1024, False), (65536, False), (1024, True))
    ]
    parts = 0
    for s in np.linspace(8000, len(sound) - 8000, PARTS).astype(int):
        part = sf.read(io.BytesIO(file), start=s, frames=LENGTH, dtype="float32")[0]
        parts += bool(np.abs(part - whole[s : s + LENGTH]).max() > 0.01)
    seen[kind] = [*counts, parts]
    print(
        f"{kind + ':':5} blocks of 1,024: {counts[0]}, of 65,536: {counts[1]}, of 1,024 unsought: {counts[2]};"
        f" {parts} of {PARTS} parts differ"
    )
mp3, ogg = seen["MP3"], seen["OGG"]
inexact = mp3[0] > mp3[1] > 0 and mp3[3] > 0 and ogg[3] > 0
sys.exit(0 if inexact and mp3[2] == 0 and ogg[:3] == [0, 0, 0] and seen["FLAC"] == [0, 0, 0, 0] else 1)
PY
