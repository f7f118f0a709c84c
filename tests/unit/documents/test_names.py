"""Names of files that people bring: what a document cannot carry is refused before it blocks one."""

from __future__ import annotations

import pytest

from offset_purchaser.documents.archive import XML_NAME
from offset_purchaser.documents.render import CONTENT_NAME
from offset_purchaser.documents.values import RESERVED_NAMES
from offset_purchaser.handlers.people import check_filename
from shared.errors import Rejected


def test_the_reserved_names_are_those_of_the_files_in_every_document() -> None:
    assert {XML_NAME, CONTENT_NAME} == RESERVED_NAMES


@pytest.mark.parametrize(
    "name", ["content.json", "Content.JSON", "factur-x.xml", "FACTUR-X.xml", "../x", "a b.pdf", ""]
)
def test_an_invoice_that_could_not_be_attached_is_refused(name: str) -> None:
    with pytest.raises(Rejected) as refused:
        check_filename(name)
    assert refused.value.field == "filename"


def test_an_ordinary_name_is_taken() -> None:
    check_filename("F-2026-7.pdf")
