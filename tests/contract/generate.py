"""Writes what is generated from the code and checked for drift: JSON Schemas, AsyncAPI documents, the field table."""

from __future__ import annotations

import json
from pathlib import Path

from faststream.specification import AsyncAPI
from prometheus_client.metrics import MetricWrapperBase
from pydantic import SecretStr, TypeAdapter

from delivery_emissions.app import definition as delivery_emissions
from offset_purchaser import metrics
from offset_purchaser.api.app import create_routes
from offset_purchaser.app import asyncapi as purchaser_head
from offset_purchaser.app import make_broker
from shared.events import SOURCE_EVENTS
from shared.inputs import CARRIED, LABELS, MEASURES
from shared.meter.definition import MeterEnvironment
from shared.meter.service import Rebalances, build_broker, meter_head
from shared.meter.settings import MeterSettings
from shared.offset_events import OffsetDocument, OffsetOrder
from shared.readings import MeterMessage
from shared.settings import KafkaSettings, PostgresSettings, TopicSettings
from traffic_meter.app import definition as traffic_meter

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "contract"
TOPICS = {
    "SiteTraffic": "site-traffic",
    "EmailSent": "emails-sent",
    "AdImpressions": "ad-impressions",
    "Shipment": "shipments",
}


def files() -> dict[str, str]:
    """Name and text of every generated file."""
    schemas = {TOPICS[model.__name__]: model.model_json_schema() for model in SOURCE_EVENTS}
    schemas["meter-readings"] = TypeAdapter(MeterMessage).json_schema()
    schemas["offset-orders"] = OffsetOrder.model_json_schema(mode="serialization")
    schemas["offset-documents"] = OffsetDocument.model_json_schema(mode="serialization")
    texts = {f"{topic}.schema.json": json.dumps(schema, indent=2) + "\n" for topic, schema in schemas.items()}
    texts |= {f"{name}.asyncapi.json": text + "\n" for name, text in asyncapi().items()}
    texts["inputs.md"] = inputs()
    texts["purchaser-metrics.md"] = purchaser_metrics()
    texts["offset-purchaser.openapi.json"] = json.dumps(create_routes().openapi(), indent=2) + "\n"
    return texts


def asyncapi() -> dict[str, str]:
    """The AsyncAPI document of each service, as it serves it, for an invented broker."""
    kafka, topics = KafkaSettings(bootstrap_servers="kafka:9092"), TopicSettings()
    environment = MeterEnvironment(
        kafka, PostgresSettings(dsn=SecretStr("postgresql://nobody@localhost/none")), topics, MeterSettings()
    )
    documents: dict[str, AsyncAPI] = {}
    for definition in (traffic_meter(), delivery_emissions(MeterSettings().grace_s)):
        head = documents[definition.name] = meter_head(definition)
        head.add_broker(build_broker(definition, environment, Rebalances())[0])
    head = documents["offset-purchaser"] = purchaser_head()
    head.add_broker(make_broker(kafka, topics))
    return {
        name: json.dumps(json.loads(document.to_specification().to_json()), indent=2, sort_keys=True)
        for name, document in documents.items()
    }


def purchaser_metrics() -> str:
    """The table of the purchaser's metrics, as its ``/metrics`` has them."""
    lines = ["# Metrics of the purchaser", "", "Generated from `offset_purchaser.metrics` (`make schemas`).", ""]
    lines += ["| metric | type | labels | meaning |", "|---|---|---|---|"]
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            name = metric._name + ("_total" if metric._type == "counter" else "")
            labels = ", ".join(metric._labelnames) or "-"
            lines.append(f"| `{name}` | {metric._type} | {labels} | {metric._documentation} |")
    return "\n".join(lines) + "\n"


def inputs() -> str:
    """The table of what methods read and where it comes from."""
    lines = ["# Where every number comes from", "", "Generated from `shared.inputs` (`make schemas`).", ""]
    for channel, measures in MEASURES.items():
        lines += [f"## {channel}", "", "| measure | event fields | when absent |", "|---|---|---|"]
        lines += [
            f"| `{name}` | {', '.join(f'`{field}`' for field in source.fields)} | "
            f"{f'`{source.default}`' if source.default else '–'} |"
            for name, source in measures.items()
        ]
        lines += ["", "Registers are told apart by " + ", ".join(f"`{field}`" for field in LABELS[channel]) + ".", ""]
    lines += ["## Carried, never turned into a number", "", "| field | why |", "|---|---|"]
    lines += [f"| `{name}` | {why} |" for name, why in CARRIED.items()]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write all files."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in files().items():
        (FOLDER / name).write_text(text)
    print(f"{len(files())} files written to docs/contract")


if __name__ == "__main__":
    main()
