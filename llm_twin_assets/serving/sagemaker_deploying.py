"""Releases on a SageMaker endpoint: their bases and adapters are brought up before anybody is sent there.

The gateway, this project's own server, chooses the component for each conversation, so shares and roll-backs
need nothing here; what no release may be sent to any more is removed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from llm_twin_assets.serving.sagemaker_engine import component_of
from resources.files import here
from resources.places import is_remote
from resources.releases import Manifest, Releases
from resources.sagemaker import SageMaker
from resources.sagemaker_endpoint import Base, Hosting, SageMakerHosting
from resources.sagemaker_files import packed, uploaded
from resources.settings import Settings
from resources.store import Store

if TYPE_CHECKING:
    from cloudpathlib import S3Path

# Where the container finds the weights that the service loads for it.
WEIGHTS: Final = "/opt/ml/model"
MOST_ADAPTERS: Final = "16"
MOST_RANK: Final = "64"


@contextmanager
def hosted(
    settings: Settings, store: Store, releases: Releases, twin: str, release_id: str | None
) -> Iterator[None]:
    """What a deployment may send conversations to is up while it does, and what is left goes after it.

    release_id: what is to be deployed; none for what `release` reported. Does nothing where the settings want
    no endpoint. Raises SageMakerError, and ValueError where a setting is missing.
    """
    if settings.endpoint == "local":
        yield
        return
    components = SageMakerReleases(settings, releases)
    # One deployment at a time: what another has just made, and nobody is sent to yet, looks left over.
    with store.locks.held("sagemaker-components"):
        components.bring(twin, release_id or str(store.report("release", twin)["release_id"]))
        yield
        components.tidy()


class SageMakerReleases:
    """Brings releases' components up and removes the others. Constructing asks nothing.

    Raises ValueError, naming the setting, where one is missing.
    """

    def __init__(self, settings: Settings, releases: Releases, sagemaker: SageMaker | None = None) -> None:
        self._home, self._releases = _remote(settings), releases
        self._endpoint = str(settings.engine_model)
        self._hosting = SageMakerHosting(sagemaker or SageMaker(), hosting_of(settings))

    def bring(self, twin: str, release_id: str) -> str:
        """The component that answers as this release is in service; returns its name.

        Raises SageMakerError, with what the container said last.
        """
        manifest = self._releases.manifest(twin, release_id)
        self._hosting.ensure_endpoint()
        base = self._hosting.ensure_base(self._base(manifest))
        name = component_of(self._endpoint, manifest.adapter)
        there = self._home / "serving" / "adapters" / f"{manifest.adapter}.tar.gz"
        artefact = packed(here(self._home / manifest.adapter_folder), there)
        self._hosting.ensure_adapter(name, base, artefact)
        return name

    def tidy(self) -> list[str]:
        """Remove the components that no release may need; returns their names.

        Needed are what each twin serves, its canary, and the release before, to go back to at once.
        """
        wanted: set[str] = set()
        for manifest in self._needed():
            wanted.add(component_of(self._endpoint, manifest.adapter))
            wanted.add(self._hosting.base_name(manifest.base))
        return self._hosting.remove_others(wanted)

    def _needed(self) -> list[Manifest]:
        needed = []
        for twin, state in self._releases.everything_desired().items():
            champion = self._releases.manifest(twin, state.release_id)
            others = [champion.parent, state.canary.release_id if state.canary else None]
            needed += [champion, *(self._releases.manifest(twin, one) for one in others if one)]
        return needed

    def _base(self, manifest: Manifest) -> Base:
        if manifest.base_folder.startswith("models/"):
            folder = here(self._home / manifest.base_folder)
        else:
            folder = Path(manifest.base_folder)
        if folder.is_dir():
            weights = uploaded(folder, self._home / "serving" / "bases" / manifest.base)
            return Base(manifest.base, weights, {"SM_VLLM_MODEL": WEIGHTS})
        named = {"SM_VLLM_MODEL": manifest.base_folder, "SM_VLLM_REVISION": manifest.base_revision}
        return Base(manifest.base, None, named)


def hosting_of(settings: Settings) -> Hosting:
    """What the settings say of an endpoint's machines; raises ValueError, naming what is missing."""
    for name in ("sagemaker_role", "sagemaker_image"):
        if not getattr(settings, name):
            raise ValueError(f"LLM_TWIN_ENDPOINT is sagemaker: set LLM_TWIN_{name.upper()}")
    return Hosting(
        endpoint=str(settings.engine_model),
        role=str(settings.sagemaker_role),
        image=str(settings.sagemaker_image),
        instance=settings.sagemaker_instance,
        accelerators=settings.sagemaker_accelerators,
        memory_mb=settings.sagemaker_memory_mb,
        start_seconds=settings.sagemaker_start_seconds,
        least_copies=settings.sagemaker_least_copies,
        most_copies=settings.sagemaker_most_copies,
        environment={
            "SM_VLLM_ENABLE_LORA": "true",
            "SM_VLLM_MAX_LORAS": MOST_ADAPTERS,
            "SM_VLLM_MAX_LORA_RANK": MOST_RANK,
            "SM_VLLM_MAX_MODEL_LEN": str(settings.engine_context),
            "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "1",
        },
    )


def _remote(settings: Settings) -> "S3Path":
    home: Any = settings.home
    if not is_remote(home):
        raise ValueError("LLM_TWIN_ENDPOINT is sagemaker: let LLM_TWIN_HOME lie in S3, as s3://bucket/prefix")
    return home
