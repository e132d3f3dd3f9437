"""The quality bars of speech to text, each through the command line's own path.

    python benchmarks/speech.py digits FSDD/recordings --budget 10m --keep digits
    python benchmarks/speech.py strings FSDD/recordings --bundle digits
    python benchmarks/speech.py speakers FSDD/recordings --budget 3m
    python benchmarks/speech.py chinese FOLDER --sentences SENTENCES.txt --budget 10m
    python benchmarks/speech.py sentences FOLDER --sentences SENTENCES.txt --rows 2000 --budget 30m --keep sentences --also "flite kal16"
    python benchmarks/speech.py yesno FOLDER --budget 5m     # made here by espeak-ng: two Finnish words in strings of eight

`digits` is the official split (recordings 0 to 4 are tested on). `strings` joins 5 test clips of one speaker with pauses and noise, and measures words,
strings and times. `speakers` leaves one speaker out at a time. `benchmarks/speech_served.py` speaks
into a service. One line of JSON for each.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import subprocess
import time
from pathlib import Path

import numpy as np
import soundfile

import modelwright as mw
from modelwright.features.shared.edit_distance import errors
from modelwright.features.shared.transcript_rules import words_of

WORDS = "zero one two three four five six seven eight nine".split()
TASK = "automatic-speech-recognition"
RATE = 8000


def clips(folder: Path) -> list[tuple[Path, str, str, int]]:
    """Return path, word, speaker and number of each recording."""
    out = []
    for path in sorted(folder.glob("*.wav")):
        digit, speaker, number = path.stem.split("_")
        out.append((path.resolve(), WORDS[int(digit)], speaker, int(number)))
    return out


def table(path: Path, rows: list[tuple], fields: tuple[str, ...] = ("recording", "text")) -> str:
    """Write what comes first in each row, under these names, as CSV."""
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(fields)
        out.writerows([str(cell) for cell in r[: len(fields)]] for r in rows)
    return str(path)


def fit(
    train: str, test: str, budget: str, name: str, recipes: list[str], pretrained: list[str] | None = None, **more: str
) -> dict:
    """Return the word error rate of a run on official test rows, with its interval."""
    start = time.time()
    run = mw.fit(
        train,
        "text",
        task=TASK,
        test=test,
        budget=budget,
        name=name,
        recipes=recipes,
        pretrained=pretrained or [],
        **more,
    )
    wer = next(m for m in run.facts["metrics"] if m["name"] == "wer")
    board = [(r["name"], round(r["value"], 4)) for r in run.facts["leaderboard"] if r.get("value") is not None]
    return {
        "wer": wer["value"],
        "low": wer["low"],
        "high": wer["high"],
        "seconds": round(time.time() - start),
        "board": board,
    }


def digits(args: argparse.Namespace, work: Path) -> dict:
    rows = clips(args.data)
    train, test = [r for r in rows if r[3] >= 5], [r for r in rows if r[3] < 5]
    return fit(
        table(work / "train.csv", train),
        table(work / "test.csv", test),
        args.budget,
        args.keep,
        args.recipe,
        args.pretrained,
    )


def joined(
    rows: list[tuple], rng: np.random.Generator, count: int
) -> list[tuple[np.ndarray, list[str], list[tuple[float, float]]]]:
    """Return strings of 5 test clips of one speaker: pauses of 0.05 to 0.5 s, noise 15 to 30 dB below."""
    out = []
    speakers = sorted({r[2] for r in rows})
    for k in range(count):
        mine = [r for r in rows if r[2] == speakers[k % len(speakers)]]
        parts, words, times, at = [], [], [], 0
        for i in rng.integers(0, len(mine), 5):
            gap = int(rng.uniform(0.05, 0.5) * RATE)
            clip = soundfile.read(mine[i][0], dtype="float32")[0]
            parts += [np.zeros(gap, np.float32), clip]
            times.append(((at + gap) / RATE, (at + gap + len(clip)) / RATE))
            words.append(mine[i][1])
            at += gap + len(clip)
        sound = np.concatenate([*parts, np.zeros(int(0.3 * RATE), np.float32)])
        power = float(np.mean(np.concatenate(parts[1::2]) ** 2)) / 10 ** (rng.uniform(15, 30) / 10)
        out.append(((sound + np.sqrt(power) * rng.standard_normal(len(sound))).astype(np.float32), words, times))
    return out


def strings(args: argparse.Namespace, work: Path) -> dict:
    made = joined([r for r in clips(args.data) if r[3] < 5], np.random.default_rng(1), 300)
    model = mw.load(args.bundle)
    wrong = whole = 0
    starts, ends = [], []
    spent = time.process_time()
    for i, (sound, words, times) in enumerate(made):
        place = work / f"{i}.wav"
        soundfile.write(place, np.clip(sound, -1, 1), RATE)
        answer = model.predict({"recording": str(place)}, scores=True)[0]
        said = answer["prediction"].split()
        bad = errors(words, said)
        wrong, whole = wrong + bad, whole + (bad == 0)
        if bad == 0:
            for w, (a, b) in zip(answer["scores"]["words"], times):
                starts.append(abs(w["start"] - a))
                ends.append(abs(w["end"] - b))
    seconds = sum(len(s) for s, _, _ in made) / RATE
    return {
        "wer": wrong / (5 * len(made)), "strings_right": whole / len(made), "start_median_ms": 1000 * float(np.median(starts)),
        "end_median_ms": 1000 * float(np.median(ends)), "both_median_ms": 1000 * float(np.median(starts + ends)),
        "real_time_factor": (time.process_time() - spent) / seconds,
    }  # fmt: skip


def speakers(args: argparse.Namespace, work: Path) -> dict:
    """One speaker at a time is tested on. Told who speaks, a run chooses by a speaker whom its candidates did not hear either."""
    rows, told = clips(args.data), ("recording", "text", "speaker")
    found = {}
    for name in args.only or sorted({r[2] for r in rows}):
        train, test = (
            table(work / "train.csv", [r for r in rows if r[2] != name], told),
            table(work / "test.csv", [r for r in rows if r[2] == name], told),
        )
        kept = f"{args.keep}-{name}"
        found[name] = fit(train, test, args.budget, kept, args.recipe, args.pretrained)["wer"]
        print(json.dumps({name: found[name]}), flush=True)
    return {"wer_by_speaker": found, "mean": float(np.mean(list(found.values())))}


def yesno(args: argparse.Namespace, work: Path) -> dict:
    rng = np.random.default_rng(0)
    args.data.mkdir(parents=True, exist_ok=True)
    rows = []
    for i in range(60):
        words = [str(w) for w in rng.choice(["kyllä", "ei"], 8)]
        place = args.data / f"{i}.wav"
        pitch, speed = int(rng.integers(35, 65)), int(rng.integers(130, 190))
        subprocess.run(
            [
                "espeak-ng",
                "-v",
                "fi",
                "-p",
                str(pitch),
                "-s",
                str(speed),
                "-g",
                "12",
                "-w",
                str(place),
                ", ".join(words),
            ],
            check=True,
        )
        rows.append((place.resolve(), " ".join(words)))
    return fit(
        table(work / "train.csv", rows[:30]),
        table(work / "test.csv", rows[30:]),
        args.budget,
        str(work / "run"),
        args.recipe,
    )


def chinese(args: argparse.Namespace, work: Path) -> dict:
    """Sentences as espeak-ng says their pinyin, at pitches and speeds of chance; the last fifth is tested on. Transcripts are the pinyin."""
    from modelwright.features.shared.speech_units import syllables

    rng = np.random.default_rng(0)
    args.data.mkdir(parents=True, exist_ok=True)
    lines = [line.strip() for line in args.sentences.read_text(encoding="utf-8").splitlines() if line.strip()]
    rows = []
    for i, line in enumerate(lines[: args.rows]):
        said = syllables("".join(c for c in line if "\u4e00" <= c <= "\u9fff"))
        place = args.data / f"{i}.wav"
        how = ["-p", str(rng.integers(35, 65)), "-s", str(rng.integers(130, 190))]
        subprocess.run(["espeak-ng", "-v", "cmn-latn-pinyin", *how, "-w", str(place), " ".join(said)], check=True)
        rows.append((place.resolve(), " ".join(said)))
    cut = len(rows) * 4 // 5
    train, test = table(work / "train.csv", rows[:cut]), table(work / "test.csv", rows[cut:])
    return fit(train, test, args.budget, args.keep, args.recipe)


_VOICES = ("flite slt", "flite rms", "espeak-ng en-us")
_FOURTH, _UNSEEN = "flite awb", 200


def spoken(voice: str, text: str, place: Path) -> Path:
    """Have a voice read a text into a file that is not there yet."""
    program, name = voice.split()
    how = ["-voice", name, "-t", text, "-o", str(place)] if program == "flite" else ["-v", name, "-w", str(place), text]
    if not place.is_file():
        subprocess.run([program, *how], check=True)
    return place.resolve()


def sentences(args: argparse.Namespace, work: Path) -> dict:
    """Sentences (the first column of a file) read by three voices; 200 others by a fourth are tested on. The language model reads the rest of the file.

    How hard the fourth is depends on which it is (awb is a Scot, kal16 joins diphones, voices of espeak-ng are near kin), so further ones, `--also`, read
    the same 200 and are scored by the model once it is made.
    """
    args.data.mkdir(parents=True, exist_ok=True)
    lines = [line.split("\t")[0].strip() for line in args.sentences.read_text(encoding="utf-8").splitlines()]
    fitting = [s for s in dict.fromkeys(lines) if 20 <= len(s) <= 60 and re.fullmatch(r"[A-Za-z ,.'?!]+", s)]
    order = np.random.default_rng(1).permutation(len(fitting))
    chosen = [fitting[i] for i in order]
    unseen, learnt, others = chosen[:_UNSEEN], chosen[_UNSEEN : _UNSEEN + args.rows], chosen[_UNSEEN:]
    rows = [(spoken(_VOICES[i % 3], t, args.data / f"{i}.wav"), t) for i, t in enumerate(learnt)]
    test = [(spoken(_FOURTH, t, args.data / f"unseen-{i}.wav"), t) for i, t in enumerate(unseen)]
    (work / "lm.txt").write_text("\n".join(others) + "\n", encoding="utf-8")
    places = table(work / "train.csv", rows), table(work / "test.csv", test)
    found = fit(*places, args.budget, args.keep, args.recipe, args.pretrained, lm=str(work / "lm.txt"))
    model = mw.load(args.keep)
    for voice in args.also:
        named = voice.replace(" ", "-")
        rows = [(spoken(voice, t, args.data / f"unseen-{named}-{i}.wav"), t) for i, t in enumerate(unseen)]
        found.setdefault("also", {})[voice] = wrong(model, rows)
        print(json.dumps({voice: found["also"][voice]}), flush=True)
    return found


def wrong(model: mw.Predictor, rows: list[tuple]) -> float:
    """Return the word error rate of recordings with texts, both by the rules of the model."""
    rules = model.target.rules
    texts = [words_of(rules.apply(t)) for _, t in rows]
    told = [words_of(a["prediction"]) for a in model.predict([{"recording": str(p)} for p, _ in rows])]
    return sum(map(errors, texts, told)) / sum(map(len, texts))


def main() -> None:
    """Measure one bar."""
    import tempfile

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["digits", "strings", "speakers", "yesno", "chinese", "sentences"])
    parser.add_argument("data", type=Path)
    parser.add_argument("--budget", default="10m")
    parser.add_argument("--keep", default=None, help="name of the run of `digits`")
    parser.add_argument("--bundle", default=None, help="the run that `strings` asks")
    parser.add_argument("--recipe", action="append", default=[])
    parser.add_argument(
        "--sentences", type=Path, help="sentences, one a line, that `chinese` and `sentences` have spoken"
    )
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--pretrained", action="append", default=[])
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument(
        "--also", action="append", default=[], help="a further voice that `sentences` tests on: `flite kal16`"
    )
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        args.bundle = args.bundle and str(Path(args.bundle).resolve())
        args.keep = args.keep or str(Path(work) / "digits")
        print(json.dumps({"what": args.what, **globals()[args.what](args, Path(work))}), flush=True)


if __name__ == "__main__":
    main()
