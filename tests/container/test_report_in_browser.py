"""The report before a real Chromium: three languages, phone and desktop, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from offset_purchaser.campaign_report import LANGUAGES, write_report
from tests.container.browser import Browser, chromium, need_browser
from tests.unit.campaign_report.example import page

PHONE, DESKTOP = 360, 1280
TEXT_CONTRAST, LARGE_CONTRAST, SHAPE_CONTRAST = 4.5, 3.0, 3.0
"""WCAG 2.2 AA: text, large text, and shapes that carry meaning."""

CONTRAST = """
const channel = c => { c /= 255; return c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4; };
const lum = ([r, g, b]) => .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b);
const ratio = (a, b) => { const [x, y] = [lum(a), lum(b)].sort((p, q) => q - p); return (x + .05) / (y + .05); };
const rgb = text => text.match(/[\\d.]+/g).map(Number);
const behind = element => {
  for (let e = element; e; e = e.parentElement) {
    const found = rgb(getComputedStyle(e).backgroundColor);
    if (found.length < 4 || found[3] > 0) return found;
  }
};
const bad = [];
const judge = (what, colour, ground, least) => {
  const found = ratio(rgb(colour), ground);
  if (found < least) bad.push(`${what}: ${colour} on ${ground} is ${found.toFixed(2)}`);
};
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement, style = getComputedStyle(element);
  if (!walker.currentNode.textContent.trim() || !element.getClientRects().length) continue;
  const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
  const colour = element.closest('svg') ? style.fill : style.color;
  const text = walker.currentNode.textContent.trim().slice(0, 40);
  judge(text, colour, behind(element), large ? arguments[1] : arguments[0]);
}
for (const shape of document.querySelectorAll('svg rect')) {
  if (!shape.getClientRects().length) continue;
  const name = shape.getAttribute('fill');
  if (['var(--soft)', 'var(--faint)'].includes(name)) continue;
  judge(name, getComputedStyle(shape).fill, behind(shape), arguments[2]);
}
return [...new Set(bad)];
"""
OVERFLOW = """
const width = document.documentElement.clientWidth, wide = [];
if (document.documentElement.scrollWidth > width) wide.push('the page itself: ' + document.documentElement.scrollWidth);
for (const element of document.body.querySelectorAll('*')) {
  const box = element.getBoundingClientRect();
  const scrolls = element.closest('.scroll');
  if (box.width && !scrolls && !element.closest('.skip') && (box.right > width + 1 || box.left < -1))
    wide.push(element.tagName + ' ' + element.textContent.trim().slice(0, 30) + ' ' + box.left + ' ' + box.right);
}
return wide;
"""
OVERLAP = """
const found = [];
for (const svg of document.querySelectorAll('svg')) {
  const every = [...svg.querySelectorAll('text')].map(t => [t.textContent, t.getBoundingClientRect()]);
  const texts = every.filter(t => t[1].width);
  const frame = svg.getBoundingClientRect();
  for (const [text, box] of texts)
    if (box.left < frame.left - 3 || box.right > frame.right + 3) found.push('outside: ' + text);
  for (let i = 0; i < texts.length; i++) for (let j = i + 1; j < texts.length; j++) {
    const [a, b] = [texts[i][1], texts[j][1]];
    const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (wide > 1 && high > 3)
      found.push(texts[i][0] + ' | ' + texts[j][0]);
  }
}
return found;
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    need_browser()
    with chromium(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("report")
    found = {}
    for name, made in (("weekend", page()), ("years", page(date(2010, 1, 4), 2090))):
        for language, path in zip(LANGUAGES, write_report(made, folder / name, LANGUAGES), strict=True):
            found[f"{name}-{language}"] = path
    return found


CASES = [
    pytest.param(name, language, width, dark, id=f"{name}-{language}-{width}-{'dark' if dark else 'light'}")
    for name in ("weekend", "years")
    for language in LANGUAGES
    for width in (PHONE, DESKTOP)
    for dark in (False, True)
]


@pytest.mark.parametrize(("name", "language", "width", "dark"), CASES)
def test_the_page_fits_can_be_read_and_asks_nobody_for_anything(
    name: str, language: str, width: int, dark: bool, browser: Browser, reports: dict[str, Path]
) -> None:
    path = reports[f"{name}-{language}"]
    browser.open(path, width=width, dark=dark)
    assert browser.requested() == [path.as_uri()]
    assert browser.logs("browser") == []
    assert browser.run(OVERFLOW) == []
    assert browser.run(OVERLAP) == []
    assert contrast(browser) == []
    shown = browser.run("return getComputedStyle(document.body).backgroundColor")
    assert (shown == "rgb(19, 23, 26)") == dark


def contrast(browser: Browser) -> Any:
    values = f"[{TEXT_CONTRAST}, {LARGE_CONTRAST}, {SHAPE_CONTRAST}]"
    return browser.run(f"return (function() {{ {CONTRAST} }}).apply(null, {values})")


def test_the_judge_of_contrast_and_of_width_finds_what_is_wrong(browser: Browser, tmp_path: Path) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text(
        "<!doctype html><meta name=viewport content='width=device-width'><link rel=icon href='data:,'>"
        "<body style='background:#fff;color:#bbb'>pale"
        "<p style='width:500px'>wide</p><script>console.error('no')</script>"
        "<svg viewBox='0 0 200 20' width=200><text y=10>one</text><text y=10 x=4>two</text></svg>"
    )
    browser.open(bad, width=PHONE)
    assert any("pale" in found for found in contrast(browser))
    assert any("wide" in found for found in browser.run(OVERFLOW))
    assert browser.run(OVERLAP) == ["one | two"]
    assert [entry["level"] for entry in browser.logs("browser")] == ["SEVERE"]


def test_pictures_of_charts_are_svg_that_a_browser_shows(browser: Browser, reports: dict[str, Path]) -> None:
    browser.open(reports["weekend-fr"].parent / "charts" / "hours.svg", width=DESKTOP)
    assert browser.run("return document.documentElement.getBoundingClientRect().width") == 948
    assert browser.logs("browser") == []
