"""`--to slurm`: a script for sbatch."""

from __future__ import annotations

from pathlib import Path

from modelwright.core.run import write_text
from modelwright.release.jobs.base import Job

CARRIES = False  # the machines of such a cluster share their file system
NOTES = "The folder must be one that all machines see: runs, checkpoints and what they share lie in it."

_SCRIPT = """\
#!/usr/bin/env bash
#SBATCH --job-name={host}
#SBATCH --nodes={nodes}
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task={cores}
#SBATCH --mem={memory}G
#SBATCH --time={clock}
#SBATCH --output={host}-%j.log
#SBATCH --requeue
#SBATCH --signal=TERM@120
{gpus}set -euo pipefail
cd "${{SLURM_SUBMIT_DIR:-$(dirname "$0")}}"
# one virtual environment for all machines, made by the first start; one that was cut off is made anew
if [ ! -f venv/.complete ] && [ -z "${{PYTHON:-}}" ]; then
    python3 -m venv --clear venv
    venv/bin/pip install -q -r requirements.txt -c constraints.txt
    touch venv/.complete
fi
export PYTHON="${{PYTHON:-$PWD/venv/bin/python}}"
NODES="${{SLURM_JOB_NUM_NODES:-1}}"
MASTER="127.0.0.1"
if [ "$NODES" -gt 1 ]; then
    read -r MASTER < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
fi
PORT=$((20000 + ${{SLURM_JOB_ID:-9500}} % 10000))  # jobs that share a machine meet at ports of their own
export NODES MASTER PORT
export SRUN_CPUS_PER_TASK="${{SLURM_CPUS_PER_TASK:-{cores}}}"  # srun does not take it from the job (since Slurm 22.05)
if command -v srun > /dev/null; then
    exec srun bash -c 'NODE_RANK="$SLURM_NODEID" bash run.sh'
fi
exec bash run.sh
"""


def notes(job: Job) -> str:
    """Return what README.md says of the place."""
    return NOTES


def check(job: Job) -> None:
    """Refuse nothing: it has machines, GPUs and a file system that they share."""


def write(job: Job, folder: Path) -> str:
    """Add `job.slurm`."""
    gpus = f"#SBATCH --gpus-per-node={job.gpus}\n" if job.gpus else ""
    text = _SCRIPT.format(
        host=job.host, nodes=job.nodes, cores=job.cores, memory=job.memory_gb, clock=job.clock, gpus=gpus
    )
    write_text(folder / "job.slurm", text)
    return "sbatch job.slurm"
