#!/usr/bin/env bash
# num2words 0.5.14: in 47 of its 56 languages numbers between -1 and 0 are said without their minus, and -1 in Vietnamese is nineteen.
#
# A frost of -0.5 degrees is read out as "zero point five"; an amount of money keeps its minus. Other decimals are wrong in some languages: 0.05 in Bengali and
# Persian is said as 0.5 is, and -1.5 in Bengali and Welsh as 1.5. Nothing is raised, and what comes out is good speech of another number, which no listener can tell.
# What helps: say the sign by oneself, and hand over the whole part and each digit behind the point apart.
# Discussed: issues 402 (2021) and 644 (2025) of savoirfairelinux/num2words and its pull request 335 (2020), all open.
# Output seen:
#   -0.5: zero point five; as money: minus zero dollars, fifty cents; -1 in Vietnamese: mười chín, 19: mười chín
#   -0.5 as 0.5: 47 of 56 languages; 0.05 as 0.5: ['bn', 'fa']; -1.5 as 1.5: ['bn', 'cy']
# Exits 1 if this has changed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$place" num2words==0.5.14
cd "$place"
PYTHONPATH=$place PYTHONIOENCODING=utf-8 python3 - <<'PY'
import sys

from num2words import CONVERTER_CLASSES, num2words


def say(value, language):
    try:
        return num2words(value, lang=language)
    except Exception:  # what a language cannot say at all is not counted
        return None


def equal(one, other):
    """The languages that say two numbers alike."""
    said = ((language, say(one, language), say(other, language)) for language in sorted(CONVERTER_CLASSES))
    return [language for language, a, b in said if a is not None and a == b]


english, money, vietnamese = say(-0.5, "en"), num2words(-0.5, to="currency", currency="USD"), say(-1, "vi")
print(f"-0.5: {english}; as money: {money}; -1 in Vietnamese: {vietnamese}, 19: {say(19, 'vi')}")
lost, tenths, minus = equal(-0.5, 0.5), equal(0.05, 0.5), equal(-1.5, 1.5)
print(f"-0.5 as 0.5: {len(lost)} of {len(CONVERTER_CLASSES)} languages; 0.05 as 0.5: {tenths}; -1.5 as 1.5: {minus}")
spoken = english == "zero point five" and money.startswith("minus") and vietnamese == say(19, "vi")
sys.exit(0 if spoken and len(lost) == 47 and tenths == ["bn", "fa"] and minus == ["bn", "cy"] else 1)
PY
