"""Tables of marked texts as others write them, brought to `tokens` beside `tags`, or to a text beside its spans."""

from __future__ import annotations

import ast
import itertools
import json
import re
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from modelwright.data import label_studio

TAG = re.compile(r"^(?:O|[BIMESULWV][-_].+)$")
_WORDS = ("tokens", "words", "word", "token", "sentence", "text", "chars", "字", "词")
_TAGS = ("tags", "ner_tags", "labels", "ner", "tag", "label", "ner_tag", "标签")
_SENTENCES = ("sentence #", "sentence_id", "sentence_idx", "sent_id", "sentence", "sentence_no", "句子编号")
_LOOK = 2000  # rows looked at to tell the form


def brought(raw: pa.Table) -> tuple[pa.Table, tuple[str, str] | None]:
    """Return a table of one of these forms with two columns of lists, tokens and tags, which are named; or with `text` and `spans`. Any
    other as it is.

    Forms: two columns of lists under their usual names, also as text (`['Ann', 'left']`); one token a row, beside a column that
    numbers its sentence in each row or in the first one; exports of Label Studio.
    """
    names = {n.lower(): n for n in raw.column_names}
    if {"data", "annotations"} <= names.keys():
        return _label_studio(raw, names["data"], names["annotations"]), None
    words, tags = ([names[n] for n in known if n in names] for known in (_WORDS, _TAGS))
    for a, b in itertools.product(words, tags):
        lists = [as_lists(raw.column(n)) for n in (a, b)]
        if all(cells is not None for cells in lists):
            for name, cells in zip((a, b), lists, strict=True):
                raw = raw.set_column(raw.column_names.index(name), name, cells)
            return raw, (a, b)
    which = next((names[n] for n in _SENTENCES if n in names and names[n] not in words[:1]), None)
    return _by_token(raw, words[0], tags[0], which) if words and tags and which else (raw, None)


def as_lists(values: pa.ChunkedArray) -> pa.Array | pa.ChunkedArray | None:
    """Return cells that are lists of plain values, or such lists as text, as lists; None for anything else."""
    kind = values.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return None if pa.types.is_nested(kind.value_type) else values
    if not pa.types.is_string(kind) or not any(_list(c) for c in values.slice(0, _LOOK).to_pylist()):
        return None
    cells = [None if c is None else _list(c) for c in values.to_pylist()]
    sound = all(made is not None or c is None for made, c in zip(cells, values.to_pylist(), strict=True))
    return pa.array(cells, pa.list_(pa.string())) if sound else None


def _list(cell: str | None) -> list[str] | None:
    """Return what a list of texts holds that is written as JSON or as Python writes it; None for anything else."""
    text = (cell or "").strip()
    if not (text.startswith("[") and text.endswith("]")):
        return None
    for read in (json.loads, ast.literal_eval):
        try:
            found = read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        return found if isinstance(found, list) and all(isinstance(v, str) for v in found) else None
    return None


def _by_token(raw: pa.Table, words: str, tags: str, which: str) -> tuple[pa.Table, tuple[str, str] | None]:
    """Return one row a sentence of a table with one a token; rows whose sentence is empty belong to the one before."""
    marks = [None if t is None else str(t) for t in raw.column(tags).to_pylist()]
    if not any(marks) or not all(t is None or TAG.match(t) for t in marks):
        return raw, None
    tokens: list[list[str]] = []
    found: list[list[str]] = []
    now: Any = None
    for sentence, word, mark in zip(raw.column(which).to_pylist(), raw.column(words).to_pylist(), marks, strict=True):
        if not tokens or (sentence not in (None, "") and sentence != now):
            tokens.append([])
            found.append([])
        now = now if sentence in (None, "") else sentence
        tokens[-1].append(" " if word is None else str(word))
        found[-1].append(mark or "O")
    return pa.table({words: tokens, tags: found}), (words, tags)


def _label_studio(raw: pa.Table, data: str, annotations: str) -> pa.Table:
    """Return the texts of an export with the spans that were marked in them last; no spans where nobody did."""
    texts, spans = [], []
    for task, done in zip(raw.column(data).to_pylist(), raw.column(annotations).to_pylist(), strict=True):
        fields = json.loads(task) if isinstance(task, str) else task
        held = [v for v in (fields or {}).values() if isinstance(v, str)]
        made = json.loads(done) if isinstance(done, str) else done
        named = (fields or {}).get("text")
        text = named if isinstance(named, str) else max(held, key=len, default=None)
        found = label_studio.results(made)
        values = [r.get("value") or {} for r in found or ()]
        marked = [_span(text or "", v) for v in values if v.get("labels") and v.get("start") is not None]
        texts.append(text)
        spans.append(json.dumps(marked, ensure_ascii=False) if found is not None else None)
    if not any(s and s != "[]" for s in spans):
        return raw
    rest = raw.drop_columns([data, annotations])
    rest = rest.drop_columns([n for n in ("text", "spans") if n in rest.column_names])
    return rest.append_column("text", pa.array(texts, pa.string())).append_column("spans", pa.array(spans, pa.string()))


def _span(text: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a marked span of a text, its places counted in characters; what is no number stays, to be named later."""
    start, end = (label_studio.place_of(text, v) if type(v) is int else v for v in (value["start"], value.get("end")))
    words = {"text": value["text"]} if value.get("text") else {}
    return {"start": start, "end": end, "label": value["labels"][0], **words}
