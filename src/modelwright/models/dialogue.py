"""Conversations: follow-up questions made whole by what was asked before, and when to hand over to a person.

By rules alone, in English and Chinese, so that it is plain why something happened. Only what the user said is carried on,
never what documents or answers hold.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from modelwright.core.words import Words
from modelwright.models.retrieval import terms

_MOST_TURNS = 20
_SUMMARY = 6  # turns of a summary
_SHORT = 3  # terms up to which a question may lean on the one before
_POINTS = re.compile(
    r"\b(it|its|that|this|they|them|those|these|he|she|instead)\b"
    r"|^(and|but|so|or|what about|how about|why|why not|how so|how long|how much|when|where|which one|can i|is it)\b"
    r"|它|这个|那个|这些|那些|这种|那种|他们|她们|其中|该|上面|刚才|那么|那(?=[要会能多怎如是我，,])|^(那|还|然后|另外|如果|为什么|多久|多少钱|怎么办)",
    re.IGNORECASE,
)
_ASKING = re.compile(
    r"\b(what|how|when|where|why|which|who|whom|can|could|do|does|did|is|are|was|were|will|would|should|please|tell|me|about)\b"
    r"|请问|怎么样|怎么|如何|什么时候|什么|为什么|哪里|哪个|多少|多久|可以|能不能|能否|是否|是不是|有没有|吗|呢|一下|[?？。.!！,，]",
    re.IGNORECASE,
)
_PERSON = re.compile(
    r"\b(speak|talk|connect|transfer|chat|put me through|get)\b.{0,30}\b(human|person|people|agent|someone|somebody|representative|operator|staff|manager)\b"
    r"|\b(human|live|real|customer service) (agent|person|being|representative|support)\b|\breal human\b"
    r"|转人工|^人工[。!！?？]?$|(要|找|接|换|请|给我|用)(个)?人工|人工(客服|服务|坐席|处理)|真人|找(你们)?(经理|主管|负责人)|联系客服|投诉电话",
    re.IGNORECASE,
)
_ANGER = re.compile(
    r"\b(ridiculous|unacceptable|outrageous|disgusting|useless|scam|fraud|lawyer|lawsuit|sue you|furious|angry|terrible service|worst"
    r"|(will|going to|want to|shall) complain|complaining|fed up|stupid|idiot|fuck\w*|shit|bullshit)\b"
    r"|投诉|起诉|律师|骗子|诈骗|垃圾|太差|气死|生气|愤怒|无语|忍无可忍|举报|消费者协会|12315|差评|滚|傻|什么破|坑人|欺骗",
    re.IGNORECASE,
)
REASONS = {
    "asked": Words("A person was asked for.", "用户要求人工服务。"),
    "angry": Words("The user is upset.", "用户情绪激动。"),
    "unanswered": Words("Several questions in a row found no answer.", "连续多个问题未能回答。"),
}


@dataclass
class Turn:
    """A question as it was asked and as it was searched, and the answer; None where it was refused."""

    question: str
    searched: str
    answer: str | None


@dataclass
class Conversation:
    """The turns of one session, the latest last."""

    turns: list[Turn] = field(default_factory=list)
    seen: float = field(default_factory=time.monotonic)

    def add(self, turn: Turn) -> None:
        """Keep a turn; only the latest stay."""
        self.turns = [*self.turns, turn][-_MOST_TURNS:]
        self.seen = time.monotonic()


class Memory:
    """Conversations by key, at most `most` of them, each forgotten `seconds` after its last turn. Held in this process."""

    def __init__(self, most: int = 10_000, seconds: float = 1800.0) -> None:
        self.most, self.seconds = most, seconds
        self._held: OrderedDict[tuple[str, ...], Conversation] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key: tuple[str, ...]) -> Conversation:
        """Return the conversation of that key; a new one where there is none, or its time is over."""
        now = time.monotonic()
        while self._held:
            first = next(iter(self._held))
            if now - self._held[first].seen <= self.seconds and len(self._held) <= self.most:
                break
            del self._held[first]
        found = self._held.pop(key, None)
        if found is None or now - found.seen > self.seconds:
            found = Conversation()
        found.seen = now
        self._held[key] = found
        while len(self._held) > self.most:
            self._held.popitem(last=False)
        return found

    def forget(self, key: tuple[str, ...]) -> None:
        """Drop a conversation."""
        self._held.pop(key, None)


def leans(question: str) -> bool:
    """Return whether a question points at something said before, or is too short to stand by itself."""
    text = question.strip()
    return bool(_POINTS.search(text)) or len([t for t in terms(text) if len(t) > 1 or t.isascii()]) <= _SHORT


def points(question: str) -> bool:
    """Return whether a question uses words that point at something said before."""
    return bool(_POINTS.search(question.strip()))


def whole(question: str, turns: Sequence[Turn]) -> str:
    """Return a follow-up question with what the question before it was about; others as they are."""
    if not turns or not leans(question):
        return question
    before = " ".join(_ASKING.sub(" ", turns[-1].searched).split())
    own = set(terms(question))
    if not set(terms(before)) - own:
        return question
    return f"{before} {question}"[-500:]


def own_words(question: str) -> set[str]:
    """Return what a question itself says, without the words that only ask or point."""
    return set(terms(_POINTS.sub(" ", _ASKING.sub(" ", question)))) if question else set()


def covered(question: str, said: str) -> float:
    """Return the share of a question's own words that a text holds; 1 where it has none of its own."""
    own = own_words(question)
    return len(own & set(terms(said))) / len(own) if own else 1.0


def hand_over(question: str, turns: Sequence[Turn], refused: bool, patience: int = 2) -> str | None:
    """Return why a person should take over: asked for, upset, or `patience` refusals in a row with this one; else None."""
    if _PERSON.search(question):
        return "asked"
    if _ANGER.search(question):
        return "angry"
    row = 0
    for turn in reversed(turns):
        if turn.answer is not None:
            break
        row += 1
    return "unanswered" if refused and row + 1 >= patience else None


def summary(turns: Sequence[Turn], longest: int = 200) -> list[dict[str, str | None]]:
    """Return the latest turns for the person who takes over."""
    return [
        {"question": t.question[:longest], "answer": t.answer[:longest] if t.answer is not None else None}
        for t in turns[-_SUMMARY:]
    ]
