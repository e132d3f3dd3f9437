"""Cues of recordings: SRT, WebVTT, TextGrid, CTM; what runs backwards or overlaps is named."""

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.errors import DataError
from modelwright.data.cues import read_cues, read_labels, read_words

SRT = "1\n00:00:01,000 --> 00:00:02,500\nHello <i>there</i>\n\n2\n00:00:03,000 --> 00:00:04,000\nline one\nline two\n"


def cues(tmp_path, name, text):
    place = tmp_path / name
    place.write_text(text, encoding="utf-8")
    return [(round(c.start, 6), round(c.end, 6), c.text) for c in read_cues(place)]


def test_subtitles(tmp_path):
    assert cues(tmp_path, "a.srt", SRT) == [(1.0, 2.5, "Hello there"), (3.0, 4.0, "line one line two")]
    vtt = "WEBVTT\n\nNOTE no cue\n\n00:01.500 --> 00:02.000 align:start\n<v Ann>Yes &amp; no\n"
    place = tmp_path / "b.vtt"
    place.write_text(vtt, encoding="utf-8")
    found = read_cues(place)
    assert [(c.start, c.end, c.text, c.speaker) for c in found] == [(1.5, 2.0, "Yes & no", "Ann")]


def test_textgrid_and_ctm(tmp_path):
    grid = (
        'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = 3\nitem []:\n    item [1]:\n        class = "IntervalTier"\n'
        '        name = "words"\n        xmin = 0\n        xmax = 3\n        intervals: size = 3\n        intervals [1]:\n            xmin = 0\n'
        '            xmax = 0.5\n            text = "one"\n        intervals [2]:\n            xmin = 0.5\n            xmax = 0.9\n            text = "two"\n'
        '        intervals [3]:\n            xmin = 2\n            xmax = 3\n            text = "a ""q"""\n'
    )
    assert cues(tmp_path, "a.TextGrid", grid) == [(0.0, 0.9, "one two"), (2.0, 3.0, 'a "q"')]
    ctm = ";; made by hand\nrec A 0.10 0.20 good\nrec A 0.35 0.20 day 0.9\nrec A 3.00 0.40 bye\n"
    found = cues(tmp_path, "b.ctm", ctm)
    assert [t for *_, t in found] == ["good day", "bye"]
    assert found[0][:2] == pytest.approx((0.1, 0.55))


def test_what_programs_write_around_subtitles(tmp_path):
    vtt = (
        "WEBVTT - talk\nKind: captions\n\nSTYLE\n::cue {\n  color: #fff;\n}\n\nNOTE\nof two lines\n\ncue-1\n00:01.500 --> 00:02.000 align:start\n"
        "<v.loud Ann Lee>Yes</v>\n\n00:03 --> 00:04\n<v Ann>so</v>\n<v Bob>no</v>\n"
    )
    place = tmp_path / "a.vtt"
    place.write_text(vtt, encoding="utf-8")
    assert [(c.start, c.end, c.text, c.speaker) for c in read_cues(place)] == [
        (1.5, 2.0, "Yes", "Ann Lee"), (3.0, 4.0, "so no", None),
    ]  # fmt: skip
    close = '\ufeff1\r\n00:00:01,000 --> 00:00:02,000\r\n{\\an8}<font color="#fff">one</font>\r\n2\r\n00:00:02,000 --> 00:00:03,000\r\ntwo\r\n'
    assert cues(tmp_path, "a.srt", close) == [(1.0, 2.0, "one"), (2.0, 3.0, "two")]


def test_captions_that_roll_up_are_read_once(tmp_path):
    rolled = (
        "WEBVTT\nKind: captions\nLanguage: en\n\n00:00:00.300 --> 00:00:00.944 align:start position:0%\n \nzero<00:00:00.400><c> and</c>\n\n"
        "00:00:00.944 --> 00:00:00.954 align:start position:0%\nzero and\n \n\n"
        "00:00:00.954 --> 00:00:01.774 align:start position:0%\nzero and\none<00:00:01.344><c> more</c>\n\n"
        "00:00:01.774 --> 00:00:01.784 align:start position:0%\none more\n \n"
    )
    expected = [(0.3, 0.944, "zero and"), (0.954, 1.774, "one more")]
    assert cues(tmp_path, "a.vtt", rolled) == expected
    plain = re.sub(r"<[^>]*>", "", rolled)  # as programs that make SRT of it leave it
    assert cues(tmp_path, "b.vtt", plain) == expected
    said = "1\n00:00:01,000 --> 00:00:02,000\nyes\n\n2\n00:00:02,000 --> 00:00:03,000\nyes\n"  # a word said twice
    assert [t for *_, t in cues(tmp_path, "a.srt", said)] == ["yes", "yes"]


