"""A run folder of an earlier version still renders: its `report.json` holds fewer keys than one of today."""

import json
import shutil
from pathlib import Path

import pytest

from modelwright.cli.terminal import print_leaderboard
from modelwright.core.facts.run import Facts
from modelwright.core.run import RunFolder, read_facts
from modelwright.evaluate.report.card import card
from modelwright.evaluate.report.notebook import run_html
from modelwright.pipeline.report.records import list_runs
from modelwright.pipeline.report.write import write_page

OLD = Path(__file__).with_name("report_of_0_1_0.json")


@pytest.fixture
def run(tmp_path) -> RunFolder:
    place = tmp_path / "old"
    place.mkdir()
    (place / "config.yaml").write_text("data: old.csv\n")
    shutil.copy(OLD, place / "report.json")
    return RunFolder(place)


def test_it_lacks_keys_of_today():
    assert Facts.__annotations__.keys() - json.loads(OLD.read_text(encoding="utf-8")).keys()


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_report_leaderboard_and_card(run, lang, capsys):
    facts = read_facts(run)
    page = write_page(run, lang).read_text(encoding="utf-8")
    assert facts["verdict"][0 if lang == "en" else 1][:8] in page
    assert "linear" in page
    print_leaderboard(facts, lang)
    assert "linear" in capsys.readouterr().out
    assert card(facts, lang).startswith("# a\n")
    assert "linear" in run_html(facts, "report.html", lang)


def test_list(run):
    (row,) = list_runs(run.path.parent)
    assert (row["task"], row["metric"], row["created"]) == ("classification", "macro_f1", "2026-11-24 12:53")
