"""Forecasting: tables read as series, windows, official rows, metrics by hand, and what is refused."""

import csv
import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

import modelwright as mw
from modelwright.core.answers.base import target_from_state
from modelwright.core.answers.corrections import Unfit
from modelwright.core.answers.forecast import ForecastCodec
from modelwright.core.config import make_config
from modelwright.core.errors import DataError, OptionError
from modelwright.core.events import EventStream, Note
from modelwright.core.schema import Schema
from modelwright.core.task import get_task
from modelwright.data import continuation
from modelwright.data.coerce import coerce
from modelwright.data.panel import series_of, told_of, with_whole_periods
from modelwright.data.windows import HISTORY, SERIES, TEST, TRAIN, WINDOW, values_of
from modelwright.pipeline.intake import data_note, get_data
from modelwright.testing import judged
from modelwright.tune.parts import split_data

TASK = get_task("time-series-forecasting")


def read(rows, target="y", held=None, **options):
    config = make_config(data="memory", target=target, task=TASK.name, **options)
    data = get_data(config, rows, EventStream(), held=held)
    return data, config


def days(values, shop=None, begin="2024-01-01", step=dt.timedelta(days=1)):
    start = dt.datetime.fromisoformat(begin)
    when = [start + i * step for i in range(len(values))]
    table = {"when": when, "y": [float(v) for v in values]}
    return table if shop is None else {"shop": [shop] * len(values), **table}


def both(*tables):
    return {k: [v for t in tables for v in t[k]] for k in tables[0]}


def codes(data):
    return {f.code: f for f in data.findings}


def test_windows_train_before_they_validate_and_validate_before_they_test():
    data, config = read(both(days(range(100), "a"), days(range(300, 400), "b")), horizon=10, windows=2)
    table = data.table
    names, windows = table.column(SERIES).to_pylist(), table.column(WINDOW).to_pylist()
    rows = {(s, int(w)): i for i, (s, w) in reversed(list(enumerate(zip(names, windows, strict=True))))}
    histories, came = values_of(table.column(HISTORY)), values_of(table.column("y"))
    assert histories[rows["a", TEST]].tolist() == list(range(90))
    assert came[rows["a", TEST]].tolist() == list(range(90, 100))
    # two series alone say little: two stretches of each are tested on
    assert came[rows["b", 1]].tolist() == list(range(370, 380))
    assert came[rows["b", 2]].tolist() == list(range(360, 370))
    assert np.concatenate([histories[rows["a", TRAIN]], came[rows["a", TRAIN]]]).tolist() == list(range(60))
    parts = split_data(config, table, None, None, data.task, 60.0)
    ((train, valid),) = parts.splits
    assert (len(train), len(valid), len(parts.test)) == (2, 4, 4)


def test_the_line_of_the_data_names_its_columns_and_none_of_the_rows_in_another_form():
    rows = both(days(range(100), "a"), days(range(300, 400), "b"))
    data, _ = read({**rows, "price": [float(i % 7) for i in range(200)]}, horizon=10)
    line = data_note(data).words.en.split("\n")[0]
    assert "  shop, when, price  -> y: time series forecasting" in line
    data, _ = read({"y": [float(i % 7) for i in range(100)]}, horizon=5)
    assert "stretches  -> y: time series forecasting" in data_note(data).words.en


def test_a_gap_is_answered_and_not_judged():
    data, _ = read(days(range(100)), horizon=10, gap=3, windows=1)
    came = values_of(data.table.column("y"))
    test = data.table.column(WINDOW).to_pylist().index(0.0)
    assert np.isnan(came[test][:3]).all()
    assert came[test][3:].tolist() == list(range(90, 100))
    assert values_of(data.table.column(HISTORY))[test].tolist() == list(range(87))


def test_official_rows_go_on_from_the_training_rows():
    held = both(days(range(100, 120), "a", "2024-04-10"), days([1, 2], "new"))
    data, _ = read(both(days(range(100), "a"), days(range(100), "b")), horizon=10, held=held)
    histories, came = values_of(data.test.column(HISTORY)), values_of(data.test.column("y"))
    assert [h.tolist() for h in histories] == [list(range(100)), list(range(110))]
    assert [c.tolist() for c in came] == [list(range(100, 110)), list(range(110, 120))]


