"""The quality bars of speech to text, each through the command line's own path.

    python benchmarks/speech.py digits FSDD/recordings --budget 10m --keep digits
    python benchmarks/speech.py strings FSDD/recordings --bundle digits
    python benchmarks/speech.py speakers FSDD/recordings --budget 3m
    python benchmarks/speech.py chinese FOLDER --sentences SENTENCES.txt --budget 10m
    python benchmarks/speech.py sentences FOLDER --sentences SENTENCES.txt --rows 2000 --budget 30m --keep sentences
    python benchmarks/speech.py streams FSDD/recordings --bundle digits --streams 8
    python benchmarks/speech.py long FSDD/recordings --bundle digits
    python benchmarks/speech.py yesno FOLDER --budget 5m     # made here by espeak-ng: two Finnish words in strings of eight

`digits` is the official split (recordings 0 to 4 are tested on). `strings` joins 5 test clips of one speaker with pauses and noise, and measures words,
strings and times. `speakers` leaves one speaker out at a time. `streams` serves the run and speaks into it through several microphones at once, as fast as people do:
the seconds from the end of a word to when it is first told. `long` has 5 and 30 minutes of sound written down by the service and by `predict`, and
tells the most memory that either held. One line of JSON for each.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

import modelwright as mw
from modelwright.features.shared.edit_distance import errors

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


def table(path: Path, rows: list[tuple]) -> str:
    """Write recordings and texts as CSV."""
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["recording", "text"])
        out.writerows((str(r[0]), r[1]) for r in rows)
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
    rows = clips(args.data)
    found = {}
    for name in args.only or sorted({r[2] for r in rows}):
        train, test = (
            table(work / "train.csv", [r for r in rows if r[2] != name]),
            table(work / "test.csv", [r for r in rows if r[2] == name]),
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
    """Sentences (the first column of a file) read by three voices; 200 others by a fourth are tested on. The language model reads the rest of the file."""
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
    return fit(*places, args.budget, args.keep, args.recipe, lm=str(work / "lm.txt"))


class Served:
    """The service of a run in a process of its own, and the head of requests with a key of it."""

    def __init__(self, run: str, work: Path) -> None:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        from modelwright.serve.keys import add_key

        keys = work / "keys.json"
        self.head = {"Authorization": f"Bearer {add_key(keys, 'bench', rows_per_minute=10_000_000)}"}
        told = [
            sys.executable, "-m", "modelwright", "serve", run, "--port", str(self.port), "--key-file", str(keys)
        ]  # fmt: skip
        here = {**os.environ, "MODELWRIGHT_LEDGER": str(work / "ledger.jsonl")}
        self.process = subprocess.Popen(told, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=here)
        for _ in range(1200):
            if self.process.poll() is not None:
                break
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise SystemExit("the service did not start")

    def peak(self, *, fresh: bool = False) -> float:
        """Return the most megabytes that it has held, since it was last asked to begin afresh."""
        place = Path(f"/proc/{self.process.pid}")
        if fresh:
            (place / "clear_refs").write_text("5")
        return int(re.search(r"VmHWM:\s+(\d+)", (place / "status").read_text())[1]) / 1024

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(40)


async def speak_into(served: Served, samples: np.ndarray, ends: list[float]) -> tuple[list[float], list[float], float]:
    """Speak into one microphone in real time; return for each word the seconds from its end until it was first told, and until it was
    told for good (after a pause of half a second, or when the stream ends), and the seconds from the last sound to the end."""
    import websockets

    first: dict[int, float] = {}
    good: dict[int, float] = {}
    step = RATE // 10
    pcm = (np.clip(samples, -1, 1) * 32767).astype("<i2")
    address = f"ws://127.0.0.1:{served.port}/v1/audio/stream?rate={RATE}"
    async with websockets.connect(address, additional_headers=served.head) as socket:
        assert json.loads(await socket.recv())["type"] == "ready"
        began = time.perf_counter()

        async def listened() -> None:
            async for message in socket:
                now, event = time.perf_counter() - began, json.loads(message)
                if event["type"] == "done":
                    return
                for word in event.get("words", []):
                    near = int(np.argmin([abs(word["end"] - e) for e in ends]))
                    first.setdefault(near, now - ends[near])
                    if event["type"] == "final":
                        good.setdefault(near, now - ends[near])
            raise SystemExit("a stream ended before it was done")

        hears = asyncio.create_task(listened())
        for at in range(0, len(pcm), step):
            await asyncio.sleep(max(0.0, began + (at + step) / RATE - time.perf_counter()))
            await socket.send(pcm[at : at + step].tobytes())
        await socket.send(json.dumps({"type": "end"}))
        ended = time.perf_counter()
        await hears
    return list(first.values()), list(good.values()), time.perf_counter() - ended


def streams(args: argparse.Namespace, work: Path) -> dict:
    """One microphone alone, then several at once; each says strings of digits for about `--seconds`."""
    out: dict[str, Any] = {}
    test = [r for r in clips(args.data) if r[3] < 5]
    served = Served(args.bundle, work)
    try:
        for count in (1, args.streams):
            said = []
            for k in range(count):
                made = joined(test, np.random.default_rng(k), int(args.seconds / 3.5))
                sizes = np.cumsum([0, *(len(m[0]) for m in made)]) / RATE
                ends = [at + t for at, (_, _, times) in zip(sizes, made) for _, t in times]
                said.append((np.concatenate([m[0] for m in made]), ends))
            spent = processor(served.process.pid)

            async def together(said: list[Any] = said) -> list[Any]:
                return await asyncio.gather(*(speak_into(served, *s) for s in said))

            waits = asyncio.run(together())
            medians = [float(np.median(first)) for first, _, _ in waits]
            out[f"{count}_at_once"] = {
                "words_said": sum(len(s[1]) for s in said), "words_told": sum(len(good) for _, good, _ in waits),
                "first_told_median_s": float(np.median(np.concatenate([w[0] for w in waits]))),
                "best_stream_median_s": min(medians), "worst_stream_median_s": max(medians),
                "latest_first_told_s": max(max(w[0]) for w in waits),
                "for_good_median_s": float(np.median(np.concatenate([w[1] for w in waits]))),
                "latest_for_good_s": max(max(w[1]) for w in waits), "end_to_done_s": max(w[2] for w in waits),
                "processor_s_per_s_of_sound": (processor(served.process.pid) - spent) / sum(len(s[0]) / RATE for s in said),
            }  # fmt: skip
    finally:
        served.stop()
    return out


def processor(pid: int) -> float:
    """Return the seconds of processor time that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def transcribed(served: Served, place: Path) -> Any:
    """Return what the service answers to a file."""
    import urllib.request

    edge = "edge-of-the-form"
    form = (
        f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\n'
    )
    body = form.encode() + place.read_bytes() + f"\r\n--{edge}--\r\n".encode()
    head = served.head | {"Content-Type": f"multipart/form-data; boundary={edge}"}
    asked = urllib.request.Request(f"http://127.0.0.1:{served.port}/v1/audio/transcriptions", body, head)
    with urllib.request.urlopen(asked, timeout=3600) as answer:
        return json.load(answer)


