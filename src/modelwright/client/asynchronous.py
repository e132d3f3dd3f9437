"""The client for programs with an event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from modelwright.client import calls
from modelwright.client.answers import Answer, Explanation, Job, Told
from modelwright.client.calls import Call, Row
from modelwright.client.connection import Connection
from modelwright.client.errors import Refused, ServiceError
from modelwright.client.tries import Reply, Tries

T = TypeVar("T")


class AsyncClient(Connection):
    """Asks a service from an event loop; arguments, methods and errors are those of `Client`.

    async with AsyncClient("https://model.example.com/desk", key) as client:
        answer = await client.predict({"text": "where is my parcel?"})
    """

    _library_class = "AsyncClient"

    async def predict(self, row: Row, *, scores: bool = False, timeout: float | None = None) -> Answer:
        """Return the answer to one row; with `scores` that of every label too."""
        return await self._do(calls.predict_one(row, scores), timeout)

    async def predict_many(
        self, rows: Sequence[Row], *, scores: bool = False, timeout: float | None = None
    ) -> list[Answer]:
        """Return the answers to rows, in their order, from one request. A row that cannot be read has an `error` in its place."""
        return await self._do(calls.predict_many(rows, scores), timeout)

    async def predict_iter(
        self,
        rows: Iterable[Row] | AsyncIterable[Row],
        *,
        scores: bool = False,
        size: int = 500,
        timeout: float | None = None,
    ) -> AsyncIterator[Answer]:
        """Yield the answers to any number of rows, in their order; as `Client.predict_iter`."""
        done = stalled = 0
        async for part in _in_parts(rows, size):
            while part:
                answers, end = await self._part(part, scores, done, timeout)
                for answer in answers:
                    yield answer
                done, part = done + len(answers), part[len(answers) :]
                stalled = 0 if answers else stalled + 1
                if end is not None:
                    await asyncio.sleep(calls.pause_after(end, stalled, self.retries))

    async def _part(
        self, part: list[Row], scores: bool, done: int, timeout: float | None
    ) -> tuple[list[Answer], ServiceError | None]:
        if self._streams:
            try:
                return await self._do(calls.stream(part, scores, done), timeout)
            except Refused as e:
                if e.code != "no_json":
                    raise
                self._streams = False  # it takes no streams, as the application for Ray Serve
        return calls.numbered(await self._do(calls.predict_many(part, scores), timeout), done), None

    async def explain(self, row: Row, *, timeout: float | None = None) -> Explanation:
        """Return what the answer to one row rests on."""
        return await self._do(calls.explain(row), timeout)

    async def feedback(
        self,
        id: str | None = None,
        *,
        answer: Any = None,
        thumb: bool | None = None,
        outcome: Any = None,
        new: bool = False,
        replace: bool = False,
        row: Row | None = None,
    ) -> Told:
        """Tell of the answer with that `id` what is right (`answer`), whether it was right (`thumb`), or what became known later
        (`outcome`: a number or a date).

        `new` says that the label is one that the model does not know, `replace` changes what this key told before. Without an id,
        `row` and `answer` tell of a row that was not asked. Raises Refused for an unknown id, or where something else was told.
        """
        return await self._do(calls.feedback(id, answer, thumb, outcome, new, replace, row))

    async def feedback_many(self, items: Sequence[Mapping[str, Any]]) -> list[Told]:
        """Tell several things at once, each a mapping with the arguments of `feedback`; one that is refused has an `error`."""
        return await self._do(calls.feedback_many(items))

    async def submit(self, path: str | Path, *, scores: bool = False) -> Job:
        """Hand over a file of rows (.csv, .jsonl, .parquet), which the service answers by and by. Raises DataError where there is none."""
        return await self._do(calls.submit(path, scores))

    async def job(self, id: str) -> Job:
        """Return how far a job is."""
        return await self._do(calls.job(id))

    async def wait(self, id: str, *, timeout: float = 3600.0) -> Job:
        """Return a job once it is done. Raises ServiceError where it failed, TimedOut where it is not done within `timeout` seconds."""
        until, pause = time.monotonic() + timeout, 0.1
        while not (found := await self.job(id)).ended:
            calls.check_left(until, timeout)
            await asyncio.sleep(pause)
            pause = min(5.0, 1.5 * pause)
        return calls.done(found)

    async def result(self, id: str, path: str | Path, *, timeout: float | None = None) -> Path:
        """Write the answers of a job that is done into a file (.csv, .jsonl, .parquet), which is there only once it is whole."""
        return await self._do(calls.result(id, path), timeout)

    async def cancel(self, id: str) -> bool:
        """Stop a job and let the service delete what it keeps of it."""
        return await self._do(calls.cancel(id))

    async def schema(self) -> dict[str, Any]:
        """Return what the model reads and answers: name, version, task, columns, labels."""
        return await self._do(calls.schema())

    async def ready(self) -> bool:
        """Return whether the service can answer. Raises ServiceError where it does not become ready within `timeout`."""
        return await self._do(calls.ready())

    async def _do(self, call: Call[T], timeout: float | None = None) -> T:
        tries = Tries(self.retries, self.timeout if timeout is None else timeout, call.safe)
        while True:
            headers = {**calls.trace_headers(), **call.headers, **tries.headers()}
            if call.body is not None:
                headers.setdefault("Content-Type", calls.JSON)
            came: Reply | Exception
            arrived = True
            try:
                async with asyncio.timeout(tries.left()):
                    async with self._http.stream(
                        call.method, self.url + call.path, content=_sent(call), headers=headers
                    ) as r:
                        with calls.Sink(call.into if r.status_code < 400 else None) as sink:
                            async for part in r.aiter_bytes():
                                sink.write(part)
                came = Reply(r.status_code, {k.lower(): v for k, v in r.headers.items()}, sink.body)
            except TimeoutError as e:
                came = e
            except self._wrong as e:
                came, arrived = e, not isinstance(e, self._unsent)
            pause = tries.pause(came, arrived=arrived)
            if pause is None:
                assert isinstance(came, Reply)
                return call.read(came)
            await asyncio.sleep(pause)

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _sent(call: Call[Any]) -> bytes | AsyncIterator[bytes] | None:
    return call.body if call.file is None else _parts_of(call.file)


async def _parts_of(place: Path) -> AsyncIterator[bytes]:
    with open(place, "rb") as file:
        while part := await asyncio.to_thread(file.read, 1 << 18):
            yield part


async def _in_parts(rows: Iterable[Row] | AsyncIterable[Row], size: int) -> AsyncIterator[list[Row]]:
    """Yield rows in lists of at most `size`."""
    if isinstance(rows, Iterable):
        for part in calls.parts(rows, size):
            yield part
        return
    held: list[Row] = []
    async for row in rows:
        held.append(row)
        if len(held) == size:
            yield held
            held = []
    if held:
        yield held
