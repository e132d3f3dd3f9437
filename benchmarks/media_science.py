"""The quality bars of molecules, sequences and ordered labels, through the command line where that is how it is used.

    MODELWRIGHT_DATA=/path/to/data python benchmarks/media_science.py [NAME ...]
    MODELWRIGHT_DATA=/path/to/data python benchmarks/media_science.py asap --jobs 2 --done asap.jsonl

Prints what `quality.py` prints. With `--done` the 40 runs of `asap` are processes of their own, `--jobs` at a time, and
each result is a line of that file: started again, those that are done are left out. `promoters` is leave-one-out in Python: see `leave_one_out`. Run by hand or by name;
never part of the unit tests.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from quality import Bar, data_folder, measure, write
from resumable import run_all

csv.field_size_limit(1 << 24)


def _molecules(data: Path, work: Path, file: str, smiles: str, target: str, classes: bool) -> tuple[str, str, str]:
    """Write SMILES and target, whole and as the 80/20 split of scikit-learn's train_test_split, seed 0."""
    from sklearn.model_selection import train_test_split

    with (data / "moleculenet" / file).open(encoding="utf-8") as f:
        rows = [[r[smiles], r[target]] for r in csv.DictReader(f)]
    train, test = train_test_split(
        rows, test_size=0.2, random_state=0, stratify=[r[1] for r in rows] if classes else None
    )
    parts = (("all", rows), ("train", train), ("test", test))
    whole, a, b = (write(work / f"{name}.csv", ["smiles", "target"], part) for name, part in parts)
    return whole, a, b


_ESOL = ("ESOL_delaney-processed.csv", "smiles", "measured log solubility in mols per litre", False)
_BACE = ("bace.csv", "smiles", "Class", True)


def esol(data: Path, work: Path) -> list[list[str]]:
    """ESOL from SMILES alone, random split."""
    _, a, b = _molecules(data, work, *_ESOL)
    return [[a, "-t", "target", "--test", b, "-m", "rmse", "-b", "2m"]]


def esol_scaffold(data: Path, work: Path) -> list[list[str]]:
    """ESOL from SMILES alone, our own scaffold split: reported, not a bar."""
    whole, _, _ = _molecules(data, work, *_ESOL)
    return [[whole, "-t", "target", "--split", "scaffold", "-m", "rmse", "-b", "2m"]]


def bace(data: Path, work: Path) -> list[list[str]]:
    """BACE from SMILES alone, random split."""
    _, a, b = _molecules(data, work, *_BACE)
    return [[a, "-t", "target", "--test", b, "-m", "roc_auc", "-b", "2m"]]


def bace_scaffold(data: Path, work: Path) -> list[list[str]]:
    """BACE from SMILES alone, our own scaffold split: reported, not a bar."""
    whole, _, _ = _molecules(data, work, *_BACE)
    return [[whole, "-t", "target", "--split", "scaffold", "-m", "roc_auc", "-b", "2m"]]


def asap(data: Path, work: Path) -> list[list[str]]:
    """ASAP essays, eight prompts, five official folds: 40 runs, whose mean is told. Rows but the test's develop."""
    place = data / "asap-aes"
    with gzip.open(next(place.glob("*.tsv.gz")), "rt", encoding="latin-1", newline="") as f:
        rows = list(csv.DictReader(f, delimiter="\t"))
    folds = json.loads((place / "fold_test_ids.json").read_text(encoding="utf-8"))
    runs = []
    for prompt in range(1, 9):
        own = [(int(r["essay_id"]), [r["essay"], r["domain1_score"]]) for r in rows if r["essay_set"] == str(prompt)]
        for fold in sorted(folds):
            held = set(folds[fold])
            head = ["essay", "score"]
            a = write(work / f"{prompt}-{fold}.csv", head, [r for i, r in own if i not in held and r[1]])
            b = write(work / f"{prompt}-{fold}-test.csv", head, [r for i, r in own if i in held and r[1]])
            runs.append([a, "-t", "score", "--test", b, "--task", "ordinal", "-c", "essay=text", "-b", "60s"])
    return runs


