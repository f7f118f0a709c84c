"""A real Chromium without a window, driven over the WebDriver protocol: what it lays out, says and asks for."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

FLAGS = (
    *("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "hide-scrollbars"),
    *("disable-background-networking", "disable-component-update", "disable-sync", "disable-default-apps"),
    *("disable-extensions", "disable-domain-reliability", "no-default-browser-check", "metrics-recording-only"),
)
START_S = 30.0
"""A cold start of browser and driver takes two seconds; this covers a busy machine."""


@dataclass(frozen=True)
class Browser:
    """One session."""

    client: httpx.Client
    session: str

    def open(self, path: Path, *, width: int, dark: bool = False) -> None:
        """Show a file as a screen of some width would."""
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
        self.cdp("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.cdp("Emulation.setEmulatedMedia", media="screen", features=[scheme])
        self.logs("browser")
        self.logs("performance")
        self._ask("url", url=path.as_uri())

    def run(self, script: str) -> Any:
        """What a piece of JavaScript returns."""
        return self._ask("execute/sync", script=script, args=[])

    def cdp(self, command: str, **params: Any) -> Any:
        """A command of the developer tools."""
        return self._ask("goog/cdp/execute", cmd=command, params=params)

    def logs(self, kind: str) -> list[dict[str, Any]]:
        """What was logged since the last time."""
        found: list[dict[str, Any]] = self._ask("se/log", type=kind)
        return found

    def requested(self) -> list[str]:
        """Every address the page asked for since it was opened."""
        messages = [json.loads(entry["message"])["message"] for entry in self.logs("performance")]
        return [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]

    def picture(self, path: Path) -> None:
        """The whole page as PNG."""
        shot = self.cdp("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def _ask(self, what: str, **body: Any) -> Any:
        answer = self.client.post(f"/session/{self.session}/{what}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()["value"]


def need_browser() -> None:
    """Fail in CI, skip elsewhere, when Chromium or its driver is absent."""
    missing = [tool for tool in ("chromium", "chromedriver") if shutil.which(tool) is None]
    if missing and os.environ.get("CI") == "true":
        pytest.fail(f"CI must have {' and '.join(missing)} (Debian: chromium, chromium-driver)")
    if missing:
        pytest.skip(f"needs {' and '.join(missing)}")


@contextmanager
def chromium(profile: Path) -> Iterator[Browser]:
    """A browser with a profile of its own, for the length of the block."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    driver = subprocess.Popen(
        ["chromedriver", f"--port={port}", "--silent"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:
            _wait(client)
            yield from _session(client, profile)
    finally:
        driver.terminate()
        driver.wait(10)


def _session(client: httpx.Client, profile: Path) -> Iterator[Browser]:
    options = {"args": [*(f"--{flag}" for flag in FLAGS), f"--user-data-dir={profile}"]}
    wanted = {
        "browserName": "chrome",
        "goog:chromeOptions": options,
        "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
    }
    answer = client.post("/session", json={"capabilities": {"alwaysMatch": wanted}})
    assert answer.status_code == 200, answer.text
    session = answer.json()["value"]["sessionId"]
    try:
        yield Browser(client, session)
    finally:
        client.delete(f"/session/{session}")


def _wait(client: httpx.Client) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            if client.get("/status").json()["value"]["ready"]:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("chromedriver did not start")
