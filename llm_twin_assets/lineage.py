"""From a release back to the documents that its models learned from, and to the release before it."""

from typing import Any

from resources.models import Model, ModelStore
from resources.releases import Releases, UnknownRelease
from resources.store import Store
from resources.twins import Twins


def releases(twins: Twins, stored: Releases) -> dict[str, list[dict[str, Any]]]:
    """Every twin's releases, oldest first: parent, models, when, whether it is served or quarantined."""
    return {name: [_listed(stored, name, one) for one in stored.all(name)] for name in twins.names}


def lineage(release_id: str, twins: Twins, resources: dict[str, Any]) -> dict[str, Any]:
    """What a release is made of, down to the documents; raises UnknownRelease.

    A document that has left the store since is named by its id alone.
    """
    stored: Releases = resources["releases"]
    twin = _twin_of(release_id, twins, stored)
    manifest = stored.manifest(twin, release_id)
    known = _addresses(resources["store"])
    models: ModelStore = resources["models"]
    adapter = _model(models, "aligned_model", twin, manifest.adapter)
    base = _model(models, "base_model", None, manifest.base)
    return {
        **_listed(stored, twin, release_id),
        "twin": twin,
        "author": manifest.author,
        "evaluation": manifest.evaluation,
        "evidence": stored.about(twin, release_id),
        "decoding": manifest.decoding,
        "adapter_learned_from": _documents(adapter, known),
        "base_learned_from": _documents(base, known),
        "ancestors": _ancestors(stored, twin, manifest.parent),
    }


def _listed(stored: Releases, twin: str, release_id: str) -> dict[str, Any]:
    manifest, about = stored.manifest(twin, release_id), stored.about(twin, release_id)
    return {
        "release_id": release_id,
        "parent": manifest.parent,
        "created_at": about["created_at"],
        "adapter": manifest.adapter[:12],
        "base": manifest.base[:12],
        "served": stored.desired(twin) == release_id,
        "quarantined": manifest.adapter in stored.quarantined(twin),
    }


def _twin_of(release_id: str, twins: Twins, stored: Releases) -> str:
    for name in twins.names:
        if release_id in stored.all(name):
            return name
    known = [one for name in twins.names for one in stored.all(name)]
    raise UnknownRelease(f"there is no release {release_id!r}; there are: {', '.join(known) or 'none'}")


def _model(models: ModelStore, asset: str, twin: str | None, version: str) -> Model | None:
    return next((one for one in models.versions(asset, twin) if one.version == version), None)


def _addresses(store: Store) -> dict[str, str]:
    documents = store.read_or_empty("cleaned_documents")
    return dict(zip(documents["document_id"], documents["uri"], strict=True))


def _documents(model: Model | None, known: dict[str, str]) -> list[str]:
    """The addresses of what a model learned from."""
    names = model.learned_from if model else []
    return sorted(known.get(name, f"{name} (no longer in the store)") for name in names)


def _ancestors(stored: Releases, twin: str, parent: str | None) -> list[str]:
    found: list[str] = []
    while parent is not None:
        found.append(parent)
        parent = stored.manifest(twin, parent).parent
    return found
