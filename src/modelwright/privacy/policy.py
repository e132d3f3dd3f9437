"""What is done with each type of personal data in each column: rules as the command line, YAML and Python write them.

    placeholder             everything becomes <PHONE>, <ID_CARD> ...
    mask:phone              phone numbers keep their first and last characters
    keep:notes              a column stays as it is
    keep:notes/person       names in that column stay, all else in it goes
    drop:remarks            a column is left out

The rule that names more wins; what no rule names is done by default. A name of a type means the type; a column called
like a type is written `phone/*`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from modelwright.core.errors import ColumnError, OptionError, unknown
from modelwright.core.words import Words
from modelwright.privacy.catalogue import TYPES, PrivateType

ACTIONS: dict[str, Words] = {
    "placeholder": Words("replaced", "已替换"),
    "mask": Words("masked", "已打码"),
    "generalise": Words("made coarser", "已泛化"),
    "pseudonym": Words("replaced by pseudonyms", "已替换为假名标识"),
    "surrogate": Words("replaced by made-up values", "已替换为虚构值"),
    "drop": Words("taken out", "已移除"),
    "keep": Words("kept", "保留"),
}
RUN_ACTIONS = ("placeholder", "generalise", "drop", "keep")
_FORM = Words("ACTION, ACTION:NAME or ACTION:COLUMN/TYPE", "`动作`、`动作:名称` 或 `动作:列/类型`")


@dataclass(frozen=True)
class Policy:
    """Rules by what they name: a column and a type, a column, a type, or nothing."""

    pairs: Mapping[tuple[str, str], str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    all: str | None = None

    @classmethod
    def parse(cls, rules: Sequence[str], *, actions: Sequence[str] = tuple(ACTIONS)) -> Policy:
        """Read rules. Raises OptionError that shows the form, or names the nearest action or type."""
        pairs: dict[tuple[str, str], str] = {}
        columns: dict[str, str] = {}
        types: dict[str, str] = {}
        every = None
        for rule in rules:
            action, colon, name = rule.partition(":")
            action = action.strip()
            if action not in actions:
                raise _no_action(action, actions)
            name = name.strip()
            if not colon:
                every = action
            elif not name:
                raise OptionError(f"Expected {_FORM.en}, received `{rule}`.", f"应写作 {_FORM.zh}，收到的是 `{rule}`。")
            elif name in TYPES:
                types[name] = action
            elif "/" in name:
                column, _, kind = name.rpartition("/")
                if kind == "*":
                    columns[column] = action
                elif kind in TYPES:
                    pairs[column, kind] = action
                else:
                    raise unknown(Words("type of personal data", "个人数据类型"), kind, TYPES, OptionError)
            else:
                columns[name] = action
        return cls(pairs, columns, types, every)

    def action(self, kind: PrivateType, column: str, default: str) -> str:
        """Return what is done with a type in a column."""
        for found in (
            self.pairs.get((column, kind.name)), self.columns.get(column), self.types.get(kind.name), self.all,
        ):  # fmt: skip
            if found is not None:
                return found
        return default

    def asked(self, kind: str, column: str) -> bool:
        """Whether a rule names the column or the type."""
        return (column, kind) in self.pairs or column in self.columns or kind in self.types

    def check(self, names: Sequence[str]) -> None:
        """Refuse rules for columns that are not there. Raises ColumnError; a name that is near a type is taken for a slip."""
        for column in [*self.columns, *(c for c, _ in self.pairs)]:
            if column not in names:
                raise unknown(Words("column or type", "列或类型"), column, [*names, *TYPES], ColumnError)


def rules_of(value: Any) -> list[str]:
    """Return rules from what an option holds: a list of rules, one rule, or a mapping of name to action."""
    if value is None:
        return []
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [f"{action}:{name}" if name != "all" else str(action) for name, action in value.items()]
    return [str(v) for v in value]


def _no_action(action: str, actions: Sequence[str]) -> OptionError:
    if action in ACTIONS:
        return OptionError(
            f"`{action}` is not for a run: a model must read later data as it read the first, and a bundle holds no key. "
            f"Use {', '.join(actions)}; or make a copy with `modelwright anonymise` and run on that.",
            f"`{action}` 不能用于 run：模型今后读取数据的方式必须与训练时一致，且模型包不含密钥。"
            f"可用 {'、'.join(actions)}；或先用 `modelwright anonymise` 生成副本，再对副本运行。",
        )
    error = unknown(Words("action", "动作"), action, actions, OptionError)
    assert isinstance(error, OptionError)
    return error
