"""A tutor: what a learner knows, from right and wrong answers, and what to practise next."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping

from modelwright.core.words import Words
from modelwright.data.projects import Project, table

_LEARNERS, _ANSWERS = 90, 40
# name, how hard at first, how fast it is learnt, the skill that it builds on
_SKILLS = (
    ("counting 数数", -1.2, 0.30, None), ("adding 加法", -0.4, 0.25, 0), ("taking away 减法", 0.0, 0.22, 1), ("times tables 乘法口诀", 0.4, 0.16, 1),
    ("dividing 除法", 0.9, 0.14, 3), ("fractions 分数", 1.3, 0.12, 4), ("decimals 小数", 1.1, 0.15, 4), ("percentages 百分数", 1.6, 0.12, 6),
)  # fmt: skip


def _files() -> Mapping[str, str]:
    rng = random.Random(11)
    rows: list[tuple[str, str, int, str]] = []
    for learner in range(_LEARNERS):
        able = rng.gauss(0.5, 0.7)
        skill = [able - hard for _, hard, _, _ in _SKILLS]
        now, minute = 0, 0
        for _ in range(_ANSWERS):
            name, _, pace, below = _SKILLS[now]
            level = skill[now] + (0.5 * min(0.0, skill[below]) if below is not None else 0.0)
            right = rng.random() < 0.12 + 0.85 / (1 + math.exp(-2 * level))
            rows.append(
                (
                    f"learner {learner + 1:02d}",
                    name,
                    int(right),
                    f"2025-03-{1 + minute // 600:02d} {9 + minute // 60 % 10:02d}:{minute % 60:02d}",
                )
            )
            skill[now] += pace
            minute += rng.randrange(1, 9)
            # most stay with a skill until it goes well, then try the next one, and come back now and then
            if skill[now] > 0.8 or rng.random() < 0.12:
                now = (
                    rng.choice([n for n in range(len(_SKILLS)) if n != now])
                    if rng.random() < 0.35
                    else min(now + 1, len(_SKILLS) - 1)
                )
    return {"answers.csv": table(["learner", "skill", "correct", "time"], rows)}


PROJECT = Project(
    title=Words("A tutor", "智能辅导"),
    about=Words(
        "Follows what learners know from their right and wrong answers, shows mastery by skill to a learner and a class to a teacher, "
        "and says what to practise next.",
        "根据学习者的对错作答追踪其掌握情况，向学习者展示各技能掌握度，向教师展示全班情况，并推荐下一道练习。",
    ),
    data=Words(
        f"`answers.csv`: {_LEARNERS} made-up learners and {_ANSWERS} answers of each to exercises in {len(_SKILLS)} skills of arithmetic, right (1) or wrong (0), with "
        "the time. They learn as they go, some faster; scores on them say nothing about real classes.",
        f"`answers.csv`：{_LEARNERS} 名虚构学习者，每人 {_ANSWERS} 个作答，涉及 {len(_SKILLS)} 个算术技能，对（1）或错（0），附时间。他们边练边学，快慢不一；其得分不代表真实班级上的效果。",
    ),
    own=Words(
        "Replace `answers.csv` by the answers of your own learners: who, which skill, right or wrong, when; one row an answer. A few thousand answers "
        "make a first model. Replace names by pseudonyms first: `modelwright anonymise`. Served, `/learn` is the page of a learner and `/class` that of a teacher.",
        "用自己的作答记录替换 `answers.csv`：谁、哪个技能、对错、时间，每个作答一行。几千个作答即可得到初步模型。请先用 `modelwright anonymise` 把姓名换成假名。部署后，`/learn` 是学习者页面，`/class` 是教师页面。",
    ),
    task="knowledge-tracing",
    settings={"data": "answers.csv", "budget": "1m", "gate": "roc_auc>=0.65"},
    files=_files,
    asks=(
        {"learner": "new", "skill": "fractions 分数", "history": []},
        {"learner": "new", "skill": "fractions 分数", "history": ["dividing 除法=1", "dividing 除法=1", "fractions 分数=1"]},
        {"learner": "new", "skill": "fractions 分数", "history": ["dividing 除法=0", "dividing 除法=0", "fractions 分数=0"]},
    ),
)  # fmt: skip
