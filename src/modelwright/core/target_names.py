"""The target of a run as one text, where several columns are one answer: `toxic,insult`, names with commas in quotation marks.

The text is what the option, the run folder and the report hold; the column into which they are joined bears it as its name.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence


def one_text(names: str | Sequence[str] | None) -> str | None:
    """Return names of columns, each once, as one text; a name by itself stays as it is, and no name is None."""
    if names is None or isinstance(names, str):
        return names
    each = list(dict.fromkeys(names))
    if len(each) < 2:
        return each[0] if each else None
    written = io.StringIO()
    csv.writer(written, lineterminator="").writerow(each)
    return written.getvalue()


def names_in(text: str) -> list[str]:
    """Return the names in a text, each once, as people or `one_text` wrote them: between commas, Chinese ones too."""
    if '"' not in text:
        text = text.replace("，", ",")
    try:
        found = next(csv.reader([text], skipinitialspace=True, strict=True), [])
    except csv.Error:
        found = [text]
    return list(dict.fromkeys(name for name in found if name.strip()))
