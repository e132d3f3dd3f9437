"""Digits by voice: strings of spoken digits written down."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from modelwright.core.words import Words
from modelwright.data.projects import Project, table
from modelwright.data.projects._spoken import RATE, sentence
from modelwright.data.wav import as_wav

_ROWS, _VOICES = 180, 12
_SAID = {
    "zero": "zIro", "one": "wVn", "two": "tu", "three": "Tri", "four": "for",
    "five": "faIv", "six": "sIks", "seven": "sev@n", "eight": "eIt", "nine": "naIn",
}  # fmt: skip


def _files() -> Mapping[str, str | bytes]:
    rng = np.random.default_rng(23)
    files: dict[str, str | bytes] = {}
    rows = []
    for i in range(_ROWS):
        voice = i % _VOICES
        words = [str(w) for w in rng.choice(list(_SAID), int(rng.integers(1, 5)))]
        name = f"clips/{i:03}.wav"
        files[name] = as_wav(sentence(words, _SAID, voice, rng), RATE)
        rows.append([name, " ".join(words), f"voice {voice}"])
    return {"recordings.csv": table(["recording", "text", "speaker"], rows), **files}


PROJECT = Project(
    title=Words("Digits by voice", "语音数字"),
    about=Words("Writes down strings of spoken digits, with the time of each word.", "把口述的数字串转写为文本，并给出每个词的时间。"),
    data=Words(
        f"`recordings.csv`: {_ROWS} recordings of one to four English digits in `clips/`, by {_VOICES} voices. All were made by a formula for this example (pulses and noise shaped by the "
        "resonances of each sound); nobody spoke them, and how well they are understood says nothing of people.",
        f"`recordings.csv`：`clips/` 中 {_ROWS} 段录音，每段一到四个英文数字，共 {_VOICES} 种嗓音。全部由为本示例编写的公式合成（按每个音的共振峰对脉冲与噪声整形），"
        "无人录制；其识别效果不能说明真人语音的效果。",
    ),
    own=Words(
        "Replace `recordings.csv` by your own: a recording (WAV, FLAC, MP3, OGG), what is said in it, and who speaks. Some minutes of a dozen speakers are a "
        "beginning for few words. Speakers are held out whole, so that the score tells how new voices are understood.",
        "用自己的数据替换 `recordings.csv`：录音（WAV、FLAC、MP3、OGG）、其文本与说话人。若词汇很少，十来位说话人各几分钟即可起步。"
        "说话人整体划分，因此得分反映对新嗓音的识别效果。",
    ),
    task="automatic-speech-recognition",
    settings={"data": "recordings.csv", "target": "text", "budget": "5m", "gate": "wer<=0.2"},
    files=_files,
    asks=({"recording": "clips/000.wav"}, {"recording": "clips/001.wav"}),
)  # fmt: skip
