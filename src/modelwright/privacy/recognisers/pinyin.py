"""Chinese names in pinyin, in Latin text: Feng Jiahao, Ouyang Feifan, Xiaoyu Lin, Xiao-yu Lin.

A surname beside a given name of two syllables that is no English word: such a pair hardly means anything else.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelwright.privacy import lexicon
from modelwright.privacy._latin import kind_of
from modelwright.privacy.lazy_patterns import later
from modelwright.privacy.recognisers.base import Match, Recogniser, person_at
from modelwright.privacy.text import Block

# how one syllable is spelt (GB/T 16159); somewhat more than there are, since the words beside it decide too
_FINAL = "iang|iong|uang|ang|eng|ing|ong|ian|iao|uai|uan|ai|ei|ui|ao|ou|iu|ie|ue|ve|an|en|in|un|er|ia|ua|uo|a|e|i|o|u|v"
_SYLLABLE = rf"(?:(?:(?:zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])(?:{_FINAL})|er|an|en|ai|ao|ou|ang))"
_WORD = r"[A-Z][a-z]{1,11}(?:['’\-]?[A-Za-z]?[a-z]{1,6})?"
_PAIR = rf"(?<![\w.@'’\-/])(?P<one>{_WORD}) (?P<other>{_WORD})(?![\w@\-/]|\.\w)"
_SURNAMES = frozenset(lexicon.pieces("pinyin")) | frozenset(
    "ouyang sima shangguan zhuge situ huangfu murong linghu dongfang duanmu gongsun xiahou zhang bai fan fang fu gu guan hao hou hong ji jia jin jing "
    "kang ke kong lai lei liao ling liu long mao mei meng miao mo mu ni niu ou pang pei qi qian qiao qin qiu qu rao rong shang shao shi shu sheng "
    "tao teng tong wan wen weng wu xi xia xiang xin xing xiong xue yan yang yi yin ying you zhan zhuang zou zuo".split()
)


class Pinyin(Recogniser):
    """Names of persons in pinyin, the surname first or last."""

    types = ("person",)
    hints = ("[A-Z][a-z]+ [A-Z][a-z]",)

    _pair = later(rf"(?={_PAIR})")
    _two = later(rf"{_SYLLABLE}['’\-]?{_SYLLABLE}")

    def find(self, block: Block, column: str) -> Iterator[tuple[int, Match]]:
        some = block.select("[A-Z][a-z]+ [A-Z][a-z]")
        for cell, m in some.finditer(self._pair):
            one, other = m["one"].lower(), m["other"].lower()
            end = m.end("other")
            if other.endswith(("'s", "’s")):
                other, end = other[:-2], end - 2
            if (one in _SURNAMES and self._may_be_given_name(other)) or (
                other in _SURNAMES and self._may_be_given_name(one)
            ):
                yield person_at(some, cell, (m.start("one"), end), 0.86)

    def _may_be_given_name(self, word: str) -> bool:
        """Whether a word may be a given name of two syllables: in no list of words, places or other names."""
        return self._two.fullmatch(word) is not None and kind_of(word) in "USF" and word not in _SURNAMES


RECOGNISER = Pinyin
