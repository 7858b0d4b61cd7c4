"""Input-to-picture time in Chromium: from the wheel event to the drawing of the next picture."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from playwright.sync_api import sync_playwright

from webviewer.bench.server import Tab

CHROMIUM = "/usr/bin/chromium"
_ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run"]
# Watches the page from outside: when the wheel turned, and when a canvas was next drawn on.
_PROBE = """
window.__bench = {pending: 0, delays: []};
const turned = () => { if (!__bench.pending) __bench.pending = performance.now(); };
addEventListener('wheel', turned, {capture: true, passive: true});
for (const name of ['drawImage', 'putImageData']) {
  const original = CanvasRenderingContext2D.prototype[name];
  CanvasRenderingContext2D.prototype[name] = function (...args) {
    const result = original.apply(this, args);
    if (__bench.pending) { __bench.delays.push(performance.now() - __bench.pending); __bench.pending = 0; }
    return result;
  };
}
const bitmap = ImageBitmapRenderingContext.prototype.transferFromImageBitmap;
ImageBitmapRenderingContext.prototype.transferFromImageBitmap = function (...args) {
  const result = bitmap.apply(this, args);
  if (__bench.pending) { __bench.delays.push(performance.now() - __bench.pending); __bench.pending = 0; }
  return result;
};
"""


@dataclass(frozen=True, slots=True)
class InputToPicture:
    """Milliseconds from a wheel notch to the next picture."""

    count: int
    median: float
    p95: float


def measure(url: str, tab: Tab, study: str, series: str, notches: int) -> InputToPicture:
    """Scroll through a series in a real browser at 1280x720."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        context = browser.new_context(viewport={"width": 1280, "height": 720})
        context.add_cookies([{"name": name, "value": value, "url": url} for name, value in tab.cookies.items()])
        context.add_init_script(_PROBE)
        page = context.new_page()
        page.goto(f"{url}/viewer/image?s={study}&series={series}")
        page.wait_for_selector("canvas", timeout=60_000)
        page.wait_for_function("() => document.querySelector('[data-quality=lossless]')", timeout=60_000)
        box = page.locator("canvas").first.bounding_box()
        if box is None:
            return InputToPicture(0, 0.0, 0.0)
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        for number in range(notches):
            before = page.evaluate("__bench.delays.length")
            page.mouse.wheel(0, 100 if number % 40 < 20 else -100)  # noqa: PLR2004 - there and back
            page.wait_for_function("n => __bench.delays.length > n", arg=before, timeout=10_000)
        delays: list[float] = page.evaluate("__bench.delays")
        browser.close()
    ordered = sorted(delays)
    return InputToPicture(len(ordered), statistics.median(ordered), ordered[int(len(ordered) * 0.95)])
