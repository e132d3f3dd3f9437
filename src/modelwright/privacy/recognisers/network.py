"""Machines and places on the net: IP and MAC addresses, web addresses."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from modelwright.privacy.recognisers.base import AGAINST, Match, Pattern, Patterns, compiled
from modelwright.privacy.text import Block

_BYTE = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_VERSION = compiled(r"(?:\bv|ver(?:sion)?|release|build|firmware|版本|升级到|更新到|固件|章|节|条)\s*[:=]?\s*$")
_IP = compiled(r"\bips?\b|\bip_|_ip\b|address|地址|主机|服务器|host|server|网关|client|remote|登录")
_PORT = compiled(
    r":[0-9]{2,5}(?![0-9:.])|/(?:[89]|[12][0-9]|3[0-2])(?![0-9])"
)  # what follows the address of a machine or a net
_DOMAIN = r"(?:[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?\.)+[a-z]{2,18}"


class Network(Patterns):
    """IP addresses of both versions, MAC addresses, web addresses."""

    types = ("ip", "mac", "url")
    patterns = (
        Pattern(
            "url",
            compiled(r"(?<![a-z0-9])(?:https?|ftp|sftp|wss?)://[^\s\x00\"'<>，。；、（）《》「」“”\u4e00-\u9fff]*[^\s\x00\"'<>，。；、（）《》「」“”\u4e00-\u9fff.,;:!?)\]}]"),
            0.95, "://", against=None, signs=":",
        ),
        Pattern(
            "url",
            compiled(r"(?<![a-z0-9@/.\-])www\.", _DOMAIN, r"(?:/[^\s\x00\"'<>，。；、\u4e00-\u9fff]*[^\s\x00\"'<>，。；、\u4e00-\u9fff.,;:!?)\]}])?(?![a-z0-9])"),
            0.9, r"(?i)www\.", against=None, signs=".",
        ),
        Pattern(
            "url", compiled(r"(?<![a-z0-9@/.\-])", _DOMAIN, r"(?:/[^\s\x00\"'<>，。；、\u4e00-\u9fff]+)?(?![a-z0-9@])"),
            0.1, r"(?i)[a-z0-9]\.[a-z]{2}", compiled(r"网址|官网|网站|域名|链接|\burl\b|website|\bsite\b|domain|\blink\b|homepage"), 0.75, only_before=True, against=None, signs=".",
        ),
        Pattern(
            "mac", compiled(r"(?<![0-9a-z:\-])[0-9a-f]{2}(?:(?::[0-9a-f]{2}){5}|(?:-[0-9a-f]{2}){5})(?![0-9a-z:\-])"),
            0.93, "(?:[0-9A-Fa-f]{2}[:-]){5}", against=None, signs=":-",
        ),
        Pattern(
            "mac", compiled(r"(?<![0-9a-z:\-.])(?:[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}|[0-9a-f]{12})(?![0-9a-z:\-.])"),
            0.1, "[0-9A-Fa-f]{4}", compiled(r"\bmac\b|mac_|_mac|mac地址|物理地址|网卡"), 0.85, lambda c: any(x.isdigit() for x in c), 0.1, only_before=True, against=None, digits=1,
        ),
    )  # fmt: skip

    _four = compiled(r"(?<![0-9a-z.])", _BYTE, r"(?:\.", _BYTE, r"){3}(?![0-9]|\.[0-9])")
    _six = compiled(
        r"(?<![0-9a-z:.])(?:[0-9a-f]{0,4}:){2,7}(?:[0-9a-f]{1,4}|:|", _BYTE, r"(?:\.", _BYTE, r"){3})(?![0-9a-z:])"
    )

    def find(self, block: Block, column: str) -> Iterator[tuple[int, Match]]:
        yield from super().find(block, column)
        some = block.with_digits(4).having(".").select(r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]")
        for cell, m in some.finditer(self._four):
            yield from self._judged(some, cell, m.start(), m.end(), column)
        some = block.having(":").select("[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:")
        for cell, m in some.finditer(self._six):
            try:
                ipaddress.IPv6Address(m.group())
            except ValueError:
                continue
            first, last = int(some.starts[cell]), int(some.starts[cell + 1]) - 1
            digits = sum(c != ":" for c in m.group())
            score = 0.95 if digits >= 8 else 0.85 if digits >= 4 else 0.4
            lone = m.start() == first and m.end() == last
            yield int(some.index[cell]), Match(m.start() - first, m.end() - first, "ip", score, "form", lone)

    def _judged(self, some: Block, cell: int, start: int, end: int, column: str) -> Iterator[tuple[int, Match]]:
        first, last = int(some.starts[cell]), int(some.starts[cell + 1]) - 1
        before = some.text[max(first, start - 24) : start]
        value = some.text[start:end]
        score, reason = 0.85, "form"
        if max(map(int, value.split("."))) < 32 and not _PORT.match(
            some.text, end
        ):  # versions and numbered sections look so
            score = 0.45
        if _VERSION.search(before) or AGAINST.search(before[-10:]):
            score = 0.2
        elif _IP.search(before):
            score, reason = 0.95, "form+context"
        elif _IP.search(column):
            score, reason = 0.95, "form+column"
        if score >= 0.3:
            yield (
                int(some.index[cell]),
                Match(start - first, end - first, "ip", score, reason, start == first and end == last),
            )


RECOGNISER = Network
