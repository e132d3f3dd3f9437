"""What all language models share: how rows are scored by likelihood, how prompts are answered, what a bundle keeps.

Legend: N rows, T ids of a text, C the longest context.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.core.answers.base import as_objects
from modelwright.core.errors import DataError
from modelwright.core.recipe import Model
from modelwright.core.schema import Table
from modelwright.data.messages import read_messages
from modelwright.features.shared.chats import Chat, Document, documents, opening
from modelwright.features.shared.vocabulary import Vocabulary

ANSWER_TOKENS = 128  # of one answer of `predict`
_TOGETHER = 32  # answers written at a time
_LN2 = float(np.log(2))


class LanguageModel(Model):
    """A model that gives every text a likelihood and goes on with prompts. `form` says what it was trained on."""

    vocabulary: Vocabulary
    chat: Chat
    form: str
    context: int
    threads: int = 1

    @abstractmethod
    def nats(self, full: Sequence[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield for each run of ids [T] minus the log-likelihood [T - 1] of every id but the first, and whether it was the likeliest."""

    @abstractmethod
    def net(self, slots: int, context: int | None = None) -> Any:
        """Return what the decoding engine runs: a `models.decode.Net`."""

    def judge(self, table: Table) -> np.ndarray:
        """Return what metrics of likelihood take [N, 1]: bits, bytes, tokens, hits of each row; with pairs, which answer won."""
        column = table.schema.target
        cells = table.column(column.name if column else "").to_pylist()
        cells = [c or "" for c in cells]
        docs = documents(cells, self.form, self.vocabulary, self.chat)
        out = [self._counts(d, n, h) for d, (n, h) in zip(docs, self._likelihoods(docs))]
        if self.form == "preferences":
            rows = [json.loads(c) for c in cells]
            worse = [self.chat.document([*r["prompt"], *r["rejected"]]) for r in rows]
            for told, doc, (n, h) in zip(out, worse, self._likelihoods(worse)):
                told |= {"pairs": 1.0, "won": float(told["bits"] < self._counts(doc, n, h)["bits"])}
        return as_objects(out)[:, None]

    def _likelihoods(self, docs: Sequence[Document]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        first = np.array(opening(self.form, self.vocabulary), np.int32)
        return self.nats([np.concatenate([first, d.ids]) for d in docs])

    def _counts(self, doc: Document, nats: np.ndarray, hits: np.ndarray) -> dict[str, float]:
        trained = doc.trained[len(doc.ids) - len(nats) :]
        return {
            "bits": float(nats[trained].sum() / _LN2), "bytes": float(doc.size), "tokens": float(trained.sum()),
            "hits": float(hits[trained].sum()),
        }  # fmt: skip

    def scores(self, table: Table) -> np.ndarray:
        """Return how each row's prompt goes on [N, 1]; rows without one are answered from nothing."""
        from modelwright.models.decode import Engine, Stream, run
        from modelwright.models.sampling import Sampling

        names = table.data.column_names
        prompts = table.column("prompt").to_pylist() if "prompt" in names else [None] * len(table)
        # the column of the same name that was trained on holds the answers too
        asked = "messages" in names and table.schema["messages"].role == "input"
        chats = table.column("messages").to_pylist() if asked else [None] * len(table)
        heat = 0.0 if self.speaks else 0.8
        streams: list[Stream | None] = []
        for prompt, cell in zip(prompts, chats):
            try:
                messages = read_messages(cell) if cell else [{"role": "user", "content": prompt or ""}]
                ids = self.chat_ids(messages) if self.speaks else self.prompt_ids(prompt or "")
            except DataError:
                streams.append(None)
                continue
            ids = ids[-max(1, self.context - ANSWER_TOKENS) :]
            sampling = Sampling(temperature=heat, seed=0, max_tokens=ANSWER_TOKENS)
            streams.append(Stream(ids, sampling, self.vocabulary.stops, self.vocabulary.pieces))
        engine = Engine(self.net(_TOGETHER), _TOGETHER)
        run(engine, [s for s in streams if s is not None])
        return as_objects([None if s is None else s.text for s in streams])[:, None]

    @property
    def speaks(self) -> bool:
        """Return whether it was trained on chats."""
        return self.form in ("chats", "preferences")

    def prompt_ids(self, text: str) -> list[int]:
        """Return the ids after which a plain text goes on."""
        if self.speaks:
            return [*self.vocabulary.start, *self.vocabulary.encode(text)]
        return [*opening(self.form, self.vocabulary), *self.vocabulary.encode(text)]

    def chat_ids(self, messages: Sequence[dict[str, str]]) -> list[int]:
        """Return the ids after which the answer to messages stands; a model of plain texts goes on with the last message."""
        return self.chat.prompt(messages) if self.speaks else self.prompt_ids(messages[-1]["content"])

    def embed(self, texts: Sequence[str]) -> np.ndarray | None:
        """Return a vector of unit length for each text [N, D]; None where the model has no hidden states."""
        return None

    def told(self) -> dict[str, Any]:
        """Return what any language model keeps of itself."""
        return {"form": self.form, "context": self.context}

    def save(self, folder: Path) -> None:
        self.vocabulary.save(folder)
        (folder / "model.json").write_text(json.dumps(self.told(), ensure_ascii=False), encoding="utf-8")


def windows(length: int, context: int) -> list[tuple[int, int, int]]:
    """Return (begin, first, end) of the windows that score ids 1..length-1: ids first..end-1 are scored, each by at least
    half a context where there is that much before it."""
    out = []
    first = 1
    while first < length:
        begin = 0 if first == 1 else max(0, first - context // 2)
        end = min(length, begin + context + 1)
        out.append((begin, first, end))
        first = end
    return out
