"""Options that are shares: `1%` or `0.01`."""

from __future__ import annotations

import re

from modelwright.core.errors import OptionError
from modelwright.core.words import Words

_SHARE = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*([%％]?)\s*$")


def share_of(text: str, option: str, what: Words) -> float:
    """Return the share of `what` that an option says: 1% or 0.01. Raises OptionError for what is no share between 0 and 50 %."""
    found = _SHARE.match(text)
    share = float(found.group(1)) / (100 if found.group(2) else 1) if found else 0.0
    if not 0 < share <= 0.5:
        raise OptionError(
            f"{option} is a share of the {what.en} above 0 and up to 50 %, such as 1% or 0.01; received `{text}`.",
            f"{option} 应为{what.zh}的比例，大于 0 且不超过 50%，如 1% 或 0.01；收到的是 `{text}`。",
        )
    return share
