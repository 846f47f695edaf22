"""Fluentd's configuration held against the documents that the collector really writes. Fluentd itself is not run."""

import json
import subprocess
from pathlib import Path
from typing import Any

import node
from configuration import Section
from shipping import Shipper, line

HERE = Path(__file__).resolve().parent
CONTAINER = "0123456789abcdef" * 4


def filters(label: Section, kind: str) -> list[dict[str, Any]]:
    """What the <record>s of a label make of an event, in their order."""
    made = []
    for one in label.all("filter"):
        if one.type == "record_transformer" and (kind in one.argument or one.argument == "**"):
            removed = one.values.get("remove_keys", "")
            record = one.all("record")[0].values
            renew = one.values.get("renew_record") == "true"
            made.append({"record": record, "renew": renew, "remove": removed.split(",") if removed else []})
    return made


def check(tree: Section, shipper: Shipper) -> list[str]:
    labels = {label.argument: label for label in tree.all("label")}
    sources = {source.values["tag"]: source for source in tree.all("source") if source.type == "tail"}
    good, paid = line("  spaces  "), line("paid", **{"service.name": "payments"})
    plain, bad = "CONNECT rest-api-test.tinkoff.ru:443", "memory allocation of 8 bytes failed"
    refused = {
        "message": "This line could not be kept as it is.",
        "event.original": bad,
        "error.message": "no JSON object",
        "service.name": "users",
    }
    cases = [
        ("users", "services", "@LINES", good, True, shipper.document(good, "users")),
        ("payments", "services", "@LINES", paid, True, shipper.document(paid, "payments")),
        (
            "squid",
            "programs",
            "@LINES",
            plain,
            False,
            {"message": plain, "log.level": "info", "service.name": "squid"} | shipper.origin("squid"),
        ),
        ("users", "services", "@ERROR", bad, False, refused | shipper.origin("users")),
    ]
    tasks = []
    for container, kind, label, text, is_json, _ in cases:
        file = f"{shipper.node.pod(container)}_{node.NAMESPACE}_{container}-{CONTAINER}.log"
        tasks.append(
            {
                "tag": f"{kind}.var.log.containers.{file}",
                "expression": sources[f"{kind}.*"].all("parse")[0].values["expression"],
                "text": shipper.node.pieces(text)[0].decode().removesuffix("\n"),
                "json": is_json,
                "filters": filters(labels[label], kind),
            }
        )
    command = ["ruby", str(HERE / "expressions.rb")]
    ruby = subprocess.run(command, input=json.dumps(tasks), capture_output=True, text=True)
    if ruby.returncode != 0:
        return [f"Fluentd's expressions cannot be evaluated:\n{ruby.stderr[-2000:]}"]
    wrong = []
    for (container, _, label, _, _, wanted), record in zip(cases, json.loads(ruby.stdout), strict=True):
        stream = record.pop("_stream", None)
        if label == "@LINES" and stream != ("payments" if container == "payments" else "services"):
            wrong.append(f"Fluentd: a line of {container} goes to {stream}")
        if record != wanted:
            wrong.append(f"Fluentd, {container} in {label}: {record}, and by the collector {wanted}")
    return wrong
