"""Numbers that other states give to persons: Aadhaar of India, National Insurance of the United Kingdom, resident registration of Korea."""

from __future__ import annotations

from modelwright.privacy import checksums
from modelwright.privacy.recognisers.base import Pattern, Patterns, compiled

_INDIA = compiled(r"aadh?aa?r|\buidai?\b|आधार")
_BRITAIN = compiled(r"\bnino\b|\bni\s*(?:no|num|#)|national\s*insurance")
_KOREA = compiled(r"주민|\brrn\b|resident\s*registration|korean?\s*(?:id|resident)")


class Abroad(Patterns):
    """Numbers of persons in India, the United Kingdom and Korea."""

    types = ("id-card",)
    patterns = (
        Pattern(
            "id-card", compiled(r"(?<![0-9A-Za-z])(?<![0-9][ .\-])[2-9][0-9]{3}[ \-][0-9]{4}[ \-][0-9]{4}(?![ \-]?[0-9]|[A-Za-z])"),
            0.3, "[0-9]{4}[ -][0-9]{4}[ -][0-9]{4}", _INDIA, 0.96, checksums.aadhaar, 0.45, digits=12,
        ),
        Pattern(
            "id-card", compiled(r"(?<![0-9A-Za-z])[2-9][0-9]{11}(?![0-9A-Za-z])"),
            0.1, "[0-9]{12}", _INDIA, 0.96, checksums.aadhaar, 0.1, digits=12,
        ),
        Pattern(
            "id-card", compiled(r"(?<![0-9A-Za-z])(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D](?![0-9A-Za-z])"),
            0.55, "[A-Za-z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-Da-d]", _BRITAIN, 0.97, digits=6,
        ),
        Pattern(
            "id-card", compiled(r"(?<![0-9A-Za-z])(?<![0-9][\-.])[0-9]{6}-[1-8][0-9]{6}(?![0-9A-Za-z]|[\-.][0-9])"),
            0.3, "[0-9]{6}-[1-8][0-9]{6}", _KOREA, 0.97, checksums.resident_number, 0.75, digits=13,
        ),
        Pattern(
            "id-card", compiled(r"(?<![0-9A-Za-z])[0-9]{6}[1-8][0-9]{6}(?![0-9A-Za-z])"),
            0.1, "[0-9]{13}", _KOREA, 0.9, checksums.resident_number, 0.1, digits=13,
        ),
    )  # fmt: skip


RECOGNISER = Abroad
