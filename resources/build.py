"""build_resources: every connection the graph uses, from settings; constructors open nothing."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resources.alerting import Alerting
from resources.catalog import Catalog
from resources.embedder import build_embedder
from resources.endpoint import Endpoint
from resources.models import ModelStore
from resources.releases import Releases
from resources.settings import Settings
from resources.shared_traces import trace_store
from resources.store import Store
from resources.twins import Twins
from resources.vector_store import build_vector_store

if TYPE_CHECKING:
    from resources.fetcher import Fetcher


def build_resources(settings: Settings, twins: Twins) -> dict[str, Any]:
    """The resource of each key that assets, sensors and the command line ask for."""
    # Threads that spin while they wait make torch ten times slower on shared cores. The
    # variable is read when torch is first imported, here or in a process started from here.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    return {
        "settings": settings,
        "twins": twins,
        "store": Store(settings.home),
        "models": ModelStore(settings.home),
        "releases": Releases(settings.home),
        "catalog": build_catalog(settings, twins),
        "embedder": build_embedder(settings),
        "vectors": build_vector_store(settings),
        "traces": trace_store(settings.home),
        "endpoint": Endpoint(settings),
        "alerting": Alerting(settings),
    }


def build_catalog(settings: Settings, twins: Twins) -> Catalog:
    """The sources, read through a fetcher that reaches public addresses only, unless settings say more."""

    def fetching(copies: Path) -> "Fetcher":
        from resources.fetcher import Fetcher

        return Fetcher(copies, settings.fetch_allow, settings.fetch_pause_seconds)

    return Catalog(twins, settings.home, fetching, settings.poll_minutes * 60)
