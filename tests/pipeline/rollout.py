"""`.ci/deploy` with a helm and a kubectl that only write down what they are asked: does it go back when it must?

The rollout itself is tried on a real cluster by the suite `cluster`; here it is the script's own decisions.
"""

import json
import os
import subprocess
import tempfile
from pathlib import Path

HELM = """#!/bin/sh
case $1 in
version) echo "$HELM_VERSION"; exit ;;
history) echo "$HISTORY"; exit ;;
template) echo "$RENDERED"; exit ;;
esac
echo "helm $*" >>"$CALLS"
case $1 in
upgrade) exit "$UPGRADE" ;;
test) exit "$TEST" ;;
esac
"""
KUBECTL = """#!/bin/sh
echo "kubectl $*" >>"$CALLS"
case $* in *"get namespace"*) exit 1 ;; esac
"""
# A migration of payments that may take twelve minutes, and a service that waits for nothing.
RENDERED = """
  progressDeadlineSeconds: 600
        - image: registry.example/school/lyceum/gateway@sha256:1
  progressDeadlineSeconds: 900
        - image: registry.example/school/lyceum/payments@sha256:2
        - image: docker.io/library/redis:7
"""
TWO = json.dumps([{"revision": 1, "status": "superseded"}, {"revision": 2, "status": "deployed"}])


def deploy(root: Path, **said: str) -> tuple[int, list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("helm", HELM), ("kubectl", KUBECTL)):
            program = Path(folder, name)
            program.write_text(text)
            program.chmod(0o755)
        calls = Path(folder, "calls")
        calls.touch()
        defaults = {"HELM_VERSION": "v4.1.4", "HISTORY": TWO, "RENDERED": RENDERED, "CALLS": str(calls)}
        defaults |= {"UPGRADE": "0", "TEST": "0"}
        environment = os.environ | defaults | said | {"PATH": f"{folder}:{os.environ['PATH']}"}
        command = [str(root / ".ci/deploy"), "lyceum", "values.yaml", "release.yaml", "--", "--set", "a=b"]
        done = subprocess.run(command, env=environment, text=True, capture_output=True)
        return done.returncode, calls.read_text().splitlines()


def expect(what: str, good: bool, outcome: object) -> str:
    if not good:
        raise SystemExit(f"a rollout: {what}: {outcome}")
    return f"a rollout: {what}"


def try_rollouts(root: Path) -> list[str]:
    """Every way that it may go; what was seen."""
    told = []
    code, calls = deploy(root)
    upgrade = next((call for call in calls if call.startswith("helm upgrade")), "")
    wanted = [
        "--rollback-on-failure",
        "--wait",
        "--values values.yaml --values release.yaml",
        # Later than the Deployment that may take longest gives up.
        "--timeout 1020s",
        "--set a=b",
        "--namespace lyceum",
    ]
    good = (
        code == 0 and all(part in upgrade for part in wanted) and not any("rollback lyceum" in call for call in calls)
    )
    told.append(expect("one that works is left alone", good, (code, calls)))
    code, calls = deploy(root, UPGRADE="1")
    told.append(
        expect(
            "one that does not become ready fails",
            code == 1 and not any(call.startswith("helm test") for call in calls),
            (code, calls),
        )
    )
    code, calls = deploy(root, TEST="1")
    told.append(
        expect(
            "one that fails its test goes back",
            code == 1 and any("helm rollback lyceum 2 " in call for call in calls),
            (code, calls),
        )
    )
    code, calls = deploy(root, TEST="1", HISTORY="[]")
    told.append(
        expect(
            "the first one has nothing to go back to",
            code == 1 and not any("helm rollback" in call for call in calls),
            (code, calls),
        )
    )
    code, calls = deploy(root, SECRETS="secrets.yaml", KUBE_CONTEXT="agent")
    first = "kubectl --context agent --namespace lyceum apply --filename secrets.yaml"
    told.append(
        expect(
            "Secrets are there before it",
            code == 0 and first in calls and calls.index(first) < len(calls) - 2,
            (code, calls),
        )
    )
    loose = RENDERED.replace("@sha256:2", ":latest")
    code, calls = deploy(root, RENDERED=loose)
    told.append(expect("an image without a digest is refused", code == 1 and not calls, (code, calls)))
    code, calls = deploy(root, RENDERED=loose, LOOSE="1")
    told.append(expect("unless somebody says so", code == 0, (code, calls)))
    code, calls = deploy(root, HELM_VERSION="v3.19.0")
    told.append(expect("an old helm is refused", code == 1 and not calls, (code, calls)))
    return told
