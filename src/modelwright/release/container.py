"""What runs in a container that was exported: `python -m modelwright.release.container serve [OPTION ...]`, `... health`, `... ready`.

Secrets come as files in /run/secrets (or where MODELWRIGHT_SECRETS says): `key` for clients, `db_password`, or `db_url` for
the database as a whole. Where a database is named, the bundle of the image is released there under MODELWRIGHT_NAME, unless it
was before, and the champion of that name is served; else the bundle itself.
"""

from __future__ import annotations

import os
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from modelwright.core.errors import ModelwrightError
from modelwright.core.words import pick_lang

PORT = 8000
_FILES = {"MODELWRIGHT_KEY": "key", "PGPASSWORD": "db_password", "MODELWRIGHT_DB": "db_url"}


def take_secrets(folder: Path) -> None:
    """Put secrets into the environment of this process, where none is there already."""
    for variable, name in _FILES.items():
        if not os.environ.get(variable) and (folder / name).is_file():
            os.environ[variable] = (folder / name).read_text(encoding="utf-8").strip()


def released(bundle: Path, name: str, in_spite: str | None = None) -> str:
    """Release a bundle under a name where that has not been done, and return what is to be served.

    A later version of a name waits to be promoted, as always. The bundle is put where this host finds it, whoever
    released it. Raises RegistryError as `Registry.release` does, RegistryAway where the database cannot be reached.
    """
    from modelwright.release.registry import blobs, places
    from modelwright.release.registry.store import Registry

    registry = Registry()
    digest = blobs.digest_of(bundle)
    blobs.put(places.blobs_root(registry.url) or places.beside(registry.url), bundle, digest)
    known = registry.releases(name) if name in registry.names() else []
    if digest not in {r.digest for r in known}:
        registry.release(bundle, name, in_spite=in_spite)
    return f"{name}/champion"


def command(bundle: Path, options: Sequence[str]) -> list[str]:
    """Return the command line that serves."""
    name = os.environ.get("MODELWRIGHT_NAME", "model")
    state = Path(os.environ.get("HOME", "/state"))
    if os.environ.get("MODELWRIGHT_DB"):
        what = [released(bundle, name, os.environ.get("MODELWRIGHT_IN_SPITE"))]
    else:
        what = [str(bundle), "--key-file", str(state / "keys.json")]
    # a container's loopback is its own, so the service binds to the one address that the container has
    return ["serve", *what, "--host", address(), "--port", str(PORT), "--behind-proxy", *options]


def address() -> str:
    """Return the address of this container."""
    return os.environ.get("MODELWRIGHT_HOST") or socket.gethostbyname(socket.gethostname())


def answers(path: str, port: int = PORT) -> bool:
    """Whether the service of this container answers 200 at a path."""
    try:
        with urllib.request.urlopen(f"http://{address()}:{port}{path}", timeout=4) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def main(arguments: Sequence[str]) -> int:
    """Do what was asked, and return the exit code; `serve` becomes the service and does not return."""
    asked, options = (arguments[0] if arguments else "serve"), list(arguments[1:])
    if asked in ("health", "ready"):
        return 0 if answers("/healthz" if asked == "health" else "/readyz") else 1
    take_secrets(Path(os.environ.get("MODELWRIGHT_SECRETS", "/run/secrets")))
    try:
        line = command(Path(os.environ.get("MODELWRIGHT_BUNDLE", "/bundle")), options)
    except ModelwrightError as e:
        sys.stderr.write(e.words.to(pick_lang()) + "\n")
        return e.exit_code
    sys.stderr.flush()
    return os.execv(sys.executable, [sys.executable, "-m", "modelwright.cli", *line])  # noqa: S606 - the same program, its own options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
