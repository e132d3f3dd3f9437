"""Names of other peoples in Chinese, written by sound: two parts with a dot between, and Tibetan, Mongolian and Uyghur ones of two known parts.

阿依古丽·吐尔逊;  扎西顿珠;  宝音巴特尔
"""

from __future__ import annotations

from collections.abc import Iterator

from modelwright.privacy._persons import SOUNDS
from modelwright.privacy.lazy_patterns import later
from modelwright.privacy.recognisers.base import Match, Recogniser
from modelwright.privacy.text import HAN, Block

_TIBETAN = (
    "扎西|次仁|卓玛|多吉|拉姆|顿珠|格桑|央金|旦增|丹增|平措|洛桑|尼玛|达瓦|白玛|德吉|仁青|索朗|次旦|旺堆|旺姆|曲珍|边巴|普布|巴桑|米玛|拉巴|强巴|"
    "贡布|贡嘎|桑珠|晋美|阿旺|土登|加措|嘉措|卓嘎|措姆|益西|仓决|罗布|群培|群措|坚赞|才让|才旦|卓尕|华旦|桑吉|更登|久美|南杰|朗杰|次珍|旺杰|旺扎|班旦|赤列|多布杰|玉珍"
)
_MONGOLIAN = (
    "宝音|巴音|乌兰|乌云|其其格|其木格|图雅|格日勒|巴特尔|巴图|娜仁|那仁|萨仁|萨日|敖登|德力格尔|毕力格|斯琴|高娃|托娅|阿拉坦|巴雅尔|巴雅|朝鲁|孟和|吉日嘎拉|"
    "阿古拉|牧仁|特木尔|青格尔|胡日查|塔娜|哈斯|苏日娜|额尔敦|布和|满都拉|呼格吉|斯日古楞|通拉嘎"
)
_UYGHUR = "阿依|古丽|古力|努尔|娜尔|买买提|艾力|吐尔逊|阿不都|阿卜杜|热合曼|艾尼|瓦尔|卡德尔|米热|迪丽|热巴|帕提|玛依|夏提|艾山|艾合买提|依布拉音|沙拉买提|木拉提"
_ENDS = "[花朗]"  # by themselves everyday characters: at the end of a Mongolian name alone
_TWO = "|".join(
    (
        f"(?:{_TIBETAN})(?:{_TIBETAN})",
        f"(?:{_MONGOLIAN})(?:{_MONGOLIAN}|{_ENDS})",
        f"(?:{_UYGHUR})(?:{_UYGHUR})",
    )
)
_SOUND = "".join(
    sorted(
        SOUNDS
        | set(
            "西玉素甫衣合日孜库热敖格勒班都江洪艾庄鲍晓彬边敦恩封冯富盖冈高贡古圭海汉豪赫胡怀霍基吉季贾杰金居凯坎康考孔夸昆莱赖郎劳勒雷黎列林琳留卢路伦吕梅门蒙米密缪摩莫纳奈南内尼涅宁纽努欧派潘庞培佩彭平普钱强乔切琴热荣茹萨塞桑申施舒朔司索泰坦汤唐陶特滕蒂田廷通瓦万韦魏温翁沃夏肖谢辛欣许雅延杨耶因英尤约宰赞泽朱卓祖左"
            "依孜肯别提热合曼力不都拜赛再排祖帕米热丹艾沙伯勒兹奇茨切韦雅迦耶戈图库鲁吾守彭朗甘什扬豪登翁坎汀廷丁蒙曼敏宁诺庞珀齐琼史苏泰坦旺锡辛泽詹佐斐迈安娅露黛朵萝薇奈"
        )
    )
)
_PART = f"(?:[买西来]提|[{_SOUND}])"  # 提 by itself also begins words: 史密斯提出
# after a part that may end a name, nothing that makes it a title, a place or a thing
_NO_THING = "(?!主义|[式症奖杯号牌型系州市区县河湖山岛海球])"


class BySound(Recogniser):
    """Persons whose names are written by sound."""

    types = ("person",)
    in_han = (_TWO,)

    _dotted = later(rf"(?<![{_SOUND}·])(?P<name>{_PART}{{2,8}}(?:·{_PART}{{1,8}}){{1,3}})(?![{_SOUND}]){_NO_THING}")
    _parted = later(rf"(?<![\u4e00-\u9fff]·)(?P<name>(?:{_TIBETAN}){{3}}|{_TWO})(?![寺山湖县乡镇村路街·])")

    def find(self, block: Block, column: str) -> Iterator[tuple[int, Match]]:
        for some, pattern in ((block.having("·"), self._dotted), (block.having(HAN).select(_TWO), self._parted)):
            for cell, m in some.finditer(pattern):
                first, last = int(some.starts[cell]), int(some.starts[cell + 1]) - 1
                start, end = m.span("name")
                yield (
                    int(some.index[cell]),
                    Match(start - first, end - first, "person", 0.88, "form", start == first and end == last),
                )


RECOGNISER = BySound
