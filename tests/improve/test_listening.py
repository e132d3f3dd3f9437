"""Voices compared blindly: a page without names, a key beside it, answers that are checked and looked at as often as one likes."""

import json
import re

import numpy as np
import pytest
from typer.testing import CliRunner

from modelwright.cli.app import app
from modelwright.core.errors import DataError, OptionError
from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.improve.listening import key_of, make_page, preference, tell, words_of
from modelwright.release.bundle import Predictor, save
from modelwright.testing import context, sample_table


@pytest.fixture(scope="module")
def voices(tmp_path_factory):
    """Return the folders of two voices and of a model that does not speak."""
    place = tmp_path_factory.mktemp("voices")
    for task_name, recipes in (
        ("text-to-speech", ("mean-sounds", "unit-selection")),
        ("automatic-speech-recognition", ("dtw",)),
    ):
        task = get_task(task_name)
        table, target = sample_table(task, 16)
        for name in recipes:
            recipe = get_recipe(name)
            model = recipe.fit(table, None, recipe.options(), context(task, target))
            save(Predictor(task, task.served(table.schema), target, [(1.0, model)]), place / name)
    return place


def made(voices, place, texts=("low mid", "high", "mid mid low")):
    page = place / "page.html"
    told = make_page(str(voices / "mean-sounds"), str(voices / "unit-selection"), texts, page)
    return page, told


def answers(page, path, choose):
    """Write what somebody saves who prefers by `choose`, which is told whose the first sound is."""
    key = json.loads(key_of(page).read_text())
    votes = {pair: choose(who) for pair, who in key["first"].items()}
    path.write_text(json.dumps({"test": key["test"], "votes": votes}))
    return path


def test_the_page_names_no_voice_and_the_key_does(voices, tmp_path):
    page, told = made(voices, tmp_path)
    assert told["pairs"] == 3
    text = page.read_text(encoding="utf-8")
    key = json.loads(key_of(page).read_text())
    assert {key["a"], key["b"]} == {"mean-sounds", "unit-selection"}
    data = json.loads(re.search(r'id="pairs"[^>]*>(.*?)</script>', text)[1])
    assert [p["text"] for p in data["pairs"]] == ["low mid", "high", "mid mid low"]
    plain = json.dumps(data)
    for hidden in ("mean-sounds", "unit-selection", "mean_sounds", str(voices)):
        assert hidden not in plain
        assert hidden not in text
    assert all(len(set(p["sounds"])) == 2 for p in data["pairs"])
    assert key["first"].keys() == {p["id"] for p in data["pairs"]}


def test_answers_are_counted_by_the_key(voices, tmp_path):
    page, _ = made(voices, tmp_path)
    like_a = answers(page, tmp_path / "1.json", lambda who: "first" if who == "a" else "second")
    like_b = answers(page, tmp_path / "2.json", lambda who: "second" if who == "a" else "first")
    neither = answers(page, tmp_path / "3.json", lambda who: "none")
    key, found = tell(key_of(page), [like_a, like_b, neither])
    assert (found.a, found.b, found.ties, found.share) == (3, 3, 3, 0.5)
    assert found.verdict == "early"
    assert "at least 50" in words_of(key, found).en
    assert "至少需要 50" in words_of(key, found).zh


@pytest.mark.parametrize(
    ("votes", "says"),
    [({"x": "first"}, "for a pair of this test"), (None, "holds no answers to this test")],
)
def test_strange_answers_are_named(voices, tmp_path, votes, says):
    page, _ = made(voices, tmp_path)
    test = json.loads(key_of(page).read_text())["test"]
    (tmp_path / "odd.json").write_text(
        json.dumps({"test": test, "votes": votes} if votes else {"test": "other", "votes": {}})
    )
    with pytest.raises(DataError, match=says):
        tell(key_of(page), [tmp_path / "odd.json"])


def test_the_same_file_counts_once(voices, tmp_path):
    page, _ = made(voices, tmp_path)
    one = answers(page, tmp_path / "1.json", lambda who: "first")
    (tmp_path / "copy.json").write_text(one.read_text())
    with pytest.raises(DataError, match="counts once"):
        tell(key_of(page), [one, tmp_path / "copy.json"])
    with pytest.raises(DataError, match="no key of a listening test"):
        tell(one, [one])


def test_looks_as_often_as_one_likes_seldom_mislead():
    rng = np.random.default_rng(0)
    wrong = 0
    for _ in range(200):
        scores = rng.integers(0, 2, 400).astype(float)
        wrong += any(preference(scores[:n]).verdict in ("a", "b") for n in range(50, 401, 10))
    assert wrong <= 0.05 * 200 + 3
    found = preference((rng.random(200) < 0.75).astype(float))
    assert found.verdict == "a"
    assert found.low > 0.5
    assert preference(1.0 - (rng.random(200) < 0.75)).verdict == "b"


def test_what_cannot_be_compared_is_said(voices, tmp_path):
    with pytest.raises(OptionError, match="does not speak"):
        make_page(str(voices / "dtw"), str(voices / "mean-sounds"), ["low"], tmp_path / "p.html")
    with pytest.raises(DataError, match="None of 1 texts"):
        make_page(str(voices / "mean-sounds"), str(voices / "unit-selection"), ["☃"], tmp_path / "p.html")
    assert not list(tmp_path.glob("p.*"))


def test_the_command_line(voices, tmp_path):
    texts = tmp_path / "texts.txt"
    texts.write_text("low mid\n\n☃\nhigh\n", encoding="utf-8")
    call = ["listen", "make", str(voices / "mean-sounds"), str(voices / "unit-selection"), "--texts", str(texts)]
    done = CliRunner().invoke(app, [*call, "--out", str(tmp_path / "page.html")])
    assert done.exit_code == 0, done.output
    assert "2 pairs" in done.output
    assert "1 texts cannot" in done.output
    votes = answers(tmp_path / "page.html", tmp_path / "v.json", lambda who: "first")
    told = CliRunner().invoke(app, ["listen", "tell", str(tmp_path / "page.key.json"), str(votes)])
    assert told.exit_code == 0
    assert "2 answers" in told.output
    assert isinstance(CliRunner().invoke(app, [*call, "--out", str(tmp_path / "page.txt")]).exception, OptionError)
