"""What happens on the site, in the mailboxes and on the advertising spaces of the weekend."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from random import Random

from demo.arrivals import Draft
from demo.shapes import (
    AD_HOURS,
    BUYING_HOURS,
    CAMPAIGN_SHOPS,
    COUNTRIES,
    END_MS,
    FIRST_DAY,
    HOUR_MS,
    LONDON,
    MAILING_HOURS,
    PARIS,
    SHOPS,
    SITE_HOURS,
    START_MS,
    Curve,
    Mix,
    new_id,
)

DEVICES: Mix[tuple[str, float]] = Mix(
    [
        (("smartphone", 1.0), 61),
        (("desktop", 2.1), 17),
        (("laptop", 2.0), 12),
        (("tablet", 1.3), 5),
        (("tv", 1.6), 0.6),
        (("bot", 0.5), 3),
        (("unknown", 1.0), 1.4),
    ]
)
"""With how much heavier a page is there."""
KINDS: Mix[str] = Mix([("view", 52), ("asset", 30), ("engagement", 18)])
PAGES: Mix[str] = Mix(
    [
        ("/", 9),
        ("/black-friday", 16),
        ("/phones", 18),
        ("/phones/refurbished-128gb", 20),
        ("/laptops", 9),
        ("/tablets", 6),
        ("/consoles", 6),
        ("/search", 9),
        ("/cart", 5),
        ("/checkout", 2),
    ]
)
HOSTS: Mix[str] = Mix([("FR", 50), ("IE", 30), ("DE", 15), ("", 5)])


def visits(random: Random, count: int) -> Iterator[Draft]:
    """Page views, assets and the time people stayed; the midnight rush and the evening peak."""
    number = random.random
    for base_ms in Curve(SITE_HOURS, openings=True).moments(random, count):
        shop = SHOPS.pick(number())
        occurred_ms, written = _local(shop, base_ms)
        device, weight = DEVICES.pick(number())
        kind = KINDS.pick(number())
        size = _bytes(random, kind, weight)
        event_id = new_id(random)
        body = (
            f'{{"schema_version":1,"event_id":"{event_id}","occurred_at":"{written}","shop":"{shop}"'
            f',"source_system":"web"{_country(shop, number())},"kind":"{kind}"'
            f',"session_id":"{random.getrandbits(48):012x}","page":"{PAGES.pick(number())}","device":"{device}"'
        )
        if kind == "engagement":
            body += f',"dwell_ms":{min(int(random.lognormvariate(10.7, 0.9)), 1_800_000)}}}'
        else:
            sized = f',"bytes_transferred":{size}' if size is not None else ""
            host = HOSTS.pick(number())
            body += sized + (f',"hosting_country":"{host}"}}' if host else "}")
        measured = (("bytes", size),) if size is not None else ()
        inside = shop in CAMPAIGN_SHOPS
        yield Draft(base_ms, occurred_ms, event_id.encode(), body.encode(), inside, device == "bot", measured)


def _bytes(random: Random, kind: str, weight: float) -> int | None:
    """Bytes on the wire, log-normal; unknown for one in fifty."""
    if kind == "engagement" or random.random() < 0.02:
        return None
    middle, spread = (13.8, 0.7) if kind == "view" else (10.9, 1.1)
    return min(int(random.lognormvariate(middle, spread) * weight), 60_000_000)


def _local(shop: str, base_ms: int) -> tuple[int, str]:
    """Britain lives an hour behind: its evening peak comes an hour later, and its producers write UTC."""
    if shop != "GB":
        return base_ms, PARIS.text(base_ms)
    moment = base_ms + HOUR_MS if base_ms + HOUR_MS < END_MS else base_ms
    return moment, LONDON.text(moment)


def _country(shop: str, number: float) -> str:
    country = COUNTRIES[shop].pick(number)
    return f',"country":"{country}"' if country else ""


TEMPLATES: Mix[str] = Mix([("bf-opening", 40), ("bf-best-of", 30), ("bf-price-drop", 18), ("bf-last-chance", 12)])
RECEIPTS: Mix[str] = Mix([("order-confirmation", 50), ("shipping-notice", 30), ("password", 12), ("review", 8)])
MARKETING_SHARE = 0.72


def emails(random: Random, count: int) -> Iterator[Draft]:
    """Mailings in waves of the morning, and the messages that follow orders."""
    mailings = round(count * MARKETING_SHARE)
    streams = (
        _messages(random, Curve(MAILING_HOURS).moments(random, mailings), marketing=True),
        _messages(random, Curve(BUYING_HOURS, openings=True).moments(random, count - mailings), marketing=False),
    )
    return heapq.merge(*streams, key=lambda draft: draft.base_ms)


def _messages(random: Random, moments: Iterator[int], *, marketing: bool) -> Iterator[Draft]:
    for base_ms in moments:
        shop = SHOPS.pick(random.random())
        occurred_ms, written = _local(shop, base_ms)
        recipients, size, extra = _mailing(random) if marketing else (1, _size(random, 10.2), "")
        template = (TEMPLATES if marketing else RECEIPTS).pick(random.random())
        event_id, kind = new_id(random), "marketing" if marketing else "transactional"
        body = (
            f'{{"schema_version":1,"event_id":"{event_id}","occurred_at":"{written}","shop":"{shop}"'
            f',"source_system":"mailer"{_country(shop, random.random())},"template":"{template}"'
            f',"kind":"{kind}","recipients":{recipients},"bytes":{size}{extra}}}'
        )
        measured = (("recipients", recipients),)
        inside = shop in CAMPAIGN_SHOPS
        yield Draft(base_ms, occurred_ms, event_id.encode(), body.encode(), inside, False, measured)


def _mailing(random: Random) -> tuple[int, int, str]:
    """One message in ten goes to a segment of many people; two in five say what share opens it."""
    recipients = 1
    if random.random() < 0.1:
        recipients = min(1 + int(random.lognormvariate(6.0, 1.0)), 20_000)
    opened = f',"read_share":{random.uniform(0.12, 0.45):.3f}' if random.random() < 0.4 else ""
    return recipients, _size(random, 11.3), opened


def _size(random: Random, middle: float) -> int:
    return min(int(random.lognormvariate(middle, 0.5)), 5_000_000)


BUYING: Mix[str] = Mix([("programmatic", 62), ("platform", 22), ("direct", 12), ("", 4)])
PLACEMENTS: Mix[str] = Mix(
    [("news-top", 30), ("video-app", 22), ("deals-side", 24), ("search", 16), ("home-banner", 8)]
)


def ads(random: Random, count: int, *, with_ooh: bool) -> Iterator[Draft]:
    """Impressions by placement and minute; with ``with_ooh`` a few bookings of screens and posters before them."""
    if with_ooh:
        yield from _bookings(random)
    for base_ms in Curve(AD_HOURS).moments(random, count):
        shop = SHOPS.pick(random.random())
        occurred_ms, written = _local(shop, base_ms)
        impressions = min(1 + int(random.lognormvariate(5.6, 1.0)), 50_000)
        event_id = new_id(random)
        body = (
            f'{{"schema_version":1,"event_id":"{event_id}","occurred_at":"{written}","shop":"{shop}"'
            f',"source_system":"adserver"{_country(shop, random.random())}'
            f',"placement_id":"{PLACEMENTS.pick(random.random())}","impressions":{impressions}{_creative(random)}}}'
        )
        measured = (("impressions", impressions),)
        inside = shop in CAMPAIGN_SHOPS
        yield Draft(base_ms, occurred_ms, event_id.encode(), body.encode(), inside, False, measured)


def _creative(random: Random) -> str:
    video = random.random() < 0.22
    middle, view_s = (14.7, 12.0) if video else (12.0, 4.0)
    body = f',"format":"{"video" if video else "display"}","payload_bytes":{_size(random, middle)}'
    if random.random() < 0.9:
        body += f',"view_ms":{int(random.lognormvariate(0.0, 0.4) * view_s * 1000)}'
    if buying := BUYING.pick(random.random()):
        body += f',"buying":"{buying}"'
        if buying == "programmatic" and random.random() < 0.8:
            body += f',"ads_txt_lines":{int(random.lognormvariate(6.0, 0.8))}'
    return body + (',"own_site":true' if random.random() < 0.07 else "")


def _bookings(random: Random) -> Iterator[Draft]:
    for number, (shop, kind, faces, area_cm2) in enumerate(
        (("FR", "ooh_screen", 120, 18_000), ("GB", "ooh_screen", 60, 24_000), ("DE", "ooh_poster", 200, 96_000))
    ):
        moment = START_MS + number * 1000
        event_id = new_id(random)
        lit = ',"lit_hours":18,"loop_share":0.125' if kind == "ooh_screen" else ',"lit_hours":6'
        body = (
            f'{{"schema_version":1,"event_id":"{event_id}","occurred_at":"{PARIS.text(moment)}","shop":"{shop}"'
            f',"source_system":"agency","country":"{shop}","format":"{kind}","faces":{faces}'
            f',"starts_on":"{FIRST_DAY}","days":3,"area_cm2":{area_cm2}{lit}}}'
        )
        yield Draft(moment, moment, event_id.encode(), body.encode(), True, False, (("faces", faces),))
