"""Answers from own documents: COVID FAQ (English), found, cited and refused rightly, by words, by vectors and by both.

    MODELWRIGHT_DATA=/path/to/data python benchmarks/answers.py [RECIPE ...]

The FAQ's questions and answers are the knowledge; the labelled pairs that mean the same are questions to it, none of which
is seen before the test. Every fourth stored answer is taken out of the knowledge: questions to it should be refused. Only
the first answer counts that belongs to the stored question of a pair, though other sources' answers may do as well, so 1.0
cannot be reached. Needs the extras `pretrained` and `minilm`. Bar: both together find more than either alone.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

RECIPES = ("answer-nothing", "answer-bm25", "answer-dense", "answer-hybrid")
METRICS = ("handled", "found_1", "found_5", "cited", "refused", "wrongly_refused")


def data_folder() -> Path:
    """Return the benchmark data, or end with a word on how to name it."""
    place = os.environ.get("MODELWRIGHT_DATA")
    if not place or not Path(place).is_dir():
        sys.exit("Set MODELWRIGHT_DATA to the folder that holds the benchmark data sets; nothing was run.")
    return Path(place)


def rows(path: Path) -> list[dict[str, str]]:
    """Return a CSV's rows."""
    with path.open(encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


def write(path: Path, head: list[str], lines: list[list[str]]) -> Path:
    """Write a CSV and return its path."""
    with path.open("w", newline="", encoding="utf-8") as f:
        csv.writer(f).writerows([head, *lines])
    return path


def prepare(data: Path, work: Path) -> tuple[Path, Path]:
    """Write knowledge and questions; questions to answers that were taken out have no answer."""
    stored: dict[str, str] = {}
    for r in rows(data / "covid-faq" / "faq_covidbert.csv"):
        stored.setdefault(r["question"].strip(), r["answer"].strip())
    out = set(list(stored)[3::4])
    pairs = [
        r for r in rows(data / "covid-faq" / "eval_question_similarity_en.csv") if r["similar"].strip() in ("1", "1.0")
    ]
    asked = [(r["question_1"].strip(), r["question_2"].strip()) for r in pairs]
    asked = [(a, b) for a, b in dict.fromkeys(asked) if a in stored and b not in stored]
    kept = [[q, a] for q, a in stored.items() if q not in out and a not in {stored[o] for o in out}]
    questions = [[b, "" if a in out else stored[a]] for a, b in asked]
    return write(work / "faq.csv", ["question", "answer"], kept), write(
        work / "asked.csv", ["question", "answer"], questions
    )


def main() -> None:
    """Run every recipe by itself and print a line for each."""
    data = data_folder()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        faq, asked = prepare(data, work)
        told = rows(asked)
        none = sum(not r["answer"] for r in told)
        print(f"{len(rows(faq))} stored answers, {len(told)} questions, {none} of them to be refused")
        print(f"{'recipe':16}" + "".join(f"{m:>17}" for m in METRICS))
        for recipe in sys.argv[1:] or RECIPES:
            command = ["run", str(faq), "--task", "question-answering", "--test", str(asked), "--recipe", recipe, "--budget",
                       "10m", "--search", "none", "--pretrained", "minilm", "--name", recipe, "--out", str(work / "runs"), "-q"]  # fmt: skip
            done = subprocess.run([sys.executable, "-m", "modelwright.cli", *command], check=False)
            if done.returncode not in (0, 3):
                sys.exit(f"{recipe} ended with {done.returncode}")
            facts = json.loads((work / "runs" / recipe / "report.json").read_text(encoding="utf-8"))
            found = {m["name"]: m["value"] for m in facts["metrics"]}
            print(f"{recipe:16}" + "".join(f"{found[m]:17.3f}" for m in METRICS), flush=True)


if __name__ == "__main__":
    main()
