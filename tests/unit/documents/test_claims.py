"""The claim guard finds what its list says, and nothing in sentences that state facts."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.integration.purchaser.feeding import CAMPAIGN

from offset_purchaser.campaign_claims import claim_warnings, claims_in, claims_of_others
from offset_purchaser.campaign_file import load
from offset_purchaser.claims import find_claims, fine_sentences, prepare, rules
from offset_purchaser.documents.example import example_content, example_lines

SAYS = [(rule.language, rule.id, sentence) for rule in rules() for sentence in rule.says]
FINE = [(language, sentence) for language, sentences in fine_sentences().items() for sentence in sentences]


@pytest.mark.parametrize(("language", "rule", "sentence"), SAYS)
def test_every_example_of_the_list_is_found_by_its_own_rule(language: str, rule: str, sentence: str) -> None:
    assert rule in {claim.rule for claim in find_claims(sentence, language)}


@pytest.mark.parametrize(("language", "sentence"), FINE)
def test_factual_sentences_are_not_found(language: str, sentence: str) -> None:
    assert find_claims(sentence, language) == ()


@pytest.mark.parametrize("language", ["fr", "en", "de"])
def test_english_slogans_are_found_in_every_language(language: str) -> None:
    claim = find_claims("Black Friday: CARBON-NEUTRAL!", language)[0]
    assert (claim.language, claim.rule, claim.phrase) == ("en", "neutral", "carbon-neutral")


@pytest.mark.parametrize(
    "text",
    ["carbon-\nneutral", "carbon\nneutral", "Carbon\u00a0Neutral", "carbon\u2011neutral", "car\u00adbon neutral"],
)
def test_line_breaks_and_special_hyphens_do_not_hide_a_word(text: str) -> None:
    assert [claim.rule for claim in find_claims(text, "en")] == ["neutral"]


def test_accents_and_subscripts_do_not_hide_a_word() -> None:
    assert prepare("Zéro CO₂ — ÉMISSIONS") == "zero co2 — emissions"
    assert [claim.rule for claim in find_claims("SANS CO₂", "fr")] == ["zero"]


def test_the_service_s_own_name_is_not_a_claim() -> None:
    assert find_claims("offset-purchaser reads offset-orders from offset 12", "en") == ()


def test_a_language_without_a_list_is_an_error() -> None:
    with pytest.raises(ValueError, match="no list of claims for 'it'"):
        find_claims("neutro", "it")


@pytest.mark.parametrize("language", ["fr", "en", "de"])
def test_every_language_forbids_the_same_kinds_of_claim(language: str) -> None:
    ids = {rule.id for rule in rules() if rule.language == language}
    kinds = {"en": "neutral zero positive compensated green netted", "fr": "neutre zero positif compense vert net"}
    assert set(kinds.get(language, "neutral null positiv kompensiert gruen netto").split()) <= ids


def test_invisible_characters_do_not_hide_a_claim() -> None:
    assert find_claims("car\u200bbon-neu\u2060tral", "en")


@pytest.mark.parametrize(
    "text", ["c\u0430rb\u043en n\u0435utr\u0430l", "\u0421\u0410RBON-NEUTR\u0391L", "zer\u03bf emissions"]
)
def test_letters_of_other_scripts_do_not_hide_a_claim(text: str) -> None:
    assert find_claims(text, "en")


def test_claims_in_names_of_a_campaign_file_are_warned_of_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "campaigns.yaml"
    text = CAMPAIGN.replace("- id: bf", "- id: bf\n    name: Klimaneutraler Carbon-Neutral Black Friday")
    path.write_text(text.replace("{provider: sandbox,", "{provider: sandbox, name: zero-carbon delivery,"))
    found = list(claim_warnings(load(path)))
    assert all(warning.startswith(f"{path}:") and "name: campaign bf: " in warning for warning in found)
    for phrase in ("klimaneutraler", "carbon-neutral", "zero-carbon"):
        assert any(phrase in warning for warning in found), phrase
    path.write_text(CAMPAIGN)
    assert list(claim_warnings(load(path))) == []


def test_claims_in_parties_suppliers_and_terms_are_warned_of_by_line_and_key(tmp_path: Path) -> None:
    supplier = "{name: Klimaneutral GmbH, address_lines: [1 Weg], country: DE, vat_id: DE1}"
    more = f"currency: EUR, supplier: {supplier}, payment: {{terms: 'payable, carbon neutral'}}"
    path = tmp_path / "c.yaml"
    path.write_text(CAMPAIGN.replace("Exemple SAS", "Zero Emission Shop").replace("currency: EUR", more))
    loaded = load(path)
    warnings = [sentence.split('"')[1] for sentence in claim_warnings(loaded)]
    assert warnings == ["zero emission", "klimaneutral", "carbon neutral"]
    keys = [sentence.split(": ")[0] for sentence in claims_in(loaded.file.campaigns[0], loaded.file.legal_entities[0])]
    assert keys == ["legs.0.supplier.name", "legs.0.payment.terms", "party.name"]


def test_a_claim_in_a_provider_s_project_is_warned_of_once_and_printed_as_it_is() -> None:
    line = example_lines()[0]
    named = line.model_copy(update={"project": line.project.model_copy(update={"name": "Carbon-neutral cookstoves"})})
    found = claims_of_others(example_content().model_copy(update={"lines": (named, named)}))
    assert [sentence.split(" would")[0] for sentence in found] == ['project: "carbon-neutral"']
