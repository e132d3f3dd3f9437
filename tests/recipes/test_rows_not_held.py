"""Trees learn from rows that are read once more, in a refit too, and say what stands in their way."""

import errno

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.errors import ModelwrightError
from modelwright.core.rows_not_held import Rest
from modelwright.core.schema import Column, Schema, Table
from modelwright.recipes.columns.trees import Trees, TreesOptions
from modelwright.recipes.shared import rows_not_held

SCHEMA = Schema((Column("kind", "category"), Column("n", "number"), Column("answer", "category", "target")))


def made(rows, seed):
    rng = np.random.default_rng(seed)
    kinds, n = rng.integers(0, 60, rows), rng.normal(size=rows)
    yes = (kinds * 2654435761 % 97 < 48) ^ (n > 0)
    return Table.of(
        pa.table({"kind": [f"k{k}" for k in kinds], "n": n, "answer": np.array(["no", "yes"])[yes.astype(int)]}), SCHEMA
    )


def right(model, table, ctx):
    return float((model.scores(table).argmax(1) == ctx.target.encode(table.column("answer"))).mean())


@pytest.mark.parametrize("crosses", [False, True])
def test_trees_are_better_for_further_rows_and_a_refit_reads_them_again(context, crosses):
    train, valid, test = made(400, 0), made(200, 1), made(2000, 2)
    rest = Rest(12_000, 1e-6, lambda: iter([made(6000, 3), made(6000, 4)]))
    options = TreesOptions(rounds=60, learning_rate=0.2, min_child_samples=5, crosses=crosses)
    alone = context(train)
    ctx = context(train)
    ctx.rest = rest
    few, many = Trees().fit(train, valid, options, alone), Trees().fit(train, valid, options, ctx)
    assert right(many, test, ctx) > right(few, test, ctx) + 0.05
    assert many.extent["further"] == 12_000
    ctx.extent, ctx.cache = many.extent, {}
    assert right(Trees().fit(train, None, options, ctx), test, ctx) > right(few, test, ctx) + 0.05
    ctx.rest = None
    with pytest.raises(ModelwrightError, match="no time to read the rows again"):
        Trees().fit(train, None, options, ctx)


def test_a_full_disk_and_too_little_time(context, monkeypatch):
    train = made(400, 0)
    ctx = context(train)
    ctx.rest = Rest(12_000, 3600.0, lambda: iter([made(6000, 3)]))
    assert "further" not in Trees().fit(train, made(200, 1), TreesOptions(rounds=5), ctx).extent
    ctx.rest = Rest(12_000, 1e-6, lambda: iter([made(6000, 3)]))

    def full(self):
        self.file = open("/dev/full", "wb", buffering=0)  # noqa: SIM115

    monkeypatch.setattr(rows_not_held._Scratch, "__init__", full)
    with pytest.raises(ModelwrightError, match="point TMPDIR to a larger disk") as told:
        Trees().fit(train, made(200, 1), TreesOptions(rounds=5), ctx)
    assert told.value.__cause__.errno == errno.ENOSPC
