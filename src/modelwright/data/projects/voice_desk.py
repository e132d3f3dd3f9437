"""A desk that is talked to: spoken questions to a shop, written down, then answered from documents."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from modelwright.core.words import Words
from modelwright.data.projects import Project, table
from modelwright.data.projects._spoken import RATE, sentence
from modelwright.data.wav import as_wav

_ROWS, _VOICES = 144, 12
_SAID = {
    "when": "wen", "do": "du", "you": "ju", "open": "op@n", "close": "kloz", "what": "wat", "is": "Iz", "the": "d@",
    "price": "praIs", "of": "Vv", "delivery": "d@lIv@ri", "can": "kAn", "i": "aI", "return": "ritVrn", "a": "@", "lamp": "lAmp",
    "chair": "tSer", "table": "teIb@l", "where": "wer", "my": "maI", "parcel": "pars@l", "repair": "riper",
}  # fmt: skip
_ASKED = (
    "when do you open", "when do you close", "what is the price of delivery", "can i return a lamp", "can i return a chair", "can i return a table",
    "what is the price of a lamp", "what is the price of a chair", "what is the price of a table", "where is my parcel", "do you repair a lamp", "do you repair a chair",
)  # fmt: skip
_HOURS = """# Hours

## When do you open

We open at nine in the morning, Monday to Saturday.

## When do you close

We close at six in the evening; on Saturday at two.
"""
_GOODS = """# Goods

## What is the price of a lamp

A lamp costs twenty.

## What is the price of a chair

A chair costs forty.

## What is the price of a table

A table costs ninety.

## Do you repair a lamp or a chair

We repair every lamp and chair that was bought here, free of charge in the first year.
"""
_DELIVERY = """# Delivery and returns

## What is the price of delivery

Delivery costs five; from sixty on it is free.

## Where is my parcel

Parcels arrive three days after they were sent. The mail with your order holds a link that shows where yours is.

## Can I return a lamp, a chair or a table

You can return everything within thirty days of delivery.
"""
_ANSWERS = """# What the desk answers from
# modelwright run --config answers.yaml --name voice-desk-answers
data: docs
budget: 30s
task: question-answering
"""


def _files() -> Mapping[str, str | bytes]:
    rng = np.random.default_rng(29)
    files: dict[str, str | bytes] = {}
    rows = []
    for i in range(_ROWS):
        voice = (i // len(_ASKED)) % _VOICES
        text = _ASKED[i % len(_ASKED)]
        name = f"clips/{i:03}.wav"
        files[name] = as_wav(sentence(text.split(), _SAID, voice, rng), RATE)
        rows.append([name, text, f"voice {voice}"])
    return {
        "questions.csv": table(["recording", "text", "speaker"], rows), "docs/hours.md": _HOURS, "docs/goods.md": _GOODS,
        "docs/delivery.md": _DELIVERY, "answers.yaml": _ANSWERS, **files,
    }  # fmt: skip


PROJECT = Project(
    title=Words("A desk that is talked to", "语音服务台"),
    about=Words(
        "Writes down spoken questions to a shop; with a second model that answers from documents it becomes a desk that is talked to.",
        "转写顾客口述的问题；再配上从文档中回答的第二个模型，即可成为可对话的语音服务台。",
    ),
    data=Words(
        f"`questions.csv`: {_ROWS} recordings of {len(_ASKED)} questions in `clips/`, by {_VOICES} voices, all made by a formula for this example; nobody spoke them. `docs/` holds what a made-up shop "
        "knows. Train both models and talk to them at `/talk` (`--voice` also takes a model of text-to-speech as a third):\n\n"
        "```console\n$ modelwright run --config answers.yaml --name voice-desk-answers\n$ modelwright serve runs/voice-desk runs/voice-desk-answers --voice\n```",
        f"`questions.csv`：`clips/` 中 {_ROWS} 段录音，含 {len(_ASKED)} 个问题、{_VOICES} 种嗓音，全部由为本示例编写的公式合成，无人录制。`docs/` 是一家虚构商店的知识。"
        "训练两个模型后可在 `/talk` 与其对话（`--voice` 还可接受第三个语音合成模型）：\n\n"
        "```console\n$ modelwright run --config answers.yaml --name voice-desk-answers\n$ modelwright serve runs/voice-desk runs/voice-desk-answers --voice\n```",
    ),
    own=Words(
        "Record how your customers ask (a recording, its text, who speaks) in `questions.csv`, and put your own Markdown, text, HTML, PDF and DOCX files into `docs/`. Where no recordings are at hand, "
        "a speech synthesiser can speak sentences of your own; people are then understood less well than it.",
        "在 `questions.csv` 中放入顾客提问的录音（录音、文本、说话人），把自己的 Markdown、文本、HTML、PDF、DOCX 文件放入 `docs/`。没有录音时可用语音合成器朗读自己的句子；此时对真人的识别会差一些。",
    ),
    task="automatic-speech-recognition",
    settings={"data": "questions.csv", "target": "text", "budget": "5m", "gate": "wer<=0.2"},
    files=_files,
    asks=({"recording": "clips/000.wav"}, {"recording": "clips/008.wav"}),
)  # fmt: skip
