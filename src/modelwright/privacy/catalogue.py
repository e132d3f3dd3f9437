"""The types of personal data: their names, what a run and `anonymise` do with each by default, and how values compare."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from modelwright.core.errors import OptionError, unknown
from modelwright.core.words import Words

_SPACES = re.compile(r"\s+")
_NO_CODE = re.compile(r"[^0-9A-Za-z]+")


def _letters(value: str) -> str:
    return _NO_CODE.sub("", value).upper()


def _phone(value: str) -> str:
    """Return the digits of a phone number without extension, country code of China and trunk zeros: one for all its spellings."""
    digits = re.sub(r"\D", "", re.split(r"[xX转]|ext", value, maxsplit=1)[0])
    if digits.startswith("00"):
        digits = digits[2:]
    if len(digits) == 13 and digits.startswith("861"):
        digits = digits[2:]
    return digits.lstrip("0") or digits


def _words(value: str) -> str:
    return _SPACES.sub(" ", value).strip().casefold()


def _exact(value: str) -> str:
    return value.strip()


@dataclass(frozen=True)
class PrivateType:
    """One type of personal data.

    `direct` says that a value points at one person or thing by itself, so that a column of them is no input for a model.
    `run` is what is done before training, `anonymise` what the verb of that name does, unless asked otherwise (names of
    `policy.ACTIONS`). `canonical` gives one spelling for all spellings of a value, so that pseudonyms join.
    """

    name: str
    one: Words
    many: Words
    direct: bool = True
    run: str = "placeholder"
    anonymise: str = "pseudonym"
    canonical: Callable[[str], str] = _letters
    sure: float = 0.5  # how sure a find must be for a run to replace it; less sure ones are shown

    @property
    def placeholder(self) -> str:
        """What stands in a text instead of the value, such as `<ID_CARD>`."""
        return f"<{self.name.replace('-', '_').upper()}>"

    def counted(self, count: int) -> Words:
        """Return `1 phone number`, `312 phone numbers` in both languages."""
        return Words(f"{count:,} {(self.one if count == 1 else self.many).en}", f"{count:,} 个{self.many.zh}")


def _type(name: str, one: str, many: str, zh: str, **more: object) -> PrivateType:
    return PrivateType(name, Words(one, zh), Words(many, zh), **more)  # type: ignore[arg-type]


TYPES: dict[str, PrivateType] = {
    t.name: t
    for t in (
        _type("person", "name of a person", "names of persons", "人名", canonical=_words, sure=0.7),
        _type("address", "address", "addresses", "地址", anonymise="generalise", canonical=_words),
        _type("place", "place", "places", "地名", direct=False, run="keep", anonymise="keep", canonical=_words),
        _type("postcode", "postcode", "postcodes", "邮编", direct=False, run="generalise", anonymise="generalise"),
        _type("gps", "position", "positions", "坐标", direct=False, anonymise="generalise", canonical=_exact),
        _type("phone", "phone number", "phone numbers", "电话号码", canonical=_phone),
        _type("email", "e-mail address", "e-mail addresses", "电子邮箱", canonical=_words),
        _type("id-card", "ID card number", "ID card numbers", "身份证号"),
        _type("passport", "passport or travel permit", "passports or travel permits", "护照或通行证号"),
        _type("ssn", "US social security number", "US social security numbers", "美国社会安全号"),
        _type("driver-licence", "driver licence", "driver licences", "驾驶证号"),
        _type("plate", "licence plate", "licence plates", "车牌号"),
        _type("vin", "vehicle identification number", "vehicle identification numbers", "车架号"),
        _type("bank-card", "bank card or account", "bank cards or accounts", "银行卡号或账号"),
        _type("iban", "IBAN", "IBANs", "IBAN 账号"),
        _type("credit-code", "company credit code", "company credit codes", "统一社会信用代码"),
        _type("ip", "IP address", "IP addresses", "IP 地址", anonymise="generalise", canonical=_words),
        _type("mac", "MAC address", "MAC addresses", "MAC 地址"),
        _type("url", "web address", "web addresses", "网址", direct=False, anonymise="generalise", canonical=_exact),
        _type("wechat", "WeChat id", "WeChat ids", "微信号", canonical=_words),
        _type("qq", "QQ number", "QQ numbers", "QQ 号"),
        _type("birth-date", "date of birth", "dates of birth", "出生日期", direct=False, run="generalise", anonymise="generalise", canonical=_exact),
        _type("medical-record", "medical or insurance number", "medical or insurance numbers", "病历或医保号"),
        _type("secret", "key or password", "keys or passwords", "密钥或密码", anonymise="placeholder", canonical=_exact),
    )
}  # fmt: skip


def get_type(name: str) -> PrivateType:
    """Return the type of that name. Raises OptionError, naming the nearest, if there is none."""
    if name not in TYPES:
        raise unknown(Words("type of personal data", "个人数据类型"), name, TYPES, OptionError)
    return TYPES[name]
