"""A headless Chromium, driven over its DevTools pipe with nothing but Python's standard library.

    with Browser() as browser:
        page = browser.open(path, width=1280, height=900, dark=False)
        page.evaluate("document.title")
"""
import base64
import json
import os
import shutil
import subprocess
import tempfile
import time


class BrowserError(Exception):
    pass


class Browser:
    def __init__(self):
        program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        if program is None:
            raise BrowserError("no chromium here; install it with: tools/setup.sh browser")
        self.profile = tempfile.mkdtemp(prefix="tilesim-browser-")
        to_browser, self.write_end = os.pipe()
        self.read_end, from_browser = os.pipe()
        # a clean environment: Chromium reads its messages from descriptor 3 and writes to 4
        command = [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
                   "--disable-dev-shm-usage", "--disable-background-networking", "--remote-debugging-pipe",
                   "--user-data-dir=" + self.profile, "about:blank"]
        shell = 'in=$1 out=$2; shift 2; eval "exec 3<&$in 4>&$out"; exec "$@"'
        self.process = subprocess.Popen(
            ["bash", "-c", shell, "bash", str(to_browser), str(from_browser)] + command,
            pass_fds=(to_browser, from_browser), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self.buffer = b""
        self.number = 0
        self.listeners = {}

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        try:
            self.call("Browser.close")
        except BrowserError:
            pass
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
        shutil.rmtree(self.profile, ignore_errors=True)

    def read_message(self):
        while b"\0" not in self.buffer:
            part = os.read(self.read_end, 1 << 20)
            if not part:
                raise BrowserError("the browser has gone")
            self.buffer += part
        text, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, parameters=None, session=None):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters or {}}
        if session:
            message["sessionId"] = session
        os.write(self.write_end, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.read_message()
            if answer.get("id") == message["id"]:
                if "error" in answer:
                    raise BrowserError(method + ": " + answer["error"]["message"])
                return answer["result"]
            listener = self.listeners.get(answer.get("sessionId"))
            if listener:
                listener(answer)

    def open(self, path, width=1280, height=900, dark=False, is_phone=False):
        return Page(self, path, width, height, dark, is_phone)


class Page:
    def __init__(self, browser, path, width, height, dark, is_phone):
        self.browser = browser
        self.complaints = []  # what the console was told, exceptions, requests
        target = browser.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        self.session = browser.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        browser.listeners[self.session] = self.listen
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")
        self.set_size(width, height, is_phone)
        self.call("Emulation.setEmulatedMedia",
                  {"features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})
        self.url = "file://" + os.path.abspath(path)
        started = time.monotonic()
        self.call("Page.navigate", {"url": self.url})
        self.wait_for("document.documentElement?.dataset.ready === 'yes'")
        self.open_seconds = time.monotonic() - started
        self.wait_for("document.documentElement.dataset.drawn === 'yes'")

    def listen(self, message):
        method, parameters = message["method"], message["params"]
        if method == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
            self.complaints.append("console: " + str([item.get("value") for item in parameters["args"]]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            self.complaints.append("log: " + parameters["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            url = parameters["request"]["url"]
            if not url.startswith(("file:", "data:", "blob:", "about:")):
                self.complaints.append("asked for " + url)

    def call(self, method, parameters=None):
        return self.browser.call(method, parameters, self.session)

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", {"expression": expression, "returnByValue": True, "awaitPromise": True})
        if "exceptionDetails" in result:
            raise BrowserError(expression + ": " + str(result["exceptionDetails"].get("exception", {}).get("description")))
        return result["result"].get("value")

    def wait_for(self, expression, seconds=30):
        end = time.monotonic() + seconds
        while not self.evaluate(expression):
            if time.monotonic() > end:
                raise BrowserError("never true: " + expression + " " + str(self.complaints))
            time.sleep(0.02)

    def settle(self):
        """Waits until what was changed has been drawn."""
        self.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 30)))")
        self.wait_for("document.documentElement.dataset.drawn === 'yes'")

    def set_size(self, width, height, is_phone=False):
        self.call("Emulation.setDeviceMetricsOverride",
                  {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone})

    def hover(self, x, y):
        self.call("Input.dispatchMouseEvent", {"type": "mouseMoved", "x": x, "y": y})
        self.settle()

    def press(self, key):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", {"type": kind, "key": key, "code": key})
        self.settle()

    def screenshot(self, path, is_whole=True):
        parameters = {"format": "png"}
        if is_whole:
            size = self.call("Page.getLayoutMetrics")["cssContentSize"]
            parameters.update({"captureBeyondViewport": True,
                               "clip": {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}})
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.call("Page.captureScreenshot", parameters)["data"]))

    def pdf(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.call("Page.printToPDF", {"printBackground": True, "preferCSSPageSize": True})["data"]))
