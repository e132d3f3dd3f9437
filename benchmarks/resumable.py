"""Many runs of the command line side by side, each result kept at once, so that a stopped benchmark goes on where it was.

Used by `media_science.py` and `media_mixture.py`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any


def results(path: Path) -> dict[str, dict[str, Any]]:
    """Return what a file of JSON lines holds, by `key`; a last line that was cut short is left out."""
    out: dict[str, dict[str, Any]] = {}
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue
            out[row["key"]] = row
    return out


def run_all(runs: Mapping[str, Sequence[str]], path: Path, jobs: int, out: Path, command: str = "modelwright") -> dict[str, dict[str, Any]]:  # fmt: skip
    """Run `modelwright run` with every argument list whose key has no result in `path` yet, `jobs` at a time.

    Processes share the cores. Each result (`key`, `metrics`, `winner`, `folder`, `seconds`) is a line added to `path`
    as soon as it is there; a run that fails is told on standard error, and is tried again next time.
    """
    done, lock = results(path), threading.Lock()
    path.parent.mkdir(parents=True, exist_ok=True)
    shared = {**os.environ, "MODELWRIGHT_THREADS": str(max(1, (os.cpu_count() or 1) // jobs))}

    def one(item: tuple[str, Sequence[str]]) -> None:
        key, args = item
        start = time.monotonic()
        call = [command, "run", *args, "--json", "--out", str(out), "--name", key]
        ended = subprocess.run(call, capture_output=True, text=True, env=shared)
        if ended.returncode not in (0, 3):
            print(f"{key}: {ended.stderr.strip()[-300:]}", file=sys.stderr, flush=True)
            return
        found = json.loads(ended.stdout.splitlines()[-1])
        row = {
            "key": key, "metrics": {k: v["value"] for k, v in found["metrics"].items()}, "winner": found["winner"],
            "folder": str(out / key), "seconds": round(time.monotonic() - start, 1),
        }  # fmt: skip
        with lock, path.open("a", encoding="utf-8") as f:
            whole = path.stat().st_size == 0 or path.read_bytes().endswith(b"\n")
            f.write(("" if whole else "\n") + json.dumps(row, ensure_ascii=False) + "\n")
            done[key] = row
        print(f"{key}: {len(done)} done, {row['seconds']}s", file=sys.stderr, flush=True)

    with ThreadPoolExecutor(max(1, jobs)) as pool:
        list(pool.map(one, [i for i in runs.items() if i[0] not in done]))
    return {k: done[k] for k in runs if k in done}
