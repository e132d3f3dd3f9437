"""Cues of recordings: SRT, WebVTT, TextGrid, CTM; what runs backwards or overlaps is named."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.errors import DataError
from modelwright.data.cues import read_cues

SRT = "1\n00:00:01,000 --> 00:00:02,500\nHello <i>there</i>\n\n2\n00:00:03,000 --> 00:00:04,000\nline one\nline two\n"


def cues(tmp_path, name, text):
    place = tmp_path / name
    place.write_text(text, encoding="utf-8")
    return [(c.start, c.end, c.text) for c in read_cues(place)]


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


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.srt", "1\n00:00:05,000 --> 00:00:04,000\nx\n", "line 2.*before it begins"),
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
        ("a.TextGrid", "not a grid\n", "no tier"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, name, text, says):
    with pytest.raises(DataError, match=says):
        cues(tmp_path, name, text)


@given(st.text(max_size=200), st.sampled_from([".srt", ".vtt", ".ctm", ".textgrid"]))
def test_any_text_is_read_or_refused(tmp_path_factory, text, suffix):
    place = tmp_path_factory.mktemp("cues") / f"x{suffix}"
    place.write_bytes(text.encode("utf-8", "replace"))
    with contextlib.suppress(DataError):
        assert read_cues(place)
