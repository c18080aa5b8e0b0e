"""Debian's chromium without a screen, told what to do over a pipe: it opens a page in a window of any size.

A window of the command line is never narrower than 500 pixels, so that a phone has to be emulated, as the browser's own
developer tools do it. They are spoken to over two pipes; there is no port.
"""

import base64
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Timer
from typing import Any

CHROMIUM = shutil.which("chromium")
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
    "--remote-debugging-pipe",
)
_DEADLINE_S = 60
_HIGH = 50


class Page:
    """One page that is open, and what the browser has said of it since."""

    def __init__(self, browser: "HeadlessBrowser", session: str) -> None:
        self._browser = browser
        self._session = session

    def run(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._browser.call(method, parameters, session=self._session)

    def value_of(self, script: str) -> Any:
        """Return what a script makes of the page; it may wait for something."""
        answer = self.run("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def screenshot(self) -> bytes:
        """Return the whole page as a PNG, however far it is to be scrolled."""
        return base64.b64decode(self.run("Page.captureScreenshot", captureBeyondViewport=True)["data"])

    def said(self, *methods: str) -> list[dict[str, Any]]:
        """Return what the browser has told of this kind: requests, errors, lines of the console."""
        return [each["params"] for each in self._browser.events if each["method"] in methods]


class HeadlessBrowser:
    """Speaks the protocol of the developer tools: JSON with a NUL behind it."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._to, self._from = to_browser, from_browser
        self._rest = b""
        self._last = 0
        self.events: list[dict[str, Any]] = []

    def call(self, method: str, parameters: dict[str, Any], *, session: str | None = None) -> dict[str, Any]:
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        os.write(self._to, json.dumps(message | ({"sessionId": session} if session else {})).encode() + b"\0")
        while (answer := self._read()).get("id") != self._last:
            self.events.append(answer)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return dict(answer["result"])

    def open(self, file: Path, *, width: int, height: int, is_phone: bool) -> Page:
        """Open a file in a window of this size and wait until it is loaded."""
        self.events.clear()
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        page = Page(self, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.run(f"{domain}.enable")
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone}
        page.run("Emulation.setDeviceMetricsOverride", **size)
        page.run("Page.navigate", url=file.as_uri())
        while not page.said("Page.loadEventFired"):
            self.events.append(self._read())
        return page

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            part = os.read(self._from, 1 << 20)
            if not part:
                raise AssertionError("the browser has gone, or did not answer in time")
            self._rest += part
        line, _, self._rest = self._rest.partition(b"\0")
        return dict(json.loads(line))


def _pipe() -> tuple[int, int]:
    """Make a pipe whose ends are neither 3 nor 4, which are the browser's."""
    ends = os.pipe()
    reads, writes = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, _HIGH) for end in ends)
    for end in ends:
        os.close(end)
    return reads, writes


@contextmanager
def headless_browser(log: Path) -> Iterator[HeadlessBrowser]:
    """Run a browser with an empty profile until the block ends; one that hangs is ended by a timer."""
    assert CHROMIUM is not None
    with ExitStack() as stack:
        profile = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        (commands, to_browser), (from_browser, answers) = _pipe(), _pipe()
        said = stack.enter_context(log.open("wb"))
        line = f'exec "$@" 3<&{commands} 4>&{answers}'
        arguments = ["bash", "-c", line, "bash", CHROMIUM, *_FLAGS, f"--user-data-dir={profile}", "about:blank"]
        running = subprocess.Popen(
            arguments, pass_fds=(commands, answers), stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )
        os.close(commands)
        os.close(answers)
        stack.callback(os.close, from_browser)
        deadline = Timer(_DEADLINE_S, running.kill)
        deadline.start()
        try:
            browser = HeadlessBrowser(to_browser, from_browser)
            yield browser
            browser.call("Browser.close", {})
        finally:
            os.close(to_browser)
            if running.poll() is None:
                running.terminate()
            running.wait()
            deadline.cancel()
