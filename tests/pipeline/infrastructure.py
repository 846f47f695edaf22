"""`.ci/terraform` with a terraform that only writes down what it is asked: is the plan applied that was looked at, and
does anything of it stay behind?"""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

TERRAFORM = """#!/bin/sh
echo "terraform $*" >>"$CALLS"
case $1 in
plan) for word in "$@"; do case $word in -out=*) echo secret >"${word#-out=}" ;; esac; done ;;
show) cat "$CHANGES" ;;
output) echo "$3" ;;
esac
"""


def plan(*changes: tuple[str, str]) -> str:
    listed = [{"address": address, "change": {"actions": [action]}} for address, action in changes]
    return json.dumps({"resource_changes": listed})


def try_terraform(root: Path) -> list[str]:
    told = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(root / ".ci", folder / ".ci")
        (folder / "terraform").mkdir()
        shutil.copy(root / "terraform/mirror.tfrc", folder / "terraform")
        place = folder / "terraform/environments/staging"
        place.mkdir(parents=True)
        program = folder / "bin/terraform"
        program.parent.mkdir()
        program.write_text(TERRAFORM)
        program.chmod(0o755)
        private = folder / "tmp"
        private.mkdir()
        calls, changes = folder / "calls", folder / "changes"
        environment = os.environ | {
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "CALLS": str(calls),
            "CHANGES": str(changes),
            "TMPDIR": str(private),
        }

        def ask(*arguments: str) -> int:
            calls.write_text("")
            command = [str(folder / ".ci/terraform"), "staging", *arguments]
            done = subprocess.run(command, env=environment, text=True, capture_output=True)
            if list(private.iterdir()):
                raise SystemExit(f".ci/terraform {arguments[0]} left behind {list(private.iterdir())}")
            return done.returncode

        def expect(what: str, good: bool) -> None:
            if not good:
                raise SystemExit(f".ci/terraform: not so: {what}\n{calls.read_text()}")
            told.append(f"terraform: {what}")

        changes.write_text(plan(("a.b", "create"), ("c.d", "no-op")))
        planned = ask("plan") == 0 and json.loads((place / "plan.json").read_text())
        kept = sorted(path.name for path in place.iterdir())
        expect(
            "a plan leaves numbers and a digest, and no plan",
            planned == {"create": 1, "update": 0, "delete": 0} and kept == ["plan.digest", "plan.json"],
        )
        expect("providers are those of the lock file", "init -no-color -lockfile=readonly" in calls.read_text())
        expect("what was looked at is applied", ask("apply") == 0 and "terraform apply" in calls.read_text())
        changes.write_text(plan(("a.b", "delete"), ("c.d", "no-op")))
        expect("what has changed since is not", ask("apply") != 0 and "terraform apply" not in calls.read_text())
        outputs = folder / "outputs"
        outputs.mkdir()
        expect(
            "outputs go where they are told to, for their owner alone",
            ask("values", str(outputs)) == 0
            and (outputs / "secrets.yaml").read_text() == "kubernetes_secrets\n"
            and all(path.stat().st_mode & 0o077 == 0 for path in outputs.iterdir())
            and not (place / "secrets.yaml").exists(),
        )
    return told
