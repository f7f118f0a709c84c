"""Status, method and path decide what a request is: a view, an asset, or nothing.

* Bytes that travelled count, whatever the status and the method: a redirect, an error page and a range of a file were
  carried and shown or thrown away all the same.
* A **view** is a page that was shown: GET or POST, answered with success (2xx) or ``304`` (shown again from the
  browser's cache, 0 bytes), and an HTML page by the log's content type or, without one, by the path's extension.
* Everything else with bytes is an **asset**: images, scripts, downloads, redirects, errors.
* **Nothing**: no bytes travelled and nothing was shown (``HEAD``, an empty redirect, an empty error).
"""

from __future__ import annotations

PAGE_EXTENSIONS = frozenset(b"html htm xhtml shtml php php5 phtml asp aspx jsp jspx jsf do action cfm cgi pl".split())
READS = frozenset((b"GET", b"POST"))
NAMED = {b"": "no request and no bytes", b"HEAD": "HEAD without content"}
OTHER_METHOD = "another method without content"
BY_CLASS = tuple(f"status {number}xx without content" for number in range(10))


def is_page(path: bytes) -> bool:
    """Whether a path looks like a page: no extension, or one that pages have."""
    name = path.rpartition(b"/")[2]
    _, dot, extension = name.rpartition(b".")
    return not dot or extension.lower() in PAGE_EXTENSIONS


def kind_of(method: bytes, status: int, size: int, page: bool) -> str:
    """``view``, ``asset`` or ``""`` for nothing."""
    shown = (200 <= status < 300 or status == 304) and method in READS
    if shown:
        return "view" if page else "asset"
    return "asset" if size > 0 else ""


def why_nothing(method: bytes, status: int) -> str:
    """The reason of ``""`` for a status of 0 to 999: one of a dozen fixed texts, whatever a log says."""
    if method not in READS:
        return NAMED.get(method, OTHER_METHOD)
    return BY_CLASS[status // 100]
