"""Markdown and HTML: code with its signs, foot-notes, tables whole, forms."""

import pytest

from modelwright.data._markup import html_parts, markdown_parts


def markdown(text):
    return [(h, t.strip()) for h, t in markdown_parts(text) if t.strip()]


def page(text, unread=None):
    held = [] if unread is None else unread
    return [
        (h, "\n".join(x.strip() for x in t.split("\n") if x.strip()))
        for h, t in html_parts(text, "a.html", held)
        if t.strip()
    ]


def test_code_keeps_its_tags_and_marks():
    text = "Use `<b>` and ``a ` b``, not <i>this</i>.\n\n```html\n<form>\n  # no heading &amp; [no](link)\n</form>\n```\n\nafter\n"
    ((_, found),) = markdown(text)
    assert "Use <b> and a ` b, not" in found
    assert "<form>\n  # no heading &amp; [no](link)\n</form>" in found
    assert "<i>" not in found
    assert markdown("1 < 2 and x > y; see <https://x.org>")[0][1] == "1 < 2 and x > y; see https://x.org"


def test_a_longer_fence_holds_a_shorter_one():
    ((_, found),) = markdown("````\n```\n# code\n````\ntext\n")
    assert "# code" in found


def test_foot_notes_follow_the_paragraph_that_calls_them():
    text = "# Returns\n\nWithin 30 days[^a] at our cost[^2].\n\nLast.\n\n[^a]: of **arrival**,\n    not of the order\n[^2]: by post\n[ref]: http://x\n"
    ((headings, found),) = markdown(text)
    assert headings == ("Returns",)
    assert [x for x in found.split("\n") if x] == [
        "Within 30 days[a] at our cost[2].", "[a] of arrival, not of the order", "[2] by post", "Last.",
    ]  # fmt: skip
    assert markdown("a\n\n[^z]: called by nothing\n")[0][1].split() == "a [z] called by nothing".split()


def test_a_page_inside_of_a_form():
    text = "<body><form id=f><input type=hidden value=secret><h1>Permit</h1><p>Bring two photos.</p><select><option>x</select></form></body>"
    assert page(text) == [(("Permit",), "Bring two photos.")]


@pytest.mark.parametrize("end", ["", "</td>"])
def test_tables_keep_equal_and_empty_cells_and_what_spans(end):
    rows = [["room", "day", "night"], ["small", "100", "100"], ["", "", "9"]]
    body = "".join("<tr>" + "".join(f"<td>{c}{end}" for c in r) + "</tr>" for r in rows)
    assert page(f"<table>\n{body}\n</table>")[0][1].split("\n") == ["room | day | night", "small | 100 | 100", "|  | 9"]
    spans = "<table><tr><td rowspan=2>hall</td><td colspan=2>both</td></tr><tr><td>8</td><td>9</td></tr><tr><td>x<td>y<td rowspan=0>z</table>"
    assert page(spans)[0][1].split("\n") == ["hall | both", "hall | 8 | 9", "x | y | z"]


def test_a_page_laid_out_by_a_table_keeps_its_sections():
    text = "<table><tr><td>menu</td><td><h1>Top</h1><p>Words.</p></td><td>side</td></tr></table><p>end</p>"
    found = page(text)
    assert found[1][0] == ("Top",)
    assert found[1][1].startswith("Words.")


def test_what_holds_no_text_is_named():
    unread = []
    page("<p>a</p><iframe src=x></iframe><video></video><video></video>", unread)
    assert [w.en for w in unread] == ["a.html: not read: 1 embedded page, 2 videos"]


def test_what_is_struck_through_is_left_out_and_fields_stand_apart():
    text = "<p>Now <del class=a>90</del><ins>80</ins>, <s>7</s> 8<p><s>never closed<h1>Fees</h1><label>Name</label><textarea>Ann</textarea>"
    (_, before), (headings, after) = page(text)
    assert before == "Now 80, 8\nnever closed"
    assert (headings, after.split()) == (("Fees",), ["Name", "Ann"])
    ((_, found),) = markdown("Now ~~90~~80, <del>7</del>8, `~~kept~~`, a ~~ b ~~ c, from ~~5\n\nto 6~~")
    assert found == "Now 80, 8, ~~kept~~, a ~~ b ~~ c, from ~~5\n\nto 6~~"
