"""Names of months and days of the week as dates are written in English, German, French, Spanish, Italian and Portuguese.

Names are compared in small letters without accents (`plain`). No name means different months in two of these languages.
"""

from __future__ import annotations

import unicodedata

_NAMES = (
    "jan january januar janner janvier janv enero ene gennaio gen janeiro",
    "feb february februar feber fevrier fevr fev febrero febbraio fevereiro",
    "mar march marz maerz mrz mars marzo marco",
    "apr april avril avr abril abr aprile",
    "may mai mayo maggio mag maio",
    "jun june juni juin junio giugno giu junho",
    "jul july juli juillet juil julio luglio lug julho",
    "aug august aout agosto ago",
    "sep sept september septembre septiembre setiembre settembre sett set setembro",
    "oct october oktober okt octobre octubre ottobre ott outubro out",
    "nov november novembre noviembre novembro",
    "dec december dezember dez decembre diciembre dic dicembre dezembro",
)
_DAYS = (
    "monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri sat sun "
    "montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag mo di mi do fr sa so "
    "lundi mardi mercredi jeudi vendredi samedi dimanche lun mar mer jeu ven sam dim "
    "lunes martes miercoles jueves viernes sabado domingo mie jue vie sab dom "
    "lunedi martedi mercoledi giovedi venerdi sabato domenica gio "
    "segunda segunda-feira terca terca-feira quarta quarta-feira quinta quinta-feira sexta sexta-feira seg ter qua qui sex"
)
MONTHS = {name: i for i, names in enumerate(_NAMES, 1) for name in names.split()}
_PLAIN = {ord(c): unicodedata.normalize("NFD", c)[0] for c in map(chr, range(0xC0, 0x180))}


def one_of(names: str | dict[str, int]) -> str:
    """Return a pattern of any of these names, the longer before those that they begin with."""
    words = set(names.split() if isinstance(names, str) else names)
    return "|".join(sorted(words, key=lambda w: (-len(w), w)))


MONTH, DAY = one_of(MONTHS), one_of(_DAYS)


def plain(text: str) -> str:
    """Return a text with the accents of its Latin letters taken off."""
    return text if text.isascii() else unicodedata.normalize("NFC", text).translate(_PLAIN)


def month_of(name: str) -> int:
    """Return the number of a month, 1 to 12. Raises KeyError for what is none."""
    return MONTHS[plain(name).lower()]
