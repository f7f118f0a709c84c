"""User agents to devices, and addresses to countries."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from replay.access.agents import ORDINARY, Devices, device_of
from replay.access.countries import address_of, open_countries
from shared.errors import Rejected

KHTML = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {KHTML} Chrome/131.0.0.0 Safari/537.36", "desktop"),
        (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {KHTML} Version/17.6 Safari/605.1.15", "desktop"),
        ("Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0", "desktop"),
        (f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {KHTML} Chrome/131.0.0.0 Safari/537.36", "laptop"),
        (f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) {KHTML} Version/17.6 Mobile/15E148", "smartphone"),
        (f"Mozilla/5.0 (Linux; Android 10; K) {KHTML} Chrome/131.0.0.0 Mobile Safari/537.36", "smartphone"),
        (f"Mozilla/5.0 (Linux; Android 10; K) {KHTML} Chrome/131.0.0.0 Safari/537.36", "tablet"),
        (f"Mozilla/5.0 (iPad; CPU OS 17_6 like Mac OS X) {KHTML} Version/17.6 Mobile/15E148 Safari/604.1", "tablet"),
        (f"Mozilla/5.0 (Linux; Android 9; AFTMM Build/PS7) {KHTML} Chrome/98.0 Mobile Safari/537.36", "tv"),
        (f"Mozilla/5.0 (SMART-TV; Linux; Tizen 5.0) {KHTML} Version/5.0 TV Safari/537.36", "tv"),
        (f"Mozilla/5.0 (Web0S; Linux/SmartTV) {KHTML} Chrome/79.0 Safari/537.36", "tv"),
        ("Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8)", "smartphone"),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "bot"),
        (f"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X) {KHTML} Chrome/99 Mobile (compatible; Googlebot/2.1)", "bot"),
        (f"{KHTML}; compatible; GPTBot/1.2; +https://openai.com/gptbot", "bot"),
        ("curl/8.5.0", "bot"),
        ("python-requests/2.32.3", "bot"),
        ("UniversalFeedParser/4.2 +http://feedparser.org/", "bot"),
        ("Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/534.34 (KHTML, like Gecko) PhantomJS/1.9.2", "bot"),
        ("", "unknown"),
        ("-", "unknown"),
        ("Mozilla/5.0", "unknown"),
    ],
)
def test_devices(agent: str, device: str) -> None:
    assert Devices()(agent.encode()) == device


def test_any_bytes_are_a_device() -> None:
    devices = Devices()
    for agent in (b"\xff\xfe", b"\x00" * 50, b"x" * 60_000, b"(" * 5_000, b"Mozilla/5.0 (" + b"a;" * 20_000):
        assert devices(agent) in {"unknown", "bot", "desktop"}


def test_a_crawler_never_has_the_ordinary_shape() -> None:
    assert not ORDINARY.fullmatch(
        "Mozilla/5.0 (X11; Linux; +https://a.example) AppleWebKit/5 (KHTML, like Gecko) Safari/5"
    )
    assert not ORDINARY.fullmatch("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/5 (KHTML, like Gecko) HeadlessChrome/99")


def test_user_agents_are_remembered_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("replay.access.agents.device_of", lambda agent: asked.append(agent) or "desktop")
    devices = Devices()
    for number in range(40_000):
        devices(b"%d" % number)
        devices(b"0")
    assert len(asked) == 40_001
    assert device_of("curl/8") == "bot"


def _encoded(value: object) -> bytes:
    """The few types of MaxMind DB that a small test database needs."""
    if isinstance(value, dict):
        return bytes([0xE0 + len(value)]) + b"".join(_encoded(k) + _encoded(v) for k, v in value.items())
    if isinstance(value, str):
        return bytes([0x40 + len(value)]) + value.encode()
    if isinstance(value, int):
        if value > 0xFFFF_FFFF // 4:
            return b"\x08\x02" + struct.pack(">Q", value)
        return b"\xa2" + struct.pack(">H", value)
    return bytes([0x00 + len(value), 4]) + b"".join(map(_encoded, value))  # type: ignore[arg-type]


def country_database(path: Path) -> Path:
    """Addresses whose first bit is 0 are in Sweden, the others nowhere."""
    data = _encoded({"country": {"iso_code": "SE"}})
    tree = (1 + 16).to_bytes(3, "big") + (1).to_bytes(3, "big")  # node 0: left → data, right → nothing
    metadata: dict[str, object] = {
        **{"description": {}, "record_size": 24, "ip_version": 4, "database_type": "Test", "languages": []},
        **{"binary_format_major_version": 2, "binary_format_minor_version": 0, "build_epoch": 1_700_000_000},
    }
    encoded = bytes([0xE0 + len(metadata) + 1]) + b"\x4anode_count\xc4" + struct.pack(">I", 1)
    for key, value in metadata.items():
        name = (
            bytes([0x5D, len(key) - 29]) + key.encode() if len(key) >= 29 else bytes([0x40 + len(key)]) + key.encode()
        )
        encoded += name + _encoded(value)
    path.write_bytes(tree + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + encoded)
    return path


def test_a_country_database_gives_countries_and_nothing_else(tmp_path: Path) -> None:
    countries = open_countries(country_database(tmp_path / "countries.mmdb"))
    assert countries(b"83.149.9.216 - - ") == "SE"
    assert countries(b"203.0.113.9 - - ") == ""
    assert countries(b"shop.example:443 83.149.9.216 - - ") == "SE"
    assert countries(b"- - - ") == ""


def test_a_file_that_is_no_country_database_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "no.mmdb").write_bytes(b"nothing")
    with pytest.raises(Rejected, match="not a country database"):
        open_countries(tmp_path / "no.mmdb")
    with pytest.raises(Rejected, match="not a country database"):
        open_countries(tmp_path / "nowhere.mmdb")


@pytest.mark.parametrize(
    ("front", "address"),
    [
        (b"1.2.3.4 - - ", "1.2.3.4"),
        (b"::1 - x ", "::1"),
        (b"host 1.2.3.4 - ", "1.2.3.4"),
        (b"cafe.be:443 1.2.3.4 - - ", "1.2.3.4"),
        (b"fee.de 2001:db8::1 - - ", "2001:db8::1"),
        (b"10.0.0.1:80 1.2.3.4 - - ", "1.2.3.4"),
        (b"1.2.3.4:5678", "1.2.3.4"),
        (b"[2001:db8::1]:443", "2001:db8::1"),
        (b"1.2.3.4, 10.0.0.1 - - ", "1.2.3.4"),
        (b"1.2.3.4,10.0.0.1", "1.2.3.4"),
        (b"unknown, 10.0.0.1 - - ", ""),
        (b"dead.beef - - ", ""),
        (b"localhost - - ", ""),
        (b"", ""),
    ],
)
def test_the_address_is_found_before_the_time(front: bytes, address: str) -> None:
    assert address_of(front) == address
