"""The manifests of deploy/logging and deploy/tracing against the schemas of who takes them: Kubernetes', and ECK's as
its module carries them."""

import json
import subprocess
from pathlib import Path
from typing import Any

import elastic
import jsonschema
import yaml
from collector import go
from configuration import ROOT
from kubernetes_validate import utils

MODULE = Path(__file__).resolve().parent / "eck"
KUSTOMIZATIONS = ["deploy/logging", "deploy/logging/collector", "deploy/logging/fluentd", "deploy/tracing"]
# The oldest that the chart supports, and the newest.
VERSIONS = ["1.31", "1.35"]


def listed(folder: Path) -> list[dict[str, Any]]:
    """What a kustomization applies, and what it would if all its comments were taken."""
    text = (folder / "kustomization.yaml").read_text().replace("  # - ", "  - ")
    names: list[str] = yaml.safe_load(text)["resources"]
    return [one for name in names for one in yaml.safe_load_all((folder / name).read_text())]


def definitions() -> dict[tuple[str, str], dict[str, Any]]:
    """By group and version, and kind: the schema of an object of ECK's."""
    done = subprocess.run([go(), "mod", "download", "-json"], cwd=MODULE, capture_output=True, text=True)
    told = json.loads(done.stdout or "{}")
    if "Dir" not in told:
        elastic.cannot(f"ECK's module cannot be had: {told.get('Error', done.stderr)}")
    found = {}
    for one in yaml.safe_load_all((Path(told["Dir"]) / "config/crds/v1/all-crds.yaml").read_text()):
        spec = one["spec"]
        for version in spec["versions"]:
            schema = strict(version["schema"]["openAPIV3Schema"])
            found[f"{spec['group']}/{version['name']}", spec["names"]["kind"]] = schema
    return found


def strict(schema: Any) -> Any:
    """An API server only prunes what a schema does not name; here it is a mistake."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: strict(one) for name, one in schema.items()}
    closed = made.get("type") == "object" and "properties" in made
    if closed and not made.get("x-kubernetes-preserve-unknown-fields") and "additionalProperties" not in made:
        made["additionalProperties"] = False
    return made


def wrong_with(document: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    # What is above `spec` belongs to Kubernetes.
    inner = {**schema["properties"], "metadata": {"type": "object"}}
    whole = {**schema, "properties": inner}
    name = f"{document['kind']} {document['metadata']['name']}"
    return [
        f"{name}: {one.json_path}: {one.message}" for one in jsonschema.Draft7Validator(whole).iter_errors(document)
    ]


def check() -> list[str]:
    wrong, foreign = [], definitions()
    for folder in KUSTOMIZATIONS:
        for document in listed(ROOT / folder):
            group = document["apiVersion"]
            if schema := foreign.get((group, document["kind"])):
                wrong += wrong_with(document, schema)
                continue
            # The Prometheus Operator's, which the suite `chart` checks where the chart has them.
            if group.startswith("monitoring.coreos.com/"):
                continue
            for version in VERSIONS:
                try:
                    utils.validate(document, version, strict=True)
                except utils.ValidationError as error:
                    wrong.append(f"{folder}: {document['kind']}, Kubernetes {version}: {error.message}")
    return wrong
