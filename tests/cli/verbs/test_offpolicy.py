"""`modelwright offpolicy`: policies by a column and by a model, the lines it prints, and logs that do not fit."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pytest

from modelwright.cli.app import main
from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.release.bundle import Predictor, save
from modelwright.testing import context, sample_table


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    rng = np.random.default_rng(4)
    shown = rng.integers(0, 4, 2000)
    path = tmp_path_factory.mktemp("logs") / "logs.csv"
    columns = {
        "banner": [f"b{i}" for i in shown], "click": (rng.random(2000) < 0.1 + 0.1 * shown).astype(int), "p": [0.25] * 2000,
        "new": ["b3"] * 2000, "chance": np.where(shown == 3, 1.0, 0.0), "user": [f"u{i}" for i in rng.integers(0, 50, 2000)],
    }  # fmt: skip
    csv.write_csv(pa.table(columns), path)
    return path


@pytest.fixture
def call(capsys):
    def called(*words):
        """Return exit code, standard output, standard error."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.argv", ["modelwright", *map(str, words)])
            with pytest.raises(SystemExit) as e:
                main()
        return int(e.value.code or 0), *capsys.readouterr()

    return called


COLUMNS = ("--action", "banner", "--reward", "click", "--propensity", "p")


def test_a_policy_by_its_choice_is_judged_in_three_ways(logs, call):
    code, out, err = call("offpolicy", str(logs), *COLUMNS, "--chosen", "new", "--json")
    assert code == 0, err
    found = json.loads(out)
    values = {e["name"]: e for e in found["estimates"]}
    assert set(values) == {"ips", "snips", "dr"}
    assert all(e["low"] < 0.4 < e["high"] for e in values.values())
    assert found["logged"]["low"] < 0.25 < found["logged"]["high"]
    shown = call("offpolicy", str(logs), *COLUMNS, "--chosen", "new", "--unit", "user")[1]
    assert "2,000 rows" in shown
    assert "doubly robust" in shown


def test_a_policy_by_its_chance_has_no_doubly_robust_estimate(logs, call):
    out = call("offpolicy", str(logs), *COLUMNS, "--chance", "chance", "--json")[1]
    found = json.loads(out)
    assert [e["name"] for e in found["estimates"]] == ["ips", "snips"]
    assert "--chosen" in found["why"][0]


def test_a_model_of_clicks_is_a_policy(tmp_path, call):
    task = get_task("click-through")
    table, target = sample_table(task, 300)
    recipe = get_recipe("click-means")
    model = recipe.fit(table, None, recipe.options(), context(task, target))
    save(Predictor(task, task.served(table.schema), target, [(1.0, model)], name="clicks"), tmp_path / "bundle")
    shop = tmp_path / "shop.csv"
    rng = np.random.default_rng(0)
    user, item = rng.integers(0, 30, 600), rng.integers(0, 6, 600)
    likes = user % 2 == item % 2
    columns = {
        "user": [f"u{u}" for u in user],
        "item": [f"i{i}" for i in item],
        "click": (rng.random(600) < np.where(likes, 0.9, 0.1)).astype(int),
        "p": [1 / 6] * 600,
    }
    csv.write_csv(pa.table(columns), shop)
    code, out, err = call(
        "offpolicy",
        str(shop),
        "--action",
        "item",
        "--reward",
        "click",
        "--propensity",
        "p",
        "--model",
        str(tmp_path / "bundle"),
        "--k",
        "2",
        "--json",
    )
    assert code == 0, err
    found = json.loads(out)
    assert len(found["estimates"]) == 3
    assert 0.9 < found["mean_weight"] < 1.1


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ((), "received none"),
        (("--chosen", "new", "--chance", "chance"), "--chosen, --chance"),
        (("--chosen", "nwe"), "`new`"),
        (("--chosen", "new", "--clip", "0"), "above 0"),
        (("--chosen", "new", "--k", "0"), "at least 1"),
        (("--chosen", "new", "--propensity", "banner"), "expected a number, received `b"),
        (("--chosen", "new", "--propensity", "click"), "a propensity is a probability"),
    ],
)
def test_what_does_not_fit_is_refused(logs, call, more, words):
    code, _, err = call("offpolicy", logs, *COLUMNS, *more)
    assert code == 2
    assert words in err
