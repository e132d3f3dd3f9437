"""What a run's options make of the options of its recipes."""

import json

import pytest

import modelwright as mw
from modelwright.core.config import make_config
from modelwright.core.errors import OptionError
from modelwright.pipeline.choose import check_names

FAQ = [
    {"question": f"When does the {name} office open?", "answer": f"The {name} office opens at {9 + i % 3}."}
    for i, name in enumerate(("alder", "birch", "cedar", "maple", "rowan", "hazel", "linden", "willow"))
]


def test_how_many_unsupported_questions_may_be_answered_is_a_run_s_option(tmp_path):
    for wrong, kept in ((None, 0.1), (0.4, 0.4)):
        options = {} if wrong is None else {"wrong": wrong}
        run = mw.fit(
            FAQ,
            task="question-answering",
            out=tmp_path,
            search="none",
            recipes=["answer-bm25"],
            budget="20s",
            **options,
        )
        state = json.loads(next(run.folder.glob("bundle/**/model.json")).read_text())
        assert state["options"]["wrong"] == kept
        assert f"wrong: {'null' if wrong is None else wrong}" in (run.folder / "config.yaml").read_text()


@pytest.mark.parametrize("task", [None, "classification"])
def test_it_goes_with_tasks_that_may_refuse(task):
    with pytest.raises(OptionError, match="for the task question-answering") as e:
        check_names(make_config(data="x", target="y", task=task, wrong=0.2))
    assert "--wrong" in e.value.words.zh
    check_names(make_config(data="x", task="question-answering", wrong=0.2))


@pytest.mark.parametrize("wrong", [0, 1, -0.1, "much"])
def test_it_is_a_share(wrong):
    with pytest.raises(OptionError, match="wrong"):
        make_config(data="x", task="question-answering", wrong=wrong)