def grid(*tiers, short=False):
    """Return a TextGrid of (name, intervals) in Praat's long or short form."""
    out = ['File type = "ooTextFile"', '"TextGrid"', "", "0", "9", "<exists>", str(len(tiers))]
    for name, intervals in tiers:
        out += ['"IntervalTier"', f'"{name}"', "0", "9", str(len(intervals))]
        out += [v for a, b, t in intervals for v in (f"{a:g}", f"{b:g}", f'"{t}"')]
    if short:
        return "\n".join(out)
    names = ["", "class = ", "", "xmin = ", "xmax = ", "tiers? ", "size = "]
    long = [n + v for n, v in zip(names, out, strict=False)] + ["item []:"]
    at = 7
    for i, (_, intervals) in enumerate(tiers, 1):
        long += [f"    item [{i}]:"] + [
            f"        {n}{v} "
            for n, v in zip(("class = ", "name = ", "xmin = ", "xmax = ", "intervals: size = "), out[at:], strict=False)
        ]
        at += 5
        for k in range(len(intervals)):
            long += [f"        intervals [{k + 1}]:"] + [
                f"            {n} = {v} " for n, v in zip(("xmin", "xmax", "text"), out[at:], strict=False)
            ]
            at += 3
    return "\n".join(long)


@pytest.mark.parametrize("short", [False, True])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_textgrids_of_both_forms(tmp_path, short, encoding):
    place = tmp_path / "a.TextGrid"
    said = [(0, 1, ""), (1, 2.5, 'a ""1"" 好'), (2.5, 9, "b")]
    place.write_text(grid(("phones", [(0, 9, "z")]), ("speech", said), short=short), encoding=encoding)
    found = read_cues(place)
    assert [(c.start, c.end, c.text, c.speaker) for c in found] == [(1.0, 2.5, 'a "1" 好', None), (2.5, 9.0, "b", None)]
    assert place.read_text(encoding=encoding).splitlines()[found[1].line - 1].strip().endswith('"b"')


def test_tiers_of_several_speakers_and_tiers_side_by_side(tmp_path):
    place = tmp_path / "a.TextGrid"

    def read(*tiers):
        place.write_text(grid(*tiers), encoding="utf-8")
        return [(c.start, c.text, c.speaker) for c in read_cues(place)]

    ann, bob = [(0, 1, "hello"), (4, 5, "yes")], [(1, 3.9, "good day")]
    assert read(("Ann", ann), ("Bob", bob)) == [(0.0, "hello", "Ann"), (1.0, "good day", "Bob"), (4.0, "yes", "Ann")]
    words = [(0, 1, "hello"), (1, 2, "sil"), (4, 5, "yes")]
    aligned = (
        ("Ann - words", words),
        ("Ann - phones", [(0, 1, "h")]),
        ("Bob - words", [(1, 2, "good"), (2, 3, "day")]),
    )
    assert read(*aligned) == [(0.0, "hello", "Ann"), (1.0, "good day", "Bob"), (4.0, "yes", "Ann")]
    assert read(*aligned[:2]) == [(0.0, "hello", None), (4.0, "yes", None)]
    with pytest.raises(
        DataError, match=r"several tiers of intervals that run side by side \(`orth`, `gloss`\): call the one"
    ):
        read(("orth", ann), ("gloss", [(0, 1, "hallo"), (4, 5, "ja")]))
    assert read(("gloss", [(0, 1, "hallo"), (4, 5, "ja")]), ("text", ann)) == [(0.0, "hello", None), (4.0, "yes", None)]


def test_a_list_of_words_of_several_recordings(tmp_path):
    ctm = "a 1 0.10 0.20 one\nb 1 0.10 0.20 two\n"
    assert cues(tmp_path, "b.ctm", ctm) == [(0.1, 0.3, "two")]
    with pytest.raises(DataError, match=r"words of 2 recordings \(a, b\), and none is called c"):
        cues(tmp_path, "c.ctm", ctm)


