from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_twin_assets.documents import language
from llm_twin_assets.documents.language import author_language, count_words, language_of, prose_of

PARAGRAPHS = {
    "en": "The baker opened the door before sunrise, because the ovens needed two hours to become hot, and "
    "nobody in our street wanted to wait for warm bread in the morning.",
    "de": "Der Bäcker öffnete die Tür vor Sonnenaufgang, weil die Öfen zwei Stunden brauchten, um heiß zu "
    "werden, und niemand in unserer Straße wollte morgens auf warmes Brot warten.",
    "fr": "Le boulanger ouvrait la porte avant le lever du soleil, parce que les fours avaient besoin de "
    "deux heures pour chauffer, et personne dans la rue ne voulait attendre le pain chaud.",
    "es": "El panadero abría la puerta antes del amanecer, porque los hornos necesitaban dos horas para "
    "calentarse, y nadie en nuestra calle quería esperar el pan caliente por la mañana.",
    "it": "Il fornaio apriva la porta prima dell'alba, perché i forni avevano bisogno di due ore per "
    "scaldarsi, e nessuno nella nostra strada voleva aspettare il pane caldo la mattina.",
    "pt": "O padeiro abria a porta antes do nascer do sol, porque os fornos precisavam de duas horas para "
    "aquecer, e ninguém na nossa rua queria esperar pelo pão quente de manhã.",
    "ro": "Brutarul deschidea ușa înainte de răsărit, pentru că avea nevoie de două ore ca să încălzească "
    "cuptoarele, și nimeni de pe strada noastră nu voia să aștepte pâinea caldă dimineața.",
    "nl": "De bakker opende de deur voor zonsopgang, omdat de ovens twee uur nodig hadden om heet te worden, "
    "en niemand in onze straat wilde 's ochtends op warm brood wachten.",
    "pl": "Piekarz otwierał drzwi przed wschodem słońca, ponieważ piece potrzebowały dwóch godzin, żeby się "
    "nagrzać, a nikt na naszej ulicy nie chciał rano czekać na ciepły chleb.",
    "ru": "Пекарь открывал дверь до восхода солнца, потому что печам нужно было два часа, чтобы нагреться, "
    "и никто на нашей улице не хотел ждать утром тёплый хлеб.",
    "zh": "面包师在日出之前打开门，因为烤炉需要两个小时才能变热，我们街上没有人愿意早上等待热面包。",
    "ja": "パン屋は日の出前に扉を開けました。かまどが熱くなるまで二時間かかるし、"
    "朝に温かいパンを待ちたい人はいなかったからです。",
}
CODE = "```python\nfor index, value in enumerate(values):\n    print(value)  # and so on, and so on\n```\n"


@pytest.mark.parametrize("code", PARAGRAPHS)
def test_a_paragraph_is_enough(code):
    assert language_of(PARAGRAPHS[code]) == code


@pytest.mark.parametrize("code", ["de", "fr", "ro", "ja"])
def test_code_and_links_do_not_count(code):
    links = "See https://example.org/the/best/of/all/the/pages/that/were/written and <EMAIL_ADDRESS>.\n\n"
    table = "| the name | of the thing |\n|---|---|\n" * 8
    assert language_of(f"{CODE * 8}\n{PARAGRAPHS[code]}\n\n{links * 4}{table}\n{CODE * 8}") == code


@pytest.mark.parametrize("text", ["", "\n\n", "Hello there, friend.", CODE * 9, "1 2 3 " * 90, "你好，世界"])
def test_too_little_prose_has_no_language(text):
    assert language_of(text) is None


def test_the_limit_is_twenty_words():
    words = PARAGRAPHS["en"].split()
    assert language_of(" ".join(words[:19])) is None
    assert language_of(" ".join(words[:20])) == "en"


def test_a_language_without_a_two_letter_code_has_none():
    text = (
        "Wetin dey happen for dis place no be small tin o, we don dey wait since morning make dem come " * 3
    )
    assert language_of(text) is None


def test_prose_is_what_is_left_without_machine_text():
    text = f"Write to ada@example.org or use `x = 1`, [EMAIL] and {{name}}.\n\n{CODE}\n| a |\n$x^2$ ends."
    assert prose_of(text).split() == ["Write", "to", "or", "use", ",", "and", ".", "ends."]


def test_words_are_counted_in_every_script():
    assert count_words("It is 2024 — naïve, isn't it?") == 6
    assert count_words("日本語 and ไทย") == 7


def test_the_language_of_most_words_is_an_authors():
    assert author_language([("en", 500), ("ro", 300), ("ro", 250), (None, 9000)]) == "ro"
    assert author_language([("en", 5), ("de", 5)]) == "de"
    assert author_language([(None, 10)]) is None
    assert author_language([]) is None


def test_threads_load_the_model_once(monkeypatch):
    monkeypatch.setattr(language, "_loaded", [])
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(language_of, [PARAGRAPHS["en"], PARAGRAPHS["pl"]] * 8))
    assert found == ["en", "pl"] * 8
    assert len(language._loaded) == 1


@given(st.text(max_size=300))
def test_any_text_is_answered(text):
    found = language_of(text)
    assert found is None or len(found) == 2
