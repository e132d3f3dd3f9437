"""Chats and texts as ids: one place writes them for training and for serving, so that what was trained is what serves.

A piece is (text or ids, whether it is trained on). Only what the assistant says is trained on; a prompt ends exactly where
the assistant's words begin, so the ids of a trained answer follow the very ids that a request is turned into.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelwright.core.errors import DataError
from modelwright.data.messages import ASSISTANT, Message, read_messages
from modelwright.features.shared.vocabulary import END_TURN, START_TURN, Foreign, Vocabulary

FORMS = ("passages", "texts", "chats", "preferences")
# For models that bring no template of their own.
PLAIN = (
    "{% for m in messages %}{{ m['role'] + ': ' + m['content'] }}"
    "{% if m['role'] == 'assistant' %}{{ eos_token }}{% endif %}{{ '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
)


@dataclass(frozen=True)
class Document:
    """A text as ids [T]; `trained` [T] marks those that count; `size` the bytes of what counts."""

    ids: np.ndarray
    trained: np.ndarray
    size: int


class Chat:
    """Writes messages as ids in the own template (ChatML), or in that of a folder another program wrote."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.template: Any = None
        if isinstance(vocabulary, Foreign):
            self.template = _compiled(vocabulary.settings.get("chat_template") or PLAIN)

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """Return the ids after which the assistant's answer stands."""
        return [i for ids, _ in self._pieces(messages, True) for i in ids]

    def document(self, messages: Sequence[Message]) -> Document:
        """Return a whole chat; what the assistant says, and the mark that ends it, counts."""
        pieces = self._pieces(messages, False)
        ids = [i for part, _ in pieces for i in part]
        trained = [t for part, t in pieces for _ in part]
        size = sum(len(m["content"].encode()) for m in messages if m["role"] == ASSISTANT)
        return Document(np.array(ids, np.int32), np.array(trained, bool), max(1, size))

    def _pieces(self, messages: Sequence[Message], ask: bool) -> list[tuple[list[int], bool]]:
        if self.template is not None:
            return self._foreign(messages, ask)
        v = self.vocabulary
        begin, end = v.special(START_TURN), v.special(END_TURN)
        assert begin is not None
        assert end is not None
        out: list[tuple[list[int], bool]] = []
        for m in messages:
            if m["role"] == ASSISTANT:
                out += [([begin, *v.encode(f"{ASSISTANT}\n")], False), ([*v.encode(m["content"]), end], True)]
            else:
                out.append(([begin, *v.encode(f"{m['role']}\n{m['content']}"), end], False))
            out.append((v.encode("\n"), False))
        if ask:
            out.append(([begin, *v.encode(f"{ASSISTANT}\n")], False))
        return out

    def _foreign(self, messages: Sequence[Message], ask: bool) -> list[tuple[list[int], bool]]:
        """Cut the template's text where an assistant's words begin and end; where it rewrites earlier turns, only the last counts."""
        parts = self._cuts(messages, ask)
        v = self.vocabulary
        assert isinstance(v, Foreign)
        out: list[tuple[list[int], bool]] = []
        for text, trained in parts:
            v.tokenizer.encode_special_tokens = (
                False  # marks in the template are meant; those in what people wrote are gone
            )
            try:
                out.append((v.tokenizer.encode(text, add_special_tokens=False).ids, trained))
            finally:
                v.tokenizer.encode_special_tokens = True
        return out

    def _cuts(self, messages: Sequence[Message], ask: bool) -> list[tuple[str, bool]]:
        clean = [{"role": m["role"], "content": self._clean(m["content"])} for m in messages]
        whole = self._render(clean, ask)
        cuts: list[tuple[int, int]] = []
        for i, m in enumerate(clean):
            if m["role"] == ASSISTANT:
                before, after = self._render(clean[:i], True), self._render(clean[: i + 1], False)
                if whole.startswith(before) and whole.startswith(after) and len(after) > len(before):
                    cuts.append((len(before), len(after)))
        if not ask and clean and clean[-1]["role"] == ASSISTANT and (not cuts or cuts[-1][1] < len(whole) - 64):
            before = self._render(clean[:-1], True)
            if not whole.startswith(before):  # a template that ends prompts otherwise than answers begin
                whole = before + clean[-1]["content"] + self._end_mark()
            cuts = [*cuts, (len(before), len(whole))]
        out, at = [], 0
        for start, end in cuts:
            if start < at:
                continue
            out += [(whole[at:start], False), (whole[start:end], True)]
            at = end
        return [(t, trained) for t, trained in [*out, (whole[at:], False)] if t]

    def _render(self, messages: Sequence[Message], ask: bool) -> str:
        v = self.vocabulary
        assert isinstance(v, Foreign)
        if not messages:
            messages = []
        try:
            text: str = self.template.render(
                messages=messages, add_generation_prompt=ask, bos_token=v.text_of("bos_token"),
                eos_token=v.text_of("eos_token"), pad_token=v.text_of("pad_token"),
            )  # fmt: skip
        except Exception as e:  # a template raises what it likes, for an order of roles it does not know, say
            if not messages:
                return ""
            raise DataError(
                f"The model's chat template does not take these messages ({str(e)[:120]}).",
                f"模型的对话模板不接受这些消息（{str(e)[:120]}）。",
            ) from e
        return text

    def _end_mark(self) -> str:
        v = self.vocabulary
        assert isinstance(v, Foreign)
        return str(v.tokenizer.id_to_token(v.end) or "")

    def _clean(self, text: str) -> str:
        """Return what a person wrote without the control marks of the vocabulary."""
        v = self.vocabulary
        assert isinstance(v, Foreign)
        for mark in v.marks:
            text = text.replace(mark, "")
        return text


def _compiled(template: str) -> Any:
    from modelwright.core.errors import MissingExtra

    try:
        from jinja2.ext import loopcontrols
        from jinja2.sandbox import ImmutableSandboxedEnvironment
    except ImportError as e:
        raise MissingExtra("llm", "The model's chat template", "模型的对话模板") from e

    def refuse(message: str) -> None:
        raise ValueError(message)

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    environment.globals["raise_exception"] = refuse
    environment.globals["strftime_now"] = lambda form: ""
    return environment.from_string(template)


def documents(cells: Sequence[str], form: str, vocabulary: Vocabulary, chat: Chat) -> list[Document]:
    """Return cells of the target column as documents, by what they are."""
    if form == "chats":
        return [chat.document(read_messages(c)) for c in cells]
    if form == "preferences":
        rows = [json.loads(c) for c in cells]
        return [chat.document([*r["prompt"], *r["chosen"]]) for r in rows]
    out = []
    for c in cells:
        ids = vocabulary.encode(c) + ([vocabulary.end] if form == "texts" else [])
        out.append(
            Document(np.array(ids, np.int32), np.ones(len(ids), bool), max(1, len(c.encode("utf-8", "replace"))))
        )
    return out


def opening(form: str, vocabulary: Vocabulary) -> list[int]:
    """Return the ids before a text's first: the end of the line before a passage, what starts a text otherwise."""
    if form in ("chats", "preferences"):
        return []
    return vocabulary.encode("\n") if form == "passages" else list(vocabulary.start)
