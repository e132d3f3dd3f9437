"""An attempt to improve a name: judged on old test rows and fresh feedback, released, promoted by rule; and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.errors import BudgetTooSmall, ColumnError, DataError, OptionError, RegistryError
from modelwright.core.run import write_json
from modelwright.core.words import Words
from modelwright.improve.attempt import Asked, Parts, improve
from modelwright.improve.judge import Beside, Slice, beside, decide
from modelwright.improve.record import alone, improvements, origin_of
from modelwright.improve.source import Source
from modelwright.release.bundle import Predictor, save
from modelwright.release.registry.store import Registry


def rows_of(predictor: Predictor, count: int, seed: int = 0) -> pa.Table:
    """Return rows as a source would hold them, with the answers that a predictor gives."""
    from modelwright.testing import sample_table

    table, _ = sample_table(predictor.task, 60)
    at = np.random.default_rng(seed).integers(0, 60, count)
    inputs = table.take(at).data.select([c.name for c in table.schema.inputs])
    target = table.schema.target
    assert target is not None
    answers = [a["prediction"] for a in predictor.predict(inputs)]
    return inputs.append_column(target.name, pa.array(answers))


class Place:
    """A source and a way to train that need no run: the challenger answers as `better` does."""

    def __init__(self, predictor: Predictor, tmp_path: Path) -> None:
        self.better, self.folder, self.asked = predictor, tmp_path / "runs", dict[str, Any]()
        target = predictor.schema.target
        assert target is not None
        self.source = Source(
            run=tmp_path / "runs" / "desk", target=target.name, state="same", rows=rows_of(predictor, 40),
            test=rows_of(predictor, 60, 1), modalities={c.name: c.modality for c in predictor.schema.inputs},
            recipes=("linear",), budget="1m",
        )  # fmt: skip

    def read(self, run: Path, place: str | None) -> Source:
        self.asked["run"] = run
        return self.source

    def train(
        self, source: Source, rows: pa.Table, test: Any, *, budget: str, recipes: Any, name: str, weight: Any
    ) -> Path:
        self.asked |= {"rows": rows, "recipes": recipes, "budget": budget, "weight": weight}
        run = self.folder / f"{name}-{len(list(self.folder.iterdir()))}"
        run.mkdir(parents=True)
        card: Any = {"name": name, "asked": False, "metric": "macro_f1", "value": 0.9, "low": 0.8, "high": 0.95}
        self.better.card = card
        save(self.better, run / "bundle", {"card.md": "# x\n"})
        write_json(run / "report.json", {"metrics": [], "verdict": ["", ""]})
        return run


def told(predictor: Predictor, count: int, start: float | None = None) -> list[Any]:
    table = rows_of(predictor, count, 2)
    target = predictor.schema.target
    assert target is not None
    began = time.time() - 1000 if start is None else start
    out = []
    for i, row in enumerate(table.to_pylist()):
        answer = row.pop(target.name)
        row |= {n: f"{v} {i}" for n, v in row.items() if isinstance(v, str) and " " in v}  # each another row
        fields = {
            "id": f"{i}",
            "row": row,
            "answer": answer,
            "told_at": began + i,
            "answered_at": None,
            "correct": None,
        }
        out.append(SimpleNamespace(**fields, subject=None, votes=1, agree=1.0))
    return out


@pytest.fixture
def desk(predictor: Predictor, tmp_path: Path) -> tuple[Registry, Place]:
    """A name with a champion, and a way to a challenger that answers alike."""
    place = Place(predictor, tmp_path)
    registry = Registry(tmp_path / "registry.db")
    run = place.folder / "desk"
    run.mkdir(parents=True)
    (run / "config.yaml").write_text("data: memory\n")
    save(predictor, run / "bundle", {"card.md": "# x\n"})
    write_json(run / "report.json", {"metrics": [], "verdict": ["", ""]})
    registry.release(run, "desk")
    return registry, place


class Backwards(Predictor):
    """A predictor that gives its scores the other way round."""

    def judge(self, table: Any) -> Any:
        return np.ascontiguousarray(super().judge(table)[:, ::-1])


def test_a_challenger_is_made_judged_and_waits(desk, predictor):
    registry, place = desk
    said: list[Words] = []
    made = improve(registry, "desk", Parts(lambda gist: told(predictor, 40), place.read, place.train, said.append))
    assert (made.number, made.champion, made.version, made.decision) == (1, 1, 2, "open")
    assert {r.version: r.aliases for r in registry.releases("desk")} == {1: ("champion",), 2: ("challenger",)}
    assert made.facts["old"]["rows"] == 60
    assert made.facts["fresh"]["rows"] == made.facts["rows"]["fresh"] == 12
    assert made.facts["rows"]["learnt"] == 28
    assert place.asked["recipes"] == ()
    assert improvements(registry, "desk") == [made]
    assert origin_of(registry, "desk", 2) == made.facts["origin"]
    json.dumps(made.to_json(), allow_nan=False)
    assert all(words.zh for words in said)
    entries = [json.loads(line)["did"] for line in Path("runs/ledger.jsonl").read_text().splitlines()]
    steps = [e for e in entries if e.startswith("improve") or e == "promote"]
    assert steps == ["improve start", "improve trained", "improve judged", "promote"]


def test_of_two_models_the_better_one_is_told_by_slice(predictor):
    worse = Backwards(predictor.task, predictor.schema, predictor.target, predictor.members)
    target = predictor.schema.target
    assert target is not None
    rows, metric = rows_of(predictor, 200, 5), predictor.task.metric("accuracy")
    found = beside(worse, predictor, rows, target.name, metric, sensitive=[target.name])
    assert found is not None
    assert found.challenger == 1.0
    assert found.low > 0
    assert not found.worse_slices
    assert decide(found, None, None).verdict == "better"
    back = beside(predictor, worse, rows, target.name, metric)
    assert back is not None
    assert back.worse_slices
    assert decide(back, None, None).verdict == "worse"
    json.dumps(found.to_json(), allow_nan=False)


def span(difference: float, low: float, high: float, **more: Any) -> Beside:
    return Beside(500, "accuracy", Words("a", "a"), 0.8, 0.8 + difference, difference, low, high, 0.01, **more)


@pytest.mark.parametrize(
    ("old", "fresh", "gate", "verdict"),
    [
        (span(0.0, -0.01, 0.01), span(0.2, 0.1, 0.3), None, "better"),
        (span(0.0, -0.01, 0.01), span(0.2, 0.1, 0.3), False, "worse"),
        (span(-0.02, -0.05, 0.01), span(0.2, 0.1, 0.3), None, "open"),
        (span(-0.02, -0.03, -0.01), span(0.2, 0.1, 0.3), None, "worse"),
        (span(0.0, -0.01, 0.01), span(0.1, -0.1, 0.3), True, "open"),
        (span(0.02, 0.01, 0.03), None, None, "better"),
        (span(0.02, 0.01, 0.03, gaps={"sex": (0.01, 0.2)}), None, None, "worse"),
        (span(0.02, 0.01, 0.03, slices=[Slice("c", "x", 50, 0.9, 0.5, 0.001)]), None, None, "worse"),
        (None, None, True, "open"),
    ],
)
def test_a_challenger_wins_only_where_nothing_is_lost(old, fresh, gate, verdict):
    found = decide(old, fresh, gate)
    assert found.verdict == verdict
    assert found.reasons


def test_what_cannot_be_improved_is_refused_in_one_sentence(desk, predictor):
    registry, place = desk

    def attempt(labelled: Any = None, **asked: Any) -> Any:
        found = told(predictor, 40) if labelled is None else labelled
        return improve(registry, "desk", Parts(lambda gist: found, place.read, place.train), Asked(**asked))

    with pytest.raises(DataError, match="no feedback"):
        attempt([])
    with pytest.raises(DataError, match="at least 99"):
        attempt(least=99)
    with pytest.raises(RegistryError, match="dusk"):
        improve(registry, "dusk", Parts(lambda gist: [], place.read, place.train))
    place.source = replace(place.source, state="gone", why=Words("no file x", "没有 x"), rows=None, test=None)
    with pytest.raises(DataError, match=r"no file x.*--anyway"):
        attempt()
    place.source = replace(place.source, epsilon=2.0)
    with pytest.raises(DataError, match="differential privacy"):
        attempt()
    assert [r.version for r in registry.releases("desk")] == [1]
    assert improvements(registry, "desk") == []
    place.source = replace(place.source, epsilon=None)
    made = attempt(anyway=True)
    assert made.facts["old"] is None
    assert made.facts["state"] == "gone"


@pytest.mark.parametrize("anyway", [False, True])
def test_old_rows_without_a_column_of_the_model_are_refused_by_its_name(desk, predictor, anyway):
    registry, place = desk
    gone = next(iter(place.source.modalities))
    renamed = place.source.rows.rename_columns([f"{c}_new" if c == gone else c for c in place.source.rows.column_names])
    why = Words("x.csv has changed since", "x.csv 已变化")
    place.source = replace(place.source, state="changed", why=why, rows=renamed, test=None)
    with pytest.raises(ColumnError, match=rf"no longer have `{gone}`.*instead they have `{gone}_new`\. .*--source"):
        improve(
            registry, "desk", Parts(lambda gist: told(predictor, 40), place.read, place.train), Asked(anyway=anyway)
        )
    assert [r.version for r in registry.releases("desk")] == [1]


def test_a_correction_counts_as_many_rows_as_asked(desk, predictor):
    registry, place = desk
    parts = Parts(lambda gist: told(predictor, 40), place.read, place.train)
    improve(registry, "desk", parts, Asked(weigh=3))
    rows, name = place.asked["rows"], place.asked["weight"]
    learnt = rows.num_rows - place.source.rows.num_rows
    assert learnt > 0
    assert rows.column(name).to_pylist() == [1.0] * place.source.rows.num_rows + [3.0] * learnt
    improve(registry, "desk", parts, Asked())
    assert place.asked["weight"] is None
    with pytest.raises(OptionError, match="above 0"):
        improve(registry, "desk", parts, Asked(weigh=0))
    with pytest.raises(OptionError, match="--least"):
        improve(registry, "desk", parts, Asked(least=-1))


def test_a_budget_too_short_leaves_all_as_it_was(desk, predictor):
    registry, place = desk

    def train(*_: Any, **__: Any) -> Path:
        raise BudgetTooSmall("No model within 1 s.", "1 秒内没有模型。")

    with pytest.raises(BudgetTooSmall):
        improve(registry, "desk", Parts(lambda gist: told(predictor, 40), place.read, train))
    assert [r.aliases for r in registry.releases("desk")] == [("champion",)]
    assert "improve failed" in Path("runs/ledger.jsonl").read_text()


HOLD = """
import sys
from modelwright.improve.record import alone
from modelwright.release.registry.store import Registry
with alone(Registry(sys.argv[1]), "desk"):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_two_at_once_are_refused(desk):
    registry, _ = desk
    told = [sys.executable, "-c", HOLD, registry.url]
    with subprocess.Popen(told, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(RegistryError, match="already"), alone(registry, "desk"):
            pass
        other.communicate("\n", timeout=60)
    assert other.returncode == 0
    with alone(registry, "desk"):
        pass