def long(args: argparse.Namespace, work: Path) -> dict:
    """Recordings of 5 and 30 minutes: through the service, and through `predict`."""
    test = [r for r in clips(args.data) if r[3] < 5]
    five = np.concatenate([m[0] for m in joined(test, np.random.default_rng(0), 100)])[: 300 * RATE]
    out: dict[str, Any] = {}
    served = Served(args.bundle, work)
    try:
        for minutes in (5, 30):
            place = work / f"{minutes}.wav"
            soundfile.write(place, np.clip(np.resize(five, minutes * 60 * RATE), -1, 1), RATE)
            before, start = served.peak(fresh=True), time.time()
            answer = transcribed(served, place)
            words = len(answer["text"].split())
            out[f"served_{minutes}_min"] = {
                "before_mb": before, "peak_mb": served.peak(), "words": words, "seconds": time.time() - start
            }  # fmt: skip
    finally:
        served.stop()
    for minutes in (5, 30):
        (work / "one.csv").write_text(f"recording\n{work / f'{minutes}.wav'}\n", encoding="utf-8")
        told = [sys.executable, "-m", "modelwright", "predict", args.bundle, "one.csv", "--out", "said.csv"]
        start = time.time()
        process = subprocess.Popen(told, cwd=work, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        if status:
            raise SystemExit("predict failed")
        words = len((work / "said.csv").read_text(encoding="utf-8").split())
        out[f"predict_{minutes}_min"] = {
            "peak_mb": used.ru_maxrss / 1024,
            "words": words,
            "seconds": time.time() - start,
        }
    return out


def main() -> None:
    """Measure one bar."""
    import tempfile

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "what", choices=["digits", "strings", "speakers", "yesno", "chinese", "sentences", "streams", "long"]
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--budget", default="10m")
    parser.add_argument("--keep", default=None, help="name of the run of `digits`")
    parser.add_argument("--bundle", default=None, help="the run that `strings`, `streams` and `long` ask")
    parser.add_argument("--streams", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=60.0, help="that each microphone of `streams` is spoken into")
    parser.add_argument("--recipe", action="append", default=[])
    parser.add_argument(
        "--sentences", type=Path, help="sentences, one a line, that `chinese` and `sentences` have spoken"
    )
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--pretrained", action="append", default=[])
    parser.add_argument("--only", action="append", default=[])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        args.bundle = args.bundle and str(Path(args.bundle).resolve())
        args.keep = args.keep or str(Path(work) / "digits")
        print(json.dumps({"what": args.what, **globals()[args.what](args, Path(work))}), flush=True)


if __name__ == "__main__":
    main()
