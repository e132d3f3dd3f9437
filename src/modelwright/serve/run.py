"""Starting the service: where it binds, and what it says at the start."""

from __future__ import annotations

import ipaddress
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelwright.core.device import cores
from modelwright.core.errors import OptionError, unknown
from modelwright.core.words import Words
from modelwright.serve.origins import parse_origins

LOGS = ("text", "json")


def check_binding(host: str, tls_cert: Path | None, tls_key: Path | None, behind_proxy: bool) -> None:
    """Refuse an address that others can reach unless TLS or a proxy stands before it. Raises OptionError."""
    if (tls_cert is None) != (tls_key is None):
        raise OptionError("TLS needs both --tls-cert and --tls-key.", "TLS 需要同时给出 --tls-cert 和 --tls-key。")
    for path in (tls_cert, tls_key):
        if path is not None and not path.is_file():
            raise OptionError(f"There is no file {path}.", f"找不到文件 {path}。")
    if is_loopback(host) or tls_cert is not None or behind_proxy:
        return
    raise OptionError(
        f"{host} can be reached by others: give --tls-cert and --tls-key, or --behind-proxy where a proxy does TLS.",
        f"{host} 可被其他机器访问：请给出 --tls-cert 和 --tls-key；若由前置代理负责 TLS，请加 --behind-proxy。",
    )


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class Listening:
    """Where a service listens, and how it speaks. `lang` is that of what it says at the start.

    Raises OptionError for an address that may not be bound or a port in use.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    tls_cert: Path | None = None
    tls_key: Path | None = None
    behind_proxy: bool = False
    lang: str = "en"
    log: str = "text"  # or json
    keep: Any = None  # feedback.keep.Keep: which requests are kept, if any
    adapt: bool = False  # whether models learn from feedback while they serve

    def __post_init__(self) -> None:
        if self.log not in LOGS:
            raise unknown(Words("log format", "日志格式"), self.log, LOGS)
        check_binding(self.host, self.tls_cert, self.tls_key, self.behind_proxy)
        _check_port(self.host, self.port)

    @property
    def secure(self) -> bool:
        """Whether browsers reach it by TLS."""
        return self.tls_cert is not None or self.behind_proxy

    @property
    def address(self) -> str:
        """The URL of the service on this machine."""
        return f"{'https' if self.tls_cert else 'http'}://{self.host}:{self.port}"

    def say(self, words: Words) -> None:
        """Write a line on stderr."""
        sys.stderr.write(words.to(self.lang))

    def run(self, app: Any, stopping: Any, server: Callable[..., Any] | None = None) -> None:
        """Serve an application until SIGTERM or Ctrl-C; requests under way are answered first. `server` makes another than ours."""
        import uvicorn

        from modelwright.serve import logs, spans
        from modelwright.serve.wire import FINISH_SECONDS, Door, Server, Wire

        config = uvicorn.Config(
            app,
            host=self.host,
            port=self.port,
            ssl_certfile=str(self.tls_cert) if self.tls_cert else None,
            ssl_keyfile=str(self.tls_key) if self.tls_key else None,
            proxy_headers=self.behind_proxy,
            forwarded_allow_ips="127.0.0.1" if self.behind_proxy else None,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=5,
            http=Wire,
        )
        # a proxy's address stands for all its clients: it is not counted by itself
        Wire.door = Door(None) if self.behind_proxy else Door()
        logs.set_up(self.log)
        spans.set_up()
        # uvicorn stops by itself on both signals, and then raises them once more: an orderly stop is no failure
        before = signal.signal(signal.SIGTERM, lambda *_: None)
        try:
            (server or Server)(config, stopping, FINISH_SECONDS).run()
        except KeyboardInterrupt:
            self.say(Words("stopped\n", "已停止\n"))
        finally:
            signal.signal(signal.SIGTERM, before)


def serve(
    bundle: Path,
    *,
    key_file: Path,
    backend: str = "own",
    allow_origin: Sequence[str] = (),
    allow_missing: bool = False,
    beside: Sequence[Path] = (),
    **listening: Any,
) -> None:
    """Serve a bundle, or a folder with a causal language model, until SIGTERM or Ctrl-C; requests under way are answered first.

    Pages of `allow_origin` may ask from a browser; bundles `beside` it hear and speak for it; `listening` are the fields of Listening. Raises OptionError for an
    address that may not be bound or a port in use, BundleError for a damaged bundle, DataError for a key file that
    others can change, LedgerError where the start cannot be entered.
    """
    origins = parse_origins(allow_origin)
    at = Listening(**listening)

    from modelwright.serve.guard import Stopping
    from modelwright.serve.keys import KeyRing

    stopping = Stopping()
    if backend == "vllm":
        if at.keep is not None:
            raise OptionError(
                "--keep-requests goes with --backend own.", "--keep-requests 只能与 --backend own 一起使用。"
            )
        if at.adapt:
            raise OptionError("--adapt goes with --backend own.", "--adapt 只能与 --backend own 一起使用。")
        from modelwright.serve.vllm import vllm_app

        keys, made = KeyRing.open(key_file)
        options: dict[str, Any] = {
            "lang": at.lang, "secure_cookie": at.secure, "origins": origins, "stopping": stopping,
        }  # fmt: skip
        app, name = vllm_app(bundle, keys, **options)
        version = "1"
    else:
        app, name, version, made = folder_app(bundle, at, stopping, key_file, allow_origin, allow_missing, beside)
    with told_folder(at, bundle, name, version, key_file, made, lambda: getattr(app.state, "spent", dict)()):
        at.run(app, stopping)


def folder_app(
    bundle: Path,
    at: Listening,
    stopping: Any,
    key_file: Path,
    allow_origin: Sequence[str],
    allow_missing: bool,
    beside: Sequence[Path] = (),
) -> tuple[Any, str, str, str | None]:
    """Return the application of a bundle, its name and version, and the key that was made just now, if any; errors as in `serve`."""
    from modelwright.release.bundle import load
    from modelwright.release.wrap import is_causal_folder, wrap_causal
    from modelwright.serve.app import create_app
    from modelwright.serve.keys import KeyRing
    from modelwright.serve.stores import home_of_folder

    predictor = wrap_causal(str(bundle)) if is_causal_folder(bundle) else load(bundle)
    companions = None
    if beside:
        from modelwright.serve.voice_front import roles_of

        predictor, companions = roles_of([predictor, *map(load, beside)])
    if allow_missing:
        predictor.needs = predictor.needs.loosened()
    _share_cores()
    keys, made = KeyRing.open(key_file)
    app = create_app(
        predictor,
        keys=keys,
        bundle=bundle,
        home=home_of_folder(predictor.name, predictor.version, key_file),
        keep=at.keep,
        adapt=at.adapt,
        lang=at.lang,
        secure_cookie=at.secure,
        origins=parse_origins(allow_origin),
        stopping=stopping,
        companions=companions,
    )
    return app, predictor.name, predictor.version, made


@contextmanager
def told_folder(
    at: Listening,
    bundle: Path,
    name: str,
    version: str,
    key_file: Path,
    made: str | None,
    spent: Callable[[], dict[str, int]],
) -> Iterator[None]:
    """Say what is served, and enter its start and its end into the ledger. Raises LedgerError."""
    from modelwright.privacy.ledger import model_id, record
    from modelwright.serve.keys import were_shown

    at.say(Words(f"serving {name} at {at.address}\n", f"正在 {at.address} 提供 {name}\n"))
    if made:
        at.say(Words(f"key (shown once): {made}\n", f"密钥（只显示一次）：{made}\n"))
    else:
        at.say(
            Words(
                f"key: the one that was shown when {key_file} was made; another one: modelwright keys add {bundle} NAME\n",
                f"密钥：即创建 {key_file} 时显示的那一个；如需新密钥：modelwright keys add {bundle} 名称\n",
            )
        )
    were_shown()
    started: dict[str, Any] = {"model": model_id(bundle), "name": name, "version": version, "host": at.host}
    record(bundle, "serve start", **started)
    try:
        yield
    finally:
        record(bundle, "serve stop", **started, rows=spent())


def serve_names(
    registry: Any,
    names: Sequence[str],
    *,
    key_file: Path | None = None,
    allow_origin: Sequence[str] = (),
    allow_missing: bool = False,
    **listening: Any,
) -> None:
    """Serve the champions of names until SIGTERM or Ctrl-C, following the registry; arguments and errors as in `serve`.

    Keys of a name are kept beside the registry, or in `key_file` for all. Raises RegistryError for an unknown name,
    RegistryAway where the registry cannot be reached at the start.
    """
    parse_origins(allow_origin)  # a wrong one is told before an address is looked at
    at = Listening(**listening)

    from modelwright.serve.guard import Stopping

    stopping = Stopping()
    app = names_app(registry, names, at, stopping, key_file, allow_origin, allow_missing)
    releases = [(r.name, r.version, r.digest) for r in (named.current.release for named in app.names.values())]
    with told_names(at, releases, app.made, list(app.rings), app.spent):
        at.run(app, stopping)


def names_app(
    registry: Any,
    names: Sequence[str],
    at: Listening,
    stopping: Any,
    key_file: Path | None,
    allow_origin: Sequence[str],
    allow_missing: bool,
    workers: int = 1,
) -> Any:
    """Return the application by which each of `workers` processes serves the champions of names; errors as in `serve_names`."""
    from modelwright.serve.live import Live

    app = Live(
        registry,
        names,
        key_file=key_file,
        stopping=stopping,
        allow_missing=allow_missing,
        say=at.say,
        lang=at.lang,
        secure_cookie=at.secure,
        origins=parse_origins(allow_origin),
        keep=at.keep,
        adapt=at.adapt,
        workers=workers,
    )
    _share_cores()
    return app


@contextmanager
def told_names(
    at: Listening,
    releases: Sequence[tuple[str, int, str]],
    made: Mapping[str, str],
    key_files: Sequence[Path],
    spent: Callable[[], dict[str, int]],
) -> Iterator[None]:
    """Say which releases (name, version, digest) are served, and enter start and end into the ledger. Raises LedgerError."""
    from modelwright.privacy.ledger import record
    from modelwright.serve.keys import were_shown

    for name, version, _ in releases:
        where = f"{at.address}/{name}/"
        at.say(Words(f"serving {name} {version} at {where}\n", f"正在 {where} 提供 {name} {version}\n"))
    for name, key in made.items():
        at.say(Words(f"key of {name} (shown once): {key}\n", f"{name} 的密钥（只显示一次）：{key}\n"))
    were_shown()
    for place in key_files:
        at.say(Words(f"keys: {place}\n", f"密钥文件：{place}\n"))
    for name, version, digest in releases:
        record(None, "serve start", model=digest[:32], name=name, version=version, host=at.host)
    try:
        yield
    finally:
        record(None, "serve stop", names=[name for name, _, _ in releases], host=at.host, rows=spent())


def _share_cores() -> None:
    """Leave one core to the event loop: torch's threads wait by spinning, which starves it where all are taken.

    The model's thread asks for the interpreter's lock after every operation; at the usual 5 ms a turn it would mostly
    wait for the event loop.
    """
    sys.setswitchinterval(0.0005)
    torch: Any = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(max(1, cores() - 1))


def _check_port(host: str, port: int) -> None:
    if not 0 < port < 65536:
        raise OptionError(f"A port is 1 to 65535, received {port}.", f"端口应在 1 到 65535 之间，收到 {port}。")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind((host.strip("[]"), port))
        except OSError as e:
            raise OptionError(
                f"{host}:{port} cannot be bound ({e.strerror}); name another with --port.",
                f"无法绑定 {host}:{port}（{e.strerror}）；请用 --port 指定其他端口。",
            ) from e
