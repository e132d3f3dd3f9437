"""`--to docker`: a folder from which an image is built that serves the model as an unprivileged user."""

from __future__ import annotations

import sys
from pathlib import Path

from modelwright.core.run import write_text
from modelwright.core.version import VERSION
from modelwright.release.formats.base import Packed, copy_modelwright
from modelwright.release.formats.shared.requirements import extras_of, with_torch, write_requirements

PORT, USER = 8000, 10001
STATE = "/state"  # the only folder that is written

_DOCKERFILE = """\
# Serves {name} (Modelwright {version}). Build and start it as README.md says.
FROM python:{python}-slim

# LightGBM and PyTorch need OpenMP's runtime, which the slim image leaves out.
RUN apt-get update \\
    && apt-get install --yes --no-install-recommends libgomp1 \\
    && rm -rf /var/lib/apt/lists/*

RUN useradd --no-create-home --home-dir {state} --uid {user} modelwright \\
    && install --directory --owner {user} --group {user} --mode 700 {state}

# More options for pip, such as an index of your own: --build-arg PIP_OPTIONS="--index-url https://..."
ARG PIP_OPTIONS=""
WORKDIR /app
COPY requirements.txt constraints.txt ./
RUN pip install --no-cache-dir $PIP_OPTIONS -r requirements.txt -c constraints.txt
COPY app ./
COPY bundle /bundle
RUN python -m compileall -q /app && chmod -R a+rX,go-w /app /bundle

USER {user}:{user}
WORKDIR {state}
ENV PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \\
    HOME={state} XDG_CONFIG_HOME={state}/config XDG_CACHE_HOME={state}/cache \\
    MODELWRIGHT_LEDGER={state}/ledger.jsonl MODELWRIGHT_BLOBS={state}/bundles \\
    MODELWRIGHT_NAME={name}
EXPOSE {port}
VOLUME ["{state}"]
STOPSIGNAL SIGTERM

HEALTHCHECK --interval=30s --timeout=5s --start-period=120s --retries=3 CMD ["python", "-m", "modelwright.release.container", "health"]

ENTRYPOINT ["python", "-m", "modelwright.release.container", "serve"]
"""

_README = """\
# {name} as a container

| file | what |
|---|---|
| `Dockerfile` | the image: Python, the libraries, Modelwright {version}, the model; it runs as user {user} |
| `bundle/` | the model, as it was released |
| `app/` | Modelwright itself |
| `requirements.txt`, `constraints.txt` | the libraries that the model needs, in the versions with which it was exported |

```sh
docker build -t {host} .
docker run --name {host} -p 127.0.0.1:{port}:{port} --read-only --tmpfs /tmp --cap-drop ALL \\
    --security-opt no-new-privileges --memory {memory}m --stop-timeout 30 -v {host}-state:{state} {host}
```

The key for clients is shown once, in the log of the first start; or give your own of at least 16 characters with `-e MODELWRIGHT_KEY`. Options of
`modelwright serve` go at the end of the line, such as `--allow-missing`. Let a proxy do TLS, and keep the port on loopback as above.

Only `{state}` is written: keys, counts of rows, what is told of answers, the ledger. Where MODELWRIGHT_DB names a PostgreSQL, the model
is released there as `{name}` and the champion of that name is served; `modelwright promote` then changes what answers, without a restart.
"""


def write(packed: Packed, folder: Path) -> None:
    """Fill a folder with all that the image is built from."""
    write_image(packed, folder, extras_of(packed.predictor, "serve", "live", "postgres"))
    write_text(folder / "README.md", _README.format(**told(packed)))


def write_image(packed: Packed, folder: Path, extras: list[str]) -> None:
    """Write the Dockerfile and what it copies."""
    packed.copy_bundle(folder / "bundle")
    copy_modelwright(folder / "app")
    write_requirements(folder, extras)
    write_text(folder / ".dockerignore", "secrets/\n")
    write_text(folder / "Dockerfile", _DOCKERFILE.format(**told(packed)))


def told(packed: Packed) -> dict[str, object]:
    """Return what the texts of an export say of a model."""
    return {
        "name": packed.name,
        "host": packed.host,
        "version": VERSION,
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "user": USER,
        "port": PORT,
        "state": STATE,
        "memory": memory(packed),
    }


def memory(packed: Packed) -> int:
    """Return the MiB that a container may take: an estimate from the libraries and the size of the bundle, with room to spare.

    Room for two versions, since another is loaded beside the one that answers.
    """
    base = 1536 if with_torch(packed.predictor) else 768
    place = packed.bundle
    size = sum(p.stat().st_size for p in place.rglob("*") if p.is_file()) if place is not None else 64 << 20
    return -(-(base + 6 * (size >> 20)) // 256) * 256
