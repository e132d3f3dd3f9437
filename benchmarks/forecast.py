"""Forecasts on public series, each command whole: reading, choosing, testing.

    python benchmarks/forecast.py m4 FOLDER [--budget 100s]             FOLDER holds Weekly-train.csv and Weekly-test.csv
    python benchmarks/forecast.py ett FILE [--horizon 96] [--budget 8m] FILE is ETTh1.csv; the usual split, standardised, all windows
    python benchmarks/forecast.py hourly [--budget 4m]                  414 made series like those of M4's hours

Prints one line of JSON. ETT: 12 months train, 4 validate (what is chosen), 4 test; nothing is trained on the validation months.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

import modelwright as mw
from modelwright.data.windows import TEST, to_table

_ETT = 8640, 11520, 14400  # ends of training, validation and test, hours


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["m4", "ett", "hourly"])
    parser.add_argument("source", nargs="?")
    parser.add_argument("--horizon", type=int, default=96)
    parser.add_argument("--budget")
    parser.add_argument("--recipe", action="append", default=[])
    asked = parser.parse_args()
    start = time.monotonic()
    made = {"m4": m4, "ett": ett, "hourly": hourly}[asked.what](asked)
    print(json.dumps({"what": asked.what, **made, "seconds": round(time.monotonic() - start, 1)}))


def m4(asked: argparse.Namespace) -> dict[str, Any]:
    """M4's weekly series, season 1 as in the competition."""
    folder = Path(asked.source)
    run = fit(folder / "Weekly-train.csv", asked, "100s", horizon=13, season=1, test=str(folder / "Weekly-test.csv"))
    return told(run)


def hourly(asked: argparse.Namespace) -> dict[str, Any]:
    """Series made to look like M4's hourly ones, and OWA against Naive2."""
    train, test = made_hours(0)
    with tempfile.TemporaryDirectory() as place:
        paths = [Path(place) / n for n in ("train.csv", "test.csv")]
        for path, series in zip(paths, (train, test)):
            longest = max(len(s) for s in series)
            with path.open("w", newline="") as f:
                writer = csv.writer(f)
                writer.writerow(["V1", *(f"V{i + 2}" for i in range(longest))])
                writer.writerows([[f"H{i + 1}", *s, *[""] * (longest - len(s))] for i, s in enumerate(series)])
        run = fit(paths[0], asked, "4m", horizon=48, season=24, test=str(paths[1]))
    found = told(run)
    naive = [scores(s, t, naive2(np.array(s), 24, 48), 24) for s, t in zip(train, test)]
    base = np.mean(np.array(naive), axis=0)
    owa = 0.5 * (found["smape"] / base[0] + found["mase"] / base[1])
    return {**found, "owa": round(float(owa), 4), "naive2_smape": round(float(base[0]), 3)}


