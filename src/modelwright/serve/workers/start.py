"""Starting a service of several workers: what the supervisor does before and after."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from modelwright.core.device import cores
from modelwright.core.errors import OptionError
from modelwright.serve.keys import KeyRing
from modelwright.serve.origins import parse_origins
from modelwright.serve.run import Listening, told_folder, told_names
from modelwright.serve.workers.supervisor import Supervisor, bound

MOST = 64


def serve_folder(
    bundle: Path,
    *,
    workers: int,
    key_file: Path,
    backend: str = "own",
    allow_origin: Sequence[str] = (),
    allow_missing: bool = False,
    **listening: Any,
) -> None:
    """Serve a bundle by several workers; arguments and errors as in `serve`. Raises OptionError for other backends."""
    check_workers(workers)
    parse_origins(allow_origin)
    if backend != "own":
        raise OptionError(
            f"--workers is for models that answer here; {backend} shares out the work by itself. Leave --workers out.",
            f"--workers 仅适用于在本机作答的模型；{backend} 自行分配工作。请去掉 --workers。",
        )
    at = Listening(**listening)
    _, made = KeyRing.open(key_file)
    task = {"bundle": str(bundle), "key_file": str(key_file)}

    def told(what: Any, spent: Callable[[], dict[str, int]]) -> AbstractContextManager[None]:
        return told_folder(at, bundle, what["name"], what["version"], key_file, made, spent)

    _supervise(at, _task(task, workers, allow_origin, allow_missing, listening), told)


def serve_names(
    registry: Any,
    names: Sequence[str],
    *,
    workers: int,
    key_file: Path | None = None,
    allow_origin: Sequence[str] = (),
    allow_missing: bool = False,
    **listening: Any,
) -> None:
    """Serve the champions of names by several workers; arguments and errors as in `serve_names` of one process."""
    from modelwright.release.registry import places

    check_workers(workers)
    parse_origins(allow_origin)
    at = Listening(**listening)
    made: dict[str, str] = {}
    rings: dict[Path, KeyRing] = {}
    for name in dict.fromkeys(names):
        places.check_not_reserved(name)
        registry.get(name)  # before a key file is made
        path = key_file or places.state_of(registry.url, name) / "keys.json"
        if path not in rings:
            rings[path], key = KeyRing.open(path)
            made |= {} if key is None else {name: key}
    task = {
        "names": list(dict.fromkeys(names)),
        "db": registry.url,
        "blobs": registry.root,
        "key_file": str(key_file) if key_file else None,
    }

    def told(what: Any, spent: Callable[[], dict[str, int]]) -> AbstractContextManager[None]:
        return told_names(at, [tuple(r) for r in what["releases"]], made, list(rings), spent)

    _supervise(at, _task(task, workers, allow_origin, allow_missing, listening), told)


def check_workers(workers: int) -> None:
    """Refuse a number of workers that cannot be. Raises OptionError."""
    if not 1 <= workers <= MOST:
        raise OptionError(
            f"--workers is 1 to {MOST}, received {workers}; one for each core is much ({cores()} here).",
            f"--workers 应为 1 到 {MOST}，收到 {workers}；通常不超过核数（本机 {cores()} 个）。",
        )
    if os.name != "posix":
        raise OptionError(
            "--workers needs a POSIX system; serve with one process here.",
            "--workers 需要 POSIX 系统；此处请以单进程提供服务。",
        )


def _task(
    task: dict[str, Any],
    workers: int,
    allow_origin: Sequence[str],
    allow_missing: bool,
    listening: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what a worker is told, as JSON values; `secret` signs the sessions of browsers."""
    plain = {k: str(v) if isinstance(v, Path) else v for k, v in listening.items() if k != "keep"}
    keep = listening.get("keep")
    if keep is not None:
        plain["keep"] = {k: str(v) if isinstance(v, Path) else v for k, v in asdict(keep).items()}
    more = {"workers": workers, "allow_origin": list(allow_origin), "allow_missing": allow_missing}
    return {**task, **more, "listening": plain, "secret": secrets.token_hex(32)}


def _supervise(at: Listening, task: dict[str, Any], told: Callable[..., AbstractContextManager[None]]) -> None:
    try:
        listening = bound(at.host, at.port)
    except OSError as e:
        raise OptionError(
            f"{at.host}:{at.port} cannot be bound ({e.strerror}); name another with --port.",
            f"无法绑定 {at.host}:{at.port}（{e.strerror}）；请用 --port 指定其他端口。",
        ) from e
    with ExitStack() as stack:
        # the end is entered into the ledger on the way out, whatever ended the service
        supervisor = Supervisor(
            task,
            listening,
            tls=at.tls_cert is not None,
            began=lambda what: stack.enter_context(told(what, lambda: supervisor.spent)),
            say=at.say,
        )
        supervisor.run()
