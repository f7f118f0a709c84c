"""User agent to device, by kept libraries (ua-parser and Crawler Detect), once per distinct text.

A user agent cannot tell a laptop from a desktop: computers are ``desktop``, the larger of the two, except Chrome OS,
which runs on laptops. Programs (crawlers, feed readers, libraries, monitors) are ``bot``. What says nothing is
``unknown``. Not promised: that a program which calls itself a browser is found out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from replay.access.request import CACHED, CACHED_BYTES

_PRODUCTS = "Chrome|CriOS|Version|Mobile|Safari|Firefox|FxiOS|Gecko|Edg|EdgA|EdgiOS|Edge|OPR|SamsungBrowser|GSA"
ORDINARY = re.compile(
    r"Mozilla/5\.0 \((?:Windows NT|Macintosh; Intel|X11; (?!.*https?:)|Linux; Android|iPhone; CPU|iPad; CPU)[^()]*\)"
    rf"(?: AppleWebKit/[0-9.]+ \(KHTML, like Gecko\))?(?: (?:{_PRODUCTS})/[0-9A-Z.]+)+"
)
"""The exact shape of the usual browsers: no crawler list needs to be asked about these, which are nearly all."""
TELEVISION = re.compile(
    r"smart-?tv|hbbtv|apple ?tv|google ?tv|android tv|bravia|\baft[a-z0-9]{1,6}\b|roku|web0s|netcast|viera|crkey"
)
TABLET = re.compile(r"ipad|tablet|kindle|silk/|playbook|nexus (?:7|9|10)\b|sm-[tx]\d|gt-[pn]\d")
COMPUTERS = frozenset(
    ("Windows", "Mac OS X", "Linux", "Ubuntu", "Debian", "Fedora", "FreeBSD", "OpenBSD", "NetBSD", "Solaris")
)
LAPTOPS = frozenset(("Chrome OS",))
PHONES = frozenset(
    ("iOS", "Windows Phone", "Windows Mobile", "BlackBerry OS", "Symbian OS", "KaiOS", "Firefox OS", "Bada")
)


class Devices:
    """Remembers user agents; asks the libraries only about new ones."""

    def __init__(self) -> None:
        self._known: dict[bytes, str] = {b"": "unknown", b"-": "unknown"}

    def __call__(self, agent: bytes) -> str:
        """The contract's device of a user agent as logged; its first 512 bytes decide."""
        device = self._known.get(agent)
        return self._new(agent[:CACHED_BYTES]) if device is None else device

    def _new(self, agent: bytes) -> str:
        if len(self._known) >= 4 * CACHED:
            self._known = {b"": "unknown", b"-": "unknown"}
        if agent not in self._known:
            self._known[agent] = device_of(agent.decode("utf-8", "replace"))
        return self._known[agent]


def device_of(agent: str) -> str:
    """``smartphone``, ``tablet``, ``laptop``, ``desktop``, ``tv``, ``bot`` or ``unknown``."""
    from ua_parser import parse

    found = parse(agent)
    family = found.device.family if found.device else ""
    if family == "Spider" or _is_program(agent):
        return "bot"
    text = agent.lower()
    if TELEVISION.search(text):
        return "tv"
    if TABLET.search(text):
        return "tablet"
    return _by_system(found.os.family if found.os else "", text)


def _by_system(system: str, text: str) -> str:
    """A browser on Android says "Mobile" on a phone and leaves it out on a tablet; apps say neither."""
    if system == "Android" and text.startswith("mozilla/") and "mobi" not in text:
        return "tablet"
    if system in PHONES or system == "Android" or "mobile" in text or "midp" in text:
        return "smartphone"
    if system in LAPTOPS:
        return "laptop"
    return "desktop" if system in COMPUTERS else "unknown"


def _is_program(agent: str) -> bool:
    if ORDINARY.fullmatch(agent):
        return False
    return "http://" in agent or "https://" in agent or _listed_crawler()(agent)


@cache
def _listed_crawler() -> Callable[[str], bool]:
    from crawlerdetect import CrawlerDetect  # type: ignore[import-untyped]

    detector = CrawlerDetect()
    return lambda agent: bool(detector.isCrawler(agent))
