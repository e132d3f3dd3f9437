"""Documents, FAQ tables and questions to one raw table: rows of passages beside rows of questions.

A row is either a passage (`passage` holds it as JSON, `answer` is missing) or a question, whose `answer` says as JSON what
is right. Passages are what answers are found in, so they are kept whole; only questions are held out. Where there are few
labelled questions, some are made from the texts themselves; see `made_questions`.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from modelwright.core.errors import ColumnError, DataError
from modelwright.core.events import EventStream
from modelwright.core.reading import Detected, Reading
from modelwright.core.words import Words
from modelwright.data._files import KINDS
from modelwright.data.documents import SHARED, Document, read_document, read_folder, suffixes, visible
from modelwright.data.passages import Passage, cut, distinct, sentences
from modelwright.data.sources import read_table, source_name

_TOLD = 8  # files that are named one by one
UNREAD = "unread"  # in the metadata of the table: what of the sources could not be read
COLUMNS = ("question", "tenant", "document", "heading", "passage", "answer")
_NAMES = {
    "question": ("question", "questions", "query", "q", "问题", "提问", "标准问", "标准问题", "问"),
    "answer": ("answer", "answers", "response", "a", "答案", "回答", "答复", "标准答案", "标准回答", "答"),
    "similar": ("similar", "variants", "paraphrases", "similar_questions", "相似问", "相似问法", "相似问题", "扩展问"),
    "tenant": ("tenant", "租户"),
    "source": ("source", "document", "file", "文档", "来源", "出处"),
}
_MOST_MADE = 400  # questions that are made, at most
_ENOUGH = 40  # labelled questions from which on none are made
_KEPT = 0.6  # share of a question's words that stay when it is asked in other words
_LEFT_OUT = 3  # one made question in so many asks for what is left out
_QUESTIONS = re.compile(r"questions|问题", re.IGNORECASE)  # a table of this name in a folder holds labelled questions
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]+|[^\W_]+(?:['’.-][^\W_]+)*")
_FUNCTION = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "for",
        "from",
        "has",
        "have",
        "how",
        "i",
        "if",
        "in",
        "is",
        "it",
        "its",
        "may",
        "my",
        "of",
        "on",
        "or",
        "our",
        "should",
        "that",
        "the",
        "their",
        "there",
        "these",
        "they",
        "this",
        "to",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "why",
        "will",
        "with",
        "would",
        "you",
        "your",
        "not",
        "no",
        "than",
        "then",
        "also",
        "been",
        "but",
        "all",
        "any",
    ]
)


def read_knowledge(
    source: Any, reading: Reading | None = None, events: EventStream | None = None
) -> tuple[pa.Table, Detected]:
    """Read a folder, a document, or a table of questions and answers, also of a database; return it with what was detected in a
    table. Raises DataError where nothing is in it."""
    reading, detected = reading or Reading(), Detected()
    documents: list[Document] = []
    unread: list[Words] = []
    faq: list[Passage] = []
    asked: list[dict[str, Any]] = []
    path = Path(source) if isinstance(source, (str, Path)) and "://" not in str(source) else None
    if path is not None and path.is_dir():

        def table(file: Path, name: str, tenant: str) -> None:
            if file.suffix.lower() in KINDS or file.suffix.lower() == ".gz":
                raw = read_table(file, reading, events)[0]
                if _QUESTIONS.search(file.stem):
                    asked.extend(_questions(raw, name, tenant))
                else:
                    faq.extend(_pairs(raw, name, tenant, unread))
            else:
                unread.append(Words(f"{name}: not read, its kind is not known", f"{name}：未读取，不支持此类文件"))

        documents = read_folder(path, table, reading.encoding)
    elif path is not None and path.suffix.lower() in suffixes() and path.is_file():
        documents = [read_document(path, encoding=reading.encoding)]
    else:
        raw, detected = read_table(source, reading, events)
        faq = _pairs(raw, _name_of(source, "faq"), SHARED, unread)
    unread += [w for d in documents for w in d.unread]
    unread += [Words(f"{d.name}: no text in it", f"{d.name}：没有文字") for d in documents if not d.sections]
    passages = distinct([*faq, *(p for d in documents for p in cut(d))])
    if not passages:
        kinds = ", ".join(sorted(suffixes()))
        raise DataError(
            f"{source_name(source)} holds nothing to answer from. Expected documents ({kinds}) or tables with the columns question and answer.",
            f"{source_name(source)} 中没有可用于回答的内容。应为文档（{kinds}），或含 question 和 answer 列的表格。",
        )
    if len(asked) < _ENOUGH:
        asked += made_questions(passages, reading.seed)
    if not asked:
        raise DataError(
            f"{source_name(source)} holds too little text to try a question on. Give more documents.",
            f"{source_name(source)} 的文字太少，无法构造问题来检验。请提供更多文档。",
        )
    rows = [{"passage": json.dumps(p.to_json(), ensure_ascii=False), "tenant": p.tenant, "document": p.document,
             "heading": p.heading} for p in passages]  # fmt: skip
    found = pa.table({c: pa.array([r.get(c) for r in [*asked, *rows]], pa.string()) for c in COLUMNS})
    told = {UNREAD: json.dumps([[w.en, w.zh] for w in unread], ensure_ascii=False)}
    return found.replace_schema_metadata(told), detected


def _name_of(source: Any, other: str) -> str:
    """Return the name of a file or database; `other` for rows in memory."""
    return Path(source).name if isinstance(source, (str, Path)) else other


def tell_unread(raw: pa.Table | None, events: EventStream) -> None:
    """Warn of what of the sources of a table could not be read, file by file."""
    told = (raw.schema.metadata or {}).get(UNREAD.encode()) if raw is not None else None
    unread = [Words(*w) for w in json.loads(told)] if told else []
    for words in unread[:_TOLD]:
        events.warn(f"{words.en}.", f"{words.zh}。")
    if len(unread) > _TOLD:
        more = len(unread) - _TOLD
        events.warn(f"{more} more files were not read, or not all of them.", f"另有 {more} 个文件未读取或未读全。")


def read_questions(
    source: Any, reading: Reading | None = None, events: EventStream | None = None
) -> tuple[pa.Table, Detected]:
    """Read labelled questions: a column `question`, and `answer` or `source`; both empty where nothing should be found."""
    raw, detected = read_table(source, reading or Reading(), events)
    rows = _questions(raw, _name_of(source, "questions"), SHARED)
    return pa.table({c: pa.array([r.get(c) for r in rows], pa.string()) for c in COLUMNS}), detected


def _column(raw: pa.Table, what: str) -> list[str] | None:
    by_name = {n.strip().lower(): n for n in raw.column_names}
    found = next((by_name[n] for n in _NAMES[what] if n in by_name), None)
    if found is None:
        return None
    return [visible(_text(v)).strip() for v in raw.column(found).to_pylist()]


def _text(cell: Any) -> str:
    """Return a cell as text: of SQuAD's answers (`{"text": [...], "answer_start": [...]}`) the first; lists of texts line by line."""
    if isinstance(cell, str) and '"answer_start"' in cell and cell.lstrip().startswith("{"):
        try:
            cell = json.loads(cell)
        except ValueError:
            return str(cell)
    if isinstance(cell, dict) and "answer_start" in cell:
        found = cell.get("text")
        cell = (found or [None])[0] if isinstance(found, list) else found
    if isinstance(cell, list) and all(isinstance(v, str) for v in cell):
        return "\n".join(cell)
    return "" if cell is None else str(cell)


