"""Leaks that the doctor must tell or keep on one side of the split, and clean sets on which it must be quiet.

    MODELWRIGHT_DATA=/path/to/data python benchmarks/leaks.py [leaks] [clean]

Leaks are made on labels drawn by lot: a score above chance is a leak that got through. Clean sets are real ones, as they are.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from modelwright.core.schema import Table
from modelwright.data.check import check
from modelwright.data.coerce import coerce
from modelwright.data.infer import infer_schema
from modelwright.data.near_duplicates import finding, near
from modelwright.data.split import holdout, row_codes

ALARMS = ("leak", "copy", "sorted", "counts-along", "near-texts", "near-rows")
WORDS = "parcel moved invoice refund screen login account late broken charge twice address order driver box courier battery cable store manager reply email phone wait week desk agent voucher code door key".split()  # fmt: skip


def sentence(rng: np.random.Generator, words: int = 14) -> str:
    return " ".join(rng.choice(WORDS, words))


def labels(rng: np.random.Generator, n: int) -> list[str]:
    return [f"class {i}" for i in rng.integers(0, 3, n)]


def stamps(n: int) -> list[str]:
    return [f"2025-{1 + i // 2000 % 12:02d}-{1 + i // 60 % 28:02d} {i % 24:02d}:{i * 7 % 60:02d}:00" for i in range(n)]


def made(seed: int = 0) -> dict[str, tuple[pa.Table, str, np.ndarray | None]]:
    """Return by name a table, its target, and the true families [N] where the leak is in rows that belong together."""
    rng = np.random.default_rng(seed)
    out: dict[str, tuple[pa.Table, str, np.ndarray | None]] = {}
    n, four = 800, np.repeat(np.arange(200), 4)
    texts, own = [sentence(rng) for _ in range(200)], labels(rng, 200)
    mixed = rng.permutation(n)
    family = four[mixed]
    out["same text, own times"] = (pa.table({"text": [texts[f] for f in family], "at": stamps(n), "y": [own[f] for f in family]}), "y", family)  # fmt: skip
    hello = ["Hello, ", "Good morning, ", "Dear team, ", ""]
    bye = [" thanks", " Kind regards", "", " please help soon"]
    said = [f"{hello[rng.integers(4)]}{texts[f]}{bye[rng.integers(4)]}" for f in family]
    out["greetings and suffixes"] = (pa.table({"text": said, "y": [own[f] for f in family]}), "y", family)
    chinese = [
        "".join(rng.choice(list("快递没有送到发票抬头写错退款什么时候能收屏幕碎了登录不上去账户被锁"), 18))
        for _ in range(200)
    ]
    said = [
        f"{('你好，', '请问', '', '客服您好')[rng.integers(4)]}{chinese[f]}{('，谢谢', '！', '', '，急')[rng.integers(4)]}"
        for f in family
    ]
    out["greetings in Chinese"] = (pa.table({"text": said, "y": [own[f] for f in family]}), "y", family)
    base = rng.normal(size=(200, 5))
    rows = base[family] + rng.normal(0, 0.01, (n, 5))
    out["groups of near-equal rows"] = (pa.table({**{f"x{i}": rows[:, i] for i in range(5)}, "y": [own[f] for f in family]}), "y", family)  # fmt: skip
    sizes = np.repeat(np.arange(60), rng.integers(6, 20, 60))
    sizes = sizes[rng.permutation(len(sizes))]
    rows = rng.normal(size=(60, 8))[sizes] * np.arange(1, 9) + rng.normal(0, 0.02, (len(sizes), 8))
    sixty = labels(rng, 60)
    out["larger groups"] = (pa.table({**{f"x{i}": rows[:, i] for i in range(8)}, "y": [sixty[f] for f in sizes]}), "y", sizes)  # fmt: skip
    x = {f"x{i}": rng.normal(size=600) for i in range(4)}
    y = labels(rng, 600)
    code = np.array([int(v[-1]) for v in y])
    price = rng.gamma(2, 100, 600)
    out["target plus noise"] = (pa.table({**x, "copy": price + rng.normal(0, 5, 600), "price": price}), "price", None)
    out["another unit"] = (pa.table({**x, "euro": np.round(price * 0.92, 2), "price": price}), "price", None)
    out["another scale"] = (pa.table({**x, "log": np.round(np.log(price), 4), "price": price}), "price", None)
    out["label plus noise"] = (pa.table({**x, "copy": code + rng.normal(0, 0.15, 600), "y": y}), "y", None)
    status = [f"state {c if rng.random() > 0.03 else rng.integers(3)}" for c in code]
    out["status but for 3 %"] = (pa.table({**x, "status": status, "y": y}), "y", None)
    by = np.argsort(code, kind="stable")
    number = np.cumsum(rng.integers(1, 4, 600))
    out["sorted, running number"] = (pa.table({**{k: v[by] for k, v in x.items()}, "serial": number, "y": [y[i] for i in by]}), "y", None)  # fmt: skip
    out["sorted, time"] = (pa.table({**{k: v[by] for k, v in x.items()}, "at": [f"2025-01-{1 + i // 24:02d} {i % 24:02d}:00" for i in range(600)], "y": [y[i] for i in by]}), "y", None)  # fmt: skip
    return out


def looked(raw: pa.Table, target: str) -> tuple[Table, list, float]:
    """Return the typed table, what the doctor finds, and its seconds."""
    schema = infer_schema(raw, target=target)
    table, bad = coerce(raw, schema, source="made")
    start = time.process_time()
    found = check(table, bad=bad, raw=raw)
    kept = near(table, row_codes(table))
    found += finding(kept, len(table))
    return table, found, time.process_time() - start


def run_leaks() -> int:
    """Print for each leak whether it was told or kept on one side; return how many got through."""
    through = 0
    for name, (raw, target, family) in made().items():
        table, found, seconds = looked(raw, target)
        told = [f.code for f in found if f.code in ALARMS and f.severity != "info"]
        apart = 1.0
        if family is not None:
            kept = near(table, row_codes(table))
            inner, outer = holdout(table, None, fraction=0.2, group=None, time=None, seed=0, units=kept.units)
            apart = float(np.isin(family[outer], family[inner]).mean())
        passed = bool(told) if family is None else apart < 0.02
        through += not passed
        print(f"{name:28} {'ok' if passed else 'THROUGH':8} told: {', '.join(dict.fromkeys(told)) or '-':30} test rows with kin in training {apart:.3f}  {seconds:.2f} s")  # fmt: skip
    print(f"{through} leaks got through")
    return through


def _csv(path: Path, **options) -> pa.Table:
    from modelwright.data.sources import read

    return read(str(path), **options)


def clean(folder: Path) -> dict[str, tuple[pa.Table, str]]:
    """Return twenty real sets as they are, by name, with their targets."""
    out: dict[str, tuple[pa.Table, str]] = {}
    adult = _csv(folder / "adult" / "adult-train.csv", header=False)
    out["adult"] = (adult, adult.column_names[-1])
    out["adult hours"] = (adult, adult.column_names[12])
    german = _csv(folder / "german-credit" / "german.csv", header=False)
    out["german credit"] = (german, german.column_names[-1])
    out["german amount"] = (german, german.column_names[4])
    housing = _csv(folder / "california-housing" / "housing.csv")
    out["california"] = (housing, "median_house_value")
    out["california ocean"] = (housing, "ocean_proximity")
    telco = _csv(folder / "telco-churn" / "Telco-Customer-Churn.csv")
    out["telco churn"] = (telco, "Churn")
    out["telco contract"] = (telco, "Contract")
    titanic = _csv(folder / "titanic" / "titanic.csv")
    out["titanic"] = (titanic, "Survived")
    out["titanic class"] = (titanic.drop_columns(["Fare"]), "Pclass")
    bank = _csv(folder / "banking77" / "train.csv")
    out["banking77"] = (bank.take(pa.array(np.random.default_rng(0).permutation(bank.num_rows))), "category")
    lines = [line.split("\t", 1) for line in (folder / "sms-spam" / "SMSSpamCollection").read_text(encoding="utf-8").splitlines() if "\t" in line]  # fmt: skip
    out["sms"] = (pa.table({"label": [a for a, _ in lines], "text": [b for _, b in lines]}), "label")
    titles = [line.split("\t") for line in (folder / "thucnews-titles" / "dev.txt").read_text(encoding="utf-8").splitlines()]  # fmt: skip
    out["thucnews"] = (pa.table({"text": [t[0] for t in titles], "y": [f"c{t[1]}" for t in titles]}), "y")
    chn = _csv(folder / "chnsenticorp-uer" / "train.tsv")
    out["chnsenticorp"] = (chn, chn.column_names[0])
    styles = _csv(folder / "fashion-products" / "styles.csv")
    keep = [c for c in styles.column_names if c not in ("id", "image", "masterCategory", "subCategory", "articleType")]
    out["fashion season"] = (styles.select(keep), "season")
    out["fashion usage"] = (styles.select(keep), "usage")
    esol = _csv(folder / "moleculenet" / "ESOL_delaney-processed.csv")
    named = [c for c in esol.column_names if "predicted" not in c and "Compound" not in c]
    out["esol"] = (esol.select(named), next(c for c in named if "measured" in c))
    lipo = _csv(folder / "moleculenet" / "Lipophilicity.csv")
    out["lipophilicity"] = (lipo, "exp")
    ett = _csv(folder / "ett" / "ETTh1.csv").drop_columns(["date"])
    out["ett without time"] = (ett.take(pa.array(np.sort(np.random.default_rng(0).permutation(ett.num_rows)[:800]))), "OT")  # fmt: skip
    users = (folder / "ml-100k" / "u.user").read_text(encoding="utf-8").splitlines()
    cells = [u.split("|") for u in users]
    out["ml users"] = (pa.table({"age": [int(c[1]) for c in cells], "gender": [c[2] for c in cells], "zip": [c[4] for c in cells], "job": [c[3] for c in cells]}), "gender")  # fmt: skip
    return out


def run_clean() -> int:
    """Print what the doctor says of clean sets; return how many raise an alarm."""
    place = os.environ.get("MODELWRIGHT_DATA")
    if not place:
        print("Set MODELWRIGHT_DATA to the folder that holds the benchmark data sets; clean sets were not looked at.")
        return 0
    alarms = 0
    for name, (raw, target) in clean(Path(place)).items():
        start = time.process_time()
        table, found, seconds = looked(raw, target)
        loud = [f for f in found if f.code in ALARMS and f.severity != "info"]
        quiet = [f.code for f in found if f.code in ALARMS and f.severity == "info"]
        alarms += bool(loud)
        print(f"{name:18} {len(table):6} rows  {'ALARM' if loud else 'quiet':6} {seconds:.2f} of {time.process_time() - start:.2f} s  {', '.join(quiet)}")  # fmt: skip
        for f in loud:
            print(f"    {f.words.en}")
    print(f"{alarms} sets with an alarm")
    return alarms


if __name__ == "__main__":
    asked = sys.argv[1:] or ["leaks", "clean"]
    bad = run_leaks() if "leaks" in asked else 0
    quiet = run_clean() if "clean" in asked else 0
    sys.exit(1 if bad or quiet > 2 else 0)
