"""The names of tasks, also those that the field has for the same thing; nothing is imported to know them."""

from __future__ import annotations

from modelwright.core.registry import TASKS, names_in

_ALIASES = {
    "ner": "token-classification",
    "named-entity-recognition": "token-classification",
    "feature-extraction": "retrieval",
    "semantic-search": "retrieval",
}


def task_named(name: str) -> str:
    """Return the registered name of what the field calls `name` (`ner`, `tabular-regression`); an unknown one as it came."""
    name = _ALIASES.get(name, name)
    for prefix in ("text-", "tabular-", "table-"):  # the field's names for what the columns imply
        if name not in names_in(TASKS) and name.startswith(prefix) and name[len(prefix) :] in names_in(TASKS):
            name = name[len(prefix) :]
    return name
