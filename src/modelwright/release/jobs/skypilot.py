"""`--to skypilot`: a task for `sky launch` and `sky jobs launch`, on whichever cloud has the machines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelwright.core.errors import OptionError
from modelwright.core.run import write_text
from modelwright.release.formats.base import write_yaml
from modelwright.release.jobs.base import Job

CARRIES = True
NOTES = """\
`task.yaml` asks for spot machines (`use_spot: true`), which cost less and may be taken away at any time: `sky jobs launch` then finds
another one, and the run goes on from its last finished candidate. For machines that stay, write `use_spot: false`.

Runs are kept in a bucket of the name `{bucket}`, which outlives the machine: `sky storage ls` shows it. Bring the result home with the
client of its cloud, such as `aws s3 sync s3://{bucket} runs`."""

_RUN = """\
ln -sfn ~/modelwright-runs runs
export PYTHON="${PYTHON:-python3}"
exec bash run.sh
"""


def notes(job: Job) -> str:
    """Return what README.md says of the place."""
    return NOTES.format(bucket=_bucket(job))


def _bucket(job: Job) -> str:
    """Return the name of the bucket: buckets of all customers of a cloud share one space of names, and have 63 letters at most."""
    return f"{job.host[:40].strip('-')}-runs-{job.mark}"


def check(job: Job) -> None:
    """Refuse several machines, as those of SkyPilot share no folder. Raises OptionError."""
    if job.nodes > 1:
        raise OptionError(
            "Machines that SkyPilot starts share no folder, which several need: leave --nodes out and give one machine more --gpus, "
            "or take --to kubernetes or --to slurm.",
            "SkyPilot 启动的多台机器没有共享文件夹，无法共同训练：请去掉 --nodes，用 --gpus 增加单机 GPU，或改用 --to kubernetes 或 --to slurm。",
        )


def write(job: Job, folder: Path) -> str:
    """Add `task.yaml`."""
    resources: dict[str, Any] = {"cpus": f"{job.cores}+", "memory": f"{job.memory_gb}+", "use_spot": True}
    if job.gpus:
        resources["accelerators"] = f"A100:{job.gpus}"
    task = {
        "name": job.host,
        "resources": resources,
        "workdir": ".",
        # a bucket that outlives a spot machine; MOUNT_CACHED because the run's log is appended to
        "file_mounts": {"~/modelwright-runs": {"name": _bucket(job), "mode": "MOUNT_CACHED"}},
        "setup": "python3 -m pip install -q -r requirements.txt -c constraints.txt\n",
        "run": _RUN,
    }
    write_text(folder / ".skyignore", "/runs\n/tmp\n/venv\n")  # what a start on this machine leaves stays here
    write_yaml(folder / "task.yaml", f"{job.name}: README.md says how to use it.", task)
    return f"sky jobs launch -n {job.host} task.yaml"
