"""Whether and how requests are kept: for how long, for which purpose, whose, and with whose consent."""

from __future__ import annotations

import datetime as dt
import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from modelwright.core.budget import parse_period
from modelwright.core.encrypted_files import vault_keys
from modelwright.core.errors import OptionError
from modelwright.privacy.consent import Consents, read_consents, same
from modelwright.privacy.subjects import plain_subject

_LOOK = 5.0  # seconds between looks at the table of consents


@dataclass(frozen=True)
class Keep:
    """What was asked for: requests are kept for `seconds`; `subject` is the column that says whose a row is.

    With `consent`, a table of consents, only rows whose subject has consented to `purpose` are kept.
    """

    seconds: float
    purpose: str | None = None
    subject: str | None = None
    consent: Path | None = None

    @classmethod
    def asked(cls, keep: str | None, purpose: str | None, subject: str | None, consent: Path | None) -> Keep | None:
        """Return what options ask for; None where nothing is to be kept.

        Raises OptionError for options that do not go together or a purpose that the consents do not know, DataError,
        ColumnError where their table cannot be read.
        """
        if keep is None:
            given = {"--purpose": purpose, "--subject": subject, "--consent": consent}
            odd = next((name for name, value in given.items() if value is not None), None)
            if odd is not None:
                raise OptionError(
                    f"{odd} says how requests are kept; say for how long as well: --keep-requests 30d.",
                    f"{odd} 用于说明如何留存请求；请同时给出留存时长：--keep-requests 30d。",
                )
            return None
        seconds = parse_period(keep, "--keep-requests")
        if not 60 <= seconds <= 10 * 366 * 86_400:
            raise OptionError(
                f"Requests are kept for a minute to ten years, received {keep}; for instance --keep-requests 30d.",
                f"请求的留存时长应在 1 分钟到 10 年之间，收到 {keep}；例如 --keep-requests 30d。",
            )
        if consent is not None and (purpose is None or subject is None):
            raise OptionError(
                "Consent is checked for a purpose and a subject: give --purpose NAME and --subject COLUMN with --consent.",
                "同意核验需要目的和主体：请与 --consent 一同给出 --purpose 名称 和 --subject 列名。",
            )
        made = cls(seconds, purpose, subject, consent)
        if consent is not None:
            Consenting(made).read()
        return made

    def check_private(self, private: bool) -> None:
        """Refuse to keep requests in the clear where the bundle replaces personal data. Raises OptionError."""
        if private and not vault_keys():
            raise OptionError(
                "Personal data is replaced before this model reads it, so requests are kept encrypted only: name the vault's key in "
                "MODELWRIGHT_VAULT (make one with: modelwright vault init KEYFILE).",
                "个人数据在模型读取之前会被替换，因此请求只能加密留存：请用 MODELWRIGHT_VAULT 指定密钥（可用 modelwright vault init 密钥文件 生成）。",
            )


@dataclass
class Consenting:
    """The consents that a service asks, read anew when their table changes."""

    keep: Keep
    _table: Consents | None = None
    _seen: tuple[int, int] | None = None
    _looked: float = -_LOOK
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self) -> Consents:
        """Read the table. Raises DataError, ColumnError, and OptionError where it does not know the purpose."""
        table = read_consents(Path(str(self.keep.consent)), self.keep.subject)
        if same(str(self.keep.purpose)) not in table.states:
            known = ", ".join(f"`{p}`" for p in sorted(table.states))
            raise OptionError(
                f"{self.keep.consent} knows no consent for the purpose `{self.keep.purpose}`. Known: {known}",
                f"{self.keep.consent} 中没有目的 `{self.keep.purpose}` 的同意记录。可用：{known}",
            )
        return table

    def why_not(self, subject: object) -> str | None:
        """Return why a row may not be kept: `subject` where it does not say whose it is, `consent`; None where it may."""
        if self.keep.subject is not None and not plain_subject(subject):
            return "subject"
        if self.keep.consent is None:
            return None
        with self._lock:
            if time.monotonic() - self._looked >= _LOOK:
                self._looked = time.monotonic()
                found = os.stat(self.keep.consent)
                if (mark := (found.st_mtime_ns, found.st_size)) != self._seen:
                    self._table, self._seen = self.read(), mark
            table = self._table
        if table is None:
            return "consent"
        why = table.why_not(plain_subject(subject), same(str(self.keep.purpose)), dt.datetime.now())
        return None if why is None else "consent"
