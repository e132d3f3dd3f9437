"""Rows that are nearly the same are found and stay on one side of every split; rows that are not stay apart."""

import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pytest

import modelwright as mw
from modelwright.core.schema import Column, Schema, Table
from modelwright.data.near_duplicates import finding, near
from modelwright.data.split import folds, holdout, row_codes

WORDS = [f"{a}{b}" for a in ("ta", "mo", "ki", "re", "su", "no") for b in ("lin", "ver", "das", "pok", "mar", "tig")]


def of(kinds: dict[str, str], data: dict) -> Table:
    return Table.of(pa.table(data), Schema(tuple(Column(n, k) for n, k in kinds.items())))


def texts(count: int, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, 12)) for _ in range(count)]


def whole(units: np.ndarray, family: np.ndarray) -> bool:
    """Whether rows of one family share a unit, and rows of two do not."""
    pairs = {(int(u), int(f)) for u, f in zip(units, family, strict=True)}
    return len(pairs) == len(set(units.tolist())) == len(set(family.tolist()))


@pytest.mark.parametrize(
    "change",
    [
        lambda t, i: t,
        lambda t, i: t.upper() if i % 2 else t + "!",
        lambda t, i: ("Hello, ", "Dear all, ", "", "Good morning ")[i % 4] + t,
        lambda t, i: t + (" many thanks", "", " kind regards", " see you soon")[i % 4],
    ],
    ids=["equal", "marks", "greetings", "endings"],
)
def test_texts_that_differ_by_little_are_one_family(change):
    family = np.repeat(np.arange(150), 4)[np.random.default_rng(0).permutation(600)]
    base = texts(150)
    table = of({"text": "text", "at": "number"}, {"text": [change(base[f], i) for i, f in enumerate(family)], "at": np.arange(600.0)})  # fmt: skip
    found = near(table, row_codes(table))
    assert whole(found.units, family)
    assert found.texts == 600
    inner, outer = holdout(table, None, fraction=0.2, group=None, time=None, seed=0, units=found.units)
    assert not set(family[inner]) & set(family[outer])
    for train, valid in folds(table, None, k=4, group=None, time=None, seed=0, units=found.units):
        assert not set(family[train]) & set(family[valid])
    (told,) = finding(found, 600)
    assert told.severity == "warning"
    assert "600" in told.words.zh


def test_other_texts_stay_apart():
    table = of({"text": "text"}, {"text": texts(800)})
    assert near(table, row_codes(table)).texts == 0
    short = of({"text": "text", "x": "number"}, {"text": ["ok", "thanks", "yes please"] * 100, "x": np.arange(300.0)})
    assert near(short, row_codes(short)).texts <= 0.4 * 300  # a word by itself is no repeat
    gaps = of({"text": "text"}, {"text": pa.array([None, "", "  "] * 20)})
    assert len(near(gaps, row_codes(gaps)).units) == 60


def test_chinese():
    rng = np.random.default_rng(0)
    base = [
        "".join(rng.choice(list("快递没有送到发票抬头写错退款什么时候屏幕碎了登录账户被锁电池充满"), 16))
        for _ in range(100)
    ]
    said = [f"{head}{t}{tail}" for t in base for head, tail in (("你好，", ""), ("", "，谢谢！"))]
    table = of({"text": "text"}, {"text": said})
    assert whole(near(table, row_codes(table)).units, np.repeat(np.arange(100), 2))


@pytest.mark.parametrize(("size", "columns"), [(3, 4), (5, 5), (12, 8)])
def test_rows_that_lie_by_each_other_are_one_family(size, columns):
    rng = np.random.default_rng(1)
    family = np.repeat(np.arange(80), size)
    rows = (rng.normal(size=(80, columns)) * np.arange(1, columns + 1))[family] + rng.normal(
        0, 0.01, (80 * size, columns)
    )
    names = [f"x{i}" for i in range(columns)]
    table = of(dict.fromkeys(names, "number"), {n: rows[:, i] for i, n in enumerate(names)})
    assert whole(near(table, row_codes(table)).units, family)


@pytest.mark.parametrize("kind", ["even", "few directions", "clumps", "counts"])
def test_rows_without_repeats_stay_apart(kind):
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(900, 6))
    if kind == "few directions":
        rows = rng.normal(size=(900, 2)) @ rng.normal(size=(2, 6)) + rng.normal(0, 0.01, (900, 6))
    if kind == "clumps":
        rows += 6 * rng.normal(size=(12, 6))[rng.integers(0, 12, 900)]
    if kind == "counts":
        rows = np.floor(50 * np.abs(rows))
    names = [f"x{i}" for i in range(6)]
    table = of(dict.fromkeys(names, "number"), {n: rows[:, i] for i, n in enumerate(names)})
    assert near(table, row_codes(table)).rows == 0


def test_one_family_of_nearly_all_rows_is_how_the_data_is():
    table = of(
        {"text": "text"}, {"text": [f"reading taken at the usual place and time number {i}" for i in range(400)]}
    )
    found = near(table, row_codes(table))
    assert len(set(found.units.tolist())) == 400


def test_large_tables_are_looked_at_in_part_and_say_so():
    base = texts(1500)
    table = of({"text": "text"}, {"text": [t + s for t in base for s in (" at once", "")]})
    found = near(table, row_codes(table), most=1000)
    assert found.looked == 1000
    some = finding(found, 3000)
    assert not some or "1,000" in some[0].words.en


def test_the_work_grows_with_the_rows_not_with_their_pairs():
    took = []
    for n in (500, 2000, 16_000):
        table = of({"text": "text", "x": "number", "z": "number"}, {"text": texts(n), "x": np.random.default_rng(0).normal(size=n), "z": np.random.default_rng(1).normal(size=n)})  # fmt: skip
        start = time.process_time()
        near(table, row_codes(table))
        took.append(time.process_time() - start)
    assert took[2] < 40 * took[1]  # pairs would take 64 times as long


def test_the_same_in_every_process():
    code = "import pyarrow as pa, hashlib; from modelwright.core.schema import *; from modelwright.data.near_duplicates import near; from modelwright.data.split import row_codes; t = Table.of(pa.table({'t': [f'one two three four {i % 40} six seven' for i in range(300)]}), Schema((Column('t', 'text'),))); print(hashlib.sha256(near(t, row_codes(t)).units.tobytes()).hexdigest())"
    said = {subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)}).stdout for seed in ("1", "2")}  # fmt: skip
    assert len(said) == 1


def test_repeats_on_labels_drawn_by_lot_end_at_chance(tmp_path):
    rng = np.random.default_rng(0)
    family = np.repeat(np.arange(120), 4)[rng.permutation(480)]
    base, label = texts(120), rng.integers(0, 3, 120)
    table = pa.table({"text": [base[f] + (" thanks", "", " please", "")[i % 4] for i, f in enumerate(family)], "y": [f"c{label[f]}" for f in family]})  # fmt: skip
    run = mw.fit(table, "y", out=tmp_path, recipes=["constant", "linear"], search="none", budget="40s")
    accuracy = next(m for m in run.facts["metrics"] if m["name"] == "accuracy")
    assert accuracy["value"] < 0.6  # rows drawn by chance alone give .95 and more
    assert "near-texts" in {f["code"] for f in run.facts["findings"]}
