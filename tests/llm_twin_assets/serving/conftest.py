"""The small served world, made once for each process that runs tests."""

import pytest

from tests.llm_twin_assets.serving.small import Small, make_models


@pytest.fixture(scope="session")
def made_models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    make_models(folder)
    return folder


@pytest.fixture
def small(tmp_path, made_models):
    """Documents and index are there, and no twin is in service."""
    made = Small(tmp_path / "home", made_models)
    made.write_documents()
    made.publish_index()
    yield made
    made.vectors.close()
