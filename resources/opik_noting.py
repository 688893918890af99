"""How an asset leaves something for Opik: on disk, in no time, and only where Opik is configured."""

import sqlite3
from collections.abc import Callable

from resources.opik_outbox import DATABASE
from resources.opik_settings import OpikPlace, opik_place
from resources.places import Place
from resources.shared_database import shared


def noted(home: Place, note: Callable[[OpikPlace], str | None]) -> dict[str, str]:
    """Metadata that says what came of it; none where Opik is not configured, or there was nothing to note.

    `note` writes into the outbox, which the next export of `production_traces` empties. Nothing here
    reaches for the network, and what goes wrong is said, not raised: the next run notes it again.
    """
    try:
        if (place := opik_place()) is None:
            return {}
        with shared(home, DATABASE):
            if note(place) is None:
                return {}
    except (OSError, ValueError, sqlite3.Error) as error:
        return {"opik/stopped": f"not noted for Opik: {error}"}
    return {"opik/noted": f"for {place.project}, with the next run of production_traces"}
