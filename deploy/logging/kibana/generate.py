#!/usr/bin/env python3
"""Makes Kibana's data views and saved searches. Needs nothing but Python.

    generate.py            writes objects.ndjson, as Kibana's import takes it
    generate.py --check    says whether it is not as it would be written

Ids are fixed, so that an import replaces and never doubles, and links to a search stay.
"""

import json
import sys
from pathlib import Path
from typing import Any

OBJECTS = Path(__file__).resolve().parent / "objects.ndjson"
SOURCE = "kibanaSavedObjectMeta.searchSourceJSON.index"

# id: title, pattern
VIEWS = {
    "lyceum-logs": ("Lyceum: logs", "logs-lyceum.services-*,logs-lyceum.payments-*"),
    "lyceum-payments": ("Lyceum: payments", "logs-lyceum.payments-*"),
    "lyceum-refused-lines": ("Lyceum: lines that could not be kept", "logs-lyceum.refused-*"),
}

LINE = ["service.name", "log.level", "message"]

# id: view, title, what it is for, query (KQL), columns
SEARCHES = {
    "lyceum-errors": (
        "lyceum-logs",
        "Errors",
        "What somebody has to look at.",
        "log.level: error",
        [*LINE, "error.message"],
    ),
    "lyceum-warnings": (
        "lyceum-logs",
        "Warnings and errors",
        "What did not go as usual.",
        "log.level: (error or warn)",
        [*LINE, "error.message"],
    ),
    "lyceum-request": (
        "lyceum-logs",
        "One request, everywhere",
        "Put in the request's id, which every refusal shows: all services that it went through.",
        "http.request.id: *",
        ["service.name", "log.level", "http.route", "rpc.method", "message", "trace.id"],
    ),
    "lyceum-trace": (
        "lyceum-logs",
        "One trace",
        "Put in a trace's id: also the consumers that heard of it later.",
        "trace.id: *",
        ["service.name", "log.level", "rpc.method", "messaging.message.id", "message"],
    ),
    "lyceum-panics": (
        "lyceum-logs",
        "Panics",
        "A thread died by a mistake of ours.",
        "error.stack_trace: *",
        [*LINE, "error.message", "error.stack_trace"],
    ),
    "lyceum-events": (
        "lyceum-logs",
        "Events that wait or are dead letters",
        "What consumers could not apply.",
        "messaging.system: rabbitmq and log.level: (warn or error)",
        [*LINE, "event.kind", "event.attempt", "messaging.message.id", "error.message"],
    ),
    "lyceum-mail": (
        "lyceum-logs",
        "E-mails that were not sent",
        "Refused, given up, or tried again.",
        "delivery.id: * and lyceum.reason: *",
        [*LINE, "delivery.kind", "delivery.id", "lyceum.reason"],
    ),
    "lyceum-slow-statements": (
        "lyceum-logs",
        "Slow statements",
        "SQL that took longer than a second.",
        "db.statement: *",
        [*LINE, "db.statement", "lyceum.elapsed"],
    ),
    "lyceum-starts": (
        "lyceum-logs",
        "Starts and stops",
        "Which version began or ended when, and why.",
        'message: ("serves after" or "stopping" or "has stopped")',
        [*LINE, "service.version", "kubernetes.pod.name"],
    ),
    "lyceum-payments-to-look-at": (
        "lyceum-payments",
        "Payments to look at",
        "The provider's word differs from ours, or something came back without us.",
        "log.level: error",
        [*LINE, "lyceum.attempt", "lyceum.order", "lyceum.refund", "error.message"],
    ),
    "lyceum-refused-lines": (
        "lyceum-refused-lines",
        "Lines that could not be kept",
        "As they came, and why.",
        # What came is not searchable, so it cannot be asked for.
        "error.message: *",
        ["service.name", "error.message", "event.original", "kubernetes.pod.name"],
    ),
}


def view(name: str) -> dict[str, Any]:
    title, pattern = VIEWS[name]
    attributes = {"name": title, "title": pattern, "timeFieldName": "@timestamp", "allowNoIndex": True}
    return {"type": "index-pattern", "id": name, "attributes": attributes, "references": []}


def search(name: str) -> dict[str, Any]:
    of, title, description, query, columns = SEARCHES[name]
    source = {"query": {"language": "kuery", "query": query}, "filter": [], "indexRefName": SOURCE}
    attributes = {
        "title": f"Lyceum: {title}",
        "description": description,
        "columns": columns,
        "sort": [["@timestamp", "desc"]],
        "kibanaSavedObjectMeta": {"searchSourceJSON": json.dumps(source)},
    }
    return {
        "type": "search",
        "id": name,
        "attributes": attributes,
        "references": [{"name": SOURCE, "type": "index-pattern", "id": of}],
    }


def text() -> str:
    objects = [view(name) for name in VIEWS] + [search(name) for name in SEARCHES]
    return "".join(json.dumps(made, ensure_ascii=False) + "\n" for made in objects)


def main() -> None:
    if sys.argv[1:] == ["--check"]:
        if not OBJECTS.exists() or OBJECTS.read_text() != text():
            raise SystemExit("run deploy/logging/kibana/generate.py: objects.ndjson is not as it would be written")
        return
    OBJECTS.write_text(text())


if __name__ == "__main__":
    main()