def test_official_rows_of_counted_steps_follow_directly(tmp_path):
    with open(tmp_path / "train.csv", "w", newline="") as f:
        csv.writer(f).writerows(
            [["id", *[f"V{i}" for i in range(2, 42)]], ["W1", *range(40)], ["W2", *range(20, 50), *[""] * 10]]
        )
    with open(tmp_path / "test.csv", "w", newline="") as f:
        csv.writer(f).writerows([["id", "V2", "V3", "V4"], ["W1", 40, 41, 42], ["W2", 50, 51, 52]])
    config = make_config(data=str(tmp_path / "train.csv"), task=TASK.name, horizon=3, test=str(tmp_path / "test.csv"))
    data = get_data(config, config.data, EventStream())
    assert dict(zip(data.test.column(SERIES).to_pylist(), [len(v) for v in values_of(data.test.column(HISTORY))])) == {
        "W1": 40,
        "W2": 30,
    }
    assert values_of(data.test.column("value"))[1].tolist() == [50, 51, 52]


def test_wide_tables_with_a_column_a_series_or_a_column_a_date():
    rows = days(range(60))
    wide = {"date": rows["when"], "north": rows["y"], "south": [v * 2 for v in rows["y"]]}
    data, _ = read(pa.table(wide), target=None, horizon=5)
    assert set(data.table.column(SERIES).to_pylist()) == {"north", "south"}
    dated = {
        "shop": ["a", "b"],
        **{f"2021-{m:02d}" if m <= 12 else f"2022-{m - 12:02d}": [m, 2 * m] for m in range(1, 25)},
    }
    data, _ = read(pa.table(dated), target=None, horizon=3)
    assert data.table.schema.target.options["frequency"]["unit"] == "M"
    assert set(data.table.column(SERIES).to_pylist()) == {"a", "b"}


def test_gaps_are_named_and_filled_as_told():
    rows = days(range(60))
    for k in rows:
        del rows[k][20:23]
    data, _ = read(rows, horizon=5)
    found = codes(data)["gaps"]
    assert "3 periods in 1 series" in found.words.en
    assert "2024-01-21" in found.words.en
    for fill, value in (("linear", 21.0), ("zero", 0.0), ("previous", 19.0), ("seasonal", 14.0)):
        data, _ = read(rows, horizon=5, fill=fill)
        assert values_of(data.table.column(HISTORY))[0][21] == pytest.approx(value)
    with pytest.raises(DataError, match="--fill linear"):
        read(rows, horizon=5, fill="refuse")


def test_repeated_times_are_named_and_taken_together_as_told():
    rows = both(days(range(60)), days([100], begin="2024-01-11"))
    for repeats, value in (("mean", 55.0), ("sum", 110.0), ("last", 100.0)):
        data, _ = read(rows, horizon=5, duplicates=repeats)
        assert values_of(data.table.column(HISTORY))[0][10] == value
    assert "2024-01-11" in codes(data)["repeated-times"].words.en
    with pytest.raises(DataError, match="--duplicates mean, sum or last"):
        read(rows, horizon=5, duplicates="refuse")


def test_summer_time_is_recognised():
    hours = days(range(24 * 300), begin="2024-02-01", step=dt.timedelta(hours=1))
    moved = [
        w + dt.timedelta(hours=1) if dt.datetime(2024, 3, 31, 2) <= w < dt.datetime(2024, 10, 27, 2) else w
        for w in hours["when"]
    ]
    data, _ = read({"when": moved, "y": hours["y"]}, horizon=24)
    assert {"summer-time", "gaps", "repeated-times"} <= set(codes(data))


def test_irregular_times_need_a_frequency():
    rng = np.random.default_rng(0)
    start = dt.datetime(2024, 1, 1)
    when = [start + dt.timedelta(minutes=int(m)) for m in np.cumsum(rng.integers(7, 3000, 400))]
    rows = {"when": when, "y": list(range(400))}
    with pytest.raises(DataError, match="--frequency"):
        read(rows, horizon=5)
    data, _ = read(rows, horizon=5, frequency="W", duplicates="sum")
    assert data.table.schema.target.options["frequency"]["unit"] == "W"


