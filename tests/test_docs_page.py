"""The interactive API page in a real browser: no other host sees who reads it."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from factories import School
from processes import Server, served, token_of
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support import expected_conditions as expected
from selenium.webdriver.support.wait import WebDriverWait

from dnevnik_api.embedded import Cluster
from dnevnik_api.tokens import Tokens, load_or_make_key

CHROMIUM = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-proxy-server",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1200,2000",
]

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="This machine has no chromium with its chromedriver."
)


@pytest.fixture
def browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[webdriver.Chrome]:
    monkeypatch.setenv("NO_PROXY", "*")
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    for flag in [*FLAGS, f"--user-data-dir={tmp_path / 'profile'}"]:
        options.add_argument(flag)
    service = webdriver.ChromeService(executable_path=str(DRIVER))
    with webdriver.Chrome(options, service) as browser:
        yield browser


@pytest.fixture
def server(database: Cluster, tmp_path: Path) -> Iterator[Server]:
    key = tmp_path / "key.pem"
    load_or_make_key(key)
    with served(tmp_path, database_url=database.url(), signing_key_file=key) as server:
        yield server


def find(browser: webdriver.Chrome, selector: str) -> WebElement:
    """Return the first element that the selector matches, once it can be clicked."""
    wait = WebDriverWait(browser, 20)
    found: WebElement = wait.until(
        expected.element_to_be_clickable((By.CSS_SELECTOR, selector)), selector
    )
    return found


def requests_of(browser: webdriver.Chrome) -> list[str]:
    """Return the addresses that the browser has asked for so far."""
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]


def test_one_authorizes_on_the_page_and_tries_an_operation(
    browser: webdriver.Chrome, server: Server, school: School, tmp_path: Path
) -> None:
    token = token_of(Tokens((tmp_path / "key.pem").read_bytes()), school.coordinator)
    browser.get(f"{server.address}/docs")
    find(browser, ".btn.authorize").click()
    find(browser, ".auth-container input").send_keys(token)
    find(browser, ".auth-btn-wrapper .authorize").click()
    find(browser, ".auth-btn-wrapper .btn-done").click()
    find(browser, "#operations-tag-organization").click()
    find(browser, "#operations-organization-list_rooms").click()
    operation = "#operations-organization-list_rooms "
    find(browser, operation + ".try-out__btn").click()
    find(browser, operation + "tr[data-param-name=organization_id] input").send_keys(str(school.id))
    find(browser, operation + ".execute").click()
    status = find(browser, operation + ".live-responses-table tr.response .response-col_status")
    assert status.text.split()[0] == "200"
    body = find(browser, operation + ".live-responses-table tr.response .microlight").text
    assert '"name": "214"' in body
    asked = requests_of(browser)
    assert f"{server.address}/v1/organizations/{school.id}/rooms" in {
        address.partition("?")[0] for address in asked
    }
    # The browser's own pages have other schemes.
    hosts = {urlsplit(address).netloc for address in asked if address.startswith(("http", "ws"))}
    assert hosts == {urlsplit(server.address).netloc}
    complaints = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert complaints == []
