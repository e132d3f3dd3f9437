"""Names of people in Latin letters, in sentences: what the words themselves are, and what stands beside them.

    Wendy at the front desk found it        a person
    Wendy's closed early, Denny's did not    none

A run of words with capitals is proposed where it holds a name or the tagger proposes it. A logistic regression over what lists say of its words, what
stands before and after it and what the tagger says tells how sure it is. `benchmarks/persons.py latin` fits it anew, and says on what.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from operator import mul

from modelwright.privacy import lexicon
from modelwright.privacy._common_words import latin
from modelwright.privacy._titles import TELLS, is_goods, is_title
from modelwright.privacy.lazy_patterns import later

Found = tuple[int, int, float]
Tagged = tuple[int, int, str, float]  # start, end, kind, how sure

_LETTER = r"[^\W\d_]"
_RUN = later(
    rf"(?<![\w@#/\\.\-])[A-ZÀ-ÞĀ-Ž]{_LETTER}*(?:['’\-]{_LETTER}{{2,}})*"
    rf"(?: (?:[A-Z]\.(?: ?[A-Z]\.)?|(?:van|von|de|da|di|del|der|den|la|bin|bint|ibn|al|el)|[A-ZÀ-ÞĀ-Ž]{_LETTER}*(?:['’\-]{_LETTER}{{2,}})*)(?![\w@]))*"
)
_INITIALS = later(r"(?:[A-Z]\. ?){1,3}$")
_BEFORE = later(rf"[^\w\n\x00]{{1,3}}({_LETTER}+(?:['’]{_LETTER}+)?)")  # read from its end on, which is matched once
_AFTER = later(rf" ({_LETTER}+)")
_ENDS = frozenset(".!?\n\x00")
_NEAR = 28  # characters before a name that are looked at
_SHORT = frozenset("pt attn cc bcc re fw fwd tel mob ext dept acct inv ref ps fyi eta asap thx pls".split())
_CONTRACTED = ("'ve", "'re", "'ll", "'m", "'d", "n't")
_PARTICLES = frozenset("van von de da di del der den la bin bint ibn al el".split())

_NAMED = frozenset(lexicon.entries("name_words"))
_LAST = frozenset(w for e in lexicon.entries("last_names") for w in e.split())
_BRANDS = frozenset(lexicon.entries("brands"))
_WORDS = frozenset(lexicon.entries("words"))
_PLACES = frozenset(
    w for name in ("countries", "cities", "organisations", "nationalities", "calendar", "streets") for e in lexicon.entries(name) for w in e.split()
)  # fmt: skip
_TITLES = frozenset(lexicon.entries("titles"))
_TO = frozenset(
    "by with to from for told asked ask tell let met meet thank thanks dear hi hello hey spoke seen saw called call named contact cc attn than per via "
    "assigned kudos according until recommend thx patient pt guest caller customer client and & regards".split()
)
_IN = frozenset("in at near through on into around toward towards across over past between off".split())
_THE = frozenset(
    "a an the this that these those some any no each every another both more one new old fresh same".split()
)
_OWN = frozenset("my our your his her their its".split())
_ROLES = frozenset(
    "driver waiter waitress server guide agent doctor nurse teacher trainer coach cleaner manager technician instructor plumber electrician neighbour "
    "neighbor colleague husband wife brother sister son daughter uncle aunt friend landlord tenant receptionist host hostess stylist barber dentist "
    "therapist lawyer solicitor claimant defendant plaintiff witness cousin boss assistant author editor student pupil volunteer".split()
)
_DOES = frozenset(
    "is was has had will would can could should did does says said told wrote writes asked asks called calls helped forgot checked carried answered "
    "requested requests paid pays bought sent sends signed signs wants wanted needs knows knew thinks thought took takes gave gives made makes went goes "
    "came comes got gets left drove drives joined cancelled confirmed replied explained refused promised showed brought moved lives works worked never "
    "always also still just already picked hasn't hadn't won't didn't doesn't isn't wasn't can't couldn't who whose".split()
)
_LINKS = frozenset(
    "and or but at from in for on with about to as if when because so than that then by of until".split()
)
_TITLED = frozenset("mr mrs ms miss dr prof professor sir frau herr madame señora mme coach captain".split())
# what stands after these is a thing's: Colour: Ruby; St. James
_OF_THINGS = later(
    r"(?i)(?<![a-z])(?:(?:colou?r|size|style|model|finish|fabric|wood|paint|material|pattern|scent|flavou?r|edition|series|theme|brand|product|item|make|shade|"
    r"collection|venue|city|place|location|street|drink|dish|sauce|variety|breed|title|book|film|movie|song|album|team|event|project) ?[:=]|St\.?) [\"']?$"
)
_PRONOUNS = later(r"(?i)\b(?:he|she|his|her|him|hers|who)\b")
_THINGS = frozenset(
    "library street avenue road airport hospital hall university college school center centre park bridge museum stadium foundation award prize cup "
    "tower building square theatre theater institute ward station line hotel inn lane street terminal bank knife boots cross lake mount river wing club "
    "house church disease syndrome clinic".split()
)

_NO_NAMES = frozenset("CP")  # kinds of words that are no name by themselves

# what each feature of `_features` adds to the log-odds, and where they begin
WEIGHTS = (
    1.21, 0.43, -0.19, -1.38, 0.08, 0.78, -0.94, 2.06, -1.21, -0.11, -0.48, -0.29, 0.7, 0.05, -0.49, -0.15, -0.48,
    0.8, -0.93, 0.44, 1.16, -1.85, -0.91, -0.14, 1.06, -1.11, 0.13, -1.44, 1.36, -0.52, -0.72, -1.02, 0.37, 0.74,
    -1.04, -0.97, -0.45, -3.46, -1.9, 0.66, 0.22, 0.42, -0.41, 1.35, -0.66, 0.42, 0.32,
)  # fmt: skip
BIAS = -2.07
_GIVEN, _SURE, _BEST = (
    0.5,
    0.6,
    0.9,
)  # probability from which a name is told, from which it is replaced, and the highest score


def read(cell: str, tagged: Sequence[Tagged]) -> Iterator[Found]:
    """Yield the names of people in one cell, with a score as recognisers have it: .5 told, .7 replaced."""
    for span, values in features(cell, tagged).items():
        odds = sum(map(mul, WEIGHTS, values)) + BIAS
        chance = 1 / (1 + math.exp(-odds))
        if chance >= _GIVEN:
            low = 0.5 + 0.2 * (chance - _GIVEN) / (_SURE - _GIVEN)
            high = 0.7 + (_BEST - 0.7) * (chance - _SURE) / (1 - _SURE)
            yield *span, low if chance < _SURE else high


def features(cell: str, tagged: Sequence[Tagged]) -> dict[tuple[int, int], list[float]]:
    """Return, for each name that is proposed, what speaks for and against it, in the order of `WEIGHTS`."""
    people = {(s, e): sure for s, e, kind, sure in tagged if kind == "PERSON"}
    others = [(s, e) for s, e, kind, _ in tagged if kind != "PERSON"]
    spans: dict[tuple[int, int], None] = {}
    for m in _RUN.finditer(cell):
        if _is_plain(m[0]) and not (people and any(m.start() < e and s < m.end() for s, e in people)):
            continue
        for start, end in _names_of(cell, *m.span()):
            spans[start, end] = None
    for start, end in people:
        own = cell[start:end]
        named = own.strip() and not own.islower() and not _is_plain(own)
        if named and not any(start < e and s < end for s, e in spans):
            spans[start, end] = None
    spans = {span: None for span in spans if not _is_of_things(cell, span[0])}
    if not spans:
        return {}
    title, he = is_title(cell), _PRONOUNS.search(cell) is not None
    return {span: _features(cell, *span, people, others, title, he) for span in spans}


@lru_cache(1 << 14)
def _is_plain(run: str) -> bool:
    """Whether a run of words holds nothing that is a name by itself."""
    return {kind_of(w) for w in run.lower().split()} <= _NO_NAMES


def _is_of_things(cell: str, start: int) -> bool:
    """Whether what begins there is a thing's by what stands before it."""
    last = cell[max(0, start - 4) : start]
    ends = ":" in last or "=" in last or "t" in last  # in which nearly no name's neighbour does
    return ends and _OF_THINGS.search(cell[max(0, start - _NEAR) : start]) is not None