def _needed(raw: pa.Table, what: str, name: str) -> list[str]:
    found = _column(raw, what)
    if found is None:
        shown, known = ", ".join(raw.column_names[:8]), ", ".join(_NAMES[what])
        raise ColumnError(
            f"{name} has no column of {what}s: expected one of {known}; it has {shown}.",
            f"{name} 中没有 {what} 列：应为 {known} 之一；现有 {shown}。",
        )
    return found


def _pairs(raw: pa.Table, name: str, tenant: str, unread: list[Words]) -> list[Passage]:
    """Return the stored answers of an FAQ table; rows without question or answer are passed over, which is told in `unread`."""
    asked, answers = _needed(raw, "question", name), _needed(raw, "answer", name)
    similar, tenants = _column(raw, "similar") or [], _column(raw, "tenant") or []
    out = []
    for i, (question, answer) in enumerate(zip(asked, answers, strict=True)):
        if question and answer:
            more = re.split(r"[|\n；;]", similar[i]) if i < len(similar) else []
            whose = (tenants[i] if i < len(tenants) else "") or tenant
            out.append(
                Passage(name, whose, question, answer, asked=tuple(q for q in (question, *map(str.strip, more)) if q))
            )
    if left := len(asked) - len(out):
        unread.append(
            Words(
                f"{name}: {left:,} of {len(asked):,} rows have no question or no answer and are left out",
                f"{name}：{len(asked):,} 行中有 {left:,} 行缺少问题或答案，已排除",
            )
        )
    return out


