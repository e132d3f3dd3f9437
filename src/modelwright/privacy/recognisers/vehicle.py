"""Vehicles: licence plates of China with those of new-energy vehicles, and identification numbers."""

from __future__ import annotations

from modelwright.privacy import checksums
from modelwright.privacy.recognisers.base import Pattern, Patterns, compiled

_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使"
_CAR = compiled(r"车牌|牌照|号牌|车号|车辆|停车|plate|\bcar\b|vehicle|registration")


def _mixed(code: str) -> bool:
    return checksums.vin(code) and any(c.isdigit() for c in code) and sum(c.isalpha() for c in code) >= 3


class Vehicle(Patterns):
    """Licence plates and VINs."""

    types = ("plate", "vin")
    patterns = (
        Pattern(
            "plate",
            compiled(
                rf"[{_PROVINCES}][A-HJ-NP-Z][ ·.\-]?(?:[DF][A-HJ-NP-Z0-9][0-9]{{4}}|[0-9]{{5}}[DF]|[A-HJ-NP-Z0-9]{{4}}[A-HJ-NP-Z0-9挂学警港澳])(?![A-Za-z0-9])"
            ),
            0.92, f"[{_PROVINCES}][A-Za-z]", _CAR, 0.98, lambda c: any(x.isdigit() for x in c), 0.92, against=None, digits=1,
        ),
        Pattern("plate", compiled(r"(?<![A-Za-z0-9])WJ[ ·]?[\u4e00-\u9fff]?[0-9]{4}[0-9JBXTHSD](?![A-Za-z0-9])"), 0.3, "(?i)WJ", _CAR, 0.9, digits=4),
        Pattern(
            "plate", compiled(r"(?<![A-Za-z0-9\-])(?=[A-Z0-9 \-]{0,7}[0-9])(?=[A-Z0-9 \-]{0,7}[A-Z])[A-Z0-9]{2,4}[ \-]?[A-Z0-9]{3,4}(?![A-Za-z0-9\-])", flags=0),
            0.1, "[A-Z]", compiled(r"licen[cs]e\s*plate|plate\s*(?:no|num|#)|number\s*plate|registration\s*(?:no|num|plate)"), 0.8, only_before=True, reach=24, digits=1,
        ),
        Pattern(
            "vin", compiled(r"(?<![A-Za-z0-9])[A-HJ-NPR-Z0-9]{8}[0-9X][A-HJ-NPR-Z0-9]{4}[0-9]{4}(?![A-Za-z0-9])"),
            0.3, "[A-Za-z0-9]{13}[0-9]{4}", compiled(r"车架|车辆识别|\bvin\b|大架号|chassis"), 0.95, _mixed, 0.7, strict=False, digits=4,
        ),
    )  # fmt: skip


RECOGNISER = Vehicle
