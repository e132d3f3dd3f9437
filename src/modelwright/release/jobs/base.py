"""What every place is given: the run, how many machines and devices it is to have, and the script that all of them start.

The script goes on with the run where an earlier start was cut off, so that machines may be taken away and given back.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from modelwright.core.budget import show_duration
from modelwright.core.config import RunConfig, save_config
from modelwright.core.run import write_text

PORT = 29500  # where the processes of several machines meet

_SCRIPT = """\
#!/usr/bin/env bash
# One start of the run `{name}`: begins it, or goes on with it where an earlier start was cut off.
# NODES, NODE_RANK, MASTER and PORT say which of several machines this is and where they meet; one machine needs none of them.
set -euo pipefail
cd "$(dirname "$0")"
export PYTHONPATH="$PWD${{PYTHONPATH:+:$PYTHONPATH}}"
: "${{PYTHON:=python3}}" "${{NODES:=1}}" "${{NODE_RANK:=0}}" "${{MASTER:=127.0.0.1}}" "${{PROCESSES:={processes}}}" "${{PORT:={port}}}"
if [ "$NODES" -gt 1 ] || [ -z "${{TMPDIR:-}}" ]; then
    export TMPDIR="$PWD/tmp"  # several machines must see it, and what a machine names by itself is its own disk
fi
mkdir -p "$TMPDIR"

if [ -f runs/{name}/bundle/manifest.json ]; then
    echo "runs/{name} is finished"
    exit 0
elif [ -f runs/{name}/config.yaml ]; then
    ARGUMENTS=(run --resume runs/{name})
else
    ARGUMENTS=(run --config run.yaml --name {name} --out runs)
fi
if [ "$NODES" -gt 1 ] || [ "$PROCESSES" -gt 1 ]; then
    exec "$PYTHON" -m torch.distributed.run --nnodes "$NODES" --node-rank "$NODE_RANK" --nproc-per-node "$PROCESSES" \\
        --master-addr "$MASTER" --master-port "$PORT" -m modelwright "${{ARGUMENTS[@]}}"
fi
exec "$PYTHON" -m modelwright "${{ARGUMENTS[@]}}"
"""


@dataclass(frozen=True)
class Job:
    """A run that is to be started elsewhere. `gpus` and `cores` are of one machine, `seconds` what the place may take in all."""

    name: str
    host: str  # the name as hosts may have it
    config: RunConfig
    nodes: int = 1
    gpus: int = 0
    cores: int = 4
    memory_gb: int = 16
    seconds: float = 3600.0
    image: str = "python:3.11-slim"
    mark: str = ""  # eight letters and digits that no other job has, for names that must be unique in the world

    @property
    def processes(self) -> int:
        """Processes of one machine: one for each GPU, else as many as `--devices` says."""
        return max(1, self.gpus or self.config.devices)

    @property
    def clock(self) -> str:
        """The time that the place may take, as H:MM:SS."""
        whole = int(self.seconds)
        return f"{whole // 3600:02d}:{whole % 3600 // 60:02d}:{whole % 60:02d}"


class Place(Protocol):
    """The module of a place. `CARRIES` says whether its machines see no file of this one, so that the job must hold what the run reads."""

    CARRIES: bool

    def check(self, job: Job) -> None:
        """Raise OptionError for what the place cannot do."""

    def notes(self, job: Job) -> str:
        """Return what README.md says of the place."""

    def write(self, job: Job, folder: Path) -> str:
        """Add the place's own files to a folder that holds the script; return the command that starts the job."""


def write_shared(job: Job, folder: Path, extras: list[str]) -> None:
    """Write what every place needs: options, script, Modelwright, and the requirements of it."""
    from modelwright.release.formats.shared.requirements import write_requirements

    save_config(job.config, folder / "run.yaml")
    write_text(folder / "run.sh", _SCRIPT.format(name=job.name, processes=job.processes, port=PORT))
    (folder / "run.sh").chmod(0o755)
    source = Path(__file__).parent.parent.parent
    shutil.copytree(source, folder / "modelwright", ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    write_requirements(folder, extras)


def readme(job: Job, place: str, command: str, data: str, notes: str) -> str:
    """Return what stands in README.md; `data` says where the data is read from, `notes` what is to be known of the place."""
    return f"""\
# {job.name} on {place}

```sh
{command}
```

{job.nodes} machine{"s" * (job.nodes != 1)}, {job.processes} process{"es" * (job.processes != 1)} each; the run has {job.config.budget}, the place gives it {show_duration(job.seconds)}.

| file | what |
|---|---|
| `run.yaml` | every option of the run |
| `run.sh` | begins the run, or goes on with it where an earlier start was cut off; `bash run.sh` does so here |
| `requirements.txt`, `constraints.txt` | what it needs, in the versions of where it was made |
| `modelwright/` | Modelwright itself |

{data}

{notes}
"""


def where_data_is(job: Job, carried: bool) -> str:
    """Return the sentence of README.md that says where the data is read from."""
    source = job.config.data
    if carried:
        return f"The data lies in this folder (`{source}`) and goes along with it."
    return f"The data is read from `{source}`: every machine must reach it under that name."
