"""Names of persons in Japanese, which the judges of Chinese names cannot read: they take 値段 and 梅雨 for a surname and a given name.

In Japanese a name is told by what stands beside it: a form of address behind it (山田様, 佐藤さん), a field before it (氏名：山田太郎), or that
somebody says what they are called (山田と申します). What has none of these is no name there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modelwright.privacy.lazy_patterns import later

_KANA = later("[ぁ-ヺ]")
_READ = later("[ぁ-ねは-ゖ]|[ァ-ヺ]{2}")  # の stands in Chinese too, and single signs of katakana in faces: ヽ(´▽`)ノ
_HAN = later("[\u3400-\u9fff々]")
# words that no Chinese sentence has
_OWN = later("氏名|名前|担当|連絡|宛名|宛先|差出人|申込|受取|株式会社|御中|々")
_SHARE = 0.125  # of the characters of a Japanese sentence that are kana, at least
_CELLS = 0.3  # of the cells of a column from which on those in Han characters alone are Japanese too
_SURNAMES = """佐藤 鈴木 高橋 田中 伊藤 渡辺 渡邊 山本 中村 小林 加藤 吉田 山田 佐々木 山口 松本 井上 木村 斎藤 斉藤 清水 山崎 池田 橋本 阿部 安倍 石川 山下 中島 石井 小川 前田 岡田 長谷川 藤田 後藤
近藤 村上 遠藤 青木 坂本 福田 太田 西村 藤井 金子 岡本 藤原 三浦 中野 中川 原田 松田 竹内 小野 田村 中山 和田 石田 森田 上田 内田 柴田 酒井 宮崎 横山 高木 安藤 宮本 大野 小島 工藤 谷口 今井 高田 増田 丸山 杉山
村田 大塚 新井 小山 平野 藤本 河野 上野 野口 武田 松井 千葉 菅原 岩崎 木下 久保 佐野 野村 松尾 菊地 菊池 市川 杉本 古川 大西 島田 水野 桜井 渡部 吉川 山内 西田 飯田 西川 小松 北村 安田 五十嵐 川口 平田 関口 中田 久保田
服部 東 岩田 土屋 川崎 福島 本田 辻 樋口 秋山 田口 永井 山中 中西 吉村 川上 石原 大橋 松岡 馬場 浜田 森本 星野 矢野 浅野 松下 大久保 吉岡 小池 野田 荒木 熊谷 松浦 内藤 黒田 尾崎 大谷 川村 永田 望月 堀 田辺 荒井
林 森 原 岡 関 南 西 北 堀""".split()
_LONG = tuple(s for s in _SURNAMES if len(s) > 1)
_KANA_ALONE = later(r"[ぁ-ヺー・\s]+")
_NAME = f"(?:{'|'.join(sorted(_SURNAMES, key=len, reverse=True))})(?![県市町村区駅])"
_ADDRESS = "(?:さん|さま|様|氏|くん|君|ちゃん|先生|殿|課長|部長|社長|係長|店長|主任|教授|医師|選手|監督|記者|容疑者)"
_SPOKEN = "(?:と申し|といいます|と言います|と名乗)"
_FIELD = "(?:氏名|お?名前|担当者?|宛名|宛先|差出人|患者名?|著者|代表者?|責任者|申込者|契約者|受取人|連絡先|配達員)[\\s:：は]{1,3}"
_GIVEN = "[\u3400-\u9fff々ぁ-ん]{0,3}?"
_SURE, _SHORT = 0.88, 0.75  # of a name with two or more characters before what tells it, and of one
_TOLD = later(
    rf"(?<![\u3400-\u9fff々])(?P<name>{_NAME}\s?{_GIVEN})(?=\s?{_ADDRESS}|{_SPOKEN})|{_FIELD}(?P<filled>{_NAME}\s?[\u3400-\u9fff々]{{1,3}})(?![\u3400-\u9fff々])"
)


def are_japanese(cells: Sequence[str]) -> list[bool]:
    """Return which cells are Japanese: those with kana in them, and in a column with many such all."""
    if not any(_KANA.search(c) or _OWN.search(c) for c in cells):
        return [False] * len(cells)
    kana = [_is_read(c) for c in cells]
    lettered = sum(k or _HAN.search(c) is not None for k, c in zip(kana, cells, strict=True))
    return [True] * len(cells) if sum(kana) >= _CELLS * lettered else kana


def read(cell: str) -> Iterator[tuple[int, int, float]]:
    """Yield the names in a Japanese cell: first and last + 1 character, and a score as recognisers have it."""
    for m in _TOLD.finditer(cell):
        group = "name" if m["name"] else "filled"
        yield *m.span(group), _SURE if len(m[group]) > 1 else _SHORT


def has_surname(text: str) -> bool:
    """Whether a text begins with a Japanese surname of two characters and more."""
    return text.startswith(_LONG)


def is_kana(text: str) -> bool:
    """Whether a text is in kana alone, but for blanks."""
    return _KANA_ALONE.fullmatch(text) is not None


def _is_read(cell: str) -> bool:
    if _OWN.search(cell):
        return True
    kana = sum(len(m) for m in _READ.findall(cell)) if _KANA.search(cell) else 0
    return kana > 0 and kana >= _SHARE * (kana + len(_HAN.findall(cell)))
