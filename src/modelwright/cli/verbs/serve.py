"""`modelwright serve`: a model over HTTP."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from modelwright.cli.options import AllowMissing, AllowOrigin, Lang, RunArg, opt
from modelwright.cli.output import LANG, w


def add(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(help=w("Serve a model over HTTP on this machine.", "在本机以 HTTP 提供模型服务。"))
    def serve(
        model: RunArg,
        host: Annotated[str, opt("address to bind", "绑定地址")] = "127.0.0.1",
        port: Annotated[int, opt("port", "端口")] = 8000,
        tls_cert: Annotated[Path | None, opt("TLS certificate", "TLS 证书")] = None,
        tls_key: Annotated[Path | None, opt("TLS key", "TLS 私钥")] = None,
        behind_proxy: Annotated[bool, opt("a proxy in front does TLS", "前置代理负责 TLS")] = False,
        key_file: Annotated[Path | None, opt("where key hashes are kept", "密钥哈希的存放位置")] = None,
        allow_origin: AllowOrigin = None,
        allow_missing: AllowMissing = False,
        backend: Annotated[
            str, opt("own, or vllm for language models on GPUs", "own，或 vllm（GPU 上的语言模型）")
        ] = "own",
        lang: Lang = None,
    ) -> None:
        start(
            model,
            key_file,
            LANG,
            backend,
            host=host,
            port=port,
            tls_cert=tls_cert,
            tls_key=tls_key,
            behind_proxy=behind_proxy,
            allow_origin=allow_origin or (),
            allow_missing=allow_missing,
        )


def start(model: str, key_file: Path | None, lang: str, backend: str = "own", **options: Any) -> None:
    """Serve a bundle, or a folder with a causal language model, until stopped; `options` are those of the service."""
    from modelwright.core.errors import unknown
    from modelwright.core.extras import need
    from modelwright.core.run import find_bundle, state_folder
    from modelwright.core.words import Words

    need("serve", "modelwright serve")
    from modelwright.privacy.subjects import due_words
    from modelwright.release.wrap import is_causal_folder
    from modelwright.serve.run import serve

    if backend not in ("own", "vllm"):
        raise unknown(Words("backend", "后端"), backend, ["own", "vllm"])
    bundle = Path(model) if is_causal_folder(model) else find_bundle(model)
    due = due_words(bundle)
    if due is not None:
        sys.stderr.write(Words(f"Warning: this model is {due.en}.\n", f"警告：该模型{due.zh}。\n").to(lang))
    before, place = bundle.parent / "serve" / "keys.json", state_folder(bundle) / "keys.json"
    if key_file is None and place != before and before.is_file() and not place.exists():
        # until each bundle had keys of its own, all that stood beside each other shared these
        en = f"Note: the keys in {before} do not open this bundle any more; give --key-file {before} to go on with them.\n"
        zh = f"注意：{before} 中的密钥不再适用于此模型包；如需继续使用请加 --key-file {before}。\n"
        sys.stderr.write(Words(en, zh).to(lang))
    serve(bundle, key_file=key_file or state_folder(bundle) / "keys.json", lang=lang, backend=backend, **options)
