"""`--to skypilot`: a task for `sky launch` and `sky jobs launch`, on whichever cloud has the machines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelwright.release.formats.base import write_yaml
from modelwright.release.jobs.base import Job

_RUN = """\
export PYTHON="${PYTHON:-python3}"
export NODES="${SKYPILOT_NUM_NODES:-1}" NODE_RANK="${SKYPILOT_NODE_RANK:-0}"
MASTER="$(echo "${SKYPILOT_NODE_IPS:-127.0.0.1}" | head -n 1)"
export MASTER
exec bash run.sh
"""


def write(job: Job, folder: Path) -> str:
    """Add `task.yaml`."""
    resources: dict[str, Any] = {"cpus": f"{job.cores}+", "memory": f"{job.memory_gb}+", "use_spot": True}
    if job.gpus:
        resources["accelerators"] = f"A100:{job.gpus}"
    task = {
        "name": job.host,
        "resources": resources,
        "num_nodes": job.nodes,
        "workdir": ".",
        "setup": "python3 -m pip install -q -r requirements.txt -c constraints.txt\n",
        "run": _RUN,
    }
    write_yaml(folder / "task.yaml", f"{job.name}: README.md says how to use it.", task)
    return f"sky jobs launch -n {job.host} task.yaml"
