"""Takes the README's pictures from a finished `make run`: lineage, chat and releases pages, an evaluation.
Where `llm-twin replay` was played, its timeline too.

make pictures
"""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from playwright.sync_api import Page, sync_playwright

from resources.build import build_resources
from resources.settings import Settings
from resources.twins import load_twins

PICTURES = Path(__file__).parent / "pictures"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-sync",
]


def main() -> None:
    """Write lineage.png, chat.png, phone.png, releases.png and evaluation.png into docs/pictures."""
    settings = Settings()
    PICTURES.mkdir(exist_ok=True)
    os.environ["DAGSTER_HOME"] = str(settings.home / "dagster")
    endpoint = build_resources(settings, load_twins(settings.config))["endpoint"]
    endpoint.ensure_running()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright, _webserver() as dagster:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        lineage(browser.new_page(viewport={"width": 2200, "height": 1700}), dagster)
        url = endpoint.status()["url"]
        chat(browser.new_page(viewport={"width": 1200, "height": 800}), url, "chat.png")
        chat(browser.new_page(viewport={"width": 390, "height": 800}), url, "phone.png")
        releases(browser.new_page(viewport={"width": 1100, "height": 700}), url)
        evaluation(browser.new_page(viewport={"width": 1300, "height": 900}), settings.home)
        replay(browser.new_page(viewport={"width": 1200, "height": 900}), settings.local / "replay")
        browser.close()


def evaluation(page: Page, home: Path) -> None:
    """The top of a twin's evaluation: the decision, and the arms side by side."""
    report = next((home / "store" / "model_evaluation").glob("*/report.html"))
    page.goto(report.as_uri())
    page.screenshot(path=PICTURES / "evaluation.png")
    print(f"wrote {PICTURES / 'evaluation.png'}")


def replay(page: Page, folder: Path) -> None:
    """The picture over a replay's timeline, and what came of the new document and the shift of topic."""
    written = folder / "replay.html"
    if not written.exists():
        print("no replay to take a picture of: run `llm-twin replay`")
        return
    page.goto(written.as_uri())
    page.locator("img").screenshot(path=PICTURES / "replay.png")
    scenes = [box for scene in page.locator("tr.scene").all() if (box := scene.bounding_box())]
    if len(scenes) > 3:
        begin, end = scenes[1], scenes[3]
        clip = {name: begin[name] for name in ("x", "y", "width")} | {"height": end["y"] - begin["y"]}
        page.screenshot(path=PICTURES / "replay_timeline.png", full_page=True, clip=clip)
    print(f"wrote {PICTURES / 'replay.png'}")


@contextmanager
def _webserver() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "dagster_webserver",
        "-m",
        "llm_twin_assets.definitions",
        "-p",
        str(port),
    ]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        transport = httpx.HTTPTransport(retries=30)
        with httpx.Client(transport=transport, timeout=60) as client:
            client.get(f"http://127.0.0.1:{port}/server_info").raise_for_status()
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def lineage(page: Page, dagster: str) -> None:
    """The global lineage graph with what each asset last reported."""
    page.goto(f"{dagster}/asset-groups")
    page.get_by_text("monitoring").last.wait_for(timeout=60_000)
    page.keyboard.press("Alt+e")  # expands every group
    page.get_by_text("deployed_endpoint").first.wait_for(timeout=20_000)
    page.wait_for_timeout(5_000)
    page.screenshot(path=PICTURES / "lineage.png", clip={"x": 540, "y": 110, "width": 1630, "height": 1390})
    print(f"wrote {PICTURES / 'lineage.png'}")


def chat(page: Page, url: str, name: str) -> None:
    """The chat page after one answer."""
    page.goto(url)
    page.get_by_role("textbox").fill("Why does the twin quote instead of composing?")
    page.keyboard.press("Enter")
    page.locator(".ids").wait_for(timeout=60_000)
    page.wait_for_timeout(1_500)
    page.screenshot(path=PICTURES / name)
    print(f"wrote {PICTURES / name}")


def releases(page: Page, url: str) -> None:
    """What is live, and what the last evaluation said."""
    page.goto(f"{url}/releases")
    page.get_by_text("Last evaluation").first.wait_for(timeout=20_000)
    page.screenshot(path=PICTURES / "releases.png", full_page=True)
    print(f"wrote {PICTURES / 'releases.png'}")


if __name__ == "__main__":
    main()