def _questions(raw: pa.Table, name: str, tenant: str) -> list[dict[str, Any]]:
    asked, answers, sources = _needed(raw, "question", name), _column(raw, "answer"), _column(raw, "source")
    if answers is None and sources is None:
        _needed(raw, "answer", name)
    tenants = _column(raw, "tenant") or []
    out = []
    for i, question in enumerate(asked):
        if question:
            truth = {
                "answer": (answers[i] if answers else "") or None,
                "source": (sources[i] if sources else "") or None,
            }
            whose = (tenants[i] if i < len(tenants) else "") or tenant
            out.append({"question": question, "tenant": whose, "answer": json.dumps(truth, ensure_ascii=False)})
    return out


def made_questions(passages: Sequence[Passage], seed: int) -> list[dict[str, Any]]:
    """Make questions from the passages themselves, to choose recipes and the point of refusal by.

    A stored question is asked again with itself hidden, or with some of its words exchanged for words from elsewhere, as
    people use other words; a heading with itself hidden; a sentence by some of its words among others. One in three is asked
    with everything that answers it left out, and should be refused. None is what people would ask: a report says so.
    """
    rng = random.Random(seed)
    order = list(range(len(passages)))
    rng.shuffle(order)
    pools = [sorted({w for p in passages for w in _words(p.text) if _han(w) == han}) for han in (False, True)]
    out: list[dict[str, Any]] = []
    for at in order:
        if len(out) >= _MOST_MADE:
            break
        out += _made_questions(passages, at, rng, len(out), pools)
    return out


def _made_questions(
    passages: Sequence[Passage], at: int, rng: random.Random, count: int, pools: list[list[str]]
) -> list[dict[str, Any]]:
    p = passages[at]
    made: list[tuple[str, str | None]] = []  # a question, and which stored one or heading is hidden while it is asked
    right = [at]
    if len(p.asked) > 1:
        made = [(q, q) for q in p.asked[:3]]
    elif p.asked:
        made = [(p.asked[0], p.asked[0])] if rng.random() < 0.25 else [(_other(p.asked[0], rng, pools), None)]
    else:
        title = p.heading.rsplit(" > ", 1)[-1]
        own = len(_words(title)) >= 2 and not title.startswith("p. ")
        if own and rng.random() < 0.5:
            made, right = [(title, p.heading)], _same_heading(passages, at)
        elif spans := [s for s in sentences(p.text) if len(_words(p.text[s[0] : s[1]])) >= 4]:
            start, end = spans[rng.randrange(len(spans))]
            made = [(_other(p.text[start:end], rng, pools), None)]
            right = [i for i in _same_heading(passages, at) if p.text[start:end] in passages[i].text]
    out = []
    for i, (question, hidden) in enumerate(made):
        truth: dict[str, Any] = {"passages": right, "hidden": hidden, "made": True}
        if (count + i) % _LEFT_OUT == _LEFT_OUT - 1:
            truth = {"passages": [], "without": _same_heading(passages, at), "made": True}
        out.append({"question": question, "tenant": p.tenant, "answer": json.dumps(truth, ensure_ascii=False)})
    return out


def _same_heading(passages: Sequence[Passage], at: int) -> list[int]:
    """Return the passages that may answer what one answers: itself, and those that stand under the same heading."""
    p = passages[at]
    near = [i for i, q in enumerate(passages) if not p.asked and (q.document, q.heading) == (p.document, p.heading)]
    return near or [at]


def _words(text: str) -> list[str]:
    """Return the words that say something; runs of Han in pieces of two."""
    out: list[str] = []
    for word in _WORD.findall(text):
        if "\u3040" <= word[0] <= "\u9fff":
            out += [word[i : i + 2] for i in range(0, len(word), 2)]
        elif word.lower() not in _FUNCTION:
            out.append(word)
    return out


def _han(word: str) -> bool:
    return "\u3040" <= word[0] <= "\u9fff"


def _other(text: str, rng: random.Random, pools: list[list[str]]) -> str:
    """Return some of a text's words in their order, at most six, the others exchanged for half as many from elsewhere."""
    words = _words(text)
    kept = sorted(rng.sample(range(len(words)), min(len(words), 6, max(2, round(_KEPT * len(words))))))
    out = [words[i] for i in kept]
    han = sum(map(_han, out)) > len(out) / 2
    for _ in range(max(1, len(out) // 2) if pools[han] else 0):
        out.insert(rng.randrange(len(out) + 1), rng.choice(pools[han]))
    return ("" if han else " ").join(out) or text
