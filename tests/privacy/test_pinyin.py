"""Chinese names in pinyin: a surname beside a given name of two syllables, and what only looks like one."""

import pytest

from modelwright.privacy.detect import find


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("login ok user=Feng Jiahao src=1", ["Feng Jiahao"]),
        ('{"customer":"Lin Xiaoyu","note":"x"}', ["Lin Xiaoyu"]),
        ("Guo Pengfei's flat is on the top floor", ["Guo Pengfei"]),
        ("they run it with Kong Weiting.", ["Kong Weiting"]),
        ("I'm Ouyang Feifan, add me", ["Ouyang Feifan"]),
        ("Xiao-yu Lin wrote this", ["Xiao-yu Lin"]),
        ("Zhang Xiao'an signed", ["Zhang Xiao'an"]),
        ("Fan Base grows", []),
        ("a Long Page about it", []),
        ("Can He Make It in time", []),
        ("Tang Dynasty vases", []),
        ("Kung Pao chicken and Song Title", []),
    ],
)
def test_pairs(text, names):
    assert [text[m.start : m.end] for m in find(text) if m.type == "person"] == names
