"""Numbers that states give to persons: ID cards of mainland China, Hong Kong and Taiwan, passports, US social security, driver licences."""

from __future__ import annotations

from modelwright.privacy import checksums
from modelwright.privacy.recognisers.base import Pattern, Patterns, compiled

ID_SAID = compiled(
    r"身份证|身份\s*号|证件号|证件码|公民身份|公民号|证号|身份代码|永久居留|id\s*card|identity|id\s*(?:no|num)|国民|idno|id_?number|sfz"
)
_PASS = compiled(r"护照|passport|通行证|回乡证|台胞证|入台|travel\s*(?:permit|document)|签证|visa")
_DAY = "(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
_PASS_SAID = compiled(  # right before or after a number that says nothing by its form
    r"(?:护照|passport|台胞证|回乡证|通行证|来往大陆|台湾居民|travel\s*(?:permit|document))"
)
_STAY = compiled(r"居留|永居|\barc\b|residen(?:t|ce)\s*(?:permit|card|cert)|统一证号|統一證號")
_SSN = compiled(r"\bssns?\b|social\s*security|社会安全|社安号|\bsocial\b|tax\s*id")
_DRIVER = compiled(
    r"driv(?:er|ing)['’]?s?\s*(?:licen[cs]e|permit)|licen[cs]e\s*(?:no|num|id|#)|\bD\.?L\.?\b\s*(?:no|num|#|:|is)|驾驶证|驾照|驾驶员证|驾证"
)


def _old_id(code: str) -> bool:
    return len(code) == 15 and checksums.id_form(code)


class Identity(Patterns):
    """ID cards, passports and travel permits, social security numbers, driver licences."""

    types = ("id-card", "passport", "ssn", "driver-licence")
    patterns = (
        Pattern(
            "id-card",
            compiled(r"(?<![0-9])(?<![0-9][.\-])[1-9][0-9](?:[ \-]?[0-9]){15}[ \-]?(?:[0-9](?![0-9]|[.\-][0-9])|X(?![A-Za-z0-9]))"),
            0.3, "(?:[0-9][ -]?){17}", ID_SAID, 0.99, checksums.id_card, 0.96, against=None, digits=17,
        ),
        Pattern(  # a day of birth in the right place, and a wrong check digit: a slip of the pen where words say what it is
            "id-card",
            compiled(r"(?<![0-9])[1-8][0-9]{5}(?:19|20)[0-9]{9}(?:[0-9](?![0-9])|X(?![A-Za-z0-9]))"),
            0.3, "[0-9]{17}", ID_SAID, 0.8, lambda c: len(c) == 18 and checksums.id_form(c), 0.35, digits=17,
        ),
        Pattern(
            "id-card",
            compiled(r"(?<![0-9A-Za-z])(?<![0-9][.\-])[1-8][0-9](?:[ \-]?[0-9]){13}(?![0-9A-Za-z]|[.\-][0-9])"),
            0.3, "(?:[0-9][ -]?){15}", ID_SAID, 0.9, _old_id, 0.45, digits=15,
        ),
        Pattern(
            "id-card", compiled(r"(?<![0-9A-Za-z])[A-Z]{1,2}[0-9]{6}\s?\([0-9A]\)"),
            0.5, "", compiled(r"身份证|hkid|香港|identity|id\s*card"), 0.97, checksums.hong_kong_id, 0.85, digits=6, signs="(",
        ),
        Pattern(
            "id-card", compiled(r"(?<![0-9A-Za-z])[A-Z][12][0-9]{8}(?![0-9A-Za-z])"),
            0.4, "[A-Za-z][12][0-9]{8}", compiled(r"身份證|身份证|身分證|台湾|臺灣|taiwan|id\s*card|證號"), 0.95, checksums.taiwan_id, 0.55, digits=9,
        ),
        Pattern(  # Macao: seven digits and a check digit that its office does not explain
            "id-card", compiled(r"(?<![0-9A-Za-z])[157][0-9]{6}\s?(?:\([0-9]\)|/[0-9])(?![0-9A-Za-z])"),
            0.3, "[0-9]{7} ?[(/]", compiled(r"澳门|澳門|maca[uo]|\bbir\b"), 0.93, digits=8,
        ),
        Pattern(  # foreigners who stay for good, until 2023: nation, office, day of birth
            "id-card", compiled(r"(?<![0-9A-Za-z])[A-Z]{3}[0-9]{12}(?![0-9A-Za-z])"),
            0.1, "[A-Za-z]{3}[0-9]{12}", _STAY, 0.93, digits=12,
        ),
        Pattern(  # foreigners in Taiwan, older and newer numbers
            "id-card", compiled(r"(?<![0-9A-Za-z])[A-Z][A-D89][0-9]{8}(?![0-9A-Za-z])"),
            0.1, "[A-Za-z][A-Da-d89][0-9]{8}", _STAY, 0.92, digits=8,
        ),
        Pattern(
            "passport", compiled(r"(?<![0-9A-Za-z])(?:[EG][0-9]{8}|E[A-HJ-NP-Z][0-9]{7}|[DSPK][0-9]{7})(?![0-9A-Za-z])"),
            0.35, "[DEGKPSdegkps][A-Za-z0-9][0-9]{6}", _PASS, 0.92, digits=7,
        ),
        Pattern(
            "passport", compiled(r"(?<![0-9A-Za-z])(?:[HMCLTW][0-9]{8}(?:[0-9]{2})?|C[A-HJ-NP-Z][0-9]{7})(?![0-9A-Za-z])"),
            0.3, "[HMCLTWhmcltw][A-Za-z0-9][0-9]{7}", _PASS, 0.9, digits=7,
        ),
        Pattern(
            "passport", compiled(rf"(?<![0-9A-Za-z\-])(?!{_DAY}(?![0-9A-Z]))(?=[A-Z0-9]*[0-9])[A-Z0-9]{{7,9}}(?![0-9A-Za-z\-]|\s?[元块年月日])"),
            0.1, "[0-9]", _PASS_SAID, 0.85, checksums.some_digits, 0.1, reach=24, digits=4,
        ),
        Pattern(  # the first line of what machines read
            "passport", compiled(r"(?<![0-9A-Za-z])P[A-Z<][A-Z]{3}[A-Z]+<+[A-Z<]{8,}", flags=0), 0.95, "<<", signs="<",
        ),
        Pattern(
            "ssn", compiled(r"(?<![0-9A-Za-z])(?<![0-9][.\-/])(?!000|666|9)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}(?![0-9A-Za-z]|[.\-/][0-9])"),
            0.7, "[0-9]{3}-[0-9]{2}-[0-9]{4}", _SSN, 0.97, digits=9,
        ),
        Pattern(
            "ssn", compiled(r"(?<![0-9A-Za-z\-])(?!000|666|9)[0-9]{3} ?(?!00)[0-9]{2} ?(?!0000)[0-9]{4}(?![0-9A-Za-z\-])"),
            0.1, "[0-9]{3} ?[0-9]{2} ?[0-9]{4}", _SSN, 0.85, only_before=True, digits=9,
        ),
        Pattern(
            "driver-licence", compiled(r"(?<![0-9A-Za-z\-])[A-Z]{0,3}[0-9][0-9A-Z\-]{3,18}[0-9A-Z](?![0-9A-Za-z])"),
            0.1, "[0-9]{2}", _DRIVER, 0.85, checksums.some_digits, 0.1, only_before=True, reach=40, digits=4,
        ),
    )  # fmt: skip


RECOGNISER = Identity
