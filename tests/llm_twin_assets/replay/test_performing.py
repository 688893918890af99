"""What is played: the given events, also where there are none, and a page of it."""

import pytest

from llm_twin_assets.replay import performing
from llm_twin_assets.replay.page import page
from llm_twin_assets.replay.staging import staged
from resources.settings import Settings
from resources.store import NotMaterialized, Store
from tests.jobs.triggering import two_twins


def test_an_empty_stream_is_played_and_not_the_four_scenes(tmp_path):
    made = staged(Settings(home=tmp_path), two_twins(tmp_path), "ada")
    resources = {"store": Store(tmp_path)}
    assert performing._stream(made, resources, []) == []
    with pytest.raises(NotMaterialized):
        performing._stream(made, resources, None)
    assert "<table></table>" in page("ada", [])
