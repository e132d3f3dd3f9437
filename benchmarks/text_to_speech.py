"""The quality bars of text to speech, each through the command line's own path. Judges are given from outside and never needed.

    python benchmarks/text_to_speech.py recogniser FSDD/recordings --speaker jackson --budget 5m --name ears
    python benchmarks/text_to_speech.py digits FSDD/recordings --speaker jackson --budget 5m --hears runs/ears
    python benchmarks/text_to_speech.py corpus SENTENCES.txt --out corpus          # flite speaks them: metadata.csv, wavs/, unseen.txt, unseen/
    python benchmarks/text_to_speech.py sentences corpus --budget 30m --judge "JUDGE_PYTHON benchmarks/hear.py"

`digits` learns the even recordings of one speaker of FSDD from number 5 on and has a recogniser of this house hear what is said, which chooses
among the recipes as well; beside it stands how it hears the speaker's recordings 0 to 4, which nobody learnt. `recogniser` trains it on the odd ones
of that speaker, and on all others of the other five from number 5 on. `sentences` learns a
corpus and writes the unseen sentences as WAV, which `--judge` is called with: a folder of WAVs and a file of their texts; what it
prints as JSON is kept. One line of JSON for each.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import random
import re
import shlex
import subprocess
import tempfile
import time
import wave
from pathlib import Path
from typing import Any

import numpy as np

import modelwright as mw
from modelwright.core.answers.media import file_bytes

WORDS = "zero one two three four five six seven eight nine".split()
TASK = "text-to-speech"
_SAID = 20  # times that each digit is said, each a little faster or slower


def fit(
    data: str, name: str, budget: str, out: Path, hears: Path | None = None, recipes: list[str] | None = None
) -> tuple[Any, dict[str, Any]]:
    """Return a run and its figures."""
    start = time.time()
    run = mw.fit(
        data,
        "recording",
        task=TASK,
        budget=budget,
        name=name,
        out=out,
        voice_consent="synthetic",
        hears=str(hears) if hears else None,
        recipes=recipes or [],
        folds=1,
        search="none",
    )
    metrics = {m["name"]: [m["value"], m["low"], m["high"]] for m in run.facts["metrics"]}
    board = [(r["name"], round(r["value"], 4)) for r in run.facts["leaderboard"] if r.get("value") is not None]
    return run, {"seconds": round(time.time() - start), "metrics": metrics, "board": board}


def spoken(model: Any, rows: list[dict[str, Any]]) -> tuple[list[bytes], float]:
    """Return the WAVs of rows, and processor seconds for a second of speech."""
    began, out, seconds = time.process_time(), [], 0.0
    for row in rows:
        data = file_bytes(model.predict(row)[0]["prediction"]) or b""
        out.append(data)
        seconds += seconds_of(data)
    return out, (time.process_time() - began) / max(seconds, 1e-9)


def seconds_of(data: bytes) -> float:
    """Return how long a WAV is."""
    with wave.open(io.BytesIO(data)) as sound:
        return sound.getnframes() / sound.getframerate()


def clips(folder: Path) -> list[tuple[str, str, str, int]]:
    """Return path, word, speaker and number of each recording."""
    parts = [(path, path.stem.split("_")) for path in sorted(folder.glob("*.wav"))]
    return [(str(path.resolve()), WORDS[int(digit)], who, int(n)) for path, (digit, who, n) in parts]


def table(folder: str, rows: list[tuple[str, str, str, int]]) -> str:
    """Write recordings and texts as CSV."""
    place = Path(folder) / "clips.csv"
    with place.open("w", newline="") as file:
        csv.writer(file).writerows([("recording", "text"), *(r[:2] for r in rows)])
    return str(place)


def recogniser(args: argparse.Namespace) -> dict[str, Any]:
    rows = [r for r in clips(args.data) if r[3] >= 5 and (r[2] != args.speaker or r[3] % 2)]
    with tempfile.TemporaryDirectory() as folder:
        run = mw.fit(
            table(folder, rows),
            "text",
            task="automatic-speech-recognition",
            budget=args.budget,
            name=args.name,
            out=args.out,
        )
    return {"metrics": {m["name"]: [m["value"], m["low"], m["high"]] for m in run.facts["metrics"]}}


def digits(args: argparse.Namespace) -> dict[str, Any]:
    mine = [r for r in clips(args.data) if r[2] == args.speaker]
    with tempfile.TemporaryDirectory() as folder:
        data = table(folder, [r for r in mine if r[3] >= 5 and r[3] % 2 == 0])
        run, facts = fit(data, args.name, args.budget, args.out, args.hears, args.recipe)
    asked = [{"text": w, "speed": 0.9 + 0.01 * k} for w in WORDS for k in range(_SAID)]
    sounds, rtf = spoken(mw.load(run.folder / "bundle"), asked)
    facts |= {"rtf": round(rtf, 4)}
    if args.hears:
        ears = mw.load(args.hears)
        unseen = [r for r in mine if r[3] < 5]
        for name, given, words in (
            ("heard", sounds, [a["text"] for a in asked]),
            ("recordings_heard", [r[0] for r in unseen], [r[1] for r in unseen]),
        ):
            found = [h["prediction"] for h in ears.predict([{"recording": s} for s in given])]
            facts[name] = float(np.mean([f == w for f, w in zip(found, words, strict=True)]))
            facts[f"{name}_wrong"] = [(w, f) for f, w in zip(found, words, strict=True) if f != w][:20]
    return facts


def corpus(args: argparse.Namespace) -> dict[str, Any]:
    lines = [line.split("\t")[0].strip() for line in args.data.read_text(encoding="utf-8").splitlines()]
    fitting = [s for s in dict.fromkeys(lines) if 25 <= len(s) <= 70 and re.fullmatch(r"[A-Za-z ,.'?!]+", s)]
    random.Random(1).shuffle(fitting)
    (args.out / "wavs").mkdir(parents=True)
    (args.out / "unseen").mkdir()
    train, unseen = fitting[: args.rows], fitting[args.rows : args.rows + 50]
    for place, some in (("wavs", train), ("unseen", unseen)):
        for i, text in enumerate(some):
            subprocess.run(
                ["flite", "-voice", args.voice, "-t", text, "-o", str(args.out / place / f"s{i:04d}.wav")], check=True
            )
    (args.out / "metadata.csv").write_text(
        "".join(f"s{i:04d}|{t}|{t}\n" for i, t in enumerate(train)), encoding="utf-8"
    )
    (args.out / "unseen.txt").write_text("".join(f"{t}\n" for t in unseen), encoding="utf-8")
    return {"rows": len(train), "unseen": len(unseen)}


def sentences(args: argparse.Namespace) -> dict[str, Any]:
    run, facts = fit(str(args.data), args.name, args.budget, args.out, recipes=args.recipe)
    texts = (args.data / "unseen.txt").read_text(encoding="utf-8").splitlines()
    sounds, rtf = spoken(mw.load(run.folder / "bundle"), [{"text": t} for t in texts])
    made = args.out / f"{args.name}-unseen"
    made.mkdir(parents=True, exist_ok=True)
    for i, data in enumerate(sounds):
        (made / f"s{i:04d}.wav").write_bytes(data)
    facts |= {"rtf": round(rtf, 4)}
    for name, folder in (("made", made), ("recorded", args.data / "unseen")):
        if args.judge:
            done = subprocess.run(
                [*shlex.split(args.judge), str(folder), str(args.data / "unseen.txt")],
                capture_output=True,
                text=True,
                check=True,
            )
            facts[name] = json.loads(done.stdout.splitlines()[-1])
    return facts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bar", choices=("recogniser", "digits", "corpus", "sentences"))
    parser.add_argument("data", type=Path)
    parser.add_argument("--budget", default="30m")
    parser.add_argument("--out", type=Path, default=Path("runs"))
    parser.add_argument("--name", default="voice")
    parser.add_argument("--speaker", default="jackson")
    parser.add_argument("--voice", default="slt", help="of flite")
    parser.add_argument("--rows", type=int, default=700)
    parser.add_argument("--hears", type=Path, help="bundle of a recogniser trained on other recordings")
    parser.add_argument("--recipe", action="append", default=[], help="try these alone, such as matcha-tts")
    parser.add_argument("--judge", help="command that prints JSON of a folder of WAVs and a file of texts")
    args = parser.parse_args()
    found = {"recogniser": recogniser, "digits": digits, "corpus": corpus, "sentences": sentences}[args.bar](args)
    print(json.dumps({"bar": args.bar, **found}))


if __name__ == "__main__":
    main()
