"""`--to compose`: the image, and a compose file with PostgreSQL, secrets, limits and health checks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelwright.core.run import write_text
from modelwright.release.formats.base import Packed, write_yaml
from modelwright.release.formats.docker import PORT, STATE, USER, memory, told, write_image
from modelwright.release.formats.shared.requirements import extras_of
from modelwright.release.formats.shared.secrets import write_secrets

_POSTGRES = "postgres:17"
_POSTGRES_USER = 999  # of the image's own user `postgres`

_README = """\
# {name} with PostgreSQL

```sh
docker compose up --build --wait
curl -s http://127.0.0.1:{port}/readyz
curl -s http://127.0.0.1:{port}/schema -H "Authorization: Bearer $(cat secrets/key)"
```

| service | what |
|---|---|
| `db` | PostgreSQL: the registry of releases, and what is told of answers |
| `model` | answers at http://127.0.0.1:{port}; at its first start it releases the model as `{name}`, then it serves the champion of that name |

Both run as unprivileged users on read-only file systems, without capabilities, within the memory and processors that `compose.yaml` says (estimates:
measure yours). `secrets/` holds the key of clients and the password of the database, made for this folder; it is in `.gitignore`. The key may predict; for
others, such as one for `/metrics`: `docker compose exec model python -m modelwright.cli keys add {name} grafana --role viewer`.

Another version: export again with `--replace` and `docker compose up --build`; the new version waits in the registry until

```sh
docker compose exec model python -m modelwright.cli releases {name}
docker compose exec model python -m modelwright.cli promote {name} 2
```

Back up the volumes `db` and `state`. Let a proxy in front do TLS.
"""


def write(packed: Packed, folder: Path) -> None:
    """Fill a folder with the image's files, `compose.yaml` and secrets."""
    write_image(packed, folder, extras_of(packed.predictor, "serve", "live", "postgres"))
    write_secrets(folder, "key", "db_password")
    write_yaml(
        folder / "compose.yaml", f"{packed.name} with PostgreSQL; README.md says how to start it.", _file(packed)
    )
    write_text(folder / "README.md", _README.format(**told(packed)))


def _file(packed: Packed) -> dict[str, Any]:
    environment = {"MODELWRIGHT_DB": "postgresql://modelwright@db/modelwright"}
    if packed.in_spite:
        environment["MODELWRIGHT_IN_SPITE"] = packed.in_spite.replace("$", "$$")  # compose fills in $NAME
    shut: dict[str, Any] = {
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "restart": "unless-stopped",
    }
    health = {"interval": "10s", "timeout": "5s"}
    return {
        "name": packed.host,
        "services": {
            "db": {
                "image": _POSTGRES,
                "user": f"{_POSTGRES_USER}:{_POSTGRES_USER}",
                **shut,
                "environment": {
                    "POSTGRES_USER": "modelwright",
                    "POSTGRES_DB": "modelwright",
                    "POSTGRES_PASSWORD_FILE": "/run/secrets/db_password",
                },
                "secrets": ["db_password"],
                "volumes": ["db:/var/lib/postgresql/data"],
                "tmpfs": ["/tmp", f"/run/postgresql:uid={_POSTGRES_USER},gid={_POSTGRES_USER},mode=0770"],  # noqa: S108 - in a container
                "networks": ["inside"],
                "healthcheck": {
                    "test": ["CMD-SHELL", "pg_isready --username modelwright --dbname modelwright"],
                    **health,
                    "retries": 10,
                    "start_period": "30s",
                },
                "deploy": {"resources": {"limits": {"cpus": "1.0", "memory": "512M"}}},
            },
            "model": {
                "build": {"context": "."},
                "image": packed.host,
                "user": f"{USER}:{USER}",
                **shut,
                "depends_on": {"db": {"condition": "service_healthy"}},
                "environment": environment,
                "secrets": ["key", "db_password"],
                "volumes": [f"state:{STATE}"],
                "tmpfs": ["/tmp"],  # noqa: S108 - in a container
                "networks": ["inside", "outside"],
                "ports": [f"127.0.0.1:{PORT}:{PORT}"],
                "healthcheck": {
                    "test": ["CMD", "python", "-m", "modelwright.release.container", "ready"],
                    **health,
                    "retries": 3,
                    "start_period": "120s",
                },
                "stop_grace_period": "30s",
                "deploy": {"resources": {"limits": {"cpus": "2.0", "memory": f"{memory(packed)}M"}}},
            },
        },
        "networks": {"inside": {"internal": True}, "outside": {}},
        "volumes": {"db": {}, "state": {}},
        "secrets": {name: {"file": f"./secrets/{name}"} for name in ("key", "db_password")},
    }
