"""Where money lies: bank cards and accounts, IBANs, and the credit codes of companies."""

from __future__ import annotations

from modelwright.privacy import checksums
from modelwright.privacy.recognisers.base import Pattern, Patterns, compiled

_CARD = compiled(
    r"卡号|银行卡|信用卡|储蓄卡|借记卡|尾号|付款卡|收款卡|\bcards?\b|\bcc\b|credit|debit|\bvisa\b|master\s?card|amex|unionpay|银联|万事达|运通卡|维萨|\bpan\b|card_?no"
)
_ACCOUNT = compiled(
    r"银行账[号户]|银行帐号|开户|对公|收款账[号户]|打款|汇款|bank\s*(?:account|acct)|account\s*(?:no|num|#)|账号|帐号"
)


def _company(code: str) -> bool:
    """Whether the check digit fits, the registrar and the division are ones that give codes, and it is no ID card by its form."""
    given = (
        code[0].upper() in "159ANY" and code[1] in "1239" and (checksums.is_division(code[2:4]) or code[2:4] == "10")
    )
    return given and checksums.credit_code(code) and not (code[:17].isdigit() and checksums.id_form(code))


def _issued(digits: str) -> bool:
    return checksums.luhn(digits) and checksums.card_issuer(digits)


class Money(Patterns):
    """Bank cards by scheme and Luhn's digit, accounts by words beside them, IBANs, unified social credit codes."""

    types = ("bank-card", "iban", "credit-code")
    patterns = (
        Pattern(
            "bank-card",
            compiled(r"(?<![0-9A-Za-z])(?<![0-9][.\-/])[1-9][0-9]{3}(?:[ \-]?[0-9]{4}){2}[ \-]?[0-9]{1,7}(?:[ \-]?[0-9]{3})?(?![0-9]|[.\-/][0-9]|[A-Za-z])"),
            0.2, "(?:[0-9][ -]?){13}", _CARD, 0.97, _issued, 0.45, digits=13,
        ),
        Pattern(  # in groups of four, or of the scheme whose first digits few other numbers have
            "bank-card",
            compiled(r"(?<![0-9A-Za-z])(?<![0-9][.\-/])(?:[2-6][0-9]{3}(?:[ \-][0-9]{4}){3}(?:[ \-][0-9]{3})?|62[0-9]{14,17})(?![ \-]?[0-9]|[.\-/][0-9]|[A-Za-z])"),
            0.2, "[2-6](?:[0-9][ -]?){15}", _CARD, 0.97, _issued, 0.72, digits=16,
        ),
        Pattern(
            "bank-card", compiled(r"(?<![0-9A-Za-z])3[0-9]{3}[ \-]?[0-9]{6}[ \-]?[0-9]{4,5}(?![0-9A-Za-z])"),
            0.2, "3(?:[0-9][ -]?){12}", _CARD, 0.97, _issued, 0.72, digits=14,
        ),
        Pattern(  # any number with the right last digit, where words say that it is a card
            "bank-card", compiled(r"(?<![0-9A-Za-z])(?<![0-9][.\-/])[1-9](?:[ \-]?[0-9]){11,18}(?![0-9A-Za-z]|[.\-/][0-9])"),
            0.1, "(?:[0-9][ -]?){12}", _CARD, 0.9, checksums.luhn, 0.1, only_before=True, digits=12,
        ),
        Pattern(
            "bank-card", compiled(r"(?<![0-9A-Za-z])(?<![0-9][.\-/])[0-9]{9,22}(?![0-9A-Za-z]|[.\-/][0-9])"),
            0.1, "[0-9]{9}", _ACCOUNT, 0.6, only_before=True, reach=16, digits=9,
        ),
        Pattern(
            "iban", compiled(r"(?<![0-9A-Za-z])[A-Z]{2}[0-9]{2}(?:[ \-]?[A-Z0-9]{4}){2,7}(?:[ \-]?[A-Z0-9]{1,3})?(?![0-9A-Za-z])"),
            0.2, "[A-Za-z]{2}[0-9]{2}[ -]?[A-Za-z0-9]{4}", None, 0.9, checksums.iban, 0.97, against=None, digits=6,
        ),
        Pattern(
            "credit-code", compiled(r"(?<![0-9A-Za-z])[1-9A-HJ-NPQRTUWXY][0-9A-HJ-NPQRTUWXY][0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}(?![0-9A-Za-z])"),
            0.2, "[0-9]{6}[0-9A-Za-z]{10}", compiled(r"信用代码|税号|纳税人|统一社会|credit\s?code|uscc"), 0.97, _company, 0.9, against=None, digits=6,
        ),
    )  # fmt: skip


RECOGNISER = Money
