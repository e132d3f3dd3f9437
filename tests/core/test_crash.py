"""kill -9 and full disks: what stands is the last complete state or the new one, and the error is one clear line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from modelwright.core.errors import DataError
from modelwright.core.run import bundle_of_run, recover, refused, whole_folder, write_json

# A child forks for every operation on files that a save makes, and the fork kills itself right before it. Audit hooks
# see them all, whichever library makes them through Python; the last fork runs to its end.
KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import saves
place = Path(sys.argv[1])
saves.prepare()
SEEN = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree", "os.scandir"}
left = None
def watch(name, args):
    global left
    if left is not None and name in SEEN:
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
sys.addaudithook(watch)
k = 0
while True:
    saves.reset(place)
    saves.save(place, "old")
    child = os.fork()
    if child == 0:
        left = k
        saves.save(place, "new")
        os._exit(0)
    _, how = os.waitpid(child, 0)
    found = saves.load(place)
    killed = os.WIFSIGNALED(how)
    assert found in (("old", "new") if killed else ("new",)), (k, killed, found)
    saves.save(place, "newer")
    assert saves.load(place) == "newer", k
    assert not [p for p in place.iterdir() if p.name.startswith(".")], (k, list(place.iterdir()))
    print(k, killed, found)
    if not killed:
        break
    k += 1
"""
BUNDLE = """
import shutil
import numpy as np
def prepare():
    global predictor, bundle
    from modelwright.core.recipe import get_recipe
    from modelwright.core.task import get_task
    from modelwright.release import bundle
    from modelwright.testing import context, sample_table
    task = get_task("classification")
    table, target = sample_table(task, 60)
    recipe = get_recipe("constant")
    model = recipe.fit(table, table, recipe.variants(table.schema, target, 60)[0], context(task, target))
    predictor = bundle.Predictor(task, table.schema, target, [(1.0, model)])
def reset(place):
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
def save(place, what):
    predictor.name = what
    bundle.save(predictor, place / "bundle", {"card.md": what})
def load(place):
    from modelwright.core.run import bundle_of_run
    return bundle.load(bundle_of_run(place / "bundle")).name
"""
CANDIDATE = """
import shutil
import numpy as np
VAULT = None
def prepare():
    global model, candidate, tune, target
    from modelwright.core.recipe import get_recipe
    from modelwright.core.task import get_task
    from modelwright.testing import context, sample_table
    from modelwright.tune import candidate as tune
    task = get_task("classification")
    table, target = sample_table(task, 60)
    recipe = get_recipe("constant")
    options = recipe.variants(table.schema, target, 60)[0]
    model = recipe.fit(table, table, options, context(task, target))
    candidate = lambda name: tune.Candidate(name, "constant", options.model_dump(), [model], np.ones((4, 2)), 0.5, 1.0, 1.0, 0)
def reset(place):
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
def save(place, what):
    tune.save_candidate(candidate(what), place / "one", target)
def load(place):
    from modelwright.core.stored_data import kept_folders
    (found,) = kept_folders(place)
    return tune.load_candidate(found, target).name
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize(
    "what",
    ["bundle", *(pytest.param(n, marks=pytest.mark.slow) for n in ("candidate", "encrypted candidate"))],
)
def test_killed_at_every_step_of_a_save_the_last_complete_state_is_found(tmp_path, what):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "saves.py").write_text(BUNDLE if what == "bundle" else CANDIDATE)
    told = dict(os.environ)
    if what.startswith("encrypted"):
        from modelwright.core.keyref import Key

        told |= {"MW_CRASH": Key.new().text(), "MODELWRIGHT_VAULT": "env:MW_CRASH"}
    done = subprocess.run(
        [sys.executable, "-c", KILLED, tmp_path / "place", tmp_path / "code"],
        capture_output=True, text=True, check=False, timeout=120, env=told,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    steps = [line.split() for line in done.stdout.splitlines() if line]
    assert len(steps) >= 6
    assert {found for _, _, found in steps} == {"old", "new"}
    if what == "bundle":
        assert "A save was cut off" in done.stderr  # and says so


def test_a_save_cut_off_between_its_two_moves_is_put_back(tmp_path):
    write = whole_folder(tmp_path / "bundle")
    with write as part:
        write_json(part / "manifest.json", {})
    os.replace(tmp_path / "bundle", tmp_path / ".bundle.old")
    assert bundle_of_run(tmp_path) == tmp_path / "bundle"
    assert recover(tmp_path / "bundle") is False


# RLIMIT_FSIZE makes every write beyond so many bytes of a file fail, in native code too, as a full disk does.
FULL = (
    "import resource, sys\nresource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)\n"
    "sys.argv = ['modelwright', *sys.argv[2:]]\nfrom modelwright.cli.app import main\nmain()"
)


def limited(place: Path, size: int, *args: str) -> subprocess.CompletedProcess[str]:
    told = [sys.executable, "-c", FULL, str(size), *args]
    env = {**os.environ, "MODELWRIGHT_LEDGER": "off", "MPLCONFIGDIR": str(place)}
    return subprocess.run(told, capture_output=True, text=True, check=False, timeout=200, cwd=place, env=env)


@pytest.mark.parametrize("size", [3_000, *(pytest.param(n, marks=pytest.mark.slow) for n in (100, 12_000, 60_000))])
def test_a_disk_that_fills_up_during_a_run(tmp_path, size):
    rows = "".join(f"{['good', 'fine', 'nice'][i % 3]} thing {i},{'yes' if i % 2 else 'no'}\n" for i in range(80))
    (tmp_path / "d.csv").write_text("text,label\n" + rows)
    recipes = [x for r in ("constant", "linear", "trees") for x in ("--recipe", r)]
    done = limited(tmp_path, size, "run", "d.csv", "--target", "label", "--budget", "4s", "--search", "none", *recipes)
    assert "Traceback" not in done.stderr
    assert done.returncode in (2, 4), done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    assert not list(tmp_path.rglob("*.part*"))
    for manifest in tmp_path.rglob("manifest.json"):
        from modelwright.release.check import verify

        verify(manifest.parent)


@pytest.mark.parametrize("args", [["vault", "encrypt", "d.bin", "--vault", "k"], ["sample", "tickets"]])
def test_a_disk_that_fills_up_elsewhere(tmp_path, args):
    from modelwright.core.keyref import Key, write_keys

    (tmp_path / "d.bin").write_bytes(bytes(100_000))
    write_keys(str(tmp_path / "k"), [Key.new()], new=True)
    before = {p.name for p in tmp_path.iterdir()}
    done = limited(tmp_path, 5000, *args)
    assert done.returncode == 2, done.stderr
    assert "Cannot write" in done.stderr
    assert "Traceback" not in done.stderr
    assert {p.name for p in tmp_path.iterdir()} == before


def test_what_native_libraries_say_of_a_full_disk_is_understood(tmp_path):
    class SafetensorError(Exception):
        pass

    assert "the disk is full" in str(refused(OSError(28, "no space"), "x"))
    assert "os error 28" in str(refused(SafetensorError("I/O error: (os error 28)\nmore"), "x"))
    assert refused(ValueError("x"), "x") is None
    with pytest.raises(DataError, match="os error 28"), whole_folder(tmp_path / "f"):
        raise SafetensorError("I/O error: (os error 28)")
    with pytest.raises(ZeroDivisionError), whole_folder(tmp_path / "f"):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
    assert json.loads("1") == 1
