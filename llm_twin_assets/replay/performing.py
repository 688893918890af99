"""A whole replay: stage a copy of the home, take over what stands, serve, play, and write the page."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from dotenv import dotenv_values

from llm_twin_assets.replay.page import page
from llm_twin_assets.replay.player import Player
from llm_twin_assets.replay.readers import Readers
from llm_twin_assets.replay.scenes import NothingToAsk, default_stream
from llm_twin_assets.replay.staging import NotStaged, Stage, check, quiet_surroundings, stage, staged
from llm_twin_assets.replay.stream import Event
from llm_twin_assets.replay.timeline import Entry
from llm_twin_assets.runs import Runner
from llm_twin_assets.ticking import Ticker
from resources.api_keys import local_token
from resources.build import build_resources
from resources.endpoint import Endpoint, EndpointError
from resources.files import replacing
from resources.locks import Locks
from resources.releases import Releases
from resources.settings import Settings
from resources.twins import Twins

PAGE: Final = "replay.html"

Resources = dict[str, Any]
Say = Callable[[str], None]


class NotPlayed(RuntimeError):
    """There is nothing to play with; the message says why and what helps."""


def perform(
    settings: Settings,
    twins: Twins,
    twin: str,
    events: Sequence[Event] | None,
    say: Say,
    tell: Callable[[Entry], None],
) -> Path:
    """Play events, or the four scenes, through a copy of the home; returns the page of the timeline.

    say: is told what is being prepared. tell: each entry of the timeline. Raises NotPlayed. One replay of a
    home at a time: another waits.
    """
    if Releases(settings.home).desired(twin) is None:
        raise NotPlayed(f"twin {twin} is not deployed: run `llm-twin run --twin {twin}` first")
    try:
        check(settings)
        quiet_surroundings(dotenv_values(".env"))
        with Locks(settings.local / "locks").held("replay"):
            return _performed(_fresh(settings, twins, twin, say), events, say, tell)
    except (NotStaged, NothingToAsk, EndpointError) as error:
        raise NotPlayed(str(error)) from None


def _fresh(settings: Settings, twins: Twins, twin: str, say: Say) -> Stage:
    Endpoint(staged(settings, twins, twin).settings).stop()
    say("copying the home, without its traffic and history")
    made = stage(settings, twins, twin)
    # What this process and its children read of their surroundings is the copy's.
    os.environ["LLM_TWIN_HOME"] = str(made.settings.home)
    return made


def _performed(made: Stage, events: Sequence[Event] | None, say: Say, tell: Callable[[Entry], None]) -> Path:
    resources = build_resources(made.settings, made.twins)
    stream = _stream(made, resources, events)
    try:
        ticker = _taken_over(made, resources, say)
        url, token = resources["endpoint"].ensure_running(), local_token(made.settings.local)
        with Readers(url, token, made.twin.name) as readers:
            timeline = Player(made, resources, ticker, readers, tell).play(stream)
    finally:
        resources["endpoint"].stop()
    with replacing(made.folder / PAGE) as temporary:
        temporary.write_text(page(made.twin.name, timeline), encoding="utf-8")
    return made.folder / PAGE


def _stream(made: Stage, resources: Resources, events: Sequence[Event] | None) -> Sequence[Event]:
    if events is not None:
        return events
    return default_stream(resources["store"].read("cleaned_documents"), made.twin.author)


def _taken_over(made: Stage, resources: Resources, say: Say) -> Ticker:
    """A ticker over a history that knows how everything stands, with nothing left to be asked for."""
    runner = Runner(made.settings, made.twins, resources, lambda line: None)
    runner.report_sources(resources["catalog"].fingerprint())
    for job, twin in (("documents_job", None), ("base_job", None), ("twin_job", made.twin.name)):
        say(f"{job}: what stands is taken over")
        if errors := runner.execute(job, twin):
            raise NotPlayed(f"{job} failed in the copy:\n  " + "\n  ".join(errors))
    ticker = Ticker(runner.definitions, runner.instance, runner)
    ticker.tick()
    return ticker
