"""Every document in every language: the same words exist, and none of them is a forbidden claim."""

from __future__ import annotations

import re
import string
from datetime import UTC, datetime
from importlib.resources import files
from io import BytesIO
from typing import get_args

import pypdf
import pytest

from offset_purchaser.claims import find_claims
from offset_purchaser.documents import Attachment, render
from offset_purchaser.documents.catalogue import LANGUAGES, catalogue
from offset_purchaser.documents.content import Kind, Language
from offset_purchaser.documents.example import PROVIDER_INVOICE, example_content
from offset_purchaser.documents.mail import letter
from offset_purchaser.documents.parts import Exclusion
from shared.estimate import ChannelName

KINDS: tuple[Kind, ...] = get_args(Kind)


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_there_is_one_catalogue_file_for_each_language() -> None:
    names = {path.name for path in files("offset_purchaser.documents").joinpath("texts").iterdir()}
    assert names == {f"{language}.toml" for language in LANGUAGES} == {"fr.toml", "en.toml", "de.toml"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_catalogue_has_the_same_keys_and_placeholders(language: Language) -> None:
    english, words = catalogue("en"), catalogue(language)
    assert words.keys() == english.keys()
    assert {key: placeholders(words[key]) for key in words} == {key: placeholders(english[key]) for key in english}
    assert all(text.strip() for text in words.values())


def test_every_channel_and_every_reason_not_to_buy_has_words() -> None:
    reasons = get_args(Exclusion.model_fields["reason"].annotation)
    for name in (*(f"channel.{channel}" for channel in ChannelName), *(f"excluded.{reason}" for reason in reasons)):
        assert name in catalogue("en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_french_uses_typographic_apostrophes_and_no_break_spaces(language: Language) -> None:
    for key, text in catalogue(language).items():
        assert "'" not in text, key
        if language == "fr":
            assert not re.search(r" [:;?!%]", text), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_of_a_catalogue_is_a_forbidden_claim(language: Language) -> None:
    for key, text in catalogue(language).items():
        assert find_claims(text, language) == (), key


@pytest.mark.parametrize("mode", ["live", "rehearsal"])
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_no_rendered_document_holds_a_forbidden_claim(kind: Kind, language: Language, mode: str) -> None:
    content = example_content(kind, language, "rehearsal" if mode == "rehearsal" else "live")
    attachments = [Attachment("F-2026-7.pdf", PROVIDER_INVOICE)] if kind == "provider_invoice" else []
    rendered = render(content, attachments)
    reader = pypdf.PdfReader(BytesIO(rendered.pdf))
    page = "\n".join(page.extract_text() for page in reader.pages)
    about = " ".join(str(value) for value in (reader.metadata or {}).values())
    for text in (page, about, (rendered.xml or b"").decode()):
        assert find_claims(text, language) == ()
    assert catalogue(language)[f"title.{kind}"].split()[0] in page


@pytest.mark.parametrize("mode", ["live", "rehearsal"])
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_no_mail_that_a_document_goes_out_with_holds_a_forbidden_claim(
    kind: Kind, language: Language, mode: str
) -> None:
    content = example_content(kind, language, "rehearsal" if mode == "rehearsal" else "live")
    mail = letter(content, "finance@retail.example", "x.pdf", b"%PDF", datetime(2026, 12, 1, tzinfo=UTC))
    text = f"{mail.subject}\n{mail.text}"
    assert find_claims(text, language) == ()
    assert content.number in mail.subject
    assert catalogue(language)["apart.text"] in mail.text
    assert (catalogue(language)["mode.rehearsal"] in mail.subject) == (mode == "rehearsal")
    assert "{" not in text
    again = letter(content, "finance@retail.example", "x.pdf", b"%PDF", datetime(2026, 12, 1, tzinfo=UTC))
    other = letter(content, "audit@retail.example", "x.pdf", b"%PDF", datetime(2026, 12, 1, tzinfo=UTC))
    assert again == mail
    assert other.message_id != mail.message_id


@pytest.mark.parametrize(
    ("language", "title"),
    [
        ("en", "Climate contribution statement"),
        ("fr", "Attestation de contribution climatique"),
        ("de", "Klimabeitragsbestätigung"),
    ],
)
def test_the_statement_is_called_a_climate_contribution_statement(language: Language, title: str) -> None:
    assert catalogue(language)["title.statement"] == title


@pytest.mark.parametrize("language", LANGUAGES)
def test_emissions_and_credits_are_never_one_number(language: Language) -> None:
    content = example_content(language=language)
    page = "\n".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(render(content).pdf)).pages)
    netted = content.emissions.total.central - sum(line.quantity_g for line in content.lines)
    digits = {str(abs(int(netted))), f"{abs(netted) / 1000:.3f}", f"{abs(netted) / 1_000_000:.6f}"}
    plain = re.sub(r"[\s\u202f\u00a0]", "", page).replace(",", ".")
    assert not any(number in plain for number in digits)
