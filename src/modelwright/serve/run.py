"""Starting the service: where it binds, and what it says at the start."""

from __future__ import annotations

import ipaddress
import logging
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modelwright.core.device import cores
from modelwright.core.errors import OptionError
from modelwright.core.words import Words
from modelwright.serve.origins import parse_origins


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


def serve(
    bundle: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    key_file: Path,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
    behind_proxy: bool = False,
    lang: str = "en",
    backend: str = "own",
    allow_origin: Sequence[str] = (),
    allow_missing: bool = False,
) -> None:
    """Serve a bundle, or a folder with a causal language model, until SIGTERM or Ctrl-C; requests under way are answered first.

    Pages of `allow_origin` may ask from a browser. Raises OptionError for an address that may not be bound or a port in
    use, BundleError for a damaged bundle, DataError for a key file that others can change, LedgerError where the start
    cannot be entered.
    """
    origins = parse_origins(allow_origin)
    check_binding(host, tls_cert, tls_key, behind_proxy)
    _check_port(host, port)
    import uvicorn

    from modelwright.privacy.ledger import model_id, record
    from modelwright.serve.guard import Stopping, WithoutValues
    from modelwright.serve.keys import KeyRing
    from modelwright.serve.wire import FINISH_SECONDS, Door, Server, Wire

    stopping = Stopping()

    secure = tls_cert is not None or behind_proxy
    if backend == "vllm":
        from modelwright.serve.vllm import vllm_app

        keys, made = KeyRing.open(key_file)
        app, name = vllm_app(bundle, keys, lang=lang, secure_cookie=secure, origins=origins, stopping=stopping)
        version = "1"
    else:
        from modelwright.release.bundle import load
        from modelwright.release.wrap import is_causal_folder, wrap_causal
        from modelwright.serve.app import create_app

        predictor = wrap_causal(str(bundle)) if is_causal_folder(bundle) else load(bundle)
        if allow_missing:
            predictor.needs = predictor.needs.loosened()
        name, version = predictor.name, predictor.version
        _share_cores()
        keys, made = KeyRing.open(key_file)
        app = create_app(
            predictor, keys=keys, lang=lang, secure_cookie=secure, bundle=bundle, origins=origins, stopping=stopping
        )
    address = f"{'https' if tls_cert else 'http'}://{host}:{port}"
    say = sys.stderr.write
    say(Words(f"serving {name} at {address}\n", f"正在 {address} 提供 {name}\n").to(lang))
    if made:
        say(Words(f"key (shown once): {made}\n", f"密钥（只显示一次）：{made}\n").to(lang))
    else:
        say(Words(f"key: as before ({key_file})\n", f"密钥：沿用之前的（{key_file}）\n").to(lang))
    started: dict[str, Any] = {
        "model": model_id(bundle),
        "name": name,
        "version": version,
        "host": host,
    }
    record(bundle, "serve start", **started)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        ssl_certfile=str(tls_cert) if tls_cert else None,
        ssl_keyfile=str(tls_key) if tls_key else None,
        proxy_headers=behind_proxy,
        forwarded_allow_ips="127.0.0.1" if behind_proxy else None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
        http=Wire,
    )
    # a proxy's address stands for all its clients: it is not counted by itself
    Wire.door = Door(None) if behind_proxy else Door()
    logging.getLogger("uvicorn.error").addFilter(WithoutValues())
    # uvicorn stops by itself on both signals, and then raises them once more: an orderly stop is no failure
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        Server(config, stopping, FINISH_SECONDS).run()
    except KeyboardInterrupt:
        say(Words("stopped\n", "已停止\n").to(lang))
    finally:
        signal.signal(signal.SIGTERM, before)
        record(bundle, "serve stop", **started, rows=getattr(app.state, "spent", dict)())


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
