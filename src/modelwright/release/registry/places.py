"""Where the registry, its bundles and what was fetched of them are kept. Light: nothing of the database is imported."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

from modelwright.core.errors import OptionError
from modelwright.core.keyref import home
from modelwright.core.run import slug
from modelwright.core.user_folders import user_cache

DB, BLOBS = "MODELWRIGHT_DB", "MODELWRIGHT_BLOBS"
_POSTGRES = re.compile(r"postgres(?:ql)?(?:\+psycopg)?://", re.IGNORECASE)
_SQLITE = "sqlite:///"
_SCHEME = re.compile(r"[A-Za-z][\w+.-]+:(//|:)")
_LONGEST = 64
# addresses of the service, today's and those it keeps for itself: `/NAME/predict` must not be mistaken for one of them
RESERVED = frozenset(
    "adapt answer ask browse chat class docs drift enrol essay events explain favicon.ico feedback forecast healthz items jobs keys "
    "learn livez login logout metrics openapi.json predict product ready readyz recommend redoc releases review robots.txt "
    "schema search speak static talk trace track transcribe v1 v2 verify voices".split()
)


def database_url(asked: str | Path | None = None) -> str:
    """Return the SQLAlchemy URL of the registry: what was asked for, else MODELWRIGHT_DB, else a file beside the runs.

    A bare path is a SQLite file. Without either it is `releases/registry.db` in `runs/` of the working folder, or in the
    folder of this user's own where there is no `runs/`. Raises OptionError for other databases.
    """
    text = str(asked or os.environ.get(DB) or "")
    if not text:
        return _SQLITE + str(
            (Path("runs") if Path("runs").is_dir() else home()).absolute() / "releases" / "registry.db"
        )
    if found := _POSTGRES.match(text):
        return "postgresql+psycopg://" + text[found.end() :]
    if text.startswith(_SQLITE):
        text = text.removeprefix(_SQLITE)
    elif _SCHEME.match(text):
        kind = text.split(":", 1)[0]
        raise OptionError(
            f"The registry is kept in SQLite or PostgreSQL, not in `{kind}`: give a file, or postgresql://USER@HOST/NAME.",
            f"发布登记只能存放在 SQLite 或 PostgreSQL 中，不支持 `{kind}`：请给出文件路径，或 postgresql://用户@主机/库名。",
        )
    if not text or Path(text).is_dir():
        raise OptionError(
            f"`{text}` is no file for a registry: name one, such as releases/registry.db.",
            f"`{text}` 不是登记文件：请给出文件名，例如 releases/registry.db。",
        )
    return _SQLITE + os.path.abspath(Path(text).expanduser())


def file_of(url: str) -> Path | None:
    """Return the file of an embedded registry; None for one on a server."""
    return Path(url.removeprefix(_SQLITE)) if url.startswith(_SQLITE) else None


def shown(url: str) -> str:
    """Return a URL or path as it may be read by others: without its password, a file by its path."""
    place = file_of(url)
    return str(place) if place is not None else re.sub(r"(//[^/@]*?):[^@]*@", r"\1@", url.replace("+psycopg", "", 1))


def blobs_root(url: str, asked: str | Path | None = None) -> str:
    """Return where bundles are put: what was asked for, else MODELWRIGHT_BLOBS, else "" for the folder beside the registry."""
    text = str(asked or os.environ.get(BLOBS) or "")
    if not text:
        return "" if file_of(url) is not None else str((home() / "releases" / "bundles").absolute())
    return text if is_remote(text) else str(local_path(text))


def beside(url: str) -> str:
    """Return the folder that "" stands for: `bundles/` beside the file of an embedded registry."""
    place = file_of(url)
    return str((home() / "releases" if place is None else place.parent) / "bundles")


def is_remote(root: str) -> bool:
    """Whether a place is reached by fsspec; paths and `file://` are not."""
    return bool(_SCHEME.match(root)) and not root.startswith(("file://", "local://"))


def local_path(root: str) -> Path:
    """Return the folder of a place that is on this machine."""
    return Path(os.path.abspath(Path(re.sub(r"^(file|local)://", "", root)).expanduser()))


def cache_folder() -> Path:
    """Return where bundles that were fetched are kept: `$XDG_CACHE_HOME/modelwright/bundles`, else below `~/.cache`."""
    return user_cache() / "bundles"


def is_name(text: str) -> bool:
    """Whether a text can be the name of releases: letters (Han too), digits, dot, dash, underscore; at most 64."""
    return 0 < len(text) <= _LONGEST and slug(text) == text and text == unicodedata.normalize("NFC", text)


def check_name(text: str) -> str:
    """Return a name in the one form in which it is kept. Raises OptionError where it cannot be one."""
    name = unicodedata.normalize("NFC", text)
    if is_name(name):
        check_not_reserved(name)
        return name
    raise OptionError(
        f"`{text[:80]}` is no name for releases: letters, digits, `.`, `-` and `_`, at most {_LONGEST}. For instance: {slug(name)[:_LONGEST]}",
        f"`{text[:80]}` 不能用作发布名称：只可用字母、汉字、数字、`.`、`-`、`_`，最长 {_LONGEST} 个字符。例如：{slug(name)[:_LONGEST]}",
    )


def check_not_reserved(name: str) -> None:
    """Refuse a name that is an address of the service. Raises OptionError."""
    if name in RESERVED:
        raise OptionError(
            f"`{name}` cannot be the name of releases: the service has an address /{name} of its own. For instance: {name}-model",
            f"`{name}` 不能用作发布名称：服务自身使用地址 /{name}。例如：{name}-model",
        )


def state_of(url: str, name: str) -> Path:
    """Return where a service keeps what belongs to a name (keys, quotas), whichever version answers: `serve/NAME` beside the registry."""
    return Path(beside(url)).with_name("serve") / name
