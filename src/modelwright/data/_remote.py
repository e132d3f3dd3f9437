"""Files behind a URL that fsspec reads: `s3://`, `gs://`, `oss://`, `hdfs://`, `webdav://`, `https://`, `file://`, `memory://`.

Parquet is read row group by row group where it lies, of one file or of all that a pattern or folder names; other formats are fetched
into a folder of their own for as long as they are read. `simplecache::s3://...` keeps what was read on this machine, as fsspec does it.
Needs fsspec, and the extra of the store.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import pyarrow as pa

from modelwright.core.errors import DataError, InputError, MissingExtra, ModelwrightError
from modelwright.core.urls import masked
from modelwright.core.words import Words
from modelwright.data._faults import forbidden, refuse_closed

_EXTRAS = {
    "s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "oss": "oss",
    "http": "http", "https": "http", "webdav": "webdav", "webdavs": "webdav",
}  # fmt: skip
_SCHEMES = frozenset((*_EXTRAS, "file", "memory", "hdfs", "az", "abfs", "abfss"))
CACHES = frozenset(("simplecache", "filecache"))  # what may stand before `::`
_WAIT = 10  # seconds for a connection
_SILENT = 12  # seconds for the next bytes of an answer; clients ask twice
_STORES: dict[str, dict[str, Any]] = {
    "s3": {"config_kwargs": {"connect_timeout": _WAIT, "read_timeout": _SILENT, "retries": {"max_attempts": 2}}},
}
_AWAY = (
    "ClientConnector",
    "EndpointConnection",
    "ConnectTimeout",
    "NewConnection",
    "ServerDisconnected",
    "ReadTimeout",
    "MaxRetry",
)
_REFUSED = ("PermissionError", "NoCredentialsError", "ClientError", "HttpError", "InvalidAccessKeyId", "RefreshError")

_SIGNS = ("credential", "forbidden", "unauthorized", "denied")  # of a refusal, in what a store says
# what its client takes credentials from
_KEYS = {
    "s3": "AWS_ACCESS_KEY_ID", "s3a": "AWS_ACCESS_KEY_ID", "gs": "GOOGLE_APPLICATION_CREDENTIALS", "gcs": "GOOGLE_APPLICATION_CREDENTIALS",
    "oss": "OSS_ACCESS_KEY_ID", "hdfs": "HADOOP_USER_NAME", "az": "AZURE_STORAGE_ACCOUNT_KEY", "abfs": "AZURE_STORAGE_ACCOUNT_KEY", "abfss": "AZURE_STORAGE_ACCOUNT_KEY",
}  # fmt: skip
_SERVERS = frozenset(("http", "https", "webdav", "webdavs"))  # which a browser can ask, too

Parquet = Callable[[Any, Callable[[], BinaryIO], int], Iterator[pa.Table]]
Local = Callable[[Path], Iterator[pa.Table]]


def is_url(text: str) -> bool:
    """Return whether a source is a URL that fsspec reads; those of databases are not."""
    head, sign, _ = text.partition("://")
    *before, scheme = head.lower().split("::")
    return bool(sign) and scheme in _SCHEMES and CACHES.issuperset(before)


def scheme_of(url: str) -> str:
    """Return the scheme of the store that a URL leads to, whatever keeps copies of it on the way."""
    return url.partition("://")[0].lower().rpartition("::")[2]


def extra_of(url: str) -> str:
    """Return the extra that reading a URL needs."""
    return _EXTRAS.get(scheme_of(url), "live")


def schemes() -> list[str]:
    """Return how URLs of files may begin, in alphabetical order."""
    return sorted(_SCHEMES)


def url_batches(url: str, rows: int, parquet: Parquet, local: Local) -> Iterator[pa.Table]:
    """Yield what lies behind a URL: `parquet` reads a file where it lies, `local` one that was fetched.

    Raises DataError where there is nothing, or the store refuses or does not answer; MissingExtra.
    """
    url, asked = masked(url), url
    with told(url):
        fs, place = _opened(asked)
    if url.lower().startswith("file:") and not _pattern(place) and not _of_parquet(fs, place):
        yield from local(Path(place))  # what lies on this machine is read as one that is named by its path
        return
    with told(url):
        files = _files(fs, place, url)
    for file in files:
        with told(url):
            in_place = file.lower().endswith(".parquet") and bool(fs.size(file))  # parts of one can be asked for
        if in_place:
            with told(url):
                yield from parquet(*_in_place(fs, file, url if len(files) == 1 else file), rows)
        else:
            with tempfile.TemporaryDirectory(prefix="modelwright-") as folder:
                fetched = Path(folder) / (PurePosixPath(file).name or "data")
                with told(url):
                    fs.get_file(file, str(fetched))
                with _renamed(str(fetched), url):
                    yield from local(fetched)


def parquet_files(url: str) -> Iterator[tuple[Any, Callable[[], BinaryIO]]]:
    """Yield the Parquet files behind a URL as messages call them, each with what opens it; none where other files are among them.

    Raises what the store raises, DataError where there is nothing.
    """
    fs, place = _opened(url)
    url = masked(url)
    files = _files(fs, place, url)
    if all(file.lower().endswith(".parquet") and fs.size(file) for file in files):
        for file in files:
            yield _in_place(fs, file, url if len(files) == 1 else file)


def _in_place(fs: Any, file: str, name: str) -> tuple[Any, Callable[[], BinaryIO]]:
    """Return a file as messages call it, with its size, and what opens it where it lies."""

    def opened() -> BinaryIO:
        found: BinaryIO = fs.open(file, "rb", block_size=1 << 20, cache_type="readahead")
        return found

    return _Named(name, int(fs.size(file) or 0)), opened


class _Named:
    """A file that is not on this machine, as messages call it, with its size."""

    def __init__(self, name: str, size: int) -> None:
        self._name, self.st_size = name, size

    def __str__(self) -> str:
        return self._name

    def stat(self) -> _Named:
        return self


def _opened(url: str) -> tuple[Any, str]:
    scheme = scheme_of(url)
    try:
        from fsspec.core import url_to_fs
    except ImportError as e:
        raise MissingExtra("live", f"Reading {scheme}:// URLs", f"读取 {scheme}:// 地址") from e
    asked = _patience() if scheme in ("http", "https") else _STORES.get("s3" if scheme == "s3a" else scheme, {})
    try:
        fs, place = url_to_fs(url, **({scheme: asked} if "::" in url.partition("://")[0] else asked))
    except (ImportError, ValueError) as e:
        if scheme in _EXTRAS:
            raise MissingExtra(_EXTRAS[scheme], f"Reading {scheme}:// URLs", f"读取 {scheme}:// 地址") from e
        raise DataError(f"{scheme}:// URLs cannot be read here: {e}", f"此处无法读取 {scheme}:// 地址：{e}") from e
    return fs, str(place)


def _patience() -> dict[str, Any]:
    """Return how long a server may be silent: its library gives it five minutes for the whole of a file, however large."""
    try:
        from aiohttp import ClientTimeout
    except ImportError:  # which fsspec tells of
        return {}
    return {"client_kwargs": {"timeout": ClientTimeout(total=None, sock_connect=_WAIT, sock_read=_SILENT)}}


def _files(fs: Any, place: str, url: str) -> list[str]:
    """Return the files that a URL names: itself, those of a pattern, or the Parquet files of a folder. Raises DataError."""
    if _pattern(place):
        found = sorted(str(p) for p in fs.glob(place))
    elif fs.isfile(place):
        found = [place]
    elif fs.isdir(place):
        found = _parquet_in(fs, place)
        if not found:
            held = [PurePosixPath(str(p)).name for p in fs.ls(place, detail=False)]
            shown = ", ".join(held[:5]) + (" ..." if len(held) > 5 else "") or "nothing"
            raise DataError(
                f"{url} is a folder without Parquet files (it holds {shown}): name one file in it, or a pattern such as {url.rstrip('/')}/*.csv.",
                f"{url} 是没有 Parquet 文件的文件夹（其中有：{shown if held else '无'}）：请指定其中一个文件，或使用 {url.rstrip('/')}/*.csv 这样的模式。",
            )
    else:
        found = []
    if not found:
        if url.lower().startswith("file:"):
            refuse_closed(place)
        raise DataError(f"There is no file at {url}.", f"{url} 处没有文件。")
    return found


def _pattern(place: str) -> bool:
    return any(c in place for c in "*?[")


def _of_parquet(fs: Any, place: str) -> bool:
    return bool(fs.isdir(place) and _parquet_in(fs, place))


def _parquet_in(fs: Any, place: str) -> list[str]:
    return sorted(str(p) for p in fs.glob(f"{place.rstrip('/')}/*.parquet"))


@contextmanager
def told(url: str) -> Iterator[None]:
    """Let what a store raises become one sentence."""
    url = masked(url)
    try:
        yield
    except (InputError, ModelwrightError):
        raise
    except FileNotFoundError as e:
        raise DataError(f"There is no file at {url}.", f"{url} 处没有文件。") from e
    except GeneratorExit:
        raise
    except Exception as e:
        kind = type(e).__name__
        line = " ".join(str(e).split())[:160]
        if kind in _REFUSED or any(sign in line.lower() for sign in _SIGNS):
            why = _refused(url, (line or kind).replace(f", url='{url}'", ""), getattr(e, "filename", None))
            if why is not None:
                raise why from e
        if isinstance(e, (ConnectionError, TimeoutError)) or kind.startswith(_AWAY):
            server = "/".join(url.split("/")[:3])
            raise DataError(
                f"Nobody answers at {server} ({line or kind}). Check the address, and whether this machine reaches it (network, proxy).",
                f"{server} 没有响应（{line or kind}）。请检查地址，以及本机能否访问（网络、代理）。",
            ) from e
        raise DataError(f"{url} cannot be read ({kind}: {line}).", f"无法读取 {url}（{kind}：{line}）。") from e


def _refused(url: str, line: str, file: Any) -> DataError | None:
    """Return what is told where a store does not let this machine read a URL, `line` being what it said, `file` what it named of this machine.

    None for a store that knows no users, such as this process's memory.
    """
    scheme = scheme_of(url)
    if scheme == "file":
        return forbidden(Path(file or url.partition("://")[2]))
    if scheme in _SERVERS:
        return DataError(
            f"{url}: the server refuses to hand it out ({line}). Fetch the file by hand with a login, and name its path.",
            f"{url}：服务器拒绝提供该文件（{line}）。请登录后自行下载，再给出本地路径。",
        )
    key = _KEYS.get(scheme)
    if key is None:
        return None
    return DataError(
        f"{url}: the store refuses these credentials ({line}). Check the variables of its client, such as {key}.",
        f"{url}：存储拒绝了当前凭据（{line}）。请检查其客户端的环境变量，例如 {key}。",
    )


@contextmanager
def _renamed(path: str, url: str) -> Iterator[None]:
    """Let errors about a fetched file name the URL that it came from."""
    try:
        yield
    except ModelwrightError as e:
        e.words = Words(e.words.en.replace(path, url), e.words.zh.replace(path, url))
        e.args = (e.words.en,)
        raise
