"""English names where mail and chat put them: greetings, signatures, pairs, and those who did or are given something.

hey josh can you send it;  Regards\\nTomasz Zielinski;  Kayla and Brett;  reported by Marguerite;  SMITHERS, Waylon Jr.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelwright.privacy import lexicon
from modelwright.privacy._titles import is_goods, is_title
from modelwright.privacy.lazy_patterns import later
from modelwright.privacy.recognisers.base import Match, Recogniser, person_at
from modelwright.privacy.text import Block

_WORD = r"[A-Z][a-z][\w'’\-]*"
_NAME = rf"{_WORD}(?: (?:[A-Z]\. )?{_WORD}){{0,2}}"
_CLOSE = (
    "(?:[Kk]ind |[Bb]est |[Ww]arm |[Mm]any |[Ww]ith )?(?:[Rr]egards|[Ww]ishes|[Tt]hanks|[Bb]est|[Cc]heers|[Ss]incerely|"
    "[Yy]ours(?: (?:truly|sincerely|faithfully))?|[Tt]hank you|[Rr]espectfully|BR|[Tt]hx|祝好|此致敬礼|顺颂商祺)"
)
_GREET = "hey|hi|hello|dear|thanks|thank you|thx|cheers|morning|good morning|good afternoon|good evening|yo|sorry|welcome|congrats"
_BY = (
    "(?:left|reported|signed|approved|requested|reviewed|handled|taken|sent|raised|escalated|prepared|written|booked|owned|served|taught|"
    "treated|cancelled|completed|witnessed|submitted|created|called|paid|hosted|led) by|(?:spoke|spoken|talked|chatted|met|meeting|call|lunch|"
    "interview|appointment|session|works?|working) with|(?:assigned|reassigned|escalated|transferred|forwarded|handed|reports?|reporting|belongs?|"
    "addressed|reply|replied) to|(?:voicemail|call|message|email|mail|note|letter|complaint|request|text) from|on behalf of|c/o|care of|per"
)


class Greeted(Recogniser):
    """English names in greetings, signatures and pairs."""

    types = ("person",)
    hints = (f"(?i)(?:{_GREET})", "[A-Z][a-z]+ (?:and|&) [A-Z]", f"(?:{_BY}) [A-Z]", "[A-Z]{2}, [A-Z][a-z]")

    _greeting = later(rf"(?i)(?:^|(?<=[\x00\n])|(?<=[.!?] ))(?:{_GREET}),? (?P<name>[a-z]{{3,12}})(?![\w'’\-])")
    _closing = later(
        rf"(?:^|(?<=[\x00\n])|(?<=[.!?] )){_CLOSE}\s?[,，.!]?\s?(?:\n|\\n)+\s?(?P<name>{_NAME})(?=\s?[\n\\\x00,]|$)"
    )
    _pair = later(rf"(?<![\w.@&])(?P<one>{_WORD}) (?:and|&|\+) (?P<other>{_WORD})(?![\w@&])(?! [A-Z])")
    _done = later(rf"(?<![A-Za-z])(?:{_BY}) (?P<name>{_WORD}(?: {_WORD})?)(?![\w@]| [A-Z])")
    _turned = later(
        r"(?:^|(?<=[\x00\n;|]))(?P<name>[A-Z][A-Z'\-]+, (?P<first>[A-Z][a-z]+)(?: [A-Z]\.?)?(?:,? (?:Jr|Sr)\.|,? I{2,3})?)(?![\w])"
    )

    def find(self, block: Block, column: str) -> Iterator[tuple[int, Match]]:
        greeting = block.select(f"(?i)(?:{_GREET})")
        for cell, m in greeting.finditer(self._greeting):
            name = m["name"].lower()
            if name in _FIRST and name not in _WORDS and not is_goods(name):
                yield person_at(greeting, cell, m.span("name"), 0.85)
        lines = block.select(r"\n|\\n")
        for cell, m in lines.finditer(self._closing):
            words = m["name"].lower().split()
            if not any(w in _WORDS for w in words) and (len(words) > 1 or words[0] in _FIRST):
                yield person_at(lines, cell, m.span("name"), 0.88)
        pairs = block.select("[A-Z][a-z]+ (?:and|&|[+]) [A-Z]")
        for cell, m in pairs.finditer(self._pair):
            both = [m["one"].lower(), m["other"].lower()]
            if (
                all(w in _FIRST for w in both)
                and not all(w in _THINGS or w in _WORDS for w in both)
                and m[0].lower() not in _BRANDS
            ):
                for group in ("one", "other"):
                    yield person_at(pairs, cell, m.span(group), 0.82)
        done = block.select(f"(?:{_BY}) [A-Z]")
        for cell, m in done.finditer(self._done):
            words = [w.strip("'’").removesuffix("'s").removesuffix("’s") for w in m["name"].lower().split()]
            if any(w in _WORDS or w in _THINGS or w in _NO_PERSONS or is_goods(w) for w in words) or is_title(
                done.cells[cell]
            ):
                continue
            if any(w in _FIRST for w in words) or m["name"].lower().endswith(("'s", "’s")):
                start, end = m.span("name")
                own = 2 if m["name"].lower().endswith(("'s", "’s")) else 0
                yield person_at(done, cell, (start, end - own), 0.8)
        turned = block.select("[A-Z]{2}, [A-Z][a-z]")
        for cell, m in turned.finditer(self._turned):
            if m["first"].lower() in _FIRST:
                yield person_at(turned, cell, m.span("name"), 0.88)


_FIRST = lexicon.first_names()
_WORDS = frozenset(lexicon.entries("words"))
_BRANDS = frozenset(lexicon.entries("brands"))
_THINGS = frozenset(lexicon.entries("name_words"))
_NO_PERSONS = frozenset(
    w
    for name in ("countries", "cities", "organisations", "nationalities", "calendar", "titles")
    for e in lexicon.entries(name)
    for w in e.split()
)

RECOGNISER = Greeted
