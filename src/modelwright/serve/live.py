"""The champions of one or several names as one ASGI application, which follows the registry without a restart.

`/NAME/predict` and every other route of a service stand below each name; where one name is served they stand at the top
too. Each name has its own keys, quotas and counters, which go on from version to version.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from fastapi import FastAPI, Response
from starlette.datastructures import Headers

from modelwright.core.errors import RegistryError
from modelwright.core.words import Words
from modelwright.release.registry import places
from modelwright.release.registry.store import Registry, Release
from modelwright.serve.app import create_app
from modelwright.serve.counters import Shared
from modelwright.serve.guard import Stopping, answer_json, error_json, given_key, with_headers
from modelwright.serve.keys import KeyRing
from modelwright.serve.limits import Refused, ServeLimits
from modelwright.serve.metrics import answer_common
from modelwright.serve.quota import Quota
from modelwright.serve.stores import home_of_release
from modelwright.serve.versions import Named


class Live:
    """The service of names. Made outside the event loop: it loads the champions, which may take a while.

    Keys of a name are kept in `serve/NAME` beside the registry, or in `key_file` for all names together. `made` holds the keys
    that were made just now, to be shown once. `say` is told when another version answers; `workers` is how many processes serve the names beside one another. Further arguments are those of
    `create_app`. Raises RegistryError for an unknown name, OptionError for one that is an address of the service,
    BundleError where a champion is damaged, DataError for a key file that others can change.
    """

    def __init__(
        self,
        registry: Registry,
        names: Sequence[str],
        *,
        key_file: Path | None = None,
        limits: ServeLimits | None = None,
        stopping: Stopping | None = None,
        allow_missing: bool = False,
        say: Callable[[Words], None] = lambda words: None,
        workers: int = 1,
        **options: Any,
    ) -> None:
        self.registry, self.stopping = registry, stopping or Stopping()
        self._limits, self._loosened, self._options = limits or ServeLimits(), allow_missing, options
        self.made: dict[str, str] = {}
        self.rings: dict[Path, tuple[KeyRing, Quota, Quota]] = {}
        self.names: dict[str, Named] = {}
        for name in dict.fromkeys(names):
            places.check_not_reserved(name)
            registry.get(name)  # before a key file is made
            state = places.state_of(registry.url, name)
            ring, rows, tokens = self._ring(name, key_file or state / "keys.json")
            shared = Shared(rows, tokens)
            self.names[name] = Named(name, registry, shared.counters, self._maker(ring, shared, state), say, workers)
        self._only = next(iter(self.names.values())) if len(self.names) == 1 else None
        self._stop, self._tasks = threading.Event(), list[asyncio.Task[None]]()
        self._ready = False
        # what the server asks of any application
        self.state = SimpleNamespace(service=self, spent=self.spent)

    def _ring(self, name: str, path: Path) -> tuple[KeyRing, Quota, Quota]:
        if path not in self.rings:
            ring, made = KeyRing.open(path)
            if made is not None:
                self.made[name] = made
            limits = self._limits
            rows = Quota.beside(ring, limits.rows_per_minute)
            self.rings[path] = ring, rows, Quota.of_tokens(ring, limits.tokens_per_minute)
        return self.rings[path]

    def _maker(self, ring: KeyRing, shared: Shared, state: Path) -> Callable[[Release], FastAPI]:
        def make(release: Release) -> FastAPI:
            folder, predictor = self.registry.folder(release), self.registry.loaded(release)
            predictor.name, predictor.version = release.name, str(release.version)
            if self._loosened:
                predictor.needs = predictor.needs.loosened()
            return create_app(
                predictor,
                keys=ring,
                limits=self._limits,
                bundle=folder,
                stopping=self.stopping,
                shared=shared,
                home=home_of_release(release.name, str(release.version), self.registry.url, state),
                **self._options,
            )

        return make

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        named, inner = self._below(scope)
        if named is not None:
            await named(inner, receive, send)
        elif scope["type"] == "http" and scope["path"] == "/metrics" and scope["method"] == "GET":
            found = await answer_common(self, Headers(scope=scope))
            await found(scope, receive, with_headers(send, self.stopping))
        elif scope["type"] == "http":
            await self._elsewhere(scope)(scope, receive, with_headers(send, self.stopping))
        else:
            await send({"type": "websocket.close"})

    def _below(self, scope: Any) -> tuple[Named | None, Any]:
        """Return whose address is asked, and the request as that service sees it: the address without the name."""
        head, slash, rest = scope["path"][1:].partition("/")
        named = self.names.get(head if head.isascii() else unicodedata.normalize("NFC", head))
        if named is None:
            return self._only, scope
        if not slash:  # links of a page are relative to its folder
            return None, scope
        return named, {**scope, "path": f"/{rest}", "raw_path": None, "root_path": f"{scope['root_path']}/{head}"}

    def _elsewhere(self, scope: Any) -> Response:
        """Answer an address that belongs to no name."""
        path, headers = scope["path"], Headers(scope=scope)
        if path == "/healthz":
            return answer_json({"alive": True})
        if path == "/readyz":
            ready = self._ready and not self.stopping.now
            return answer_json({"ready": ready}, 200 if ready else 503)
        if path[1:] in self.names:
            return Response(status_code=308, headers={"Location": f"{scope['root_path']}{path}/".replace("//", "/")})
        given = given_key(headers)
        mine = [name for name, named in self.names.items() if named.current.service.keys.key(given) is not None]
        if not mine:
            en = "A key is needed: send the header `Authorization: Bearer KEY`."
            return error_json(
                headers, Refused(401, "key", Words(en, "需要密钥：请发送请求头 `Authorization: Bearer KEY`。"))
            )
        shown = ", ".join(f"/{name}/predict" for name in mine)
        en, zh = f"There is no such address; ask {shown}.", f"没有这个地址；请使用 {shown}。"
        return error_json(headers, Refused(404, "http", Words(en, zh)))

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        try:
            for named in self.names.values():
                await named.begin()
        except Exception as e:
            said = e.words.en if isinstance(e, Refused) else type(e).__name__
            await send({"type": "lifespan.startup.failed", "message": said})
            return
        loop = asyncio.get_running_loop()
        self._tasks = [asyncio.create_task(named.follow()) for named in self.names.values()]
        watch = threading.Thread(target=self._watch, args=(loop,), name="registry", daemon=True)
        watch.start()
        self._ready = True
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._ready = False
        self._stop.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for named in self.names.values():
            await named.end()
        for _, rows, tokens in self.rings.values():
            rows.close()
            tokens.close()
        await asyncio.to_thread(watch.join, 5.0)
        await send({"type": "lifespan.shutdown.complete"})

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Tell the names of every change of the registry; in a thread of its own."""

        def away(error: RegistryError) -> None:
            text = "The registry is away, what answers goes on: %s 无法访问模型登记，当前版本继续作答：%s"
            logging.getLogger("modelwright").warning(text, error.words.en, error.words.zh)

        def look() -> None:
            for named in self.names.values():
                named.look()

        for _ in self.registry.watch(self._stop, away=away):
            with contextlib.suppress(RuntimeError):  # the event loop has just ended
                loop.call_soon_threadsafe(look)

    def refuse_waiting(self) -> None:
        """Answer all that waits with 503: the time to finish it is over."""
        for named in self.names.values():
            named.refuse_waiting()

    def spent(self) -> dict[str, int]:
        """Return the rows that each key asked for since the start, by its name, all names together."""
        out: dict[str, int] = {}
        for _, rows, _ in self.rings.values():
            for key, count in rows.spent.items():
                out[key] = out.get(key, 0) + count
        return out
