"""Keys, tokens and passwords: by the forms their makers gave them, or by words beside them and how random they are."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

from modelwright.privacy.recognisers.base import Match, Pattern, Patterns, compiled
from modelwright.privacy.text import Block

_LEFT = r"(?<![A-Za-z0-9_\-])"
_RIGHT = r"(?![A-Za-z0-9_\-])"
_KEY = compiled(
    r"api[\s_\-]?key|secret|token|access[\s_\-]?key|private[\s_\-]?key|credential|bearer|密钥|秘钥|令牌|口令|\bkey\b|sk\b|auth"
)
_HASH = compiled(r"\b(?:md5|sha-?[0-9]+|hash|checksum|digest|commit|etag|uuid|guid|校验|摘要|提交)\b")
_FORMS = (
    r"(?:AKIA|ASIA|AGPA|AIDA|AROA)[A-Z0-9]{16}",
    r"gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,}",
    r"glpat-[A-Za-z0-9_\-]{20,}",
    r"sk-(?:[a-z]{2,6}-)?[A-Za-z0-9_\-]{20,}",
    r"(?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{16,}",
    r"AIza[A-Za-z0-9_\-]{35}",
    r"xox[abposr]-[A-Za-z0-9\-]{10,}",
    r"LTAI[A-Za-z0-9]{12,24}",
    r"AKID[A-Za-z0-9]{28,36}",
    r"(?:npm|hf|dop_v1|shpat|pypi)[_\-][A-Za-z0-9_\-]{30,}",
    r"SG\.[A-Za-z0-9_\-]{16,}\.[A-Za-z0-9_\-]{16,}",
    r"eyJ[A-Za-z0-9_\-]{8,}\.eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}",
    r"[0-9]{8,10}:AA[A-Za-z0-9_\-]{33}",
)


def entropy(text: str) -> float:
    """Return the entropy of the characters of a text in bits a character (Shannon)."""
    n = len(text)
    return -sum(c / n * math.log2(c / n) for c in Counter(text).values()) if n else 0.0


class Secret(Patterns):
    """API keys, tokens, private keys, passwords."""

    types = ("secret",)
    _said = r"(?i)pass|pwd|psw|secret|key|token|bearer|credential|密码|口令|密钥|秘钥|令牌|私钥|验证码"
    hints = (_said,)
    patterns = (
        Pattern(
            "secret", compiled(_LEFT, "(?:", "|".join(_FORMS), ")", _RIGHT, flags=0),
            0.97, r"AKIA|ASIA|AGPA|AIDA|AROA|gh[pousr]_|github_|glpat-|sk-|[spr]k_|AIza|xox|LTAI|AKID|npm_|hf_|dop_|shpat|pypi-|SG\.|eyJ|:AA", against=None,
        ),
        Pattern(
            "secret", compiled(r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----[^\x00]{0,6000}?(?:-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----|(?=\x00))"),
            0.99, "PRIVATE KEY", against=None, signs="-",
        ),
        Pattern(  # a password inside a URL
            "secret", compiled(r"[a-z][a-z0-9+.\-]{1,20}://[^\s:/@\x00]{0,60}:([^\s/\x00]{3,80})@(?=[^\s@/\x00])"),
            0.98, "://", against=None, signs=":",
        ),
    )  # fmt: skip

    _word = (
        r"(?:pass(?:word|wd|phrase|code)|pwd|\bpsw\b|secret(?:[\s_\-]?key)?|api[\s_\-]?key|access[\s_\-]?(?:key|token)|auth[\s_\-]?token|"
        r"private[\s_\-]?key|client[\s_\-]?secret|token|bearer|credentials?|密码|口令|密钥|秘钥|令牌|私钥|验证码)"
    )
    _told = compiled(
        _word,
        r"(?:[\s\"']{0,3}(?:[:=]|是|为|is now|is|was|->|to)[\s\"']{0,3}|(?<=bearer)\s|(?<=[密口令钥码]))",
        r"([^\s\x00\"',;)(\u3000-\u303f\u4e00-\u9fff]{4,200})",
    )
    _random = compiled(r"(?<![A-Za-z0-9_+/=\-.@])[A-Za-z0-9_+/\-]{20,512}={0,2}(?![A-Za-z0-9_+/=\-.@])")
    _plain_word = compiled(r"[A-Za-z]+(?:['’\-][A-Za-z]+)*[.!?,:;]*")
    _named = compiled(_word, r"|_key$|^key$|_pwd|\bpw\b")

    def find(self, block: Block, column: str) -> Iterator[tuple[int, Match]]:
        yield from super().find(block, column)
        some = block.select(self._said)
        for cell, m in some.finditer(self._told):
            value = m.group(1).rstrip(".,;:?")
            score = self._password(value)
            if score:
                first = int(some.starts[cell])
                start = m.start(1) - first
                yield int(some.index[cell]), Match(start, start + len(value), "secret", score, "form+context")
        named = self._named.search(column) is not None
        some = block.with_digits(2).select("[A-Za-z0-9_+/-]{20}")
        for cell, m in some.finditer(self._random):
            yield from self._random_match(some, cell, m.start(), m.end(), named)
        if named:
            for i, cell_text in enumerate(block.cells):
                if 4 <= len(cell_text) <= 200 and " " not in cell_text and self._password(cell_text):
                    yield int(block.index[i]), Match(0, len(cell_text), "secret", 0.8, "form+column", True)

    def _password(self, value: str) -> float:
        """Return how sure it is that what follows such a word is a secret: plain words and templates are none."""
        if self._plain_word.fullmatch(value) or any("\u4e00" <= c <= "\u9fff" for c in value):
            return 0.0
        if value[:1] in "<{[$%*" or set(value) <= set("*x.•-_#") or value.startswith(("http", "www.")):
            return 0.0
        kinds = (
            any(c.islower() for c in value) + any(c.isupper() for c in value)
            + any(c.isdigit() for c in value) + any(not c.isalnum() for c in value)
        )  # fmt: skip
        if value.isdigit():
            return 0.7 if 4 <= len(value) <= 12 else 0.0
        return 0.9 if kinds >= 2 else 0.0

    def _random_match(self, some: Block, cell: int, start: int, end: int, named: bool) -> Iterator[tuple[int, Match]]:
        """Judge a long run of letters and digits: random ones are keys where words say so, hashes where they say that."""
        value = some.text[start:end]
        letters, digits = sum(c.isalpha() for c in value), sum(c.isdigit() for c in value)
        if letters < 4 or digits < 2 or "//" in value or value.count("/") > 3:
            return
        hexadecimal = all(c in "0123456789abcdefABCDEF-" for c in value)
        if entropy(value) < (2.9 if hexadecimal else 3.6):
            return
        first = int(some.starts[cell])
        before = some.text[max(first, start - 30) : start]
        if _HASH.search(before):
            return
        mixed = not hexadecimal and any(c.islower() for c in value) and any(c.isupper() for c in value)
        score, reason = (0.4, "form") if not mixed or len(value) < 32 else (0.6, "form")
        if _KEY.search(before):
            score, reason = 0.92, "form+context"
        elif named:
            score, reason = 0.92, "form+column"
        lone = start == first and end == int(some.starts[cell + 1]) - 1
        yield int(some.index[cell]), Match(start - first, end - first, "secret", score, reason, lone)


RECOGNISER = Secret
