"""What belongs to one person and has a form of its own: days of birth, medical and insurance numbers."""

from __future__ import annotations

from modelwright.privacy import checksums
from modelwright.privacy.recognisers.base import Pattern, Patterns, compiled

_BORN = compiled(
    r"[，,、|\t ][男女][，,、|\t ](?:[^\s\x00-\x7f，,、]{1,4}族[，,、|\t ])?(?![^0-9])|(?<![^0-9日号 ])生(?![产效日活成])|出生|生日|生于|诞辰|\bborn\b|birth|\bd\.?o\.?b\b|birthday|阳历生|农历生"
)
_MEDICAL = compiled(
    r"病历号|病案号|住院号|门诊号|就诊号|就诊卡|诊疗卡|医保|社保|社会保障|体检号|检查号|影像号|登记号|medical\s*record|\bmrn\b|patient\s*(?:id|no|num|#)|"
    r"chart\s*(?:no|num|#)|health\s*(?:card|insurance)|insurance\s*(?:id|no|num|#)|medicare|medicaid|member\s*id"
)
_MONTH = r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
_NUMBER = r"(?<![0-9A-Za-z])(?<![0-9][.,\-/])"


class Person(Patterns):
    """Days of birth beside words that say so; medical record, patient and insurance numbers."""

    types = ("birth-date", "medical-record")
    patterns = (
        Pattern(
            "birth-date",
            compiled(
                _NUMBER,
                r"(?:(?:19|20)[0-9]{2}\s?[\-/.年]\s?(?:0?[1-9]|1[0-2])\s?[\-/.月]\s?(?:0?[1-9]|[12][0-9]|3[01])(?:\s?[日号])?"
                r"|(?:0?[1-9]|[12][0-9]|3[01])[\-/.](?:0?[1-9]|[12][0-9]|3[01])[\-/.](?:19|20)?[0-9]{2}"
                r"|(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
                r"|(?:19|20)[0-9]{2}\s?年\s?(?:0?[1-9]|1[0-2])\s?月"
                rf"|{_MONTH}\.?\s+[0-9]{{1,2}}(?:st|nd|rd|th)?,?\s+(?:19|20)[0-9]{{2}}"
                rf"|[0-9]{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH}\.?,?\s+(?:19|20)[0-9]{{2}})(?![0-9])"
            ),
            0.1, "[0-9]{2}", _BORN, 0.9, against=None, reach=28, digits=5,
        ),
        Pattern(
            "medical-record", compiled(r"(?<![0-9A-Za-z\-])[A-Z]{0,4}[\-]?[0-9][0-9A-Z\-]{3,18}(?<!-)(?![0-9A-Za-z])"),
            0.1, "[0-9]{3}", _MEDICAL, 0.85, checksums.some_digits, 0.1, only_before=True, reach=18, digits=4,
        ),
    )  # fmt: skip


RECOGNISER = Person
