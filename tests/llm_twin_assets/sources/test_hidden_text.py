import pytest

from llm_twin_assets.sources.hidden_text import is_unseen_style, markdown_unseen, split_html


@pytest.mark.parametrize(
    "style",
    [
        "display:none", "visibility:hidden", "opacity:0", "opacity:0.01;", "font-size:0", "font-size:1px",
        "position:absolute;left:-9999px", "color:#fff", "color:white;background:white", "clip:rect(0,0,0,0)",
        "height:0;overflow:hidden", "color:#123456;background-color:#123456",
    ],
)  # fmt: skip
def test_styles_that_hide(style):
    assert is_unseen_style(style)


@pytest.mark.parametrize(
    "style",
    [
        "display:block", "visibility:visible", "opacity:0.8", "font-size:16px", "font-size:10px", "left:-1px",
        "color:#333", "color:white;background:black", "height:100px", "margin-left:-15px", "line-height:0",
    ],
)  # fmt: skip
def test_styles_that_show(style):
    assert not is_unseen_style(style)


@pytest.mark.parametrize(
    ("page", "unseen"),
    [
        ("<p>a<!-- b -->c</p>", ["b"]),
        ("a<div hidden>b <b>c</b> d</div>e", ["b c d"]),
        ("a<span aria-hidden=true>b</span>c", ["b"]),
        ("<noscript>a</noscript>", ["a"]),
        (
            "<style>.x, #y { display: none }</style><p class='z x'>a</p><p id=y>b</p><p class=z>c</p>",
            ["a", "b"],
        ),
        ('<img src="a.png" alt="a hive beside a wall">', ["a hive beside a wall"]),
        ('<meta name="description" content="all about bees">', ["all about bees"]),
        ("<script>var a = '<div hidden>b</div>';</script>", []),
        ("<p>a<p>b", []),
        ("1 < 2 and <|im_start|> and <conversation>", []),
    ],
)
def test_what_a_page_does_not_show(page, unseen):
    assert [" ".join(words.split()) for words in split_html(page).unseen] == unseen


def test_what_a_page_shows():
    assert split_html("a <b>b</b> &amp; c").shown == "a b & c"
    assert split_html("a<div style='display: none'>b<br>c</div>d").shown.split() == ["a", "d"]
    assert split_html("a <code>b</code>").shown == "a `b`"
    assert "> b" in split_html("<p>a</p><blockquote><p>b</p></blockquote>").shown


def test_what_tags_link_to():
    assert split_html('<a href="/a?x=1&amp;y=2"><img src=b.png></a>').urls == ["/a?x=1&y=2", "b.png"]


def test_what_markdown_does_not_render():
    assert markdown_unseen("a\n\n[//]: # (not shown)\n\nb") == ["not shown"]
    assert markdown_unseen('[a](b.html "some title")') == ["some title"]
    assert markdown_unseen("$\\color{white}{pale words}$") == ["pale words"]
    assert markdown_unseen("[a]: https://bees.example/a") == []