def is_surname(word: str) -> bool:
    """Whether a word in small letters may be a surname, be it a common word too."""
    return word in _LAST or (word in latin()["surnames"] and word not in _WORDS)


@lru_cache(1 << 16)
def kind_of(word: str) -> str:
    """Return what a word in small letters is: first name (F), first name and a thing (A), surname (S), place or firm (P), common word (C), unknown (U)."""
    word = word.replace("’", "'").removesuffix("'s")
    if len(word) == 1 or word in _SHORT or word.endswith(_CONTRACTED):
        return "C"
    lists = latin()
    if "-" in word or "'" in word:
        parts = [p for p in word.replace("'", "-").split("-") if len(p) > 1 and p not in _PARTICLES]
        kinds = [kind_of(part) for part in parts]
        return next((k for k in "FSAUPC" if k in kinds), "U")
    if word in _NAMED:
        return "A"
    if word in lexicon.first_names():
        return "P" if word in _PLACES else "F"
    if word in _PLACES:
        return "P"
    if word in _TITLES or word in _WORDS or word in lists["common"] or is_goods(word):
        return "C"
    if word in lists["first"]:
        return "F"
    return "S" if is_surname(word) else "U"


def _names_of(cell: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the parts of a run of words that may be names: common words with capitals end one, but as a surname after a first name."""
    held: list[tuple[int, int, str]] = []
    for word in cell[start:end].split(" "):  # one blank stands between the words of a run
        small = word.lower()
        joins = word.endswith(".") or small in _PARTICLES
        if joins or kind_of(small) != "C" or (held and kind_of(held[0][2]) in "FA" and is_surname(small)):
            held.append((start, start + len(word), small))
        else:
            yield from _trimmed(cell, held)
            held = []
        start += len(word) + 1
    yield from _trimmed(cell, held)


def _trimmed(cell: str, words: list[tuple[int, int, str]]) -> Iterator[tuple[int, int]]:
    """Yield a name from its first letter to its last, with the initials before it and without `'s`."""
    while words and (words[-1][2].endswith(".") or words[-1][2] in _PARTICLES):
        words = words[:-1]
    if not words:
        return
    start, end = words[0][0], words[-1][1]
    if initials := _INITIALS.search(cell[max(0, start - 9) : start]):
        start -= len(initials[0])
    if cell[end - 2 : end].lower() in ("'s", "’s"):
        end -= 2
    if end > start:
        yield start, end


def _features(
    cell: str, start: int, end: int, people: dict[tuple[int, int], float], others: list[tuple[int, int]], title: bool, he: bool,
) -> list[float]:  # fmt: skip
    words = cell[start:end].lower().split()
    bare = [w for w in words if not w.endswith(".") and w not in _PARTICLES] or words
    kinds = [kind_of(w) for w in bare]
    first, last, size = kinds[0], kinds[-1], len(bare)
    sure = people.get((start, end), 0.0)
    partly = not sure and any(start < e and s < end for s, e in people)
    other = any(start < e and s < end for s, e in others)
    near = cell[max(0, start - _NEAR) : start]
    m = _BEFORE.match(near[::-1])
    before = m[1][::-1].lower() if m else ""
    titled = before in _TITLED
    sign = near.rstrip(" \"'“‘(").lstrip()[-1:]
    begins = (not sign or sign in _ENDS) and not titled
    before = "" if begins else before
    comma = sign in (",", ":", ";", "-", ">", "/", "+", "|")
    after = cell[end : end + 24]
    owns = after[:2] in ("'s", "’s")
    m = _AFTER.match(after, 2 if owns else 0)
    word = m[1] if m else ""
    small = word.lower()
    lower = word.islower()
    links = small in _LINKS
    does = not links and (small in _DOES or small in TELLS or (lower and small.endswith("ed") and len(small) > 4))
    thing = small in _THINGS
    stops = not after.strip() or after[0] in ".,;!?:)\n"
    return [
        sure, float(sure > 0), float(partly), float(other), float(size == 1), float(size == 2), float(size > 2),
        float(first == "F"), float(first == "A"), float(first == "S"), float(first == "P"), float(first == "U"),
        float(size > 1 and last == "S"), float(size > 1 and last == "U"), float(size > 1 and last in "CP"),
        float(size > 1 and "F" in kinds), float(size > 1 and not any(k in "FAS" for k in kinds)), float(len(words) > size),
        float(begins), float(comma), float(before in _TO and not comma), float(before in _IN and not comma),
        float(before in _THE and not comma), float(before in _OWN and not comma), float(before in _ROLES),
        float(owns), float(owns and lower and not does and not links), float(owns and (does or stops)), float(does and not owns),
        float(lower and not does and not links and not owns), float(bool(word) and not lower and not links and not does), float(thing), float(links),
        float(stops and not owns), float(after[:1].isdigit() or (after[:1] == " " and after[1:2].isdigit())), float(after[:2] == " &" or cell[max(0, start - 3) : start] == " & "),
        float(title), float(cell[start:end].lower() in _BRANDS), float(cell[start:end].isupper()), float(he), float(size == 1 and first == "U" and begins),
        float(comma and size == 1), float(size == 1 and first in "AU" and lower and not does and not owns),
        float(titled), float(size == 1 and first == "U" and before in _TO), float(size == 1 and first == "S" and begins),
        float(size == 1 and first == "S" and lower and not does and not owns and not links),
    ]  # fmt: skip
