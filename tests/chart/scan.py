"""checkov's rules over what is rendered. What is skipped stands here with its reason, and a skip that skips nothing fails."""

import json
import subprocess
import tempfile
from pathlib import Path

import yaml

from cases import CASES
from tools import program

# Rule → why the chart does not follow it.
SKIPPED = {
    "CKV_K8S_11": "no CPU limits: they throttle a service in the middle of a request while the node idles; requests share it fairly",
    "CKV_K8S_15": "IfNotPresent: versions are released once and digests can be named; Always would tie every start to the registry",
    "CKV_K8S_43": "digests are a decision of each installation (`image.digest`); the chart names the tag of its own version",
}
# The same for what is there for trying only.
SKIPPED_IN_TRIALS = {}


def scan(documents: list[dict]) -> list[dict]:
    """The rules that do not hold: id, rule, object."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "release.yaml"
        # checkov takes a missing namespace for the default one; Helm gives it when it installs.
        for document in documents:
            document = {**document, "metadata": {**document["metadata"], "namespace": "school"}}
            with file.open("a") as out:
                out.write("---\n")
                yaml.safe_dump(document, out)
        command = [
            program("checkov"), "--framework", "kubernetes", "--file", str(file), "--output", "json", "--quiet", "--compact",
            "--skip-download", "--soft-fail",
        ]
        done = subprocess.run(command, capture_output=True, text=True)
        try:
            answer = json.loads(done.stdout)
        except json.JSONDecodeError:
            raise RuntimeError(f"checkov failed: {done.stdout[-500:]}{done.stderr[-1500:]}") from None
    reports = answer if isinstance(answer, list) else [answer]
    return [check for report in reports for check in report.get("results", {}).get("failed_checks", [])]


def check() -> list[str]:
    bad, used = [], set()
    # These two hold every kind of object that the others have.
    for case in CASES:
        if case.name not in ("dev", "production", "operators", "backup"):
            continue
        for found in scan(case.documents):
            rule = found["check_id"]
            if rule in SKIPPED or (case.trial and rule in SKIPPED_IN_TRIALS):
                used.add(rule)
                continue
            bad.append(f"{case.name}: {rule} {found['check_name']}: {found['resource']}")
    idle = sorted((set(SKIPPED) | set(SKIPPED_IN_TRIALS)) - used)
    return bad + [f"{rule} is skipped, but holds" for rule in idle]
