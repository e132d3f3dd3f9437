"""Follow-up questions, hand-over to a person, and a memory that forgets."""

import pytest

from modelwright.models.dialogue import Conversation, Memory, Turn, hand_over, leans, summary, whole


def turns(*questions, answer="yes"):
    return [Turn(q, q, answer) for q in questions]


@pytest.mark.parametrize(
    ("before", "question", "carried"),
    [
        ("How long does a refund take?", "and for gift cards?", "refund"),
        ("How do I return shoes?", "How much does it cost?", "shoes"),
        ("怎么申请发票？", "那要多久？", "发票"),
        ("会员有什么权益", "它多少钱", "会员"),
    ],
)
def test_follow_ups_carry_what_was_asked_about(before, question, carried):
    found = whole(question, turns(before))
    assert carried in found
    assert found.endswith(question)


@pytest.mark.parametrize(
    "question", ["Which payment methods do you accept for orders from Germany?", "怎么修改订单的收货地址和联系电话"]
)
def test_whole_questions_stay_as_they_are(question):
    assert whole(question, turns("How long does a refund take?")) == question


def test_a_first_question_leans_on_nothing():
    assert whole("and now?", []) == "and now?"
    assert leans("and now?")


def test_follow_ups_of_follow_ups_still_know_the_subject():
    first = "How long does a refund take?"
    second = whole("and for gift cards?", turns(first))
    third = whole("why?", [Turn("and for gift cards?", second, "x")])
    assert "refund" in third


def test_a_question_cannot_grow_without_bound():
    assert len(whole("it?", turns("word " * 5000))) <= 500


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("I want to talk to a human", "asked"),
        ("can you connect me to an agent please", "asked"),
        ("转人工", "asked"),
        ("我要找你们经理", "asked"),
        ("This is ridiculous, your service is useless", "angry"),
        ("再不处理我就投诉到12315", "angry"),
        ("How do agents earn money with referral links?", None),
        ("人工智能课程多少钱", None),
        ("What is your complaint procedure", None),
    ],
)
def test_people_are_handed_over_when_they_ask_or_are_upset(question, reason):
    assert hand_over(question, [], False) == reason


def test_repeated_refusals_hand_over():
    assert hand_over("x", [], True) is None
    assert hand_over("x", turns("a", answer=None), True) == "unanswered"
    assert hand_over("x", [*turns("a", answer=None), *turns("b")], True) is None
    assert hand_over("x", turns("a", "b", answer=None), False) is None


def test_the_summary_is_short():
    held = turns(*("q" * 900 for _ in range(40)))
    found = summary(held)
    assert len(found) == 6
    assert max(len(t["question"]) for t in found) == 200


def test_memory_is_bounded_and_forgets(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("modelwright.models.dialogue.time.monotonic", lambda: now[0])
    memory = Memory(most=3, seconds=60)
    for i in range(5):
        memory.get((str(i),)).add(Turn("q", "q", "a"))
    assert len(memory) == 3
    assert memory.get(("4",)).turns
    now[0] += 61
    assert memory.get(("4",)).turns == []
    conversation = Conversation()
    for _ in range(50):
        conversation.add(Turn("q", "q", None))
    assert len(conversation.turns) == 20