def ett(asked: argparse.Namespace) -> dict[str, Any]:
    """ETTh1 in the usual way: mean squared error of all windows of the test months, standardised by the training months."""
    with open(asked.source, encoding="utf-8") as f:
        head, *rows = list(csv.reader(f))
    values = np.array([[float(v) for v in r[1:]] for r in rows])
    values = (values - values[: _ETT[0]].mean(0)) / values[: _ETT[0]].std(0)
    columns: dict[str, Any] = {"date": [r[0] for r in rows[: _ETT[1]]]}
    columns |= {n: values[: _ETT[1], i] for i, n in enumerate(head[1:])}
    horizon = asked.horizon
    windows = (_ETT[1] - _ETT[0]) // horizon
    test = {"date": [r[0] for r in rows[_ETT[1] : _ETT[1] + horizon]]}
    test |= {n: values[_ETT[1] : _ETT[1] + horizon, i] for i, n in enumerate(head[1:])}
    with tempfile.TemporaryDirectory() as place:
        official = Path(place) / "test.csv"
        pa_csv.write_csv(pa.table(test), official)
        options = {"metric": "mse", "windows": windows, "refit": False, "test": str(official)}
        run = fit(pa.table(columns), asked, "8m", horizon=horizon, **options)
    predictor = run.predictor
    frame = rolled(predictor, values, horizon)
    total, count = 0.0, 0
    for table, truth in frame:
        middle = predictor.scores(table)[:, :, predictor.target.middle]
        total += float(((middle - truth) ** 2).sum())
        count += truth.size
    return {"horizon": horizon, "mse": round(total / count, 4), "windows": count // horizon, **leaders(run)}


def rolled(predictor: Any, values: np.ndarray, horizon: int) -> Any:
    """Yield rows of all windows that lie in the test months, and what came [N, H]; histories of 2,000 hours."""
    recent = next(m.recent for _, m in predictor.members if m.recent)
    told = told_of(predictor)
    about = predictor.schema.target.options
    names = list(recent.series)
    for i, name in enumerate(names):
        first = recent.series[name]
        begins = np.arange(_ETT[1], _ETT[2] - horizon + 1)
        for part in np.array_split(begins, 6):
            made = [
                type(first)(first.parts, first.first, values[b - 2000 : b, i], np.zeros(2000, np.int64)) for b in part
            ]
            cuts = [(k, 2000, 2000, TEST) for k in range(len(made))]
            truth = np.stack([values[b : b + horizon, i] for b in part])
            yield to_table(made, cuts, told, horizon, about, "test"), truth


def told_of(predictor: Any) -> Any:
    """Return how the series were read."""
    from modelwright.data.panel import told_of as read

    return read(predictor.schema.target.options["told"])


def fit(source: Any, asked: argparse.Namespace, budget: str, **options: Any) -> Any:
    """Run Modelwright in a folder of its own."""
    with tempfile.TemporaryDirectory() as place:
        options |= {"recipes": asked.recipe} if asked.recipe else {}
        return mw.fit(
            source if isinstance(source, pa.Table) else str(source),
            out=place,
            task="time-series-forecasting",
            budget=asked.budget or budget,
            **options,
        )


def told(run: Any) -> dict[str, Any]:
    """Return the test metrics and what won."""
    return {n: round(run.metrics[n], 4) for n in ("smape", "mase", "coverage", "crps")} | leaders(run)


def leaders(run: Any) -> dict[str, Any]:
    """Return the winner and the leaderboard."""
    board = {r["name"]: round(r["value"], 4) for r in run.facts["leaderboard"] if r["status"] == "ok"}
    return {"winner": run.facts["winner"], "board": board}


def made_hours(seed: int) -> tuple[list[list[float]], list[list[float]]]:
    """Return 414 series of 700 or 960 values that repeat each day and week, and the 48 that follow."""
    rng = np.random.default_rng(seed)
    train, test = [], []
    for _ in range(414):
        length = 748 if rng.random() < 0.6 else 1008
        time = np.arange(length)
        level = float(np.exp(rng.normal(6, 2)))
        day = sum(rng.normal(0, 0.5 / k) * np.sin(2 * np.pi * (k * time / 24) + rng.uniform(0, 6.3)) for k in (1, 2, 3))
        week = rng.uniform(0, 0.4) * (np.isin((time // 24) % 7, (5, 6))) * (1 + 0.3 * np.sin(2 * np.pi * time / 24))
        drift = np.cumsum(rng.normal(0, 0.01, length))
        noise = rng.normal(0, rng.uniform(0.01, 0.1), length)
        for t in range(1, length):
            noise[t] += 0.7 * noise[t - 1]
        values = np.round(level * np.exp(0.5 * day - week + drift + noise), 2) + 1
        train.append(values[:-48].tolist())
        test.append(values[-48:].tolist())
    return train, test


def naive2(history: np.ndarray, season: int, horizon: int) -> np.ndarray:
    """Return the last value after classical multiplicative seasons were taken away, as M4 has it (where seasons pass its test)."""
    off = history - history.mean()
    lags = np.array([float(off[k:] @ off[:-k]) / float(off @ off) for k in range(1, season + 1)])
    if abs(lags[-1]) <= 1.645 * np.sqrt((1 + 2 * (lags[:-1] ** 2).sum()) / len(history)):
        return np.full(horizon, history[-1])
    kernel = np.r_[0.5, np.ones(season - 1), 0.5] / season
    trend = np.convolve(history, kernel, "valid")
    ratio = history[season // 2 : season // 2 + len(trend)] / trend
    phase = (np.arange(len(trend)) + season // 2) % season
    profile = np.array([ratio[phase == p].mean() for p in range(season)])
    profile /= profile.mean()
    last = history[-1] / profile[(len(history) - 1) % season]
    return np.asarray(last * profile[(len(history) + np.arange(horizon)) % season])


def scores(history: Any, truth: Any, ahead: np.ndarray, season: int) -> tuple[float, float]:
    """Return sMAPE and MASE of one series."""
    history, truth = np.array(history), np.array(truth)
    scale = np.abs(history[season:] - history[:-season]).mean()
    smape = (200 * np.abs(truth - ahead) / (np.abs(truth) + np.abs(ahead))).mean()
    return float(smape), float(np.abs(truth - ahead).mean() / scale)


if __name__ == "__main__":
    main()