def asap_in_parts(data: Path, done: Path, jobs: int) -> None:
    """Run what is left of ASAP's 40 runs, and print the mean of what is done, by prompt and over all."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        runs = {Path(args[0]).stem: args for args in asap(data, work)}
        found = run_all(runs, done, jobs, work / "runs")
    bar = BARS["asap"]
    for prompt in range(1, 9):
        own = [r["metrics"][bar.metric] for k, r in found.items() if k.startswith(f"{prompt}-")]
        if own:
            print(f"prompt {prompt}     {bar.metric:9} {np.mean(own):10.4f}  {len(own)} of 5 folds")
    if len(found) < len(runs):
        sys.exit(f"{len(found)} of {len(runs)} runs are done; start again to go on.")
    value, seconds = (
        float(np.mean([r["metrics"][bar.metric] for r in found.values()])),
        sum(r["seconds"] for r in found.values()),
    )
    met = "met" if value >= bar.bar else "MISSED"
    print(f"{'asap':14} {bar.metric:9} {value:10.4f}  bar {bar.bar:<8} {met}  {seconds:6.1f}s")


BARS = {
    "esol": Bar(esol, "rmse", 0.885, higher=False),
    "esol-scaffold": Bar(esol_scaffold, "rmse", float("inf"), higher=False),
    "bace": Bar(bace, "roc_auc", 0.85),
    "bace-scaffold": Bar(bace_scaffold, "roc_auc", 0.0),
    "asap": Bar(asap, "qwk", 0.765),
}


def leave_one_out(data: Path, most: int = 4) -> None:
    """Print the errors of leave-one-out on UCI promoters (106 sequences of 57 letters).

    The recipe is fixed (`linear`, logistic loss); its penalty is chosen anew for every row left out, by the log loss of
    three-fold cross-validation on the other 105, so that the row judged takes part in nothing.
    """
    import pyarrow as pa

    from modelwright.core.recipe import get_recipe
    from modelwright.core.schema import Column, Schema, Table
    from modelwright.core.task import get_task
    from modelwright.data.split import folds
    from modelwright.testing import context

    with (data / "uci-promoters/promotergene.csv").open(encoding="utf-8") as f:
        rows = list(csv.reader(f))[1:]
    schema = Schema(
        (Column("dna", "sequence", options={"letters": "nucleic"}), Column("promoter", "category", role="target"))
    )
    letters, labels = ["".join(r[1:]).upper() for r in rows], [r[0] for r in rows]
    table = Table.of(pa.table({"dna": letters, "promoter": labels}), schema)
    task, recipe = get_task("classification"), get_recipe("linear")
    choices = [type(recipe).options(loss="logistic", c=c) for c in (3.0, 30.0, 300.0)]
    start, wrong = time.monotonic(), 0
    for left_out in range(len(table)):
        others = table.take(np.delete(np.arange(len(table)), left_out))
        target = task.fit_target(others.column("promoter"), schema["promoter"])
        truth = target.encode(others.column("promoter"))
        ctx = context(task, target, extent={})
        pairs = folds(others, truth, k=3, group=None, time=None, seed=0)
        losses = np.zeros(len(choices))
        for train, held in pairs:
            for i, options in enumerate(choices):
                scores = recipe.fit(others.take(train), None, options, ctx).scores(others.take(held))
                losses[i] -= np.log(np.clip(scores[np.arange(len(held)), truth[held]], 1e-9, 1)).sum()
        model = recipe.fit(others, None, choices[int(losses.argmin())], ctx)
        answer = target.decode(model.scores(table.take(np.array([left_out])))).predictions[0]
        wrong += answer != labels[left_out]
    met = "met" if wrong <= most else "MISSED"
    seconds = time.monotonic() - start
    print(f"{'promoters':14} {'errors':9} {wrong:10}  bar {most:<8} {met}  {seconds:6.1f}s  linear", flush=True)


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("name", nargs="*")
    asked.add_argument("--jobs", type=int, default=1)
    asked.add_argument("--done", type=Path)
    said = asked.parse_args()
    if said.done:
        if said.name != ["asap"]:
            sys.exit("--done is for asap alone.")
        asap_in_parts(data_folder(), said.done, said.jobs)
        sys.exit(0)
    sys.argv[1:] = said.name
    if "promoters" in sys.argv[1:] or not sys.argv[1:]:
        leave_one_out(data_folder())
    sys.argv[1:] = [name for name in sys.argv[1:] or list(BARS) if name != "promoters"]
    if sys.argv[1:]:
        measure(BARS)
