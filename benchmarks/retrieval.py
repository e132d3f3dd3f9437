"""The quality bars of retrieval and of question pairs.

    MODELWRIGHT_DATA=/path/to/data python benchmarks/retrieval.py [covid] [pairs]

`covid`: 213 English questions with answers; 244 paraphrases of them must find their document (question and answer).
BM25, the packaged MiniLM as it came (extra `minilm`), and both fused. The share and constant of the fusion are chosen on four
fifths of the queries and judged on the other fifth, in turn. Bar: the hybrid's MRR@10 is above both others'.

`pairs`: Chinese question pairs, trained on ATEC, tested once on the test files of ATEC_CCKS and BQ (no row of theirs is
trained on; ATEC_CCKS test pairs that stand in ATEC's training file are left out). Bar: on ATEC_CCKS the area under the ROC
curve is 5 points above that of a TF-IDF cosine; accuracy is printed for both too.

Uses one thread. Ends with 1 where a bar is missed.
"""

from __future__ import annotations

import csv
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from quality import data_folder

from modelwright.core.bases import BaseModels
from modelwright.core.recipe import get_recipe
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.task import get_task
from modelwright.testing import context, judged

Pair = tuple[str, str, str]


def covid(data: Path) -> bool:
    """Judge the three on the COVID questions."""
    with (data / "covid-faq" / "faq_covidbert.csv").open(encoding="utf-8") as f:
        asked: dict[str, str] = {}
        for r in csv.DictReader(f):
            asked.setdefault(r["question"].strip(), f"{r['question'].strip()}\n{r['answer']}")
    with (data / "covid-faq" / "eval_question_similarity_en.csv").open(encoding="utf-8") as f:
        rows = [r for r in csv.DictReader(f) if float(r["similar"]) == 1 and r["question_1"].strip() in asked]
    schema = Schema((Column("query", "text"), Column("document", "text", "target")))
    columns = {"query": [r["question_2"] for r in rows], "document": [asked[r["question_1"].strip()] for r in rows]}
    table = Table.of(pa.table(columns), schema)
    task = get_task("retrieval")
    target = task.fit_target(table.column("document"), schema["document"])
    part = np.random.default_rng(0).permutation(len(table)) % 5
    values = {}
    for name in ("bm25", "pretrained-sentence", "hybrid-search"):
        recipe = get_recipe(name)
        recipe.bases = BaseModels({"text": ("minilm",)})
        options = recipe.variants(schema, target, len(table))[0]
        scores = np.empty((len(table), 1), object)
        started = time.process_time()
        # what is not tuned is the same in every part
        for fold in range(5) if name == "hybrid-search" else [0]:
            held = np.flatnonzero(part == fold) if name == "hybrid-search" else np.arange(len(table))
            learnt = np.flatnonzero(part != fold)
            model: Any = recipe.fit(table.take(learnt), None, options, context(task, target))
            model.set_documents(list(asked.values()))
            scores[held] = model.judge(table.take(held))
        found = judged(table, target, scores)
        values[name] = {m.name: m(found) for m in task.metrics}
        shown = "  ".join(f"{k} {v:.4f}" for k, v in values[name].items())
        print(f"covid   {name:20} {shown}   {time.process_time() - started:.0f} s of CPU", flush=True)
    best = max(values["bm25"]["mrr"], values["pretrained-sentence"]["mrr"])
    met = values["hybrid-search"]["mrr"] > best
    print(f"covid   hybrid above both: {'met' if met else 'MISSED'}", flush=True)
    return met


def _read(path: Path, delimiter: str, header: bool) -> list[Pair]:
    with path.open(encoding="utf-8-sig", newline="") as f:
        rows = list(
            csv.reader(f, delimiter=delimiter, quoting=csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL)
        )
    return [(a.strip("\ufeff "), b.strip("\ufeff "), label) for *_, a, b, label in rows[header:] if label in ("0", "1")]


def pairs(data: Path) -> bool:
    """Train on ATEC and judge on other files, against a TF-IDF cosine."""
    from modelwright import fit

    folder = data / "zh-pair-matching"
    train = _read(folder / "ATEC" / "atec_nlp_sim_train.csv", "\t", False)
    known = {frozenset(p[:2]) for p in train}
    tests = {
        "ATEC_CCKS": _read(folder / "ATEC_CCKS" / "test.csv", "\t", True),
        "BQ": _read(folder / "BQ_corpus" / "test.csv", ",", True),
    }
    tests = {n: [p for p in rows if frozenset(p[:2]) not in known] for n, rows in tests.items()}

    def columns(rows: list[Pair]) -> dict[str, list[Any]]:
        return {"text1": [r[0] for r in rows], "text2": [r[1] for r in rows], "label": [int(r[2]) for r in rows]}

    results: dict[str, dict[str, tuple[float, float]]] = {}
    for name, recipes in (
        ("tfidf", ["same-text", "tfidf"]),
        ("model", ["same-text", "tfidf", "pair-linear", "sentence-encoder"]),
    ):
        with tempfile.TemporaryDirectory() as work:
            run = fit(
                columns(train), "label", task="sentence-similarity", budget="60s" if name == "tfidf" else "10m", refit=False, out=work,
                recipes=recipes, search="none", column={"label": "category"}, test_fraction=0.02,
            )  # fmt: skip
            print(f"pairs   {name:8} {' + '.join(run.facts['winner'])}", flush=True)
            for row in run.facts["leaderboard"]:
                said = f"{row['value']:.4f}" if row["status"] == "ok" else row["reason"][0]
                print(f"pairs     validation {row['name']:20} {said}", flush=True)
            predictor = run.predictor
            for test, rows in tests.items():
                schema = predictor.schema
                table, _ = predictor.table([{"text1": a, "text2": b} for a, b, _ in rows])
                scores = predictor.scores(table)
                whole = Table(table.data.append_column("label", pa.array([r[2] for r in rows])), schema, table.rows)
                found = judged(whole, predictor.target, scores)
                task = predictor.task
                results.setdefault(test, {})[name] = (task.metric("auc")(found), task.metric("accuracy")(found))
    met = True
    for test, by in results.items():
        (auc, accuracy), (auc0, accuracy0) = by["model"], by["tfidf"]
        gain = auc - auc0
        if test == "ATEC_CCKS":
            met = gain >= 0.05
        print(
            f"pairs   {test:10} {len(tests[test])} pairs  AUC {auc:.4f} (TF-IDF {auc0:.4f}, {100 * gain:+.1f} points)  "
            f"accuracy {accuracy:.4f} (TF-IDF {accuracy0:.4f})",
            flush=True,
        )
    print(f"pairs   5 points of AUC above TF-IDF on ATEC_CCKS: {'met' if met else 'MISSED'}", flush=True)
    return met


if __name__ == "__main__":
    folder = data_folder()
    wanted = sys.argv[1:] or ["covid", "pairs"]
    sys.exit(0 if all({"covid": covid, "pairs": pairs}[name](folder) for name in wanted) else 1)