def test_channels_of_a_list_of_words_are_speakers_of_their_own(tmp_path):
    place = tmp_path / "call.ctm"
    place.write_text(
        "call A 0.1 0.3 hello\ncall A 0.5 0.3 you\ncall B 0.2 0.2 hm\ncall B 5 0.3 bye\n", encoding="utf-8"
    )
    assert [(c.text, c.speaker) for c in read_cues(place)] == [
        ("hello you", "call A"), ("hm", "call B"), ("bye", "call B"),
    ]  # fmt: skip
    assert [c.text for c in read_words(place)] == ["hello", "hm", "you", "bye"]


def test_words_without_a_length_stand_in_a_line(tmp_path):
    assert cues(tmp_path, "a.ctm", "a 1 0.1 0.3 so\na 1 0.4 0 a\na 1 0.4 0.4 man\n") == [(0.1, 0.8, "so a man")]


def test_words_of_a_tier_of_words(tmp_path):
    place = tmp_path / "a.TextGrid"
    place.write_text(grid(("words", [(0, 1, "hello"), (1, 2, "there")])), encoding="utf-8")
    assert [c.text for c in read_words(place)] == ["hello", "there"]
    place.write_text(grid(("words", [])), encoding="utf-8")
    assert read_words(place) == []


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.srt", "1\n00:00:05,000 --> 00:00:04,000\nx\n", "line 2: the cue ends at 4 s, and begins at 5 s"),
        (
            "a.srt",
            "1\n00:00:01,000 --> 00:00:04,000\nx\n\n2\n00:00:03,000 --> 00:00:05,000\ny\n",
            "line 6.*inside the one of line 2",
        ),
        (
            "a.srt",
            "1\n00:00:02,000 --> 00:00:03,000\nx\n\n2\n00:00:00,500 --> 00:00:01,500\ny\n",
            "line 6.*before the one of line 2 above it, at 2 s",
        ),
        ("a.srt", "1\n00:00:xx,000 --> 00:00:04,000\nx\n", "line 2.*expected a time"),
        ("a.srt", "nothing here\n", "no cue.*expected times such as"),
        ("a.ctm", "rec A 0.1 word\n", "line 1.*expected"),
        ("a.ctm", "rec A 0.1 nan word\n", "line 1.*expected"),
        ("a.ctm", "rec A 0.1 0.4 a\nrec A 0.3 0.4 b\n", "line 2: the word begins at 0.3 s, inside the one of line 1"),
        (
            "a.ctm",
            "rec A 5 0.4 a\nrec A 1 0.4 b\n",
            "line 2: the word begins at 1 s, before the one of line 1.*put words in",
        ),
        ("a.ctm", "rec A 5 -0.4 a\n", "line 1: the word ends at 4.6 s, and begins at 5 s"),
        ("a.ctm", "rec A -2 0.4 a\n", "line 1: the word begins at -2 s, before its recording"),
        ("a.lab", "0 9000000 a\n5000000 12000000 b\n", "line 2: the word begins at 0.5 s, inside the one of line 1"),
        (
            "a.TextGrid",
            '"IntervalTier"\n"words"\n0\n9\n2\n0\n2\n"one"\n1\n3\n"two"\n',
            "line 11: the word begins at 1 s, inside the one of line 8",
        ),
        (
            "a.TextGrid",
            '"IntervalTier"\n"words"\n0\n9\n1\n0\n2\n"one"\n2\n3\n"two"\n',
            "line 9: the tier `words` says that it holds 1 interval, and here stands more of it",
        ),
        ("a.TextGrid", "not a grid\n", "no tier"),
        ("a.TextGrid", '"IntervalTier"\n"x"\n0\n1\n3\n0\n1\n"one"\n', "ends inside a tier: expected a number"),
        ("a.TextGrid", '"IntervalTier"\n"x"\n0\n1\n1e999\n', "line 5: expected a number, received `inf`"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, name, text, says):
    with pytest.raises(DataError, match=says):
        read_labels(text, tmp_path / name) if name.endswith(".lab") else cues(tmp_path, name, text)


@given(st.text(max_size=200), st.sampled_from([".srt", ".vtt", ".ctm", ".textgrid"]))
def test_any_text_is_read_or_refused(tmp_path_factory, text, suffix):
    place = tmp_path_factory.mktemp("cues") / f"x{suffix}"
    place.write_bytes(text.encode("utf-8", "replace"))
    with contextlib.suppress(DataError):
        assert read_cues(place)
