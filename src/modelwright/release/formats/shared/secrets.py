"""Secrets of an export: made once, kept in files of their own, and the same again where an export is replaced."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from modelwright.core.run import write_text

FOLDER = "secrets"


def write_secrets(folder: Path, *names: str) -> None:
    """Write a random secret of 256 bits for each name into `secrets/`, which only its owner may enter.

    The files themselves may be read by all: containers mount them one by one, and run as another user than the owner.
    """
    place = folder / FOLDER
    place.mkdir(mode=0o700, exist_ok=True)
    for name in names:
        if not (place / name).exists():
            write_text(place / name, secrets.token_urlsafe(32))
        os.chmod(place / name, 0o644)
    for ignored in (".gitignore", ".dockerignore"):
        write_text(folder / ignored, f"{FOLDER}/\n")
