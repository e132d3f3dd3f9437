"""Click-through: columns found by their names, ratings as clicks, splits by time, what is refused, and what the report shows."""

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.config import make_config
from modelwright.core.errors import DataError, OptionError
from modelwright.core.events import EventStream
from modelwright.core.task import get_task
from modelwright.pipeline.intake import get_data
from modelwright.testing import judged, sample_table
from modelwright.tune.parts import split_data

TASK = get_task("click-through")


def rows(count: int = 400) -> pa.Table:
    rng = np.random.default_rng(0)
    user = rng.integers(0, 20, count)
    return pa.table(
        {
            "user_id": user,
            "ad_id": rng.integers(0, 9, count),
            "campaign_id": rng.integers(0, 4, count),
            "timestamp": 1_700_000_000 + 60 * np.arange(count),
            "price": np.round(rng.random(count), 3),
            "rating": rng.integers(1, 6, count),
        }
    )


def data(table: pa.Table, **options):
    config = make_config(data="memory", task="click-through", **options)
    found = get_data(config, table, EventStream())
    return found, config


def split(table: pa.Table, **options):
    found, config = data(table, **options)
    return split_data(config, found.table, None, None, TASK, 60.0)


def test_keys_and_times_are_found_and_ratings_become_clicks():
    found, _ = data(rows(), at_least=4)
    schema = found.table.schema
    assert [(c.name, c.modality) for c in schema.inputs][:3] == [
        (n, "category") for n in ("user_id", "ad_id", "campaign_id")
    ]
    assert schema["user_id"].options["key"] == "user"
    assert schema["ad_id"].options["key"] == "item"
    assert schema["timestamp"].options["when"]
    assert schema.target.name == "rating"
    clicked = found.table.column("rating").to_pylist()
    assert clicked == [r >= 4 for r in rows().column("rating").to_pylist()]


def test_the_test_events_come_after_all_others():
    found, config = data(rows(), at_least=4)
    parts = split_data(config, found.table, None, None, TASK, 60.0)
    when = lambda t: t.column("timestamp").cast(pa.int64()).to_numpy()  # noqa: E731
    assert when(parts.develop).max() < when(parts.test).min()
    ((learnt, held),) = parts.splits
    assert when(parts.develop)[learnt].max() < when(parts.develop)[held].min()
    assert len(parts.test) == 40


def test_by_chance_or_each_users_last_event_where_asked():
    found, config = data(rows(), at_least=4, hold_out="last")
    parts = split_data(config, found.table, None, None, TASK, 60.0)
    assert len(parts.test) == 20
    assert len(set(parts.test.column("user_id").to_pylist())) == 20
    found, config = data(rows(), at_least=4, hold_out="random")
    assert TASK.split(found.table, config, False) is None


def test_equal_events_are_kept():
    table = pa.table({"user": ["a", "b"] * 100, "item": ["x", "y"] * 100, "click": [0, 1, 1, 1] * 50})
    found, _ = data(table)
    assert len(found.table) == 200
    assert not [f for f in found.findings if f.code in ("duplicates", "conflict")]


@pytest.mark.parametrize(
    ("table", "options", "error", "words"),
    [
        (rows(), {}, DataError, "--at-least 4"),
        (rows(), {"target": "price", "hold_out": "time"}, DataError, "two different values"),
        (rows().drop_columns(["timestamp"]), {"at_least": 4, "hold_out": "time"}, OptionError, "--time"),
        (rows().drop_columns(["user_id"]), {"at_least": 4, "hold_out": "last"}, OptionError, "--user"),
        (rows().append_column("note", pa.array(["so so"] * 400)), {"at_least": 4, "time": "note"}, OptionError, "holds"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_in_one_sentence(table, options, error, words):
    with pytest.raises(error, match=words):
        split(table, **options)


def test_the_report_sets_probabilities_beside_what_came_about():
    table, target = sample_table(TASK, 400)
    truth = target.encode(table.column("click"))
    scores = np.stack([1 - np.where(truth, 0.8, 0.3), np.where(truth, 0.8, 0.3)], axis=1)
    (section,) = TASK.sections(None, judged(table, target, scores), table, table, 1.0)
    assert len(section.rows) == 10
    assert section.rows[0][2:] == ["0.3000", "0.0000"]
    assert section.rows[-1][2:] == ["0.8000", "1.0000"]
