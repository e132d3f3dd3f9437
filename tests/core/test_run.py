"""The run folder: a name belongs to one run, and nothing is left of one that never began."""

import threading
from pathlib import Path

import pytest

from modelwright.core.errors import BundleError, CannotWrite
from modelwright.core.run import RunFolder, bundle_of_run


def test_runs_that_begin_at_once_have_a_folder_each(tmp_path):
    folders = [RunFolder.choose(tmp_path / "runs", "tickets") for _ in range(12)]  # all see the same free name
    assert {f.path.name for f in folders} == {"tickets"}
    start = threading.Barrier(12)

    def begin(folder):
        start.wait()
        folder.claim()
        (folder.path / "mine").write_text("x")

    threads = [threading.Thread(target=begin, args=(f,)) for f in folders]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == sorted(
        ["tickets", *(f"tickets-{n}" for n in range(2, 13))]
    )
    assert len({f.path for f in folders}) == 12
    assert all(f.config.parent == f.path and (f.path / "mine").exists() for f in folders)


def test_what_was_claimed_and_not_used_is_given_back(tmp_path):
    folder = RunFolder.choose(tmp_path / "a" / "runs", "x")
    folder.claim()
    folder.give_up()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "kept").mkdir()
    other = RunFolder.choose(tmp_path / "kept", "x")
    other.claim()
    other.give_up()
    assert (tmp_path / "kept").is_dir()  # it stood there before
    used = RunFolder.choose(tmp_path / "runs", "x")
    used.claim()
    (used.path / "data").mkdir()
    used.give_up()
    assert (used.path / "data").is_dir()


def test_a_folder_that_was_named_is_left_as_it_is(tmp_path):
    folder = RunFolder(tmp_path)
    folder.claim()
    folder.give_up()
    assert folder.path == tmp_path
    assert tmp_path.is_dir()


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    folder = RunFolder.choose(tmp_path / "file", "x")
    with pytest.raises(CannotWrite, match="file"):
        folder.claim()
    assert Path(tmp_path / "file").read_text() == ""


def test_the_only_run_in_a_folder_is_meant_by_the_folder(tmp_path):
    def made(name, bundle=True):
        (tmp_path / name / "bundle").mkdir(parents=True)
        (tmp_path / name / "config.yaml").write_text("")
        if bundle:
            (tmp_path / name / "bundle" / "manifest.json").write_text("{}")

    made("first")
    assert bundle_of_run(tmp_path) == tmp_path / "first" / "bundle"
    assert RunFolder.find(tmp_path).path == tmp_path / "first"
    made("second", bundle=False)
    with pytest.raises(BundleError, match=f"{tmp_path} holds 2 runs; name the one that is meant: .*first, .*second"):
        bundle_of_run(tmp_path)


@pytest.mark.parametrize(
    ("asked", "meant"), [("runs/churm", "runs/churn"), ("churm", "runs/churn"), ("far/chrun2", "far/churn2")]
)
def test_a_run_whose_name_is_nearly_right_is_named(tmp_path, monkeypatch, asked, meant):
    monkeypatch.chdir(tmp_path)
    for name in ("runs/churn", "runs/tickets", "far/churn2"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "config.yaml").write_text("data: x.csv\n")
    with pytest.raises(BundleError) as e:
        RunFolder.find(asked)
    assert f"Did you mean `{meant}`?" in e.value.words.en.replace("\\", "/")
    assert f"是否指 `{meant}`？" in e.value.words.zh.replace("\\", "/")
    with pytest.raises(BundleError) as e:
        RunFolder.find("runs/zzz")
    assert "Did you mean" not in e.value.words.en
