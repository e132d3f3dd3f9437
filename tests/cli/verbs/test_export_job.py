"""`modelwright export-job`: files that parse, and a script that runs, goes on, and ends where all is done."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml
from typer.testing import CliRunner

from modelwright.cli.app import app
from modelwright.core.config import load_config, make_config
from modelwright.core.errors import DataError, InputError, OptionError
from scale_made import written

ROWS = "y,n\n" + "".join(f"{'ab'[i % 2]},{i}\n" for i in range(40))


def made(tmp_path, monkeypatch, *arguments):
    monkeypatch.chdir(tmp_path)
    if not (tmp_path / "d.csv").exists():
        (tmp_path / "d.csv").write_text(ROWS)
    done = CliRunner().invoke(app, ["export-job", *arguments, "--json"], catch_exceptions=False)
    told = json.loads(done.stdout)
    return tmp_path / told["job"], told["start"]


def checked(script):
    subprocess.run(["bash", "-n", script], check=True)
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", "-e", "SC2016", script], check=True)


def test_a_script_for_slurm_parses_and_asks_for_what_was_said(tmp_path, monkeypatch):
    folder, start = made(tmp_path, monkeypatch, "s3://b/reviews.parquet", "--target", "label", "--budget", "2h", "--nodes", "2",
                         "--gpus", "4", "--cores", "32", "--node-memory", "128g")  # fmt: skip
    assert start.startswith("cd ")
    assert start.endswith(" && sbatch job.slurm")
    text = (folder / "job.slurm").read_text()
    asked = dict(
        line[8:].removeprefix("--").split("=", 1)
        for line in text.splitlines()
        if line.startswith("#SBATCH --") and "=" in line
    )
    assert asked["nodes"] == "2"
    assert asked["gpus-per-node"] == "4"
    assert asked["mem"] == "128G"
    assert asked["time"] == "03:15:00"
    for script in ("job.slurm", "run.sh"):
        checked(folder / script)
    assert 'SRUN_CPUS_PER_TASK="${SLURM_CPUS_PER_TASK:-32}"' in text  # else srun gives each machine's step one core
    assert make_config(**load_config(folder / "run.yaml")).data == "s3://b/reviews.parquet"
    wanted = (folder / "requirements.txt").read_text()
    assert "s3fs" in wanted
    assert "accelerate" in wanted


def test_manifests_for_kubernetes_and_a_task_for_skypilot_parse(tmp_path, monkeypatch):
    folder, start = made(
        tmp_path, monkeypatch, "d.csv", "--target", "y", "--to", "kubernetes", "--nodes", "3", "--gpus", "2"
    )
    claim, copies = yaml.safe_load_all((folder / "volume.yaml").read_text())
    service, job = yaml.safe_load_all((folder / "job.yaml").read_text())
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    assert service["spec"]["clusterIP"] == "None"
    assert job["spec"]["completions"] == job["spec"]["parallelism"] == 3
    container = job["spec"]["template"]["spec"]["containers"][0]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "2"
    assert {"name": "MASTER", "value": "d-0.d"} in container["env"]
    (folder / "body.sh").write_text("#!/usr/bin/env bash\n" + container["command"][2])
    checked(folder / "body.sh")
    checked(folder / "start.sh")
    assert start.endswith("&& bash start.sh")
    assert copies["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert make_config(**load_config(folder / "run.yaml")).data == "data/d.csv"
    assert (folder / "data" / "d.csv").read_text() == ROWS
    folder, start = made(tmp_path, monkeypatch, "d.csv", "--target", "y", "--to", "skypilot", "--gpus", "8")
    task = yaml.safe_load((folder / "task.yaml").read_text())
    assert task["resources"]["accelerators"] == "A100:8"
    assert task["resources"]["use_spot"] is True
    assert (
        task["file_mounts"]["~/modelwright-runs"]["mode"] == "MOUNT_CACHED"
    )  # runs outlive a machine that is taken away
    bucket = task["file_mounts"]["~/modelwright-runs"]["name"]
    assert re.fullmatch(r"d-runs-[0-9a-f]{8}", bucket)  # one that nobody else in the world has
    assert "use_spot: false" in (folder / "README.md").read_text()
    assert f"s3://{bucket}" in (folder / "README.md").read_text()
    assert (folder / "data" / "d.csv").read_text() == ROWS
    assert "&& sky jobs launch" in start
    (folder / "body.sh").write_text("#!/usr/bin/env bash\n" + task["run"])
    checked(folder / "body.sh")


def test_the_script_runs_here_goes_on_and_ends_where_all_is_done(tmp_path, monkeypatch):
    written(tmp_path / "d.csv")
    folder, _ = made(tmp_path, monkeypatch, str(tmp_path / "d.csv"), "--target", "label", "--budget", "60s", "--recipe", "linear",
                     "--folds", "1", "--search", "none")  # fmt: skip
    env = {**os.environ, "PYTHON": sys.executable, "PYTHONPATH": ""}
    for name in ("SLURM_SUBMIT_DIR", "RANK", "WORLD_SIZE"):
        env.pop(name, None)
    done = subprocess.run(
        ["bash", folder / "job.slurm"], cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    bundle = folder / "runs" / "d" / "bundle"
    assert (bundle / "manifest.json").is_file()
    again = subprocess.run(
        ["bash", "run.sh"], cwd=folder, env=env, capture_output=True, text=True, check=True, timeout=60
    )
    assert again.stdout == "runs/d is finished\n"


@pytest.mark.parametrize(("nodes", "kept"), [("1", True), ("2", False)])
def test_several_machines_meet_in_a_folder_that_all_see(tmp_path, monkeypatch, nodes, kept):
    folder, _ = made(tmp_path, monkeypatch, "d.csv", "--target", "y", "--nodes", "2")
    shown = tmp_path / "python"
    shown.write_text("#!/usr/bin/env bash\necho $TMPDIR\n")
    shown.chmod(0o755)
    own = tmp_path / "own"
    env = {**os.environ, "PYTHON": str(shown), "NODES": nodes, "TMPDIR": str(own)}
    done = subprocess.run(["bash", folder / "run.sh"], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(own if kept else folder / "tmp")


@pytest.mark.parametrize(
    ("arguments", "extras"),
    [(["d.csv"], set()), (["p.csv"], {"pillow"}), (["s3://b/d.parquet"], {"s3fs"}), (["simplecache::gs://b/d.parquet"], {"gcsfs"}),
     (["d.csv", "--test", "https://h/t.csv"], {"fsspec[http]"}), (["d.csv", "--recipe", "catboost"], {"catboost"}),
     (["d.csv", "--epsilon", "3"], {"opacus"}), (["d.csv", "--devices", "2"], {"accelerate"})],
)  # fmt: skip
def test_what_is_installed_there_reads_and_trains_what_the_run_names(tmp_path, monkeypatch, arguments, extras):
    (tmp_path / "p.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "p.csv").write_text("picture,y\n" + "".join(f"p.png,{'ab'[i % 2]}\n" for i in range(8)))
    folder, _ = made(tmp_path, monkeypatch, *arguments, "--target", "y", "--to", "kubernetes")
    wanted = {re.split(r"[<>=;]", x)[0] for x in (folder / "requirements.txt").read_text().split()}
    assert wanted & {"pillow", "s3fs", "gcsfs", "fsspec[http]", "opacus", "accelerate"} == extras - {"catboost"}
    assert extras <= wanted
    assert "rdkit" not in wanted


def test_a_source_on_this_machine_that_is_named_by_a_url_goes_along(tmp_path, monkeypatch):
    import sqlite3

    folder, _ = made(tmp_path, monkeypatch, f"file://{tmp_path}/d.csv", "--target", "y", "--to", "kubernetes")
    assert make_config(**load_config(folder / "run.yaml")).data == "data/d.csv"
    assert (folder / "data" / "d.csv").read_text() == ROWS
    with contextlib.closing(sqlite3.connect(tmp_path / "r.db")) as db:
        db.execute("create table t (y text)")
    for place, found in (("skypilot", "sqlite:///data/r.db"), ("slurm", f"sqlite:///{tmp_path}/r.db")):
        folder, _ = made(tmp_path, monkeypatch, "sqlite:///r.db", "--table", "t", "--target", "y", "--to", place)
        assert make_config(**load_config(folder / "run.yaml")).data == found
    assert (tmp_path / "r-skypilot" / "data" / "r.db").is_file()


def test_an_earlier_run_gives_its_options(tmp_path, monkeypatch):
    from modelwright.core.config import save_config

    (tmp_path / "runs" / "desk").mkdir(parents=True)
    save_config(make_config(data="d.csv", target="y", budget="7m", seed=4), tmp_path / "runs" / "desk" / "config.yaml")
    folder, _ = made(tmp_path, monkeypatch, "desk", "--budget", "9m")
    config = make_config(**load_config(folder / "run.yaml"))
    assert (config.data, config.seed, config.budget) == (str(tmp_path / "d.csv"), 4, "9m")
    assert "runs/desk" in (folder / "run.sh").read_text()


def test_a_job_for_machines_that_see_nothing_of_this_one_holds_what_its_cells_and_options_name(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    for i in range(4):
        (tmp_path / "in" / f"{i}.png").write_bytes(bytes([i]))
    (tmp_path / "in" / "d.csv").write_text("picture,y\n" + "".join(f"{i % 4}.png,{'ab'[i % 2]}\n" for i in range(8)))
    (tmp_path / "in" / "t.csv").write_text("picture,y\n1.png,b\n")
    folder, _ = made(
        tmp_path, monkeypatch, "in/d.csv", "--test", "in/t.csv", "--target", "y", "--to", "kubernetes", "--out", "job"
    )
    assert sorted(p.name for p in (folder / "data").iterdir()) == [
        "0.png",
        "1.png",
        "2.png",
        "3.png",
        "d.csv",
        "test-t.csv",
    ]
    config = make_config(**load_config(folder / "run.yaml"))
    assert (config.data, config.test) == ("data/d.csv", "data/test-t.csv")
    (tmp_path / "d.csv").write_text("picture,y\n" + f"{tmp_path}/in/0.png,a\n" * 4)
    with pytest.raises(OptionError, match="lie elsewhere"):
        made(tmp_path, monkeypatch, "d.csv", "--target", "y", "--to", "skypilot")
    assert not (tmp_path / "d-skypilot").exists()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [([], "Name the data"), (["d.csv", "--target", "z"], "no column `z`"), (["no.csv", "--target", "y"], "no file no.csv"),
     (["d.csv", "--target", "y", "--recipe", "xgboost"], "nearest is `trees`"), (["d.csv", "--limit", "10"], "needs a unit"),
     (["d.csv", "--target", "y", "--nodes", "2", "--to", "skypilot"], "share no folder"), (["d.csv", "--to", "slrum"], "slurm"), (["d.csv", "--nodes", "0"], "--nodes takes 1"),
     (["d.csv", "--limit", "10s"], "shorter than the budget"), (["d.csv", "--nodes", "2", "--cluster", "local"], "leave --nodes out"),
     (["memory://d.csv", "--target", "y"], "are in memory")],
)  # fmt: skip
def test_what_does_not_fit_is_said_and_nothing_is_written(tmp_path, monkeypatch, arguments, error):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d.csv").write_text(ROWS)
    with pytest.raises(InputError, match=error):
        CliRunner().invoke(app, ["export-job", *arguments], catch_exceptions=False)
    assert [p.name for p in tmp_path.iterdir()] == ["d.csv"]


def test_a_job_that_is_there_stays(tmp_path, monkeypatch):
    folder, _ = made(tmp_path, monkeypatch, "d.csv", "--target", "y")
    with pytest.raises(DataError, match="--replace"):
        made(tmp_path, monkeypatch, "d.csv", "--target", "y")
    assert made(tmp_path, monkeypatch, "d.csv", "--target", "y", "--replace")[0] == folder


def test_replacing_a_job_deletes_neither_its_runs_nor_what_is_no_job(tmp_path, monkeypatch):
    folder, _ = made(tmp_path, monkeypatch, "d.csv", "--target", "y")
    kept = folder / "runs" / "d" / "leaderboard.csv"
    kept.parent.mkdir(parents=True)
    kept.write_text("linear,.9")
    with pytest.raises(DataError, match="holds runs"):
        made(tmp_path, monkeypatch, "d.csv", "--target", "y", "--replace")
    assert kept.read_text() == "linear,.9"
    other = tmp_path / "letters" / "mine.txt"
    other.parent.mkdir()
    other.write_text("dear")
    with pytest.raises(DataError, match="is no job"):
        made(tmp_path, monkeypatch, "d.csv", "--target", "y", "--replace", "--out", str(other.parent))
    assert other.read_text() == "dear"


def stand_in(path, *lines):
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(["#!/usr/bin/env bash", *lines]))
    path.chmod(0o755)
    return path


def test_an_environment_that_was_cut_off_is_made_anew(tmp_path, monkeypatch):
    """A machine that is taken away in the middle of pip leaves a Python without half of what it needs."""
    folder, _ = made(tmp_path, monkeypatch, "d.csv", "--target", "y")
    said = tmp_path / "said"
    # `python3 -m venv --clear venv` makes a python and a pip, which fails at first
    stand_in(
        tmp_path / "bin" / "python3", f'echo "venv $3" >> {said}', "mkdir -p venv/bin",
        f"printf '#!/bin/sh\\n[ -e {tmp_path}/reached ]\\n' > venv/bin/pip", "printf '#!/bin/sh\\necho ran\\n' > venv/bin/python",
        "chmod +x venv/bin/*",
    )  # fmt: skip
    env = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    for name in ("SLURM_SUBMIT_DIR", "PYTHON"):
        env.pop(name, None)
    job = ["bash", folder / "job.slurm"]
    assert subprocess.run(job, cwd=folder, env=env, check=False, capture_output=True).returncode != 0
    (tmp_path / "reached").touch()  # the index of packages
    for _ in range(2):
        assert subprocess.run(job, cwd=folder, env=env, check=True, capture_output=True, text=True).stdout == "ran\n"
    assert said.read_text().splitlines() == ["venv --clear"] * 2


def test_jobs_that_share_a_machine_meet_at_ports_of_their_own(tmp_path, monkeypatch):
    folder, _ = made(tmp_path, monkeypatch, "d.csv", "--target", "y", "--nodes", "2", "--devices", "2")
    shown = stand_in(tmp_path / "bin" / "shown", 'echo "$@"')
    stand_in(tmp_path / "bin" / "scontrol", "printf 'first\\nsecond\\n'")
    stand_in(tmp_path / "bin" / "srun", 'exec "$@"')
    env = {**os.environ, "PYTHON": str(shown), "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "SLURM_NODEID": "1",
           "SLURM_JOB_NODELIST": "n[1-2]", "SLURM_JOB_NUM_NODES": "2"}  # fmt: skip
    env.pop("SLURM_SUBMIT_DIR", None)
    ports = set()
    for job in ("4711", "4712"):
        done = subprocess.run(
            ["bash", folder / "job.slurm"], cwd=folder, env={**env, "SLURM_JOB_ID": job}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert "--node-rank 1 " in done.stdout
        assert "--master-addr first " in done.stdout
        ports.add(done.stdout.split("--master-port ")[1].split()[0])
    assert ports == {"24711", "24712"}
