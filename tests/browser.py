"""A real Chromium without a window, driven over WebDriver's own HTTP: pages are opened, clicked and looked at."""

import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


class Browser:
    """One session of ChromeDriver."""

    def __init__(self, driver: str, chromium: str, profile: str) -> None:
        self.process = subprocess.Popen([driver, "--port=0"], stdout=subprocess.PIPE, text=True)
        self.port = self._port()
        self.session = ""
        options = {"binary": chromium, "args": [*ARGUMENTS, f"--user-data-dir={profile}"]}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
        self.session = self.call("", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]

    def _port(self) -> int:
        for line in self.process.stdout:
            if found := re.search(r"successfully on port (\d+)", line):
                return int(found[1])
        raise RuntimeError("chromedriver did not start")

    def call(self, command, body=None, method="POST"):
        """One WebDriver command; its value."""
        url = "/".join(filter(None, (f"http://127.0.0.1:{self.port}/session", self.session, command)))
        data = None if method == "GET" else json.dumps(body or {}).encode()
        request = Request(url, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urlopen(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except HTTPError as error:
            raise RuntimeError(f"{command}: {error.read().decode()[:300]}") from None

    def open(self, path, *, size=(1200, 900), scheme="light", script=True):
        """Open a file, in a window of `size`."""
        width, height = size
        self.devtools(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.devtools("Emulation.setScriptExecutionDisabled", value=not script)
        self.logs("browser")
        self.logs("performance")
        self.call("url", {"url": Path(path).absolute().as_uri()})

    def run(self, script, *arguments):
        """Run JavaScript; what it returns."""
        return self.call("execute/sync", {"script": script, "args": list(arguments)})

    def wait(self, what):
        """Until JavaScript returns something true, or a function does; AssertionError after a while."""
        end = time.monotonic() + 10
        while not (what() if callable(what) else self.run(what)):
            assert time.monotonic() < end, what
            time.sleep(0.02)

    def devtools(self, command, **parameters):
        """A command of the DevTools protocol."""
        return self.call("goog/cdp/execute", {"cmd": command, "params": parameters})

    def logs(self, kind):
        """What was logged since the last time: `browser` (the console) or `performance` (the network among others)."""
        return self.call("se/log", {"type": kind})

    def requests(self):
        """The addresses that the page asked for since it was opened: no data URIs, nothing of the browser's own."""
        events = [json.loads(entry["message"])["message"] for entry in self.logs("performance")]
        sent = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
        return [url for url in sent if not url.startswith(("data:", "chrome:"))]

    def screenshot(self, *, whole=False):
        """The window, or the whole page, as a PNG."""
        shot = self.devtools("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        return base64.b64decode(shot["data"])

    def close(self):
        """End the browser and its driver."""
        try:
            self.call("", method="DELETE")
        finally:
            self.process.terminate()
            self.process.wait(10)
            self.process.stdout.close()


def programs():
    """The driver and the browser, None for what is not installed."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    return shutil.which("chromedriver"), chromium


@contextmanager
def running():
    """A browser with a profile of its own, ended with the block."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        session = Browser(*programs(), profile)
        try:
            yield session
        finally:
            session.close()


@pytest.fixture(scope="session")
def browser():
    """A browser for the tests of one file; where there is none they are skipped, but not in continuous integration."""
    if None in programs():
        if os.environ.get("CI") == "true":
            pytest.fail("no chromium and chromedriver: install them, as .ci/run does")
        pytest.skip("no chromium and chromedriver on this machine")
    with running() as session:
        yield session
