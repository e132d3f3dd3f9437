"""Who agreed to what, and how long rows may be used."""

from __future__ import annotations

from typing import ClassVar

from modelwright.core.option_groups.base import OptionGroup, option
from modelwright.core.words import Words


class Consent(OptionGroup):
    """Rows that may be used."""

    about: ClassVar[Words] = Words("Consent", "同意")

    consent: str | None = option(None, "table of consents", "同意记录表", metavar="FILE")
    subject: str | None = option(None, "column that says whose row it is", "每行所属主体的列", metavar="COLUMN")
    purpose: str | None = option(
        None, "rows without consent for this purpose are left out", "未就此目的同意的行不使用", metavar="NAME"
    )
    retain: str | None = option(
        None, "leave out rows older than this, e.g. 90d", "略去早于此期限的行，如 90d", metavar="TIME"
    )
