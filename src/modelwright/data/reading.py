"""How a source is read: what the user asked for, what a model remembers from training, and what was found out."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from modelwright.core.errors import OptionError
from modelwright.core.events import EventStream
from modelwright.core.words import Words
from modelwright.data.encodings import known_as

DELIMITERS = {"comma": ",", "tab": "\t", "\\t": "\t", "semicolon": ";", "pipe": "|", "bar": "|", "space": " "}
DECIMALS = {"comma": ",", "point": ".", "dot": "."}
ORDERS = ("dmy", "mdy", "ymd")
_SAID = {
    ",": Words("commas", "逗号"),
    "\t": Words("tabs", "制表符"),
    ";": Words("semicolons", "分号"),
    "|": Words("bars", "竖线"),
    " ": Words("blanks", "空格"),
}


@dataclass
class Reading:
    """Options of a source, None where they are to be found out; `found` holds what reading it found.

    `names` are the columns that a model reads, `usual` what it keeps of its training data's reading: both help where a file may be
    read in several ways.
    """

    query: str | None = None
    table: str | None = None
    header: bool | None = None
    sheet: str | None = None
    delimiter: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    dates: str | None = None
    names: tuple[str, ...] = ()
    usual: Mapping[str, Any] = field(default_factory=dict)
    found: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.delimiter = checked_delimiter(self.delimiter)
        self.decimal = checked_decimal(self.decimal)
        self.encoding = checked_encoding(self.encoding)
        self.dates = checked_dates(self.dates)

    @classmethod
    def of(cls, options: Any) -> Reading:
        """Take the options of a source from a run's configuration."""
        return cls(**{n: getattr(options, n) for n in ASKED})

    def again(self) -> Reading:
        """Return the reading of another file with the same columns, such as that of the test rows."""
        asked = {n: getattr(self, n) for n in ASKED if n not in ("query", "table")}
        return Reading(**asked, names=tuple(self.found.get("names", ())), usual=self.kept())

    def kept(self) -> dict[str, Any]:
        """Return what later files of the same make are read by, as JSON values."""
        return {n: self.found[n] for n in ("encoding", "delimiter", "decimal") if n in self.found}

    def tell(self, events: EventStream) -> None:
        """Say how a text was read where that is not the usual way: commas, decimal points, UTF-8."""
        plain = {"delimiter": ",", "encoding": "utf-8"}
        words = self.words()
        if words is not None and (
            self.found.get("decimal") == "," or any(self.found[n] != usual for n, usual in plain.items())
        ):
            events.note(words.en + ".", words.zh + "。")

    def words(self) -> Words | None:
        """Return what was found out about a delimited text; None where there was nothing to find."""
        found = self.found
        if "delimiter" not in found:
            return None
        marks = Words(f"`{found['delimiter']}`", f"`{found['delimiter']}`")
        marks = _SAID.get(found["delimiter"], marks)
        signs = (
            Words("decimal commas", "小数用逗号")
            if found.get("decimal") == ","
            else Words("decimal points", "小数用点")
        )
        out = Words(
            f"{known_as(found['encoding'])}, cells divided by {marks.en}, {signs.en}",
            f"编码 {known_as(found['encoding'])}，以{marks.zh}分隔，{signs.zh}",
        )
        if found.get("runner_up"):
            en, zh = Words(*found["runner_up"])
            out = Words(f"{out.en}; {en}", f"{out.zh}；{zh}")
        return out


ASKED = tuple(f.name for f in fields(Reading) if f.name not in ("names", "usual", "found"))


def checked_delimiter(value: str | None) -> str | None:
    """Return a delimiter as one character. Raises OptionError for anything else."""
    if value is None:
        return None
    sign = DELIMITERS.get(value.lower(), value)
    if len(sign) != 1 or sign in '"\r\n\x00':
        raise OptionError(
            f"Expected --delimiter with one character, or one of {', '.join(n for n in DELIMITERS if n[0].isalpha())}; received `{value}`.",
            f"--delimiter 应为单个字符，或 {'、'.join(n for n in DELIMITERS if n[0].isalpha())} 之一；收到的是 `{value}`。",
        )
    return sign


def checked_decimal(value: str | None) -> str | None:
    """Return a decimal sign, `,` or `.`. Raises OptionError for anything else."""
    if value is None:
        return None
    sign = DECIMALS.get(value.lower(), value)
    if sign not in (",", "."):
        raise OptionError(
            f"Expected --decimal with `,` or `.`, received `{value}`.",
            f"--decimal 应为 `,` 或 `.`，收到的是 `{value}`。",
        )
    return sign


def checked_dates(value: str | None) -> str | None:
    """Return the order of day, month and year. Raises OptionError for an unknown one."""
    if value is not None and value not in ORDERS:
        raise OptionError(
            f"Expected --dates with one of {', '.join(ORDERS)}, received `{value}`.",
            f"--dates 应为 {'、'.join(ORDERS)} 之一，收到的是 `{value}`。",
        )
    return value


def checked_encoding(value: str | None) -> str | None:
    """Return the name of an encoding that text can be stored in. Raises OptionError for an unknown one."""
    if value is None:
        return None
    try:
        found = codecs.lookup(value)
        text = " 09,;\nAz".encode(found.name).decode(found.name)
    except (LookupError, ValueError, AttributeError, TypeError):
        text = ""
    if text != " 09,;\nAz" or found.name in _NO_FILES:
        raise OptionError(
            f"There is no encoding `{value}`. Common ones: utf-8, gb18030, big5, shift_jis, euc-kr, windows-1252.",
            f"没有名为 `{value}` 的编码。常用的有：utf-8、gb18030、big5、shift_jis、euc-kr、windows-1252。",
        )
    return found.name


_NO_FILES = ("idna", "punycode", "unicode_escape", "raw_unicode_escape", "utf-7", "palmos", "undefined")
