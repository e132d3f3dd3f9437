"""Encodings that are no UTF-8: found by how the text reads, shown with the runner-up, asked where it is close."""

import json
import random

import pytest

from modelwright.core.errors import DataError
from modelwright.core.reading import Reading
from modelwright.data.encodings import _only_signs, find_encoding, guesses
from modelwright.data.sources import read, read_table

TEXTS = {
    ("gb18030", "shop"): ["物流很慢，客服一直没有回复", "苹果手机屏幕碎了", "包装完好，会再来买"],
    ("gb18030", "cities"): ["西安", "乌鲁木齐", "石家庄", "厦门"],
    ("gb18030", "yes or no"): ["是", "否", "男", "女"],
    ("cp950", "shop"): ["物流很慢，客服一直沒有回覆", "蘋果手機螢幕碎了", "高雄市"],
    ("cp932", "shop"): ["配送がとても遅いです", "カメラの画面が割れました", "大阪市"],
    ("cp932", "cities"): ["東京", "名古屋", "札幌", "福岡"],
    ("euc_jp", "shop"): ["配送がとても遅いです", "カメラの画面が割れました", "大阪市"],
    ("cp949", "shop"): ["배송이 너무 늦어요", "화면이 깨졌어요", "서울특별시"],
    ("cp949", "cities"): ["대전", "부산", "인천", "광주"],
    ("cp1252", "Spanish"): ["Córdoba", "España", "mañana", "¿Dónde está?"],
    ("cp1252", "French"): ["où est ma commande ?", "déjà payé", "l’été"],
    ("cp1252", "German"): ["Köln", "Straße", "verärgert", "Bücher"],
    ("cp1252", "Portuguese"): ["São João", "não chegou", "três situações"],
    ("cp1252", "capitals"): ["CÓRDOBA", "MÁLAGA"],
    ("mac_roman", "Spanish"): ["Córdoba", "España", "teléfono", "¿Dónde está?"],
    ("mac_roman", "French"): ["où est ma commande ?", "déjà payé", "été"],
    ("mac_roman", "German"): ["Köln", "Straße", "verärgert", "Bücher"],
    ("cp850", "Spanish"): ["Córdoba", "España", "mañana"],
    ("cp850", "German"): ["Köln", "Straße", "verärgert", "Bücher"],
    ("cp850", "Portuguese"): ["São João", "não chegou", "três situações"],
    ("cp850", "Danish"): ["København", "smørrebrød", "også", "måned"],
    ("cp1250", "Polish"): ["Łódź", "paczka się spóźniła", "Poznań"],
    ("cp1250", "Czech"): ["Plzeň", "zásilka přišla pozdě", "město"],
    ("cp1250", "Hungarian"): ["Győr", "késő csomag", "fűtés", "Székesfehérvár"],
    ("cp1251", "Russian"): ["посылка опоздала", "Новосибирск", "всё хорошо"],
    ("koi8_r", "Russian"): ["посылка опоздала", "Новосибирск", "всё хорошо"],
    ("cp1253", "Greek"): ["το δέμα άργησε", "Πάτρα", "Θεσσαλονίκη"],
    ("cp1254", "Turkish"): ["kargo gecikti, üzgünüm", "Muğla", "İzmir", "şehir ışığı"],
    ("cp1254", "Turkish cities"): ["İstanbul", "Şırnak", "Muğla", "Ağrı"],
    ("cp1252", "Icelandic"): ["Sigurður", "Norðurland", "Þorlákshöfn"],
    ("cp1255", "Hebrew"): ["המשלוח איחר", "חיפה", "תל אביב"],
    ("cp1256", "Arabic"): ["الشحنة متأخرة", "القاهرة", "جيد"],
}


def written(words):
    return "name,size\n" + "".join(f"{w},{i}\n" for i, w in enumerate(words * 8))


