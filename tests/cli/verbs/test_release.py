"""The verbs of releases: what they print, in both languages and as JSON, and how they refuse."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

STORED = Path(__file__).parents[2] / "release" / "stored" / "format-1" / "bundle"


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """Return what asks the command line in a folder with one run: exit code, standard output, standard error."""
    for name in ("MODELWRIGHT_DB", "MODELWRIGHT_BLOBS"):
        monkeypatch.delenv(name, raising=False)
    run = tmp_path / "runs" / "tickets"
    shutil.copytree(STORED, run / "bundle")
    (run / "config.yaml").write_text("data: tickets.csv\n")

    def ask(*words, lang="en"):
        done = subprocess.run(
            [sys.executable, "-m", "modelwright.cli", *words], cwd=tmp_path, capture_output=True, text=True,
            env={**os.environ, "MODELWRIGHT_LANG": lang}, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout, done.stderr

    return ask


def test_a_model_is_released_promoted_and_rolled_back(ask):
    code, out, err = ask("release", "tickets", "--name", "desk")
    assert (code, out.startswith("desk 1  champion")) == (0, True), err
    assert "modelwright predict desk" in err
    code, out, err = ask("release", "tickets", "--name", "desk", lang="zh")
    assert "提升后即开始作答：modelwright promote desk 2" in err
    code, out, _ = ask("promote", "desk", "2", "--json")
    told = json.loads(out)
    assert (told["version"], told["before"], told["changed"], told["notes"]) == (2, 1, True, [])
    code, out, _ = ask("releases", "desk", "--json")
    assert [(r["version"], r["aliases"]) for r in json.loads(out)] == [(2, ["champion"]), (1, ["previous"])]
    assert ask("rollback", "desk", "--reason", "errors")[1] == "desk 1 is its champion now, in place of 2.\n"
    code, _, err = ask("rollback", "desk")
    assert (code, err) == (2, "Error: There is no earlier champion of `desk` to go back to.\n")
    code, out, _ = ask("releases", lang="zh")
    assert "未设门槛" in out


def test_refusals_are_one_sentence(ask, tmp_path):
    code, _, err = ask("releases")
    assert (code, err) == (0, "Nothing was released yet.\n")
    card = json.loads((tmp_path / "runs/tickets/bundle/bundle.json").read_text())
    card["card"] |= {"asked": True, "met": False, "gate": [{"condition": "macro_f1>=0.99", "met": False}]}
    _rewrite(tmp_path / "runs/tickets/bundle", card)
    code, out, err = ask("release", "tickets", "--name", "desk")
    assert (code, out) == (2, "")
    assert err.startswith("Error: Not released: its gate was not met (macro_f1>=0.99).")
    code, out, _ = ask("release", "tickets", "--name", "desk", "--in-spite", "a demo")
    assert (code, out.rstrip().endswith("in spite: a demo")) == (0, True)
    assert "a demo" in (tmp_path / "runs/ledger.jsonl").read_text()
    code, _, err = ask("releases", "--db", "postgresql://nobody:" + "secret" + "@127.0.0.1:9/none")
    assert code == 2
    assert "cannot be used now" in err
    assert "secret" not in err
    assert len(err.splitlines()) == 1


def _rewrite(bundle, about):
    from modelwright.release.check import sha256_of

    (bundle / "bundle.json").write_text(json.dumps(about))
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["files"]["bundle.json"] = sha256_of(bundle / "bundle.json")
    (bundle / "manifest.json").write_text(json.dumps(manifest))


def test_an_export_of_a_release_is_written_where_one_stands(tmp_path, monkeypatch):
    from modelwright.release.export_to import export_place

    monkeypatch.chdir(tmp_path)
    assert export_place("desk/2", Path("/far/away/bundle"), "onnx") == Path("desk-2-onnx")
    (tmp_path / "runs" / "desk").mkdir(parents=True)
    assert export_place("desk", Path("runs/desk/bundle"), "onnx") == Path("runs/desk/onnx")


def test_a_canary_from_beginning_to_end(ask):
    for _ in range(2):
        assert ask("release", "tickets", "--name", "desk")[0] == 0
    code, out, err = ask(
        "promote", "desk", "2", "--canary", "10%", "--shadow", "--max-latency", "50ms", "--max-drift", "off"
    )
    assert code == 0
    assert out == "desk 2 is on trial beside 1 now: canary 10%, shadow; limits: errors 1%, p95 50 ms.\n"
    assert "modelwright rollback desk --canary" in err
    assert "challenger" in ask("releases")[1]
    assert "canary 10%, shadow" in ask("releases")[1].splitlines()[0]
    found = json.loads(ask("releases", "--json")[1])
    assert [r["traffic"] and r["traffic"]["share"] for r in found] == [0.1, None]
    assert found[0]["findings"] is None
    code, out, _ = ask("rollback", "desk", "--canary", "--reason", "enough seen")
    assert (code, out) == (0, "2 answers no more; desk 1 answers everything.\n")
    assert "taken back" in ask("releases")[1]
    assert "enough seen" in ask("releases")[1]
    code, out, _ = ask("promote", "desk", "2", "--shadow", lang="zh")
    assert (code, "影子" in out) == (0, True)
    assert ask("promote", "desk", "2", "--watch", "5m")[0] == 0
    assert "watched until" in ask("releases")[1].splitlines()[0]


def test_canaries_that_make_no_sense_are_refused_in_one_sentence(ask):
    for _ in range(3):
        ask("release", "tickets", "--name", "desk")
    for options, said in {
        ("2", "--canary", "0%"): "more than 0 %",
        ("2", "--canary", "150%"): "less than 100 %",
        ("2", "--canary", "some"): "such as 10%",
        ("1", "--canary", "10%"): "is the champion",
        ("7", "--canary", "10%"): "no version 7",
        ("2", "--canary", "10%", "--max-errors", "lots"): "--max-errors takes a share",
        ("2", "--in-spite", "x"): "--in-spite belongs to",
        ("2", "--as", "challenger", "--watch", "5m"): "give --canary or --shadow",
    }.items():
        code, out, err = ask("promote", "desk", *options)
        assert (code, out) == (2, ""), options
        assert said in err
        assert len(err.splitlines()) == 1
    assert ask("rollback", "desk", "--canary")[0] == 2
    assert ask("promote", "desk", "2", "--canary", "10%")[0] == 0
    for options in (("3", "--canary", "10%"), ("3",)):
        code, _, err = ask("promote", "desk", *options)
        assert code == 2
        assert "Version 2 of `desk` is on trial (canary 10%)." in err
