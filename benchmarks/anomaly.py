"""Anomalies planted in 20 series of ETT and the UCR archive: F1 and false alarms at a declared rate of 1 %, beside a z-score of STL residuals.

    python benchmarks/anomaly.py /path/to/ett /path/to/ucr-uea-small [BUDGET, such as 40s] [SEED]
    python benchmarks/anomaly.py /path/to/ett /path/to/ucr-uea-small RECIPE [SEED]

With a recipe in place of a budget, that recipe learns from the whole history without a run around it.

The peer is STL with robustness weights (Cleveland et al. 1990), written below from the paper. The history is unlabelled and clean; spikes, shifts of the level, noise and stuck sensors are planted in what
follows it. Each side gets a threshold from the history for a false-alarm rate of 1 %. STL may look at the whole series, the future of each
moment included; a model sees what came before a moment alone. False alarms are counted over all moments where nothing was planted, those
just behind an anomaly too.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

import modelwright as mw
from modelwright.core.reading import Reading
from modelwright.data.sources import read_table

RATE = 0.01
UCR = (
    ("ItalyPowerDemand", 0),
    ("GunPoint", 0),
    ("ArrowHead", 0),
    ("OSULeaf", 0),
    ("BasicMotions", 0),
    ("BasicMotions", 3),
)
LONGEST = 6000


def series(ett: Path, ucr: Path) -> Iterator[tuple[str, np.ndarray, int]]:
    """Yield name, values [T] and season of each series."""
    for file in ("ETTh1", "ETTh2"):
        with (ett / f"{file}.csv").open(encoding="utf-8") as rows:
            read = list(csv.DictReader(rows))[:LONGEST]
        for column in list(read[0])[1:]:
            yield f"{file}/{column}", np.array([float(r[column]) for r in read]), 24
    for name, channel in UCR:
        parts = []
        for part in ("TRAIN", "TEST"):
            raw, _ = read_table(str(ucr / f"{name}_{part}.ts"), Reading())
            cells = raw.column("series").to_pylist()
            parts += [np.array(c[channel] if isinstance(c[0], list) else c, float) for c in cells]
        yield f"{name}/{channel}", np.concatenate(parts)[:LONGEST], len(parts[0])


def planted(x: np.ndarray, first: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the series with anomalies behind `first`, about one in fifty moments, and where they are [T] bool."""
    out, odd = x.copy(), np.zeros(len(x), bool)
    size = x[:first].std()
    wanted = 0.02 * (len(x) - first)
    while odd.sum() < wanted:
        kind = rng.integers(4)
        length = 1 if kind == 0 else int(rng.integers(5, 25))
        at = int(rng.integers(first + 10, len(x) - length - 10))
        if odd[at - 40 : at + length + 40].any():
            continue
        move = rng.uniform(0.6, 2.0) * size * rng.choice([-1, 1])
        if kind == 3:
            out[at : at + length] = out[at - 1]
        else:
            out[at : at + length] += rng.normal(0, abs(move), length) if kind == 2 else move
        odd[at : at + length] = True
    return out, odd


def f1(odd: np.ndarray, alarm: np.ndarray) -> float:
    """Return the F1 of alarms by moment."""
    return float(2 * (odd & alarm).sum() / max(1, odd.sum() + alarm.sum()))


def line_at(y: np.ndarray, weight: np.ndarray, width: int, outside: int = 0) -> np.ndarray:
    """Return local straight lines [N + 2 outside] through values [N] at equal distances, tricube weights over the nearest `width` values,
    times `weight` [N]; also at so many places outside of both ends."""
    count = len(y)
    reach = min(width, count)
    half = reach // 2
    places = np.arange(-outside, count + outside)
    begins = np.clip(places - half, 0, count - reach)
    out = np.empty(len(places))
    inside = (places - half >= 0) & (places - half + reach <= count) & (reach % 2 == 1)
    if inside.any():  # the same weights at every place: sums over neighbours are convolutions
        off = np.arange(-half, half + 1)
        tricube = (1 - np.clip(np.abs(off) / (half + max(0, width - count) / 2 + 1e-9), 0, 1) ** 3) ** 3
        sums = [np.convolve(v, (tricube * off**k)[::-1], "valid") for v, k in ((weight, 0), (weight, 1), (weight, 2))]
        of_y = [np.convolve(weight * y, (tricube * off**k)[::-1], "valid") for k in (0, 1)]
        out[inside] = _level(*sums, *of_y)
    for i in np.flatnonzero(~inside):
        x = np.arange(begins[i], begins[i] + reach)
        off = x - places[i]
        size = np.abs(off).max() + max(0, width - count) / 2
        w = (1 - np.clip(np.abs(off) / max(size, 1e-9), 0, 1) ** 3) ** 3 * weight[x]
        out[i] = _level(*(np.array((w * off**k).sum()) for k in (0, 1, 2)), (w * y[x]).sum(), (w * off * y[x]).sum())
    return out


