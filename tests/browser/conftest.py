"""A real browser, and the Mermaid that GitHub and GitLab draw with."""

import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.cli.command import PATIENCE, TOPOLOGY, Place

MERMAID: Final = "11.17.2"
CACHE: Final = Path(__file__).parents[2] / ".cache" / "npm"

OpenPage = Callable[[Path], Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    chromium = shutil.which("chromium")
    assert chromium is not None, "there is no chromium: .ci/install-browser installs it"
    with sync_playwright() as playwright:
        # Chromium refuses to run its sandbox as root, which is who tests are in a container.
        opened = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"], timeout=PATIENCE * 1000
        )
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Opens a file, and fails the test if the page asks the network for anything or complains about itself."""
    complaints: list[str] = []
    context = browser.new_context(viewport={"width": 1400, "height": 800}, offline=True)
    context.set_default_timeout(PATIENCE * 1000)

    def opened(file: Path) -> Page:
        page = context.new_page()
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request", lambda request: complaints.append(request.url) if request.url != file.as_uri() else None
        )
        page.goto(file.as_uri())
        return page

    yield opened
    context.close()
    assert complaints == []


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A spec with one org, acme."""
    (tmp_path / "topology.yaml").write_text(TOPOLOGY)
    found = Place(path=tmp_path)
    found.write_org("acme", "options: {crm: true}\n")
    return found


@pytest.fixture(scope="session")
def mermaid_library() -> str:
    """The JavaScript of Mermaid, from npm, kept for the next time."""
    kept = CACHE / f"mermaid-{MERMAID}.min.js"
    if not kept.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        # In a folder of its own: other processes may fetch it at the same time.
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            fetch = ["npm", "pack", "--silent", f"mermaid@{MERMAID}"]
            packed = subprocess.run(fetch, cwd=folder, check=True, capture_output=True, text=True).stdout.split()[
                -1
            ]
            with tarfile.open(Path(folder) / packed) as archive:
                member = archive.extractfile("package/dist/mermaid.min.js")
                assert member is not None
                (Path(folder) / kept.name).write_bytes(member.read())
            (Path(folder) / kept.name).replace(kept)
    return kept.read_text(encoding="utf-8")
