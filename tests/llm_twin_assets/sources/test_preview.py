import pandas as pd

from llm_twin_assets.sources.preview import preview


def test_a_preview_is_a_short_markdown_table():
    frame = pd.DataFrame({"a": ["x|y\nz", None] + ["w" * 200] * 9, "b": range(11), "c": 0})
    shown = preview(frame, ["a", "b"]).split("\n")
    assert shown[:4] == ["| a | b |", "| --- | --- |", "| x\\|y z | 0 |", "|  | 1 |"]
    assert len(shown) == 7
    assert shown[4] == f"| {'w' * 80} | 2 |"
