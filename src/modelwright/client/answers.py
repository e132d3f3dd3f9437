"""What the service answers, as types of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modelwright.core.words import Words


@dataclass(frozen=True)
class Notice:
    """Something the service says about a row: a value that it cannot read, a column that is absent."""

    code: str
    words: Words
    row: int | None = None  # counted from 1 in the request
    column: str | None = None

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Notice:
        """Return the notice that an answer holds."""
        words = Words(str(data.get("message", "")), str(data.get("message_zh", data.get("message", ""))))
        return cls(str(data.get("code", "")), words, data.get("row"), data.get("column"))


@dataclass(frozen=True)
class Answer:
    """The answer to one row. Where the row holds a value that cannot be read, `error` says which, and `prediction` is None."""

    prediction: Any  # a label, labels, a number, a text, spans, documents: what the task answers
    confidence: float | None = None  # 0 to 1, of the prediction
    scores: Mapping[str, Any] | None = None  # by label, where they were asked for
    id: str | None = None  # to be given back with feedback
    release: str | None = None  # which version answered, as `desk/2`
    warnings: tuple[Notice, ...] = ()
    error: Notice | None = None
    more: Mapping[str, Any] = field(default_factory=dict)  # whatever else the service says

    @classmethod
    def read(cls, data: Mapping[str, Any], warnings: tuple[Notice, ...] = (), release: str | None = None) -> Answer:
        """Return an answer as the service writes it."""
        known = ("prediction", "confidence", "scores", "id", "release", "warnings", "error")
        own = tuple(Notice.read(w) for w in data.get("warnings") or ())
        error = data.get("error")
        return cls(
            prediction=data.get("prediction"),
            confidence=data.get("confidence"),
            scores=data.get("scores"),
            id=data.get("id"),
            release=data.get("release", release),
            warnings=own or warnings,
            error=None if error is None else Notice.read(error),
            more={k: v for k, v in data.items() if k not in known},
        )


@dataclass(frozen=True)
class Told:
    """What became of one piece of feedback: `taken`, `same` (it was told before), `replaced`, or refused with an `error`."""

    state: str
    id: str | None = None
    error: Notice | None = None

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Told:
        """Return what the service says of one piece."""
        error = data.get("error")
        if error is not None:
            return cls("refused", data.get("id"), Notice.read(error))
        return cls(str(data.get("state", "taken")), data.get("id"))


@dataclass(frozen=True)
class Job:
    """A file of rows that the service answers by and by: `queued`, `running`, `done` or `failed`."""

    id: str
    state: str
    done: int = 0  # rows answered so far
    rows: int | None = None  # of the file, where that is known
    unread: int = 0  # rows that could not be read
    error: Words | None = None  # why it failed

    @property
    def ended(self) -> bool:
        """Whether it is done or failed."""
        return self.state in ("done", "failed")

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Job:
        """Return a job as the service tells of it."""
        error = data.get("error")
        words = None if error is None else Words(str(error["message"]), str(error["message_zh"]))
        return cls(
            data["id"],
            str(data["state"]),
            int(data.get("done") or 0),
            data.get("rows"),
            int(data.get("unread") or 0),
            words,
        )


@dataclass(frozen=True)
class Reason:
    """What a part of a row spoke for (`weight` > 0) or against the answer; `start` and `end` are None for a whole value."""

    column: str
    text: str
    weight: float
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True)
class Explanation:
    """What the answer to one row rests on."""

    answer: Answer
    reasons: tuple[Reason, ...]  # the strongest first
    more: Mapping[str, Any] = field(default_factory=dict)  # shares of columns, pictures, texts as the model reads them

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Explanation:
        """Return an explanation as the service writes it."""
        reasons = tuple(
            Reason(str(r["column"]), str(r["text"]), float(r["weight"]), r.get("start"), r.get("end"))
            for r in data["explanation"]
        )
        rest = {k: v for k, v in data.items() if k not in ("answer", "explanation")}
        return cls(Answer.read(data["answer"]), reasons, rest)
