"""Marked texts from any of their usual forms to one: a column of text and a column of spans as JSON.

| form | what it looks like |
|---|---|
| token files | `token TAG` a line, blank line between sentences; BIO, BMES, BIOES and IO tags (.conll .bio .bmes .iob .txt) |
| spans | a column of lists of `{"start": 0, "end": 3, "label": "name"}` or `[0, 3, "name"]` (doccano, spaCy), end exclusive, also as JSON text |
| types | `{"name": {"叶老桂": [[9, 11]]}}`, end inclusive, as CLUENER2020 has it |
| tokens | a column `tokens` of lists beside a column of lists of tags, or a token a row, as `_marked_tables` brings them together |

Offsets count characters (code points) of the text.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from modelwright.core.errors import DataError
from modelwright.core.reading import Reading
from modelwright.data._marked_tables import TAG, brought
from modelwright.data._span_words import Span, check_words
from modelwright.data.encodings import find_encoding
from modelwright.data.text import open_bytes

SUFFIXES = (".conll", ".bio", ".bmes", ".bioes", ".iob", ".iob2", ".ner")
TEXT, SPANS = "text", "spans"
_CJK = re.compile(r"[\u2e80-\u303f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef“”‘’…—·]")
_FIELD = re.compile(r"#\s*[\w.]+\s*=\s")
_HEADS = ("tag", "tags", "label", "labels", "ner", "ner_tag", "ner_tags", "entity", "标签")
_LOOK = 2000  # lines looked at to tell a token file
_BLOCK = 8192  # sentences that are handed on at a time
_ENDS = (
    ("start", "end"),
    ("start_position", "end_position"),
    ("start_offset", "end_offset"),
    ("begin", "end"),
    ("start_idx", "end_idx"),
)
_WORDS = ("text", "word", "words", "surface", "value", "entity_text", "entity_value", "mention", "entity")
_LABELS = ("label", "type", "entity_type", "tag", "labels", "entity")


def is_token_file(path: Path, reading: Reading | None = None) -> bool:
    """Return whether a file holds tokens with tags, by its ending or, for .txt and none, by its beginning."""
    kinds = [s.lower() for s in path.suffixes if s.lower() != ".gz"]
    kind = kinds[-1] if kinds else ""
    if kind in SUFFIXES:
        return True
    if kind not in (".txt", ".data", ".tsv", "") or not path.is_file():
        return False
    reading = reading or Reading()
    lines = [line for _, line in zip(range(_LOOK), _lines(path, reading))]
    filled = [
        _cells_of(line, reading) for line in lines if line.strip() and not _is_comment(line, _cells_of(line, reading))
    ]
    tagged = sum(len(cells) >= 2 and bool(TAG.match(cells[-1])) for cells in filled)
    return len(filled) > 0 and tagged >= 0.9 * len(filled)


def _cells_of(line: str, reading: Reading) -> list[str]:
    """Return the cells of a line: divided as asked, else by tabs, else by blanks."""
    divided = line.split(reading.delimiter) if reading.delimiter else line.split("\t") if "\t" in line else line.split()
    if len(divided) == 1 and line[:1].isspace():
        divided = ["", *divided]  # the token is a blank
    return [c.strip() for c in divided]


def _is_comment(line: str, cells: Sequence[str]) -> bool:
    """Return whether a line is a comment, as CoNLL-U, GermEval and MultiCoNER have them: `# id 7`, `# text = ...`."""
    return line.startswith("#") and (
        bool(_FIELD.match(line)) or (not TAG.match(cells[-1]) and (len(cells) > 2 or line.startswith("# ")))
    )


def _is_head(number: int, cells: Sequence[str]) -> bool:
    """Return whether a line names the columns."""
    return number == 1 and len(cells) > 1 and cells[-1].lower() in _HEADS


def _lines(path: Path, reading: Reading) -> Iterator[str]:
    with open_bytes(path) as f:
        encoding = find_encoding(f.read(256 << 10), path, reading.encoding)
    number = 0
    with open_bytes(path) as raw, io.TextIOWrapper(raw, encoding=encoding) as text:
        try:
            for line in text:
                number += 1
                yield line.rstrip("\n")
        except UnicodeDecodeError as e:
            raise DataError(
                f"{path}, near line {number + 1}: bytes that are not valid {encoding}. Save the file as UTF-8.",
                f"{path} 第 {number + 1} 行附近：字节不符合 {encoding} 编码。请将文件另存为 UTF-8。",
            ) from e


def token_file(path: Path, reading: Reading | None = None) -> pa.Table:
    """Read a token file as columns `text` and `spans`. Raises DataError naming the line that does not fit."""
    return pa.concat_tables(token_rows(path, reading or Reading()))


def token_rows(path: Path, reading: Reading) -> Iterator[pa.Table]:
    """Yield the sentences of a token file in tables with the columns `text` and `spans`. Raises DataError naming the line that
    does not fit."""
    if not path.is_file():
        raise DataError(f"There is no file {path}.", f"找不到文件 {path}。")
    held: list[list[list[str]]] = []
    sentence: list[list[str]] = []
    form: tuple[int, bool] | None = None
    for number, line in enumerate(_lines(path, reading), 1):
        cells = _cells_of(line, reading)
        if not any(cells) or cells[0] == "-DOCSTART-":
            if sentence:
                held.append(sentence)
                sentence = []
            if len(held) == _BLOCK:
                form = form or _form(held)
                yield _sentences(held, *form)
                held = []
            continue
        if _is_comment(line, cells) or _is_head(number, cells):
            continue
        if len(cells) < 2 or not TAG.match(cells[-1]):
            raise DataError(
                f"{path}, line {number}: expected `token TAG` with a tag such as O, B-name or I-name, received `{line[:60]}`.",
                f"{path} 第 {number} 行：应为“字 标签”，标签形如 O、B-name、I-name，收到的是 `{line[:60]}`。",
            )
        sentence.append([*cells[: min(2, len(cells) - 1)], cells[-1]])
    if sentence:
        held.append(sentence)
    if held:
        yield _sentences(held, *(form or _form(held)))
    elif form is None:
        raise DataError(f"{path} holds no sentence (it is empty).", f"{path} 中没有句子。")


def _form(sentences: Sequence[Sequence[Sequence[str]]]) -> tuple[int, bool]:
    """Return the column of the tokens, which is the second where the first one counts them, and whether tokens are characters."""
    at = int(any(len(s) > 1 for s in sentences) and all(_counted(s) for s in sentences))
    return at, _by_character([[line[at] or " " for line in s] for s in sentences[:500]])


def _counted(sentence: Sequence[Sequence[str]]) -> bool:
    """Return whether the first of three cells and more counts the tokens of a sentence, from 0 or 1."""
    numbers = [line[0] if len(line) > 2 else "" for line in sentence]
    return any(numbers == [str(i) for i in range(first, first + len(numbers))] for first in (0, 1))


def _sentences(sentences: Sequence[Sequence[Sequence[str]]], at: int, tight: bool) -> pa.Table:
    rows = [_joined([line[at] or " " for line in s], [line[-1] for line in s], tight) for s in sentences]
    return pa.table({TEXT: [r[0] for r in rows], SPANS: [dumped(r[1]) for r in rows]})


def _by_character(sentences: Sequence[Sequence[str]]) -> bool:
    """Return whether tokens are characters, and so stand without spaces."""
    some = [t for words in sentences[:500] for t in words]
    return sum(len(t) == 1 for t in some) >= 0.9 * len(some) and any(_CJK.search(t) for t in some)


def _joined(words: Sequence[str], marks: Sequence[str], tight: bool) -> tuple[str, list[Span]]:
    """Return text and spans of a sentence of tokens; a space between tokens but next to Han and its marks."""
    text, places = "", []
    for word in words:
        if text and not tight and not (_CJK.match(text[-1]) or _CJK.match(word)):
            text += " "
        places.append((len(text), len(text) + len(word)))
        text += word
    return text, [{"start": places[a][0], "end": places[b - 1][1], "label": n} for a, b, n in runs(marks)]


def runs(marks: Sequence[str]) -> list[tuple[int, int, str]]:
    """Return (first, end, label) of the spans that tags mark, whichever of BIO, BMES, BIOES, BILOU or IO it is.

    Wrong sequences are read leniently, as conlleval does: a tag inside that follows another label begins a span.
    """
    out: list[tuple[int, int, str]] = []
    begun, label = -1, ""
    for i, mark in enumerate([*marks, "O"]):
        kind, name = (mark[0], mark[2:]) if len(mark) > 2 and mark[1] in "-_" else ("O", "")
        inside = kind in "IMEL" and begun >= 0 and name == label
        if not inside and begun >= 0:
            out.append((begun, i, label))
            begun = -1
        if kind == "O":
            continue
        if begun < 0:
            begun, label = i, name
        if kind in "ESLUW":
            out.append((begun, i + 1, label))
            begun = -1
    return out


def normalised(raw: pa.Table, source: str = "table") -> pa.Table:
    """Return the table with its marks as one column of spans in JSON text, whatever of the four forms they had.

    Tables without such a column pass unchanged (they may have only texts). Raises DataError naming row and column.
    """
    raw, listed = brought(raw)
    if listed:
        return _of_tokens(raw, *listed, source)
    for name in raw.column_names:
        cells = raw.column(name).to_pylist()
        if _marked(cells):
            made = [_spans_of(c, source, row, name) for row, c in enumerate(cells, 1)]
            check_words(raw, name, [_words_of(c) for c in cells], made, source)
            column = pa.array([None if m is None else dumped(m) for m in made], pa.string())
            raw = raw.set_column(raw.column_names.index(name), name, column)
    return raw


def _marked(cells: Sequence[Any]) -> bool:
    """Return whether cells hold spans: lists of objects with start and end, or objects by type."""
    found = 0
    for cell in cells[:2000]:
        if cell is None:
            continue
        data = _loaded(cell)
        if (isinstance(data, list) and all(_place(s) is not None for s in data)) or (
            isinstance(data, dict) and all(isinstance(v, dict) for v in data.values())
        ):
            found += isinstance(data, dict) or any(_label_in(s) is not None for s in data)
        else:
            return False
    return found > 0


def _place(span: Any) -> tuple[Any, Any] | None:
    """Return where a span begins and ends as it is written: by name or as the first two of `[0, 3, "name"]`; None for anything else."""
    if isinstance(span, dict):
        return next(((span[a], span[b]) for a, b in _ENDS if a in span and b in span), None)
    whole = isinstance(span, (list, tuple)) and len(span) == 3 and isinstance(span[2], str)
    sound = whole and all(isinstance(n, int) and not isinstance(n, bool) for n in span[:2])
    return (span[0], span[1]) if sound else None


def _loaded(cell: Any) -> Any:
    if isinstance(cell, str):
        text = cell.strip()
        if not text.startswith(("[", "{")):
            return None
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return None
    return cell


def _spans_of(cell: Any, source: str, row: int, column: str) -> list[Span] | None:
    if cell is None:
        return None
    data = _loaded(cell)
    try:
        if isinstance(data, dict):
            return [
                {"start": int(a), "end": int(b) + 1, "label": str(label)}
                for label, surfaces in data.items()
                for places in surfaces.values()
                for a, b in places
            ]
        made = []
        for s in data:
            start, end = _place(s) or (s["start"], s["end"])
            made.append({"start": int(start), "end": int(end), "label": _label(s)})
        return made
    except (TypeError, ValueError, KeyError, AttributeError) as e:
        raise DataError(
            f'{source}, row {row}, column `{column}`: expected spans such as {{"start": 0, "end": 3, "label": "name"}}, '
            f"received `{str(cell)[:60]}`.",
            f'{source} 第 {row} 行，列 `{column}`：应为 {{"start": 0, "end": 3, "label": "name"}} 形式的片段，'
            f"收到的是 `{str(cell)[:60]}`。",
        ) from e


def _words_of(cell: Any) -> list[str | None]:
    """Return the words that came with each span of a cell, in their order; None for one that came without."""
    data = _loaded(cell)
    if isinstance(data, dict):
        return [str(words) for surfaces in data.values() for words, places in surfaces.items() for _ in places]
    return [
        next((s[k] for k in _WORDS if isinstance(s.get(k), str)), None) if isinstance(s, dict) else None
        for s in data or ()
    ]


def _label(span: Any) -> str:
    found = _label_in(span)
    if found is None:
        raise KeyError("label")
    return str(found)


def _label_in(span: Any) -> Any:
    """Return the label of a span as it is written; None where it has none, as the tokens that Prodigy writes beside its spans."""
    if not isinstance(span, dict):
        return span[2]
    found = next((span[n] for n in _LABELS if span.get(n) is not None), None)
    return found[0] if isinstance(found, list) and len(found) == 1 else found


def _of_tokens(raw: pa.Table, tokens: str, tags: str, source: str) -> pa.Table:
    words, marks = raw.column(tokens).to_pylist(), raw.column(tags).to_pylist()
    for row, (w, m) in enumerate(zip(words, marks), 1):
        if m is not None and len(w or ()) != len(m):
            raise DataError(
                f"{source}, row {row}: {len(w or ())} tokens and {len(m)} tags; expected as many of both.",
                f"{source} 第 {row} 行：{len(w or ())} 个词、{len(m)} 个标签；两者数量应相同。",
            )
        wrong = [t for t in m or () if not isinstance(t, str) or not TAG.match(t)]
        if wrong:
            raise DataError(
                f"{source}, row {row}, column `{tags}`: expected tags such as O, B-name, I-name, received `{wrong[0]}`.",
                f"{source} 第 {row} 行，列 `{tags}`：标签应形如 O、B-name、I-name，收到的是 `{wrong[0]}`。",
            )
    sentences = [([str(t) for t in w or ()], list(m or ["O"] * len(w or ()))) for w, m in zip(words, marks)]
    tight = _by_character([w for w, _ in sentences])
    rows = [_joined(w, m, tight) for w, m in sentences]
    spans = [None if m is None else dumped(r[1]) for m, r in zip(marks, rows)]
    rest = raw.drop_columns([tokens, tags])
    rest = rest.drop_columns([n for n in (TEXT, SPANS) if n in rest.column_names])
    return rest.append_column(TEXT, pa.array([r[0] for r in rows])).append_column(SPANS, pa.array(spans, pa.string()))


def dumped(spans: Sequence[Span]) -> str:
    """Return spans as the JSON text that the target column holds, in the order of the text."""
    return json.dumps(sorted(spans, key=lambda s: (s["start"], s["end"], s["label"])), ensure_ascii=False)


def column_of(raw: pa.Table) -> str | None:
    """Return the first column that holds spans, as `normalised` leaves them."""
    found = [n for n in raw.column_names if _marked(raw.column(n).to_pylist())]
    return found[0] if found else None


def check_spans(texts: Sequence[str | None], targets: Sequence[str | None], rows: Sequence[int], source: str) -> None:
    """Check that spans lie inside their texts. Raises DataError naming the row."""
    for text, target, row in zip(texts, targets, rows, strict=True):
        for span in json.loads(target) if target else ():
            if not 0 <= span["start"] < span["end"] <= len(text or ""):
                raise DataError(
                    f"{source}, row {row}: the span {span['start']}..{span['end']} (`{span['label']}`) lies outside its text "
                    f"of {len(text or '')} characters. Offsets count characters, and `end` is the first one after the span.",
                    f"{source} 第 {row} 行：片段 {span['start']}..{span['end']}（`{span['label']}`）超出了 {len(text or '')} 个字符的文本。"
                    "位置按字符计，end 为片段之后的第一个字符。",
                )
