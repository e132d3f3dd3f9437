"""Many small pictures decoded on one core and on all: threads, and processes as the codecs of pictures use them.

    python benchmarks/decoding.py [--rows 50000] [--side 32] [--rounds 3]

Pictures are made up, JPEG files of side x side pixels. Printed are the fastest of the rounds, run in turn, their ratio to one core, and the
median of the ratios of each round by itself, since what else runs on the machine changes; bar: 1.9 on 2.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

import modelwright.features._decoded as decoding
from modelwright.core.schema import MEDIA
from modelwright.features.image import pixels


def main() -> None:
    """Make the pictures, decode, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    told = parser.parse_args()
    have = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        rng = np.random.default_rng(0)
        for i in range(told.rows):
            coarse = rng.integers(0, 255, (6, 6, 3)).astype(np.uint8)
            Image.fromarray(coarse).resize((told.side, told.side)).save(Path(folder) / f"{i}.jpg", "JPEG")
        cells = pa.array([{"path": f"{folder}/{i}.jpg", "bytes": None, "digest": ""} for i in range(told.rows)], MEDIA)
        ways = {"one core": (1, 1e9), f"{have} threads": (have, 1e9), f"{have} processes": (have, 0.0)}
        took: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(told.rounds):
            for name, (count, worth) in ways.items():
                decoding.cores, decoding._WORTH = (lambda count=count: count), worth  # type: ignore[misc,assignment]
                begun = time.perf_counter()
                pixels(cells, told.side, 3)
                took[name].append(time.perf_counter() - begun)
    alone = min(took["one core"])
    for name, seconds in took.items():
        paired = float(np.median(np.array(took["one core"]) / seconds))
        print(f"{name:14} {min(seconds):6.2f} s  ratio {alone / min(seconds):.2f}, median of rounds {paired:.2f}")
    print("load", os.getloadavg())


if __name__ == "__main__":
    main()
