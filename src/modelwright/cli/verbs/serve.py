"""`modelwright serve`: a model over HTTP."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from modelwright.cli.options import AllowMissing, AllowOrigin, Lang, opt
from modelwright.cli.output import LANG, w
from modelwright.cli.verbs._releases import Blobs, Db, registry_at


def add(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(help=w("Serve a model over HTTP on this machine.", "在本机以 HTTP 提供模型服务。"))
    def serve(
        models: Annotated[
            list[str],
            typer.Argument(
                metavar="RUN|NAME...",
                help=w("run, bundle, or name of releases; several names too", "运行、模型包或发布名称；可给出多个名称"),
            ),
        ],
        host: Annotated[
            str,
            opt("address to listen on; the default is this machine alone", "监听地址；默认仅限本机", metavar="ADDRESS"),
        ] = "127.0.0.1",
        port: Annotated[int, opt("port to listen on", "监听端口", metavar="N")] = 8000,
        tls_cert: Annotated[Path | None, opt("TLS certificate", "TLS 证书")] = None,
        tls_key: Annotated[Path | None, opt("TLS key", "TLS 私钥")] = None,
        behind_proxy: Annotated[bool, opt("a proxy in front handles TLS", "由前置代理负责 TLS")] = False,
        workers: Annotated[int, opt("processes that answer", "作答的进程数")] = 1,
        key_file: Annotated[
            Path | None, opt("file of the keys that may ask (as hashes)", "保存访问密钥（哈希）的文件")
        ] = None,
        allow_origin: AllowOrigin = None,
        allow_missing: AllowMissing = False,
        adapt: Annotated[
            bool,
            typer.Option("--adapt", help=w("learn from feedback between retrainings", "在两次训练之间从反馈中学习")),
        ] = False,
        voice: Annotated[
            bool,
            typer.Option(
                "--voice",
                help=w(
                    "a spoken conversation: name a model that hears, one that answers and, if you like, one that speaks",
                    "语音对话：依次给出识别、回答及（可选）合成模型",
                ),
            ),
        ] = False,
        backend: Annotated[
            str,
            opt(
                "what computes answers: own, or vllm for language models on GPUs",
                "推理后端：own，或 vllm（GPU 上的语言模型）",
                metavar="NAME",
            ),
        ] = "own",
        log: Annotated[
            str,
            opt(
                "what is logged: text, or json with a line for each request",
                "日志格式：text，或每个请求一行的 json",
                metavar="FORM",
            ),
        ] = "text",
        keep_requests: Annotated[
            str | None,
            opt(
                "keep requests with their answers for a time, e.g. 30d; none are kept if not given",
                "留存请求及回答的时长，如 30d；默认不留存",
                metavar="TIME",
            ),
        ] = None,
        purpose: Annotated[
            str | None,
            opt("purpose of keeping requests, as consents name it", "留存请求的目的，与同意记录一致", metavar="NAME"),
        ] = None,
        subject: Annotated[
            str | None, opt("column that says whose row it is", "标明每行属于谁的列", metavar="COLUMN")
        ] = None,
        consent: Annotated[
            Path | None,
            opt(
                "table of consents: only rows with one for the purpose are kept", "同意记录表：仅留存对该目的已同意的行"
            ),
        ] = None,
        webhook: Annotated[
            str | None,
            typer.Option(
                metavar="URL",
                help=w(
                    "address to tell of drift, signed with the secret in MODELWRIGHT_WEBHOOK_SECRET; MODELWRIGHT_WEBHOOK if not given",
                    "发生漂移时通知的地址，以 MODELWRIGHT_WEBHOOK_SECRET 中的密钥签名；默认取 MODELWRIGHT_WEBHOOK",
                ),
            ),
        ] = None,
        db: Db = None,
        blobs: Blobs = None,
        lang: Lang = None,
    ) -> None:
        tell(webhook)
        from modelwright.serve.feedback.keep import Keep

        keep = Keep.asked(keep_requests, purpose, subject, consent)
        start(
            models,
            key_file,
            LANG,
            backend,
            host=host,
            port=port,
            tls_cert=tls_cert,
            tls_key=tls_key,
            behind_proxy=behind_proxy,
            workers=workers,
            voice=voice,
            allow_origin=allow_origin or (),
            allow_missing=allow_missing,
            adapt=adapt,
            log=log,
            keep=keep,
            db=db,
            blobs=blobs,
        )


def start(models: str | Sequence[str], key_file: Path | None, lang: str, backend: str = "own", **options: Any) -> None:
    """Serve as `_start` does; keys that were made and never shown, since the start failed, are taken back."""
    from modelwright.core.extras import need

    need("serve", "modelwright serve")
    from modelwright.serve.keys import shown_or_taken_back

    with shown_or_taken_back():
        _start(models, key_file, lang, backend, **options)


def _start(
    models: str | Sequence[str],
    key_file: Path | None,
    lang: str,
    backend: str = "own",
    db: str | None = None,
    blobs: str | None = None,
    workers: int = 1,
    voice: bool = False,
    **options: Any,
) -> None:
    """Serve a run, a bundle, a folder with a causal language model, or the champions of names until stopped.

    `options` are those of the service. Raises OptionError where several are given that are not all names of releases.
    """
    from modelwright.core.encrypted_files import vault_keys
    from modelwright.core.errors import OptionError, unknown
    from modelwright.core.run import state_folder
    from modelwright.core.words import Words
    from modelwright.release.registry import find
    from modelwright.release.registry.find import find_bundle
    from modelwright.release.wrap import is_causal_folder
    from modelwright.serve.run import serve, serve_names

    vault_keys()  # a key that is named and not there is told now, not at the first voice or request that is to be kept
    if backend not in ("own", "vllm"):
        raise unknown(Words("backend", "后端"), backend, ["own", "vllm"])
    given = [models] if isinstance(models, str) else list(models)
    if voice:
        _talk(given, key_file, lang, backend, db, blobs, workers, **options)
        return
    names = [None if is_causal_folder(model) else find.served_name(model, db) for model in given]
    if all(names) and backend == "own":
        registry = registry_at(db, blobs)
        for name in names:
            say_due(registry.folder(registry.get(str(name))), lang)
        if workers != 1:
            from modelwright.serve.workers import start as several

            several.serve_names(
                registry, [str(n) for n in names], workers=workers, key_file=key_file, lang=lang, **options
            )
            return
        serve_names(registry, [str(n) for n in names], key_file=key_file, lang=lang, **options)
        return
    if len(given) > 1:
        other = next((m for m, name in zip(given, names, strict=True) if name is None), given[0])
        raise OptionError(
            f"Several models are served by the names of their releases, and `{other}` is none. "
            f"Release it first: modelwright release {other} --name NAME (where a run has that name too: NAME/champion)",
            f"同时提供多个模型时须使用发布名称，而 `{other}` 不是。请先发布：modelwright release {other} --name 名称（与运行同名时请写 名称/champion）",
        )
    model = given[0]
    bundle = Path(model) if is_causal_folder(model) else find_bundle(model)
    say_due(bundle, lang)
    state = None if is_causal_folder(model) else find.state_of(model)
    before, place = bundle.parent / "serve" / "keys.json", (state or state_folder(bundle)) / "keys.json"
    if key_file is None and place != before and before.is_file() and not place.exists():
        # until each bundle had keys of its own, all that stood beside each other shared these
        en = f"Note: the keys in {before} do not open this bundle any more; give --key-file {before} to go on with them.\n"
        zh = f"注意：{before} 中的密钥不再适用于此模型包；如需继续使用请加 --key-file {before}。\n"
        sys.stderr.write(Words(en, zh).to(lang))
    if workers != 1:
        from modelwright.serve.workers.start import serve_folder

        serve_folder(bundle, workers=workers, key_file=key_file or place, lang=lang, backend=backend, **options)
        return
    serve(bundle, key_file=key_file or place, lang=lang, backend=backend, **options)


def _talk(
    given: Sequence[str],
    key_file: Path | None,
    lang: str,
    backend: str,
    db: str | None,
    blobs: str | None,
    workers: int,
    **options: Any,
) -> None:
    """Serve several models as one that is talked to. Raises OptionError for what does not go together."""
    from modelwright.core.errors import OptionError
    from modelwright.core.run import state_folder
    from modelwright.release.bundle import load
    from modelwright.release.registry import find
    from modelwright.release.registry.find import find_bundle
    from modelwright.serve.run import serve
    from modelwright.serve.voice_front import roles_of

    if backend != "own" or workers != 1:
        raise OptionError(
            "--voice goes with --backend own and one worker: a conversation stays with the process that hears it.",
            "--voice 只能与 --backend own 及单个进程一起使用：一段对话由同一进程处理。",
        )
    bundles = []
    for model in given:
        name = find.served_name(model, db)
        registry = registry_at(db, blobs) if name else None
        bundles.append(registry.folder(registry.get(str(name))) if registry is not None else find_bundle(model))
        say_due(bundles[-1], lang)
    predictors = [load(b) for b in bundles]
    answers, _ = roles_of(predictors)
    own = predictors.index(answers)
    place = (find.state_of(given[own]) or state_folder(bundles[own])) / "keys.json"
    beside = [b for i, b in enumerate(bundles) if i != own]
    serve(bundles[own], key_file=key_file or place, lang=lang, beside=beside, **options)


def tell(webhook: str | None) -> None:
    """Let the service, and all its workers, tell an address of drift. Raises OptionError for one that cannot be used."""
    if webhook:
        os.environ["MODELWRIGHT_WEBHOOK"] = webhook
    if os.environ.get("MODELWRIGHT_WEBHOOK"):
        from modelwright.improve.drift.webhook import target_of

        target_of()


def say_due(bundle: Path, lang: str) -> None:
    """Warn of a model that must be trained again."""
    from modelwright.core.words import Words
    from modelwright.privacy.subjects import due_words

    due = due_words(bundle)
    if due is not None:
        sys.stderr.write(Words(f"Warning: this model is {due.en}.\n", f"警告：该模型{due.zh}。\n").to(lang))
