"""A simulated year on Banking77: new intents appear, users correct some answers, and the name is improved.

    python benchmarks/year.py --data /data --corrected 0.05

A first model knows 57 of 77 intents. Questions come, among them more and more of new intents; for 5 % of the
answers somebody tells what is right. Six times in the year `modelwright improve` is walked with a linear model as training: corrections become
rows, the challenger is judged on the old test rows and on fresh feedback, and promoted if it is better. At the end the
champion is compared with the first model, which stood still, on the official test rows: new intents and old ones. The same
is done with rows chosen by active learning in place of chance, at equal numbers of labels.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.config import make_config
from modelwright.core.events import EventStream
from modelwright.core.recipe import get_recipe
from modelwright.core.run import write_json
from modelwright.core.task import get_task
from modelwright.improve.attempt import Asked, Parts, improve
from modelwright.improve.choose.pick import pick
from modelwright.improve.choose.vectors import vectors_of
from modelwright.improve.judge import judged_on
from modelwright.improve.source import Source
from modelwright.pipeline.intake import get_data
from modelwright.release.bundle import Predictor, save
from modelwright.release.registry.store import Registry
from modelwright.testing import context


def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return texts [N] and intents [N]."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [(r["text"], r["category"]) for r in csv.DictReader(file)]
    return np.array([r[0] for r in rows], object), np.array([r[1] for r in rows], object)


def table_of(texts: Sequence[Any], intents: Sequence[Any]) -> pa.Table:
    return pa.table({"text": pa.array(list(texts), pa.string()), "category": pa.array(list(intents), pa.string())})


def fit(rows: pa.Table, name: str) -> Predictor:
    """Return a linear model as one candidate of a run would be fitted."""
    task, recipe = get_task("classification"), get_recipe("linear")
    config = make_config(data="memory", target="category", column={"text": "text"}, budget="10m", public=True)
    table = get_data(config, rows, EventStream()).table
    target = task.fit_target(table.column("category"), table.schema["category"])
    order = np.random.default_rng(0).permutation(len(table))
    held = max(50, len(table) // 10)
    options = recipe.variants(table.schema, target, len(table))[0]
    first = recipe.fit(table.take(order[held:]), table.take(order[:held]), options, context(task, target))
    whole = recipe.fit(table, None, options, context(task, target, extent=first.extent))
    predictor = Predictor(task, table.schema, target, [(1.0, whole)], name=name)
    predictor.card = {"name": name, "asked": False, "metric": "accuracy"}  # type: ignore[typeddict-item]
    return predictor


class Year:
    """One year under one way to choose what is labelled."""

    def __init__(self, way: str, asked: Any, pool: Any, first: Any, test: Any, new: set[str], folder: Path) -> None:
        self.way, self.asked, self.new = way, asked, new
        self.texts, self.intents = pool
        self.first, self.test, self.folder = first, test, folder
        self.registry = Registry(folder / "registry.db", folder / "bundles")
        self.told: list[Any] = []
        self.rng = np.random.default_rng(asked.seed)

    def train(self, source: Source, rows: pa.Table, test: Any, **more: Any) -> Path:
        return self.write(fit(rows, "bank"))

    def write(self, predictor: Predictor) -> Path:
        run = self.folder / f"run{len(list(self.folder.glob('run*')))}"
        save(predictor, run / "bundle", {"card.md": "# bank\n"})
        write_json(run / "report.json", {"metrics": [], "verdict": ["", ""]})
        return run

    def walk(self, frozen: Predictor) -> dict[str, float]:
        """Walk the year and return the right answers in percent at the end."""
        source = Source(
            run=self.folder, target="category", state="same", rows=self.first, test=self.test,
            modalities={"text": "text"}, recipes=("linear",),
        )  # fmt: skip
        self.registry.release(self.write(frozen), "bank")
        parts = Parts(lambda gist: self.told, lambda run, place: source, self.train)
        order = sorted(self.new)
        for part in range(self.asked.rounds):
            known = set(order[: round(len(order) * min(1.0, (part + 1) / (0.75 * self.asked.rounds)))])
            may = np.flatnonzero([i not in self.new or i in known for i in self.intents])
            asked = self.rng.choice(may, min(self.asked.questions, len(may)), replace=False)
            champion = self.registry.load("bank")
            count = round(self.asked.corrected * len(asked))
            chosen = asked[self.choose(champion, asked, count)]
            answers = [a["prediction"] for a in champion.predict(table_of(self.texts[chosen], self.intents[chosen]))]
            for k, (at, answer) in enumerate(zip(chosen, answers, strict=True)):
                when = time.time() - 0.8 + 0.01 * k  # after the last attempt, before the next
                self.told.append(
                    SimpleNamespace(
                        id=f"{part}.{at}",
                        row={"text": self.texts[at]},
                        answer=self.intents[at],
                        told_at=when,
                        answered_at=when,
                        subject=None,
                        votes=1,
                        agree=1.0,
                        correct=answer == self.intents[at],
                    )
                )
            made = improve(self.registry, "bank", parts, Asked(promote="if-better"))
            fresh = made.facts["fresh"] or {"champion": float("nan"), "challenger": float("nan")}
            print(
                f"  {self.way:7s} round {part + 1:2d}: {len(chosen)} labels, fresh {fresh['champion']:.2f} -> "
                f"{fresh['challenger']:.2f}, {made.decision}",
                flush=True,
            )
        return self.score(self.registry.load("bank"))

    def choose(self, champion: Predictor, asked: np.ndarray, count: int) -> np.ndarray:
        if self.way == "random":
            return self.rng.choice(len(asked), count, replace=False)
        table, _ = champion.table(table_of(self.texts[asked], self.intents[asked]))
        return pick(champion.scores(table), vectors_of(table), count, seed=self.asked.seed)

    def score(self, predictor: Predictor) -> dict[str, float]:
        texts, intents = read(self.asked.data / "banking77" / "test.csv")
        judged = judged_on(predictor, table_of(texts, intents), "category")
        right, new = judged.chosen == judged.truth, np.isin(intents, list(self.new))
        return {"new": 100 * float(right[new].mean()), "old": 100 * float(right[~new].mean())}


def main() -> int:
    """Print the figures; return 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("MODELWRIGHT_DATA", "data")))
    parser.add_argument("--corrected", type=float, default=0.05, help="share of the answers that are corrected")
    parser.add_argument("--rounds", type=int, default=6, help="times that the name is improved in the year")
    parser.add_argument("--questions", type=int, default=1500, help="that come from one time to the next")
    parser.add_argument("--new", type=int, default=20, help="intents that appear during the year")
    parser.add_argument("--ways", default="random,active")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    texts, intents = read(asked.data / "banking77" / "train.csv")
    rng = np.random.default_rng(asked.seed)
    new = set(rng.choice(sorted(set(intents)), asked.new, replace=False))
    old = rng.permutation(np.flatnonzero([i not in new for i in intents]))
    first, test = old[: len(old) // 2], old[len(old) // 2 : len(old) * 6 // 10]
    stream = np.setdiff1d(np.arange(len(texts)), np.concatenate([first, test]))
    began = time.monotonic()
    frozen = fit(table_of(texts[first], intents[first]), "bank")
    found: dict[str, dict[str, float]] = {}
    for way in asked.ways.split(","):
        with tempfile.TemporaryDirectory() as name:
            os.environ["MODELWRIGHT_LEDGER"] = str(Path(name) / "ledger.jsonl")
            year = Year(
                way, asked, (texts[stream], intents[stream]), table_of(texts[first], intents[first]),
                table_of(texts[test], intents[test]), new, Path(name),
            )  # fmt: skip
            found.setdefault("frozen", year.score(frozen))
            found[way] = year.walk(frozen)
    print(f"right on the official test rows, {asked.new} new intents of 77 ({time.monotonic() - began:.0f} s):")
    for way, scores in found.items():
        print(f"  {way:8s} new intents {scores['new']:5.1f} %   old intents {scores['old']:5.1f} %")
    best = found.get("random") or next(iter(list(found.values())[1:]))
    missed = best["new"] < found["frozen"]["new"] + 10 or best["old"] < found["frozen"]["old"] - 0.5
    if {"random", "active"} <= set(found):
        gain = found["active"]["new"] - found["random"]["new"]
        print(f"active learning above chance at equal labels: {gain:+.1f} points on the new intents")
        missed = missed or gain < 3
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
