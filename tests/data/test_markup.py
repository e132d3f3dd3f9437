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


def test_headings_stand_side_by_side_where_levels_are_skipped():
    want = [("Price",), ("Returns",), ("Returns", "Cost"), ("Returns", "Form"), ("Contact",)]
    text = "## Price\n\na\n\n## Returns\n\nb\n\n#### Cost\n\nc\n\n#### Form\n\nd\n\n## Contact\n\ne\n"
    assert [h for h, _ in markdown(text)] == want
    html = "<h2>Price</h2>a<h2>Returns</h2>b<h4>Cost</h4>c<h4>Form</h4>d<h2>Contact</h2>e"
    assert [h for h, _ in page(html)] == want


def test_a_title_keeps_a_mark_that_is_its_own():
    assert markdown("# C#\n\na\n\n# Done ##\n\nb\n") == [(("C#",), "a"), (("Done",), "b")]


@pytest.mark.parametrize("style", ["font-size:0.9em", "font-size: 0.875rem; color:red", "x-font-size:0"])
def test_small_print_is_read(style):
    assert page(f'<p style="{style}">25 euros</p>') == [((), "25 euros")]


@pytest.mark.parametrize(
    "style", ["font-size:0", "color:red; font-size: 0px", "font-size:0.0em !important", "display: none"]
)
def test_what_has_no_size_is_not_read(style):
    assert page(f'<p style="{style}">25 euros</p><p>b</p>') == [((), "b")]


def test_what_stands_above_and_below_the_line_is_no_further_digit():
    text = "10<sup>5</sup> m<SUP>2</SUP>, 25<sup>(1)</sup>, 1<sup>st</sup>, log<sub>10</sub>2"
    want = "10⁵ m², 25⁽¹⁾, 1st, log₁₀2"
    assert page(f"<h2>10<sup>3</sup></h2><p>{text}</p>") == [(("10³",), want)]
    assert markdown(text.replace("SUP", "sup"))[0][1].replace("1 st ", "1st") == want


def test_code_of_a_page_keeps_its_lines():
    assert page("<pre>a = 1\nb = 2</pre><p>c\nd</p>") == [((), "a = 1\nb = 2\nc d")]


def test_a_note_in_brackets_is_no_address():
    text = '[Note]: Refunds take 5 days.\n\n[ref]: http://x.org "title"\n[b]: <http://y.org>\n\nlast\n'
    assert [x for x in markdown(text)[0][1].split("\n") if x] == ["[Note]: Refunds take 5 days.", "last"]


@pytest.mark.parametrize("rest", ["<p>read</p>", "<div>read</div>", "</div>read", "<ul><li>read</ul>"])
def test_a_hidden_paragraph_ends_where_the_next_block_begins(rest):
    assert page(f"<div><p hidden>not <b>this</b>{rest}") == [((), "read")]


def test_signs_that_are_escaped_stand_for_themselves():
    text = r"Set snake\_case, 5 \* 3 \# 2, \*not strong\*, `a\_b` and C:\dir \[1\](x)"
    assert markdown(text) == [((), r"Set snake_case, 5 * 3 # 2, *not strong*, a\_b and C:\dir [1](x)")]
    assert markdown("# a\\_b\n\nc\n") == [(("a_b",), "c")]


def test_an_address_may_hold_brackets():
    text = "See [Mercury](https://x.org/wiki/Mercury_(planet)) and ![a](b_(c).png), (then [d](e)) [f] (g)."
    assert markdown(text) == [((), "See Mercury and a, (then d) [f] (g).")]
