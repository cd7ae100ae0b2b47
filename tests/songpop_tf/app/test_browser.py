"""The page in a real browser: Debian's Chromium, driven by Playwright."""

import base64
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="needs the extra [app]")

from songpop_tf.app.server import create_app, listen, web_server
from songpop_tf.serving.backend import Backend

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt install chromium")

CARD = "<h1>Card of the model</h1>"
DROP = """([area, files]) => {
  const dataTransfer = new DataTransfer();
  for (const [name, type, content] of files) {
    const bytes = Uint8Array.from(atob(content), (char) => char.charCodeAt(0));
    dataTransfer.items.add(new File([bytes], name, { type }));
  }
  document.querySelector(area).dispatchEvent(
    new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
}"""


@pytest.fixture(scope="module")
def url(backend: Backend) -> Iterator[str]:
    """Of a server in another thread."""
    listening = listen("127.0.0.1", 0)
    server = web_server(create_app(backend, CARD))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listening.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        # Within a container there is no user namespace for the sandbox.
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened(browser: Any, url: str, **options: Any) -> Iterator[Any]:
    """The page; at the end, it must have asked for nothing elsewhere and failed nowhere."""
    page = browser.new_page(**options)
    requested: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(url)
    yield page
    page.close()
    assert [one for one in requested if not one.startswith((url, "data:", "blob:"))] == []
    assert errors == []


def drop(page: Any, area: str, name: str, kind: str, content: bytes) -> None:
    drop_all(page, area, [(name, kind, content)])


def drop_all(page: Any, area: str, files: list[tuple[str, str, bytes]]) -> None:
    encoded = [(name, kind, base64.b64encode(content).decode()) for name, kind, content in files]
    page.evaluate(DROP, [area, encoded])


def test_a_dropped_song_is_explained_and_followed_by_what_if(
    browser: Any, url: str, sound: Path
) -> None:
    with opened(browser, url) as page:
        drop(page, "#song-drop", sound.name, "audio/wav", sound.read_bytes())
        playwright.expect(page.get_by_label("Artist", exact=True)).to_have_value("Some Band")
        playwright.expect(page.get_by_label("The song")).to_be_visible()
        page.get_by_label("Year of release").fill("1999")
        page.get_by_label("Title", exact=True).press("Enter")
        heading = page.locator("#song-result h1")
        playwright.expect(heading).to_have_text("Some Band - Some Song (1999)", timeout=20_000)
        playwright.expect(page.get_by_text("Seconds and frequencies")).to_be_visible()
        playwright.expect(page.get_by_text("Among the songs of")).to_be_visible()
        # A click in the middle of the spectrogram plays from there.
        page.locator(".picture").click()
        assert page.evaluate("document.querySelector('audio').currentTime") >= 1.4
        page.get_by_label("Year of release").fill("2010")
        page.get_by_label("Year of release").blur()
        playwright.expect(heading).to_have_text("Some Band - Some Song (2010)", timeout=20_000)


def test_a_song_sent_while_its_file_is_read_is_predicted(
    browser: Any, url: str, sound: Path
) -> None:
    with opened(browser, url) as page:
        page.locator("#song-file").set_input_files(sound)
        page.get_by_role("button", name="Predict").click()
        heading = page.locator("#song-result h1")
        playwright.expect(heading).to_contain_text("Some Band - Some Song", timeout=20_000)


def test_a_bad_file_is_a_sentence_beside_the_form(browser: Any, url: str) -> None:
    with opened(browser, url) as page:
        drop(page, "#song-drop", "notes.mp3", "audio/mpeg", b"no sound")
        error = page.locator("#song-error")
        playwright.expect(error).to_contain_text("notes.mp3: expected")
        assert "/" not in error.inner_text().split(":")[0]
        playwright.expect(page.get_by_label("The song")).to_be_hidden()


def test_a_table_is_predicted_sorted_and_downloaded(browser: Any, url: str, table: Path) -> None:
    with opened(browser, url) as page:
        page.get_by_role("tab", name="One song").press("ArrowRight")
        drop(page, "#table-drop", table.name, "text/csv", table.read_bytes())
        page.locator("#table-button").click()
        playwright.expect(page.locator("#table-status")).to_have_text("3 of 4 rows predicted")
        playwright.expect(page.locator("#table-result .error")).to_contain_text("line 5")
        page.get_by_role("button", name="artist", exact=True).click()
        assert page.locator("tbody td:first-child").all_inner_texts() == ["D", "C", "B", "A"]
        page.get_by_role("button", name="shelf").click()
        page.get_by_role("button", name="shelf").click()
        assert page.locator("tbody td:first-child").all_inner_texts() == ["B", "A", "C", "D"]
        with page.expect_download() as download:
            page.get_by_text("Download the predicted CSV").click()
        assert download.value.suggested_filename == "predicted-songs.csv"
        header = download.value.path().read_text().splitlines()[0]
        assert header == "artist,title,year,shelf,popularity,popularity_low,popularity_high"


def test_several_files_become_a_table(browser: Any, url: str, sound: Path) -> None:
    with opened(browser, url) as page:
        page.get_by_role("tab", name="Many songs").click()
        files = [
            (name, "audio/wav", sound.read_bytes())
            for name in ("Band - Second.wav", "Band, Inc - First.wav")
        ]
        drop_all(page, "#table-drop", [*files, ("cover.jpg", "image/jpeg", b"no sound")])
        page.locator("#table-button").click()
        status = page.locator("#table-status")
        playwright.expect(status).to_have_text("2 of 3 files predicted", timeout=60_000)
        playwright.expect(page.locator("#table-result .error")).to_contain_text("cover.jpg: expec")
        assert page.locator("tbody td:nth-child(3)").all_inner_texts() == ["Second", "First"]
        with page.expect_download() as download:
            page.get_by_text("Download the predicted CSV").click()
        lines = download.value.path().read_text().splitlines()
        assert lines[0].startswith("file,artist,title,year,popularity,")
        assert lines[2].startswith('"Band, Inc - First.wav","Band, Inc",First,,')
        drop_all(page, "#table-drop", [*files, ("songs.csv", "text/csv", b"artist,title,year")])
        page.locator("#table-button").click()
        error = page.locator("#table-error")
        playwright.expect(error).to_contain_text("songs.csv: choose one table alone")


def test_a_phone_shows_all_without_scrolling_sideways(browser: Any, url: str) -> None:
    with opened(browser, url, viewport={"width": 360, "height": 740}) as page:
        for tab in ("About the model", "Many songs", "One song"):
            page.get_by_role("tab", name=tab).click()
            assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.get_by_label("Artist", exact=True).fill("A band with a long name")
        page.get_by_label("Artist", exact=True).press("Enter")
        page.locator("#song-result h1").wait_for(timeout=20_000)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_every_field_has_a_label_and_the_card_is_shown(browser: Any, url: str) -> None:
    with opened(browser, url) as page:
        unlabelled = "[...document.querySelectorAll('input')].filter((one) => !one.labels.length)"
        assert page.evaluate(f"{unlabelled}.length") == 0
        page.get_by_role("tab", name="About the model").click()
        playwright.expect(page.get_by_role("heading", name="Card of the model")).to_be_visible()
