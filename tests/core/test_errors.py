"""The tree of errors, exit codes, and names that are not known."""

import pytest

from modelwright.core import errors
from modelwright.core.errors import ModelwrightError, OptionError, nearest, unknown
from modelwright.core.words import Words, known_lang, pick_lang


def test_exit_codes_are_those_of_the_design():
    codes = {
        c.__name__: c.exit_code for c in (errors.DataError, errors.GateNotMet, errors.BudgetTooSmall, errors.Stopped)
    }
    assert codes == {"DataError": 2, "GateNotMet": 3, "BudgetTooSmall": 4, "Stopped": 130}


def test_the_drawn_tree_names_every_error():
    drawn = errors.__doc__ or ""
    found = [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, ModelwrightError)]
    assert [e.__name__ for e in found if e.__name__ not in drawn] == []


def test_unknown_names_the_nearest_first_in_both_languages():
    error = unknown(Words("recipe", "方案"), "textcn", ["linear", "textcnn", "lstm"])
    assert isinstance(error, OptionError)
    assert "Did you mean `textcnn`" in error.words.en
    assert "`textcnn`" in error.words.zh
    assert nearest("LINEAR", ["linear", "trees"])[0] == "linear"


def test_short_names_are_not_taken_for_one_another():
    for name in ("svm", "knn", "mlp", "bert"):
        assert "Did you mean" not in str(unknown(Words("recipe", "方案"), name, ["slim", "lstm", "mpnn", "bkt"]))


def test_missing_extra_is_one_line_that_installs_it():
    error = errors.MissingExtra("nn", "TextCNN")
    assert 'pip install "modelwright[nn]"' in str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("env", "asked", "lang"), [({"LANG": "zh_CN.UTF-8"}, None, "zh"), ({"LANG": "zh_CN"}, "en", "en"), ({}, "zh", "zh")]
)
def test_language_by_option_then_environment(monkeypatch, env, asked, lang):
    for name in ("MODELWRIGHT_LANG", "LC_ALL", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert pick_lang(asked) == lang


@pytest.mark.parametrize(
    ("name", "first"),
    [("acc", "accuracy"), ("F1", "f1"), ("f", "f1"), ("macro", "macro_f1"), ("precision", "average_precision")],
)
def test_an_abbreviation_finds_what_it_begins(name, first):
    assert nearest(name, ["mcc", "balanced_accuracy", "accuracy", "average_precision", "macro_f1", "f1"])[0] == first


def test_nothing_is_suggested_where_nothing_is_alike():
    error = unknown(Words("recipe", "方案"), "zzz", ["linear", "textcnn"])
    assert "Did you mean" not in error.words.en
    assert "`linear`, `textcnn`" in error.words.en
    assert "是否指" not in error.words.zh


@pytest.mark.parametrize(
    ("value", "lang"),
    [
        ("cn", "zh"),
        ("zh-Hans", "zh"),
        ("Chinese", "zh"),
        ("中文", "zh"),
        ("en_GB.UTF-8", "en"),
        ("fr", None),
        ("C", None),
    ],
)
def test_a_language_goes_by_its_usual_names(value, lang):
    assert known_lang(value) == lang
    assert pick_lang(value) == (lang or "en")


def test_dashes_make_no_two_options_alike():
    options = ["--wrong", "--retain", "--budget"]
    assert "Did you mean" not in unknown(Words("option", "选项"), "--horizon", options).words.en
    assert "Did you mean `--budget`" in unknown(Words("option", "选项"), "--budgt", options).words.en


def test_a_log_says_our_own_errors_in_words_and_others_by_name_alone():
    from modelwright.core.errors import VaultError, reason

    assert reason(VaultError("The key is missing.", "缺少密钥。")) == ("The key is missing.", "缺少密钥。")
    assert reason(ValueError("Jane Doe is no number")) == ("ValueError", "ValueError")
