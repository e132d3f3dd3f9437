"""`modelwright cost`: on paper from what is said, or from a run."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file
from typer.testing import CliRunner

from modelwright.cli.app import app
from modelwright.core.errors import BundleError, OptionError

PAPER = ["cost", "--parameters", "110m", "--step", "350ms", "--batch", "32"]


def told(*arguments):
    done = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False)
    return json.loads(done.stdout)


def test_a_step_that_was_measured_is_told_for_many_devices():
    found = told(*PAPER, "--gpus", "1,64,4096", "--two-step", "190ms")
    assert [x["devices"] for x in found["lines"]] == [1, 64, 4096]
    assert found["lines"][0]["compute"] == pytest.approx(0.35)
    assert found["measured"] == pytest.approx({"1": 0.35, "2": 0.19})
    assert found["lines"][2]["efficiency"] < found["lines"][1]["efficiency"]
    shown = CliRunner().invoke(app, [*PAPER, "--gpus", "1,2", "--two-step", "190ms", "--price", "2"]).stdout
    assert "110,000,000 parameters" in shown
    assert "measured with 2: 190 ms" in shown


@pytest.fixture
def run(tmp_path):
    place = tmp_path / "candidates" / "textcnn"
    (place / "model-0").mkdir(parents=True)
    (tmp_path / "data").mkdir()
    (tmp_path / "config.yaml").write_text("data: d.csv\n")
    (tmp_path / "data" / "splits.json").write_text(json.dumps({"rows": 100, "test": [1] * 10, "folds": [[[1] * 10]]}))
    save_file(
        {"a": np.zeros((3, 4), np.float32), "b": np.zeros(5, np.float32)}, place / "model-0" / "weights.safetensors"
    )
    (place / "curves-0.json").write_text(json.dumps([{"seconds": 3.0}, {"seconds": 4.0}]))
    (place / "candidate.json").write_text(json.dumps({"name": "textcnn", "value": 0.9, "options": {"batch": 8}}))
    return tmp_path


def test_a_run_tells_what_its_network_took(run):
    found = told("cost", str(run))
    assert found["candidate"] == "textcnn"
    assert found["parameters"] == 17
    assert found["step"] == pytest.approx(0.1)  # the quickest epoch, of ten steps
    assert found["batch"] == 8


@pytest.mark.parametrize(
    ("arguments", "error"),
    [(["cost"], "Name a run"), ([*PAPER, "--memory", "80"], "write 80g"), ([*PAPER[:4], "350", *PAPER[5:]], "write 350ms or 350s"),
     ([*PAPER, "--inside", "300"], "--inside` needs a unit"), ([*PAPER, "--gpus", "0"], "--gpus takes"), ([*PAPER, "--zero", "4"], "--zero takes"),
     ([*PAPER, "--overlap", "2"], "--overlap takes"), ([*PAPER, "--precision", "int8"], "--precision takes"),
     ([*PAPER[:2], "many", *PAPER[3:]], "--parameters takes"), ([*PAPER, "--batch", "-5"], "--batch takes 1 or more"),
     ([*PAPER, "--batch", "0"], "--batch takes"), ([*PAPER, "--rows", "-5"], "--rows takes"), ([*PAPER, "--price", "-4"], "--price takes"),
     ([*PAPER, "--per-node", "0"], "--per-node takes"), ([*PAPER, "--gpus", "5000"], "from 1 to 4096"),
     ([*PAPER, "--half-step", "9h"], "--half-step is"), ([*PAPER, "--price", "nan"], "--price takes a number, received `nan`"),
     ([*PAPER, "--rows", "inf"], "--rows takes a number"), ([*PAPER, "--gpus", "²"], "--gpus takes"), ([*PAPER, "--candidate", "x"], "cost RUN --candidate x")],
)  # fmt: skip
def test_what_does_not_fit_is_said(arguments, error):
    with pytest.raises(OptionError, match=error):
        CliRunner().invoke(app, arguments, catch_exceptions=False)


def test_a_run_that_is_none_and_one_without_networks(run, tmp_path):
    with pytest.raises(BundleError):
        CliRunner().invoke(app, ["cost", str(tmp_path / "no")], catch_exceptions=False)
    with pytest.raises(OptionError, match="no candidate `x`"):
        CliRunner().invoke(app, ["cost", str(run), "--candidate", "x"], catch_exceptions=False)
    (run / "candidates" / "textcnn" / "curves-0.json").unlink()
    with pytest.raises(OptionError, match="holds no network"):
        CliRunner().invoke(app, ["cost", str(run)], catch_exceptions=False)


def test_steps_of_several_processes_are_not_taken_for_those_of_one_device(run):
    (run / "config.yaml").write_text("data: d.csv\ndevices: 2\n")
    with pytest.raises(OptionError, match="trained by 2 processes"):
        CliRunner().invoke(app, ["cost", str(run)], catch_exceptions=False)


def test_no_number_of_the_table_is_cut_at_eighty_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    out = CliRunner().invoke(app, [*PAPER, "--price", "2"], catch_exceptions=False).output
    assert "…" not in out
    assert max(map(len, out.splitlines())) <= 80
    assert "4096" in out
