"""The privacy notice says what the run did, and marks what it cannot know."""

import json

import pytest

from modelwright.evaluate.report.notice import Told, markdown, page, personal, sections

FACTS = {
    "name": "tickets", "created": "2026-03-01 10:00", "modelwright": "0.1.0", "task": "classification", "target": "队列",
    "value": 0.9, "low": 0.85, "high": 0.95, "metric": "macro_f1", "metric_title": ["macro F1", "宏平均 F1"],
    "columns": [
        {"name": "text", "modality": "text", "role": "input"}, {"name": "user", "modality": "id", "role": "ignored"},
        {"name": "<b>", "modality": "number", "role": "input"}, {"name": "队列", "modality": "category", "role": "target"},
    ],
    "labels": ["a", "b"], "rows": {"read": 100}, "config": {"vault": None},
}  # fmt: skip
CONSENT = {
    "rows": 120, "subject": "user", "purpose": "训练", "at": "2026-03-01T09:00:00", "retain": "when:90d",
    "left_out": {"none": 3, "withdrawn": 2}, "kept": 115,
}  # fmt: skip


def said(lang, facts=FACTS, consent=CONSENT, privacy=None, told=Told(), subjects=40):  # noqa: B008
    return markdown(sections(facts, consent, privacy, told, subjects), lang)


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("en", ["`text` (text)", "`user`", "Rows of 40 people", "may not be used: 5", "Purpose: 训练", "90 days", "macro F1 0.900",
                "2026-03-01", "not encrypted", "[to be filled in: contact]", "Art. 17", "Rows read: 120"]),
        ("zh", ["`text`（文本）", "40 个主体", "5 行因不可使用", "目的：训练", "90 天", "宏平均 F1", "未由其加密", "【待填写：联系方式】", "第 47 条", "自动化决策"]),
    ],
)  # fmt: skip
def test_it_states_what_the_run_used(lang, words):
    text = said(lang)
    for word in words:
        assert word in text, word
    assert "<b>" not in text


def test_gaps_are_closed_by_what_the_user_tells():
    told = Told("示例公司", "privacy@example.com", "answer tickets")
    text = said("en", consent={}, told=told, subjects=None)
    assert "示例公司" in text
    assert "privacy@example.com" in text
    assert "Purpose: answer tickets" in text
    assert "[to be filled in: ground" in text
    assert "people trained it" not in text


def test_an_encrypted_run_says_so():
    assert "is encrypted (AES-256-GCM)" in said("en", facts={**FACTS, "config": {"vault": "file:k"}})


def test_personal_data_that_was_found_is_named():
    entry = {
        "type": "phone",
        "title": ["phone numbers", "电话号码"],
        "values": 312,
        "rows": 300,
        "action": "placeholder",
    }
    found = {"columns": [{"column": "text", "found": [{"column": "text", **entry}]}, {"column": "x", "found": []}]}
    assert [(p.column, p.amount, p.action) for p in personal(found)] == [("text", 312, "placeholder")]
    assert "`text`: 312 phone numbers, replaced" in said("en", privacy=found)
    assert "`text`：312 个电话号码，已替换" in said("zh", privacy=found)
    assert "found no personal data" in said("en", privacy={"columns": []})
    assert "not searched" in said("en", privacy=None)
    assert "not searched" in said("en", privacy={})
    assert personal([{"column": 3, "type": "x"}, "y", None]) == []


def test_what_a_real_scan_says_is_understood():
    import pyarrow as pa

    from modelwright.data.coerce import coerce
    from modelwright.data.infer import infer_schema
    from modelwright.privacy.protect import protect

    raw = pa.table({"text": [f"请拨打 1380013{8000 + i} 联系我，谢谢" for i in range(40)], "label": ["a", "b"] * 20})
    table, _ = coerce(raw, infer_schema(raw, target="label"))
    privacy = json.loads(json.dumps(protect(table, None, raw).to_json()))
    assert any(p.column == "text" and p.amount >= 30 for p in personal(privacy))
    assert "phone" in said("en", privacy=privacy)


def test_a_model_that_quotes_its_documents_says_so():
    assert "holds the documents" in said("en", facts={**FACTS, "task": "question-answering"})
    assert "holds no row" in said("en")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_page_opens_offline_and_marks_gaps(lang):
    html = page(sections(FACTS, CONSENT, None, Told(), 3), lang)
    assert "<mark>" in html
    assert "http://" not in html.split("</style>")[1]
    assert "<script" not in html
    assert "&lt;b&gt;" in html
    assert f'lang="{"zh-CN" if lang == "zh" else "en"}"' in html


def test_the_verb_writes_both_languages(tmp_path, monkeypatch, capsys):
    from modelwright.cli import app as cli

    run = tmp_path / "runs" / "r"
    (run / "data").mkdir(parents=True)
    (run / "config.yaml").write_text("")
    (run / "report.json").write_text(json.dumps(FACTS))
    (run / "data" / "consent.json").write_text(json.dumps(CONSENT))
    monkeypatch.chdir(tmp_path)
    cli.app(["notice", "r", "--contact", "a@b.c", "--json"], standalone_mode=False)
    files = json.loads(capsys.readouterr().out)["files"]
    assert sorted(p.name for p in run.glob("notice*")) == [
        "notice.html",
        "notice.md",
        "notice.zh-CN.html",
        "notice.zh-CN.md",
    ]
    assert len(files) == 4
    assert "a@b.c" in (run / "notice.zh-CN.md").read_text()
