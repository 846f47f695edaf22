#!/usr/bin/env python3
"""Puts what Lyceum's logs need into Elasticsearch and Kibana: lifecycle, snapshots, mapping, templates, roles, data
views. Run it as often as you like: everything is replaced by what stands here, and nothing is deleted. Needs nothing
but Python.

    install.py [--only PART[,PART]]      parts: lifecycle snapshots templates roles kibana

    ELASTICSEARCH_URL                    https://elasticsearch:9200
    ELASTICSEARCH_USER, …_PASSWORD       or ELASTICSEARCH_API_KEY; a secret X may also stand in the file that X_FILE names
    ELASTICSEARCH_CA_FILE                who signed the certificates, if not a public authority; for Kibana too
    KIBANA_URL                           https://kibana:5601, with the same sign-in
    KIBANA_CA_FILE                       if somebody else signed Kibana's
    LOGS_BUCKET                          where snapshots go; keys of the S3 client `lyceum` are in Elasticsearch's keystore
"""

import argparse
import base64
import json
import os
import ssl
import sys
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PARTS = ["lifecycle", "snapshots", "templates", "roles", "kibana"]
STREAMS = ["services", "payments", "refused"]
TIMEOUT = 60


def read(name: str) -> Any:
    return json.loads((HERE / "elasticsearch" / f"{name}.json").read_text())


def secret(name: str) -> str:
    file = os.environ.get(f"{name}_FILE")
    return Path(file).read_text().strip() if file else os.environ.get(name, "")


def needed(name: str) -> str:
    return os.environ.get(name) or sys.exit(f"{name} is not set")


class Server:
    """One of the two, spoken to over HTTP."""

    def __init__(self, url: str, authority: str | None) -> None:
        self.url = url.rstrip("/")
        self.headers = {"kbn-xsrf": "lyceum"}
        if key := secret("ELASTICSEARCH_API_KEY"):
            self.headers["Authorization"] = f"ApiKey {key}"
        elif user := os.environ.get("ELASTICSEARCH_USER"):
            pair = f"{user}:{secret('ELASTICSEARCH_PASSWORD')}"
            self.headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        self.tls = ssl.create_default_context(cafile=authority) if self.url.startswith("https:") else None

    def ask(self, method: str, path: str, body: bytes | None = None, kind: str = "application/json") -> Any:
        request = urllib.request.Request(
            f"{self.url}/{path}", body, self.headers | {"Content-Type": kind}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT, context=self.tls) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            sys.exit(f"{method} {path}: {refused.code}\n{refused.read().decode(errors='replace')[:2000]}")
        except urllib.error.URLError as unreachable:
            sys.exit(f"{self.url}: {unreachable.reason}")

    def put(self, path: str, document: Any) -> Any:
        answer = self.ask("PUT", path, json.dumps(document).encode())
        print(f"  {path}")
        return answer


def lifecycle(elastic: Server) -> None:
    elastic.put("_ilm/policy/lyceum-logs", read("lifecycle"))
    elastic.put("_ilm/policy/lyceum-payments-logs", read("lifecycle-payments"))


def snapshots(elastic: Server) -> None:
    repository = read("repository")
    repository["settings"]["bucket"] = needed("LOGS_BUCKET")
    elastic.put("_snapshot/lyceum-logs", repository)
    elastic.put("_slm/policy/lyceum-logs", read("snapshots"))
    elastic.put("_slm/policy/lyceum-payments-logs", read("snapshots-payments"))


def templates(elastic: Server) -> None:
    component = read("component")
    elastic.put("_component_template/lyceum-logs", component)
    for stream in STREAMS:
        elastic.put(f"_index_template/lyceum-logs-{stream}", read(f"template-{stream}"))
    # A template is for the next index of a stream. The one that is written today gets new fields at once, or their
    # lines would be refused until it rolls over.
    patterns = ",".join(f"logs-lyceum.{stream}-*" for stream in STREAMS)
    for stream in elastic.ask("GET", f"_resolve/index/{patterns}")["data_streams"]:
        elastic.put(f"{stream['name']}/_mapping?write_index_only=true", component["template"]["mappings"])


def roles(elastic: Server) -> None:
    for name, file in [
        ("lyceum-log-shipper", "role-shipper"),
        ("lyceum-log-reader", "role-reader"),
        ("lyceum-payments-log-reader", "role-payments-reader"),
    ]:
        elastic.put(f"_security/role/{name}", read(file))


def kibana(_: Server) -> None:
    """Kibana takes saved objects as a file in a form."""
    boundary = uuid.uuid4().hex
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="objects.ndjson"\r\nContent-Type: application/x-ndjson\r\n\r\n'
    body = head.encode() + (HERE / "kibana/objects.ndjson").read_bytes() + f"\r\n--{boundary}--\r\n".encode()
    server = Server(needed("KIBANA_URL"), os.environ.get("KIBANA_CA_FILE") or os.environ.get("ELASTICSEARCH_CA_FILE"))
    answer = server.ask(
        "POST", "api/saved_objects/_import?overwrite=true", body, f"multipart/form-data; boundary={boundary}"
    )
    if not answer.get("success"):
        sys.exit(f"Kibana did not take everything: {json.dumps(answer.get('errors'))}")
    print(f"  {answer.get('successCount')} saved objects")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(PARTS), metavar="PART[,PART]")
    parts = parser.parse_args().only.split(",")
    if unknown := set(parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    elastic = Server(needed("ELASTICSEARCH_URL"), os.environ.get("ELASTICSEARCH_CA_FILE"))
    for part in PARTS:
        if part in parts:
            print(f"{part}:")
            globals()[part](elastic)


if __name__ == "__main__":
    main()