def _level(s0: np.ndarray, s1: np.ndarray, s2: np.ndarray, t0: np.ndarray, t1: np.ndarray) -> np.ndarray:
    """Return where weighted straight lines are at distance 0, from sums of weights times distances, and times values; the mean where
    there is no slope to tell."""
    det = s0 * s2 - s1 * s1
    tells = det > 1e-9 * np.maximum(s0 * s2, 1e-300)
    line = (s2 * t0 - s1 * t1) / np.where(tells, det, 1.0)
    return np.where(tells, line, t0 / np.where(s0 > 0, s0, 1.0))


def stl_residuals(x: np.ndarray, season: int, rounds: int = 15) -> np.ndarray:
    """Return what a robust STL leaves of a series [T]: seasonal window 7, two inner loops in each outer one."""
    count, span = len(x), 7
    trend_width = int(np.ceil(1.5 * season / (1 - 1.5 / span)))
    trend_width += 1 - trend_width % 2
    low = season + 1 - season % 2
    weight, trend = np.ones(count), np.zeros(count)
    for _ in range(rounds + 1):
        for _ in range(2):
            longer = np.empty(count + 2 * season)
            plain = x - trend
            for phase in range(season):
                longer[phase::season] = line_at(plain[phase::season], weight[phase::season], span, 1)
            smooth = longer
            for width in (season, season, 3):
                smooth = np.convolve(smooth, np.ones(width) / width, "valid")
            seasonal = longer[season:-season] - line_at(smooth, np.ones(count), low)
            trend = line_at(x - seasonal, weight, trend_width)
        rest = x - seasonal - trend
        far = np.abs(rest) / max(6 * float(np.median(np.abs(rest))), 1e-12)
        weight = np.clip(1 - far**2, 0, 1) ** 2
        weight[far < 0.001] = 1.0
    return np.asarray(rest)


def by_stl(x: np.ndarray, first: int, season: int) -> np.ndarray:
    """Return alarms [T - first] by the z-score of STL residuals, its threshold from the history."""
    residual = stl_residuals(x, season)
    z = np.abs(residual - residual[:first].mean()) / residual[:first].std()
    return np.asarray(z[first:] > np.quantile(z[:first], 1 - RATE))


def by_model(x: np.ndarray, first: int, budget: str, out: str) -> tuple[np.ndarray, str]:
    """Return alarms [T - first] of a run on the history, and which recipe won."""
    at = np.arange(len(x))
    run = mw.fit(
        pa.table({"at": at[:first], "value": x[:first]}), task="anomaly-detection", time="at", false_alarms=f"{RATE:.0%}",
        budget=budget, out=out, progress=False,
    )  # fmt: skip
    answers = run.predictor.predict(pa.table({"at": at, "value": x}))
    return np.array([a["prediction"] for a in answers])[first:], "+".join(run.facts["winner"])


def by_recipe(x: np.ndarray, first: int, name: str) -> tuple[np.ndarray, str]:
    """Return alarms [T - first] of a recipe by itself, with its usual options."""
    from modelwright.core.answers.anomaly import P_VALUE
    from modelwright.core.config import make_config
    from modelwright.core.events import EventStream
    from modelwright.core.recipe import get_recipe
    from modelwright.data.trailing_windows import find_season
    from modelwright.pipeline.intake import Data, get_data
    from modelwright.testing import context

    config = make_config(
        data="memory", task="anomaly-detection", time="at", false_alarms=f"{RATE:.0%}", period=find_season(x[:first])
    )

    def read(values: np.ndarray) -> Data:
        table = pa.table({"at": np.arange(len(values)), "value": values})
        return get_data(config, table, EventStream())

    history, whole = read(x[:first]), read(x)
    recipe = get_recipe(name)
    target = history.task.fit_codec(history.table)
    options = recipe.variants(history.table.schema, target, first)[0]
    model = recipe.fit(history.table, None, options, context(history.task, target))
    return np.asarray(model.scores(whole.table)[first:, P_VALUE] <= RATE), name


def main() -> None:
    """Print a line for each series, and the means."""
    ett, ucr = Path(sys.argv[1]), Path(sys.argv[2])
    budget, seed = sys.argv[3] if len(sys.argv) > 3 else "20s", int(sys.argv[4]) if len(sys.argv) > 4 else 0
    rows = []
    for i, (name, x, season) in enumerate(series(ett, ucr)):
        first = int(0.7 * len(x))
        y, odd = planted(x, first, np.random.default_rng([seed, i]))
        with tempfile.TemporaryDirectory() as out:
            told = budget[0].isdigit()
            own, winner = by_model(y, first, budget, out) if told else by_recipe(y, first, budget)
        peer, truth = by_stl(y, first, season), odd[first:]
        rows.append((f1(truth, own), f1(truth, peer), own[~truth].mean(), peer[~truth].mean()))
        print(
            f"{name:24} F1 {rows[-1][0]:.3f}, STL {rows[-1][1]:.3f}; false alarms {rows[-1][2]:.4f}, STL {rows[-1][3]:.4f}  {winner}",
            flush=True,
        )
    mean = np.mean(rows, axis=0)
    print(f"mean of {len(rows)}: F1 {mean[0]:.3f}, STL {mean[1]:.3f}; false alarms {mean[2]:.4f}, STL {mean[3]:.4f}")


if __name__ == "__main__":
    main()