@pytest.mark.parametrize(("encoding", "kind"), TEXTS)
def test_a_text_is_read_in_its_encoding(encoding, kind, tmp_path):
    words = TEXTS[encoding, kind]
    (tmp_path / "d.csv").write_bytes(written([w.replace(",", " ") for w in words]).encode(encoding))
    table, detected = read_table(tmp_path / "d.csv", Reading())
    assert table.column("name").to_pylist()[: len(words)] == [w.replace(",", " ") for w in words]
    assert detected.encoding == encoding
    rows = [json.dumps({"name": w}, ensure_ascii=False) for w in words * 8]
    (tmp_path / "d.jsonl").write_bytes("\n".join(rows).encode(encoding))
    assert read(tmp_path / "d.jsonl").column("name").to_pylist()[: len(words)] == words


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_wide_text_without_a_mark(encoding, tmp_path):
    (tmp_path / "d.csv").write_bytes(written(TEXTS["gb18030", "shop"]).encode(encoding))
    assert read(tmp_path / "d.csv").column("name")[1].as_py() == "苹果手机屏幕碎了"


def test_the_runner_up_is_shown(tmp_path):
    (tmp_path / "d.csv").write_bytes(written(TEXTS["cp1252", "Spanish"]).encode("cp1252"))
    _, detected = read_table(tmp_path / "d.csv", Reading())
    assert detected.words().en.startswith("windows-1252, ")
    assert "next best" in detected.words().en
    assert "España" in detected.words().zh


def test_what_is_close_is_asked_and_the_user_decides(tmp_path):
    path = tmp_path / "d.csv"
    path.write_bytes(written(["það er gott", "við"]).encode("cp1252"))
    assert guesses(path.read_bytes())[0].score - guesses(path.read_bytes())[1].score < 0.05
    with pytest.raises(DataError, match="--encoding"):
        read(path)
    assert read(path, encoding="windows-1252").column("name")[0].as_py() == "það er gott"
    assert read(path, reading=Reading(usual={"encoding": "cp1252"})).column("name")[0].as_py() == "það er gott"
    with pytest.raises(DataError, match="no ascii"):
        read(path, encoding="ascii")


@pytest.mark.parametrize(
    "texts",
    [
        ["don’t", "it’s late"],
        ["“so”", "a – b"],
        ["Acme™ 3"],
        ["’tis “so”", "the dogs’ – 5 €"],
        ["„so“ – 20 °C", "§ 3"],
        ["GARÇON", "£5"],
    ],
)
def test_signs_of_windows_are_no_letters_of_old_macs(tmp_path, texts):
    path = tmp_path / "t.csv"
    path.write_bytes(written(texts).encode("cp1252"))
    assert set(read(path).column("name").to_pylist()) == set(texts)


@pytest.mark.parametrize("text", ["één", "ævi", "Österreich", "país y maíz", "año", "perché"])
def test_letters_of_old_macs_and_dos_are_no_signs_of_windows(text):
    for encoding in ("mac_roman", "cp850"):
        assert not _only_signs(text.encode(encoding).decode("cp1252", "replace"))


def test_what_dos_and_old_macs_wrote_is_read_or_asked(tmp_path):
    path = tmp_path / "d.csv"
    for words in (["Köln", "Straße", "verärgert"], ["où est", "déjà payé", "forêt"], ["mañana", "Málaga", "está"]):
        path.write_bytes(written(words).encode("cp437"))
        assert read(path).column("name").to_pylist()[:3] == words
    path.write_bytes(written(["avión"]).encode("mac_roman"))  # one accent tells nothing
    with pytest.raises(DataError, match="--encoding"):
        read(path)
    assert read(path, encoding="mac-roman").column("name")[0].as_py() == "avión"


def test_letters_that_come_late_are_found(tmp_path):
    rows = "".join(f"plain {i},{i}\n" for i in range(40_000))
    (tmp_path / "d.csv").write_bytes(("name,size\n" + rows + "Málaga,1\nCórdoba,2\n").encode("cp1252"))
    assert read(tmp_path / "d.csv").column("name")[-1].as_py() == "Córdoba"


def test_signs_alone_and_noise():
    assert "25 °C, it’s".encode("cp1252").decode(find_encoding("25 °C, it’s".encode("cp1252"), None)) == "25 °C, it’s"
    with pytest.raises(DataError, match="read as a language"):
        find_encoding(bytes(random.Random(0).choices(range(128, 256), k=400)), "d.csv")
