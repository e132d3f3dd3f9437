"""Other documents for a model that searches: they change every day, and what was learnt stays."""

from __future__ import annotations

from typing import Any

from modelwright.core.errors import ColumnError, DataError, OptionError, unknown
from modelwright.core.words import Words
from modelwright.data.sources import read
from modelwright.release.bundle import load, save
from modelwright.release.registry.find import find_bundle

_USUAL = ("document", "text", "answer", "positive", "content", "文档", "正文", "答案")


def index_documents(
    model: str, data: Any, text: str | None = None, *, more: bool = False, **reading: Any
) -> dict[str, Any]:
    """Index the documents of a source in a run's bundle, which is written anew.

    `text` names their column; `more` keeps those that are there; `reading` are options of `Reading`. Raises OptionError for a model that does not search or
    answers labels, ColumnError for an unknown column, DataError where there is no document.
    """
    folder = find_bundle(model)
    predictor = load(folder)
    found: list[Any] = [m for _, m in predictor.members if hasattr(m, "set_documents")]
    if not found or predictor.target.link:  # it compares two texts
        raise OptionError(
            f"A model of task `{predictor.task.name}` finds no documents; train one with --task retrieval.",
            f"任务 `{predictor.task.name}` 的模型不检索文档；请用 --task retrieval 训练。",
        )
    if predictor.target.labels:
        raise OptionError(
            "This model answers labels, which stand for the rows it was trained on; train it again for others.",
            "该模型的答案是训练时的标签；如需更换请重新训练。",
        )
    raw = read(data, **reading)
    column = text or next((n for n in raw.column_names if n.lower() in _USUAL), None)
    if column is None and raw.num_columns == 1:
        column = raw.column_names[0]
    if column is None or column not in raw.column_names:
        if column is None:
            raise OptionError(
                f"Say which column holds the documents: --text NAME. There are: {', '.join(raw.column_names[:12])}.",
                f"请用 --text 列名 指定文档所在的列。现有：{'、'.join(raw.column_names[:12])}。",
            )
        raise unknown(Words("column", "列"), column, raw.column_names, ColumnError)
    texts = [str(v).strip() for v in raw.column(column).to_pylist() if v is not None and str(v).strip()]
    if not texts:
        raise DataError(f"Column `{column}` holds no document.", f"列 `{column}` 中没有文档。")
    before = 0
    for one in found:
        kept = list(one.documents) if more else []
        before = len(set(one.documents))
        documents = list(dict.fromkeys([*kept, *texts]))
        added = len(set(documents) - set(one.documents))
        one.set_documents(documents)
    cards = {
        n: (folder / n).read_text(encoding="utf-8") for n in ("card.md", "card.zh-CN.md") if (folder / n).is_file()
    }
    save(predictor, folder, cards)
    return {"bundle": str(folder), "documents": len(documents), "before": before, "added": added}
