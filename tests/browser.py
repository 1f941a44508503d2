"""A real browser, driven over its DevTools as a user would: pages, clicks, keys, pictures of the screen."""

import base64
import itertools
import json
import shutil
import subprocess
import time
import urllib.request
from contextlib import contextmanager

import cv2
import numpy as np
import pytest
from websockets.sync.client import connect

PATIENCE = 60.0
"""Seconds after which something that was waited for counts as not coming: far more than a busy machine needs."""


class Page:
    """One open page. `said` collects what it writes to its console and errors that nobody caught."""

    def __init__(self, socket):
        self._socket = socket
        self._numbers = itertools.count(1)
        self.said = []

    def call(self, method, **parameters):
        """One command of the DevTools."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            told = json.loads(self._socket.recv(timeout=PATIENCE))
            if told.get("id") == number:
                assert "error" not in told, told["error"]
                return told["result"]
            self._note(told)

    def _note(self, told):
        if told.get("method") == "Runtime.exceptionThrown":
            self.said.append(told["params"]["exceptionDetails"]["exception"].get("description", "?"))
        elif told.get("method") == "Log.entryAdded" and told["params"]["entry"]["level"] == "error":
            self.said.append(told["params"]["entry"]["text"])

    def open(self, url):
        """Go to an address."""
        self.said.clear()
        self.call("Page.navigate", url=url)
        self.until("document.readyState == 'complete'")

    def ask(self, expression):
        """What an expression is in the page, promises awaited."""
        told = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def until(self, expression):
        """Wait until an expression is true, and return it; elements are never true, compare them with null."""
        end = time.monotonic() + PATIENCE
        while not (value := self.ask(expression)):
            assert time.monotonic() < end, f"never came: {expression}; the page says {self.said}, {self.text('body')}"
            time.sleep(0.03)
        return value

    def text(self, query):
        """What can be read in an element."""
        return self.ask(f"document.querySelector({json.dumps(query)}).innerText")

    def boxes(self, query):
        """Left, top, width and height of every element that fits."""
        places = f"[...document.querySelectorAll({json.dumps(query)})].map((one) => one.getBoundingClientRect())"
        return self.ask(f"{places}.map((box) => [box.left, box.top, box.width, box.height])")

    def click(self, query):
        """Click the middle of an element."""
        self.until(f"document.querySelector({json.dumps(query)}) !== null")
        left, top, wide, tall = self.boxes(query)[0]
        self.click_at(left + wide / 2, top + tall / 2)

    def click_at(self, x, y):
        """Click a point of the window."""
        where = {"x": x, "y": y, "button": "left", "clickCount": 1}
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        self.call("Input.dispatchMouseEvent", type="mousePressed", **where)
        self.call("Input.dispatchMouseEvent", type="mouseReleased", **where)

    def type(self, text):
        """Type into whatever has the focus."""
        self.call("Input.insertText", text=text)

    def size(self, width, height, scheme="light"):
        """Set the size of the window and whether the user likes it dark."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", features=features)

    def picture(self):
        """The window as it looks, BGR."""
        coded = base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
        return cv2.imdecode(np.frombuffer(coded, np.uint8), cv2.IMREAD_COLOR)


@contextmanager
def browsing(folder):
    """A page in a browser of its own, whose profile is in `folder`; skips where no browser is installed."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium is there to open the page with: install the package chromium")
    command = [program, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-port=0"]
    command += [
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
    ]
    command += [f"--user-data-dir={folder}", "--window-size=1280,800", "--hide-scrollbars", "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with connect(_address(folder, process), max_size=None) as socket:
            page = Page(socket)
            for domain in ("Runtime", "Log", "Page"):
                page.call(f"{domain}.enable")
            yield page
    finally:
        process.terminate()
        process.wait()


def _address(folder, process):
    """Where the DevTools of the first page listen."""
    note = folder / "DevToolsActivePort"
    end = time.monotonic() + PATIENCE
    while not note.exists() or "\n" not in note.read_text():
        assert process.poll() is None, "the browser has ended"
        assert time.monotonic() < end, "the browser does not start"
        time.sleep(0.05)
    with urllib.request.urlopen(f"http://127.0.0.1:{note.read_text().split()[0]}/json") as answer:
        pages = [one for one in json.load(answer) if one["type"] == "page"]
    return pages[0]["webSocketDebuggerUrl"]