def test_keys_are_found_or_asked_for():
    rows = both(*({**days(range(60), s), "item": [i] * 60} for s in ("a", "b") for i in ("x", "y")))
    data, _ = read(rows, horizon=5)
    assert set(data.table.column(SERIES).to_pylist()) == {"a | x", "a | y", "b | x", "b | y"}
    # numbers of shops are names, quantities are not
    shops = both(
        *({**days(range(60)), "branch": [n] * 60, "guests": [n + i % 5 for i in range(60)]} for n in (3, 1_000_007))
    )
    data, _ = read(shops, horizon=5)
    assert set(data.table.column(SERIES).to_pylist()) == {"3", "1000007"}
    twice = {k: v for k, v in shops.items() if k != "branch"} | {"guests": [i * 7 % 101 for i in range(120)]}
    data, _ = read(twice, horizon=5)
    assert set(data.table.column(SERIES).to_pylist()) == {"series"}
    assert "repeated-times" in codes(data)
    notes = both({**days(range(60)), "remark": ["z"] * 60}, {**days(range(60)), "remark": ["z"] * 60})
    with pytest.raises(OptionError, match="--key"):
        read(notes, horizon=5)


def test_what_is_taken_together_stays_in_its_series_and_in_weeks_from_monday():
    rows = both(days([1] * 140, "north"), days([100] * 140, "south"))
    data, _ = read(rows, horizon=3, frequency="W", duplicates="sum")
    table = data.table
    assert set(table.column(SERIES).to_pylist()) == {"north", "south"}
    for name, value in (("north", 7), ("south", 700)):
        mine = [i for i, s in enumerate(table.column(SERIES).to_pylist()) if s == name]
        assert all(set(values_of(table.column(HISTORY))[i].tolist()) == {value} for i in mine)
    assert {t.weekday() for t in table.column("start").to_pylist()} == {0}
    # receipts of a day, each with its own customer: one series, added up
    start = dt.datetime(2024, 1, 1)
    receipts = {
        "when": [start + dt.timedelta(days=i // 4) for i in range(400)],
        "who": [f"customer {i % 90}" for i in range(400)],
        "y": [1.0] * 400,
    }
    data, _ = read(receipts, horizon=5, frequency="D", duplicates="sum")
    assert set(data.table.column(SERIES).to_pylist()) == {"series"}
    assert set(values_of(data.table.column(HISTORY))[0].tolist()) == {4.0}


@pytest.mark.parametrize(
    ("rows", "options", "said"),
    [
        (days(range(12)), {"horizon": 10}, "at least 31"),
        (days(range(60)), {"horizon": 5, "quantiles": [1.5]}, "between 0 and 1"),
        (days(range(60)), {"horizon": 5, "season": 1_000_000_000}, "--season below 60, the steps of the longest"),
        (days(range(60)), {"horizon": 5, "frequency": "fortnight"}, "--frequency such as"),
        (days(range(60)), {"horizon": 5, "frequency": "h"}, "stand further apart"),
        ({**days(range(60)), "note": list("ab") * 30}, {"horizon": 5, "known": ["note"]}, "columns of numbers"),
        ({"when": days(range(60))["when"], "y": [None] * 60}, {"horizon": 5}, "no row with a target value"),
        (
            {"date": [f"20x4-01-{i % 30 + 1:02d}" for i in range(60)], "y": range(60)},
            {"horizon": 5},
            "Expected times in `date`",
        ),
    ],
)
def test_what_cannot_be_forecast_is_refused_in_a_sentence(rows, options, said):
    with pytest.raises((DataError, OptionError), match=said):
        read(rows, **options)


def codec(horizon=2, season=1, levels=(0.05, 0.5, 0.95)):
    return ForecastCodec(horizon, levels, {"unit": "D", "count": 1, "anchor": 0, "clock": 0}, season, (7,))


def test_metrics_by_hand():
    data, _ = read(days([0, 2, 0, 2, 0, 2, 0, 4, 4]), horizon=2, windows=1, season=1)
    test = data.table.take(np.flatnonzero(np.array(data.table.column(WINDOW)) == TEST))
    target = TASK.fit_target(test.column("y"), test.schema["y"])
    scores = np.repeat(np.array([[[3.0], [6.0]]]), len(target.levels), axis=2)
    scores[:, :, 0] -= 1.5
    scores[:, :, -1] += 1.5
    found = {m.name: m(judged(test, target, scores, TASK.metrics)) for m in TASK.metrics}
    assert found["mase"] == pytest.approx((1 + 2) / 2 / 2)  # each step of the history is off by 2
    assert found["smape"] == pytest.approx((200 * 1 / 7 + 200 * 2 / 10) / 2)
    assert found["rmsse"] == pytest.approx(np.sqrt((1 + 4) / 2) / 2)
    assert found["mae"] == pytest.approx(1.5)
    assert found["mse"] == pytest.approx(2.5)
    assert found["bias"] == pytest.approx(0.5 / 4)  # off by -1 and +2
    assert found["coverage"] == pytest.approx(0.5)


def test_a_constant_history_has_no_scale_and_spoils_no_mean():
    data, _ = read(both(days([5] * 40, "flat"), days(list(range(20)) * 2, "saw")), horizon=3, windows=1)
    test = data.table.take(np.flatnonzero(np.array(data.table.column(WINDOW)) == TEST))
    target = TASK.fit_target(test.column("y"), test.schema["y"])
    scores = np.repeat(np.zeros((len(test), 3, 1)), len(target.levels), axis=2)
    assert np.isfinite(TASK.metrics[0](judged(test, target, scores, TASK.metrics)))
    assert "constant-series" in codes(data)


def test_intervals_are_stretched_to_what_they_should_hold():
    rng = np.random.default_rng(0)
    target = codec(horizon=10)
    truth = rng.normal(0, 2, (400, 10))
    scores = np.zeros((400, 10, 3))
    scores[:, :, 0], scores[:, :, 2] = -1.0, 1.0  # of a normal with deviation 2 this holds 38 %
    factor = target.stretch(truth, scores)
    assert factor == pytest.approx(2 * 1.645, rel=0.05)
    wide = target.tempered(scores, factor)
    assert ((truth >= wide[:, :, 0]) & (truth <= wide[:, :, 2])).mean() == pytest.approx(0.9, abs=0.01)


def test_the_codec_is_restored_and_names_what_is_wrong():
    target = codec()
    again = target_from_state(target.state())
    assert again.state() == target.state()
    assert target.faults(np.zeros((1, 2, 3))) is None
    assert "lower" in target.faults(np.array([[[1.0, 0.0, 2.0], [0, 1, 2]]]))


def test_what_is_known_only_afterwards_is_named():
    rng = np.random.default_rng(0)
    sold = 50 + rng.normal(0, 5, 80)
    rows = {**days(sold), "visits": (2 * sold).tolist(), "price": rng.integers(5, 9, 80).tolist()}
    data, _ = read(rows, horizon=5, known=["visits", "price"])
    found = [f for f in data.findings if f.code == "known-afterwards"]
    assert [f.column for f in found] == ["visits"]


def test_a_series_that_never_changes_is_not_tuned(tmp_path):
    days = [f"2024-{1 + i // 28:02d}-{1 + i % 28:02d}" for i in range(120)]
    lines: list[str] = []
    run = mw.fit(
        pa.table({"date": days, "sold": [4.0] * 120}), "sold", task="time-series-forecasting", horizon=7, frequency="D",
        fill="previous", recipes=["window-average", "croston", "lag-ridge"], budget="60s", out=tmp_path,
        listeners=[lambda e: lines.append(e.words.en) if isinstance(e, Note) else None],
    )  # fmt: skip
    assert any("models cannot be told apart: the search ends here" in line for line in lines)
    assert {row["name"] for row in run.facts["leaderboard"] if row.get("value") is not None} <= {
        "window-average",
        "croston",
        "lag-ridge",
    }
    assert not any(row["name"].endswith("-2") for row in run.facts["leaderboard"])


def test_what_came_is_told_as_numbers():
    target = codec()
    assert target.told([1, 2.5]) == ({"values": [1.0, 2.5]}, False)
    assert target.told("3, 4")[0] == {"values": [3.0, 4.0]}
    assert target.gist({"values": [1.0], "quantiles": {}}) == [1.0]
    for wrong in ([1, 2, 3], [], "soon", [True], [float("nan")], 5):
        with pytest.raises(Unfit, match="1 to 2 numbers"):
            target.told(wrong)


@pytest.mark.parametrize(("value", "says"), [(0.0, "never changed"), (7.0, "never changed")])
def test_a_series_that_never_changes_is_told_as_that(value, says, tmp_path):
    days = [f"2024-{1 + i // 28:02d}-{1 + i % 28:02d}" for i in range(120)]
    run = mw.fit(
        pa.table({"date": days, "sold": [value] * 120}), "sold", task="time-series-forecasting", horizon=7, frequency="D",
        fill="previous", recipes=["seasonal-naive", "window-average"], search="none", budget="30s", out=tmp_path,
    )  # fmt: skip
    verdict, advice = run.facts["verdict"], run.facts["advice"][0]
    assert says in verdict[0]
    assert "stretches" in verdict[0]
    assert "从未变化" in verdict[1]
    assert "more rows" not in advice[0]
    assert run.predictor.predict([{"history": [value] * 30}])[0]["prediction"]["values"] == [value] * 7


def sold_until(last, begin="2023-01-01", closed=()):
    every = np.arange(begin, np.datetime64(last) + 1, dtype="datetime64[D]").astype(object)
    when = [dt.datetime.combine(d, dt.time()) for d in every if d.weekday() not in closed]
    return {"when": when, "y": [1.0] * len(when)}


def monthly(rows, **options):
    data, _ = read(rows, horizon=2, frequency="M", **{"duplicates": "sum", **options})
    return data, max((continuation.latest(data.table)).values(), key=lambda s: len(s.values)), codes(data)


@pytest.mark.parametrize(
    ("rows", "first", "last"),
    [
        (sold_until("2024-06-30"), 31, 30),
        (sold_until("2024-06-03"), 31, 31),  # June has three days
        (sold_until("2024-06-30", begin="2023-01-20"), 28, 30),  # January has twelve
        (sold_until("2024-06-29", closed=(6,)), 26, 25),  # the 30th is a Sunday, on which nobody sells
        (sold_until("2024-06-28", closed=(6,)), 26, 27),  # the 29th is a Saturday
    ],
)
def test_a_period_that_the_rows_do_not_cover_is_not_added_up(rows, first, last):
    _, series, found = monthly(rows)
    assert (series.values[0], series.values[-1]) == (first, last)
    whole = rows["when"][0].day < 3 and rows["when"][-1] >= dt.datetime(2024, 6, 29)
    assert ("part-of-a-period" in found) != whole


def test_a_part_of_a_period_is_told_with_its_rows():
    _, series, found = monthly(sold_until("2024-06-03"))
    words = found["part-of-a-period"].words
    assert "rows end at 2024-06-03, it goes on to 2024-06-30. Its 3 rows (2024-06-01 to 2024-06-03)" in words.en
    assert "其中 3 行（2024-06-01 至 2024-06-03）" in words.zh
    _, series, found = monthly(sold_until("2024-06-03"), duplicates="mean")
    assert "counts all the same" in found["part-of-a-period"].words.en
    assert len(series.values) == 18
    with pytest.raises(DataError, match="No period of 1 year"):
        read(sold_until("2023-09-03", begin="2023-02-01"), horizon=2, frequency="Y", duplicates="sum")


def test_a_series_that_ends_earlier_and_rows_of_whole_months_are_kept():
    shut = sold_until("2024-03-10") | {"shop": ["shut"] * len(sold_until("2024-03-10")["y"])}
    open_ = sold_until("2024-06-30") | {"shop": ["open"] * len(sold_until("2024-06-30")["y"])}
    data, _, found = monthly(both(shut, open_))
    assert continuation.latest(data.table)["shut"].values[-1] == 10
    assert "part-of-a-period" not in found
    once = {"when": [dt.datetime(2022 + i // 12, i % 12 + 1, 1) for i in range(30)] * 2, "y": [1.0] * 60}
    _, series, found = monthly(once)
    assert len(series.values) == 30
    assert "part-of-a-period" not in found


def test_later_rows_are_read_at_the_same_grain():
    data, _, _ = monthly(sold_until("2024-05-31"))
    told, _ = continuation.told_in(data.table)
    schema = data.table.schema.target.options["long"]
    for rows, count in ((sold_until("2024-06-03", begin="2024-06-01"), 0), (sold_until("2024-06-30", begin="2024-06-01"), 1)):  # fmt: skip
        table, _ = coerce(pa.table(rows), Schema.from_json(schema), source="new", need_target=False)
        series, _, found = series_of(table, told, empty=True)
        assert len(series[0].values) == count
        assert any(f.code == "part-of-a-period" for f in found) == (not count)
    months = {"when": [dt.datetime(2024, 6, 1), dt.datetime(2024, 7, 1), dt.datetime(2024, 8, 1)], "y": [30.0, 31, 31]}
    table, _ = coerce(pa.table(months), Schema.from_json(schema), source="new", need_target=False)
    assert len(series_of(table, told, empty=True)[0][0].values) == 3
    whole = with_whole_periods(data.table.schema)
    assert told_of(whole.target.options["told"]).grain is None
