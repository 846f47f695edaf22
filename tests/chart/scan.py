"""checkov's rules over what is rendered. What is skipped stands here with its reason, and a skip that skips nothing
fails."""

import json
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import yaml
from cases import CASES
from tools import program

# Together they hold every kind of object that the others have.
SCANNED = ("dev", "production", "backup")

# Rule → whom it is skipped for (`Kind.name`), and why.
SKIPPED = {
    "CKV_K8S_8": (r"Pod\.lyceum-test", "it runs once and ends"),
    "CKV_K8S_9": (r"Pod\.lyceum-test", "it runs once and ends"),
    "CKV_K8S_11": (
        ".*",
        "no CPU limits: they throttle a service in the middle of a request while the node idles; requests share it fairly",
    ),
    "CKV_K8S_15": (
        ".*",
        "IfNotPresent: versions are released once, digests can be named, and no start depends on the registry",
    ),
    "CKV_K8S_35": (
        r"\w+\.lyceum-.*",
        "PGPASSWORD, the services' public keys and names of accounts, which the programs take from their environment; all else is mounted",
    ),
    "CKV_K8S_38": (
        r"Deployment\.lyceum-(analytics|courses|documents|gateway|notifications|payments)",
        "they watch EndpointSlices; the check `accounts and tokens` sees to it that nobody else has one",
    ),
    "CKV_K8S_40": (r"\w+\.lyceum-dev-(postgres|redis|rabbitmq)", "the users of the official images; for trying only"),
    "CKV_K8S_43": (
        ".*",
        "a digest is each installation's decision (`image.digest`, which wins); the chart names the tag of its version",
    ),
}


def scan(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rules that do not hold. One run for all: checkov takes longer to start than to look."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "release.yaml"
        file.write_text("".join("---\n" + yaml.dump(document, Dumper=yaml.CSafeDumper) for document in documents))
        command = [
            program("checkov"),
            "--framework",
            "kubernetes",
            "--file",
            str(file),
            "--output",
            "json",
            "--quiet",
            "--compact",
            "--skip-download",
            "--soft-fail",
        ]
        done = subprocess.run(command, capture_output=True, text=True)
        try:
            answer = json.loads(done.stdout)
        except json.JSONDecodeError:
            raise RuntimeError(f"checkov failed: {done.stdout[-500:]}{done.stderr[-1500:]}") from None
    reports = answer if isinstance(answer, list) else [answer]
    return [check for report in reports for check in report.get("results", {}).get("failed_checks", [])]


def check() -> list[str]:
    # The case's name takes the place of the namespace, which Helm gives only when it installs.
    documents = [
        {**document, "metadata": {**document["metadata"], "namespace": case.name}}
        for case in CASES
        if case.name in SCANNED
        for document in case.documents
    ]
    bad, used = [], set()
    for found in scan(documents):
        kind, case, name = found["resource"].split(".", 2)
        rule = found["check_id"]
        if rule in SKIPPED and re.fullmatch(SKIPPED[rule][0], f"{kind}.{name}"):
            used.add(rule)
        else:
            bad.append(f"{case}: {rule} {found['check_name']}: {kind}/{name}")
    return bad + [f"{rule} is skipped, but holds" for rule in sorted(set(SKIPPED) - used)]
