"""The client for ordinary programs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from modelwright.client import calls
from modelwright.client.answers import Answer, Explanation, Job, Told
from modelwright.client.calls import Call, Row
from modelwright.client.connection import Connection
from modelwright.client.errors import Refused, ServiceError
from modelwright.client.tries import Reply, Tries

T = TypeVar("T")


class Client(Connection):
    """Asks a service. May be shared by threads; `close` it, or use it in a `with` block.

        with Client("https://model.example.com/desk", key) as client:
            answer = client.predict({"text": "where is my parcel?"})

    `url` is the address of the service, with the name where it serves several. `key` is MODELWRIGHT_KEY of the environment where
    it is not given. `timeout` is the time in seconds for a whole call, tries and pauses included; the service is told and gives
    up when it is over. `retries` is how often a request is sent again where the service is busy, away or restarting. `verify`
    is a file of certificates to trust, or False. Every method raises ServiceError; see `modelwright.client.errors`.
    Raises MissingExtra without the extra `client`, OptionError for a wrong address.
    """

    _library_class = "Client"

    def predict(self, row: Row, *, scores: bool = False, timeout: float | None = None) -> Answer:
        """Return the answer to one row; with `scores` that of every label too."""
        return self._do(calls.predict_one(row, scores), timeout)

    def predict_many(self, rows: Sequence[Row], *, scores: bool = False, timeout: float | None = None) -> list[Answer]:
        """Return the answers to rows, in their order, from one request. A row that cannot be read has an `error` in its place."""
        return self._do(calls.predict_many(rows, scores), timeout)

    def predict_iter(
        self, rows: Iterable[Row], *, scores: bool = False, size: int = 500, timeout: float | None = None
    ) -> Iterator[Answer]:
        """Yield the answers to any number of rows, in their order; `size` rows are sent at a time, as a stream, within `timeout`.

        Rows that a busy or stopping service left unanswered are asked for again. An `error` names its row among all rows.
        """
        done = stalled = 0
        for part in calls.parts(rows, size):
            while part:
                answers, end = self._part(part, scores, done, timeout)
                yield from answers
                done, part = done + len(answers), part[len(answers) :]
                stalled = 0 if answers else stalled + 1
                if end is not None:
                    time.sleep(calls.pause_after(end, stalled, self.retries))

    def _part(
        self, part: list[Row], scores: bool, done: int, timeout: float | None
    ) -> tuple[list[Answer], ServiceError | None]:
        if self._streams:
            try:
                return self._do(calls.stream(part, scores, done), timeout)
            except Refused as e:
                if e.code != "no_json":
                    raise
                self._streams = False  # it takes no streams, as the application for Ray Serve
        return calls.numbered(self._do(calls.predict_many(part, scores), timeout), done), None

    def explain(self, row: Row, *, timeout: float | None = None) -> Explanation:
        """Return what the answer to one row rests on."""
        return self._do(calls.explain(row), timeout)

    def feedback(
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
        return self._do(calls.feedback(id, answer, thumb, outcome, new, replace, row))

    def feedback_many(self, items: Sequence[Mapping[str, Any]]) -> list[Told]:
        """Tell several things at once, each a mapping with the arguments of `feedback`; one that is refused has an `error`."""
        return self._do(calls.feedback_many(items))

    def submit(self, path: str | Path, *, scores: bool = False) -> Job:
        """Hand over a file of rows (.csv, .jsonl, .parquet), which the service answers by and by. Raises DataError where there is none."""
        return self._do(calls.submit(path, scores))

    def job(self, id: str) -> Job:
        """Return how far a job is."""
        return self._do(calls.job(id))

    def wait(self, id: str, *, timeout: float = 3600.0) -> Job:
        """Return a job once it is done. Raises ServiceError where it failed, TimedOut where it is not done within `timeout` seconds."""
        until, pause = time.monotonic() + timeout, 0.1
        while not (found := self.job(id)).ended:
            calls.check_left(until, timeout)
            time.sleep(pause)
            pause = min(5.0, 1.5 * pause)
        return calls.done(found)

    def result(self, id: str, path: str | Path, *, timeout: float | None = None) -> Path:
        """Write the answers of a job that is done into a file (.csv, .jsonl, .parquet), which is there only once it is whole."""
        return self._do(calls.result(id, path), timeout)

    def cancel(self, id: str) -> bool:
        """Stop a job and let the service delete what it keeps of it."""
        return self._do(calls.cancel(id))

    def schema(self) -> dict[str, Any]:
        """Return what the model reads and answers: name, version, task, columns, labels."""
        return self._do(calls.schema())

    def ready(self) -> bool:
        """Return whether the service can answer. Raises ServiceError where it does not become ready within `timeout`."""
        return self._do(calls.ready())

    def _do(self, call: Call[T], timeout: float | None = None) -> T:
        tries = Tries(self.retries, self.timeout if timeout is None else timeout, call.safe)
        while True:
            headers = {**calls.trace_headers(), **call.headers, **tries.headers()}
            if call.body is not None:
                headers.setdefault("Content-Type", calls.JSON)
            came: Reply | Exception
            arrived = True
            try:
                with (
                    self._http.stream(
                        call.method,
                        self.url + call.path,
                        content=calls.chunks(call),
                        headers=headers,
                        timeout=tries.left(),
                    ) as r,
                    calls.Sink(call.into if r.status_code < 400 else None) as sink,
                ):
                    for part in r.iter_bytes():  # the library's timeout is for each step, this one for the whole
                        sink.write(part)
                        tries.left()
                came = Reply(r.status_code, {k.lower(): v for k, v in r.headers.items()}, sink.body)
            except self._wrong as e:
                came, arrived = e, not isinstance(e, self._unsent)
            pause = tries.pause(came, arrived=arrived)
            if pause is None:
                assert isinstance(came, Reply)
                return call.read(came)
            time.sleep(pause)

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
