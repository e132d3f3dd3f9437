"""How a source is read: what was asked for and what a model remembers, never changed by reading; and what reading detected."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from modelwright.core.budget import parse_size
from modelwright.core.errors import OptionError
from modelwright.core.events import EventStream
from modelwright.core.option_groups.declared import of_tasks
from modelwright.core.option_groups.source import SOURCE_OPTIONS as SOURCE_OPTIONS
from modelwright.core.words import Words, chinese

SERIES_OPTIONS = ("series", "series_id", "series_time")
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


_KNOWN_AS = {
    "cp932": "shift_jis",
    "cp950": "big5",
    "cp949": "euc-kr",
    "euc_jp": "euc-jp",
    "koi8_r": "koi8-r",
    "mac_roman": "mac-roman",
}


def known_as(encoding: str) -> str:
    """Return the name under which people know an encoding."""
    return _KNOWN_AS.get(encoding, encoding.replace("cp125", "windows-125"))


@dataclass(frozen=True)
class Reading:
    """Options of a source, None where they are to be detected. Raises OptionError for those that cannot be.

    Rows beyond a fifth of `memory` (bytes; that of the machine if None, and never more than is free) are sampled with `seed`; after `seconds` the rest is
    left unread. `series`, `series_id`, `series_time` say how series lie in the table. `names` are the columns that a model
    reads, `usual` what is remembered of the training data: both decide where a file may be read in several ways. `asked` holds
    the options of the run for tasks that read sources of their own (`Task.read`): target, time, and those of the task.
    `lists` are the columns whose cells are lists to the model. `part`: rows take one part in so many of the room there is. `by_groups`: of Parquet that is more than the memory holds some row groups are read, since others read the rest.
    """

    query: str | None = None
    table: str | None = None
    header: bool | None = None
    sheet: str | None = None
    delimiter: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    dates: str | None = None
    memory: int | None = None
    seed: int = 0
    seconds: float | None = None
    series: tuple[str, ...] = ()
    series_id: str | None = None
    series_time: str | None = None
    names: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    usual: Mapping[str, Any] = field(default_factory=dict)
    asked: Mapping[str, Any] = field(default_factory=dict)
    by_groups: bool = False
    part: int = 1

    def __post_init__(self) -> None:
        for name, checked in _CHECKS.items():
            object.__setattr__(self, name, checked(getattr(self, name)))
        object.__setattr__(self, "series", tuple(self.series or ()))

    @classmethod
    def of(cls, config: Any, seconds: float | None = None) -> Reading:
        """Take the options of a source from a run's configuration; reading may take `seconds`."""
        asked = {n: getattr(config, n) for n in (*SOURCE_OPTIONS, *SERIES_OPTIONS)}
        memory = parse_size(config.memory) if config.memory else None
        own = {n: getattr(config, n) for n in ("target", "time", *of_tasks())}
        shared = config.cluster is not None
        return cls(**asked, memory=memory, seed=config.seed, seconds=seconds, asked=own, by_groups=shared)

    def again(self, detected: Detected) -> Reading:
        """Return the reading of another source with the same columns, such as the test rows: what was detected in this one decides
        there where several readings fit. It is read whole, however long it takes."""
        return replace(self, names=detected.names, usual=detected.kept(), seconds=None, by_groups=False)


@dataclass(frozen=True)
class Drawn:
    """How rows were chosen where not all were kept: of `seen` that were read in `seconds`, `kept` with a number drawn below `cut`.

    `groups` are the row groups that were read, in this order, and `rows` are those of the whole source, where it was read by them.
    """

    cut: float
    seen: int
    kept: int
    seconds: float
    groups: tuple[int, ...] = ()
    rows: int = 0


@dataclass
class Detected:
    """What was detected while a source was read; what stays None did not have to be.

    `runner_up` says which other encoding might be meant, `above` what stands above the rows of a table and is passed over; `target` is the column of labels where the form of the source itself
    has one: folders named after classes, sequences and series filed with their labels. `drawn` says how rows were chosen where not all were kept.
    """

    encoding: str | None = None
    delimiter: str | None = None
    decimal: str | None = None
    names: tuple[str, ...] = ()
    runner_up: Words | None = None
    above: Words | None = None
    target: str | None = None
    drawn: Drawn | None = None

    def kept(self) -> dict[str, Any]:
        """Return what later files of the same make are read by, as JSON values."""
        kept = {n: getattr(self, n) for n in ("encoding", "delimiter", "decimal")}
        return {n: value for n, value in kept.items() if value is not None}

    def tell(self, events: EventStream) -> None:
        """Say how a text was read where that is not the usual way: commas, decimal points, UTF-8."""
        words = self.words()
        usual = (self.delimiter, self.encoding, self.decimal or ".") == (",", "utf-8", ".")
        if words is not None and (self.above or not usual):
            events.note(words.en + ".", words.zh + "。")

    def words(self) -> Words | None:
        """Return what was detected in a delimited text, and what stands above the rows of any table; None for other sources."""
        if self.delimiter is None or self.encoding is None:
            return self.above
        marks = _SAID.get(self.delimiter, Words(f"`{self.delimiter}`", f"`{self.delimiter}`"))
        comma = self.decimal == ","
        signs = Words("decimal commas", "小数用逗号") if comma else Words("decimal points", "小数用点")
        out = Words(
            f"{known_as(self.encoding)}, cells divided by {marks.en}, {signs.en}",
            chinese(f"编码 {known_as(self.encoding)}，以", marks.zh, "分隔，", signs.zh),
        )
        if self.runner_up:
            out = Words(f"{out.en}; {self.runner_up.en}", f"{out.zh}；{self.runner_up.zh}")
        return out if self.above is None else Words(f"{out.en}; {self.above.en}", f"{out.zh}；{self.above.zh}")


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
_CHECKS = {
    "delimiter": checked_delimiter,
    "decimal": checked_decimal,
    "encoding": checked_encoding,
    "dates": checked_dates,
}
