"""What a service and `predict` do with speech that goes on: several microphones at once, recordings of 5 and 30 minutes.

    python benchmarks/speech_served.py streams FSDD/recordings --bundle digits --streams 8
    python benchmarks/speech_served.py long FSDD/recordings --bundle digits

`streams` serves the run and speaks into it through several microphones at once, as fast as people do: the seconds from the end of a word to when it is
first told. `long` has 5 and 30 minutes of sound written down by the service and by `predict`, and tells the most memory that either held. The words are
digits, joined by `benchmarks/speech.py`, which also trains the run. One line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from speech import RATE, clips, joined


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
    """Measure one of the two."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["streams", "long"])
    parser.add_argument("data", type=Path)
    parser.add_argument("--bundle", required=True, help="the run that is asked")
    parser.add_argument("--streams", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=60.0, help="that each microphone of `streams` is spoken into")
    args = parser.parse_args()
    args.bundle = str(Path(args.bundle).resolve())
    with tempfile.TemporaryDirectory() as work:
        measured = {"streams": streams, "long": long}[args.what](args, Path(work))
    print(json.dumps({"what": args.what, **measured}), flush=True)


if __name__ == "__main__":
    main()
