"""Sound read from an open file block by block, as if it were read at once.

Legend: T samples, K channels.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def read_on(sound: Any, count: int) -> np.ndarray:
    """Return up to `count` further samples of an open soundfile.SoundFile as float32 [T, K].

    soundfile seeks where a file stands already after every read, and the samples of an MP3 that follow a seek are not those of the
    whole file (findings/soundfile_mp3_in_blocks.sh). It leaves a file alone that says that it cannot be sought.
    """
    sound.seekable = lambda: False
    try:
        samples: np.ndarray = sound.read(count, dtype="float32", always_2d=True)
        return samples
    finally:
        del sound.seekable
