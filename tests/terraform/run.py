"""The Terraform of Selectel, checked as far as it can be without an account.

`cargo fleet test terraform` runs this: format; `validate` and `terraform test` of every module and environment with
the real OpenStack provider and a stand-in that serves the real schema of Selectel's; broken copies, which must be
refused; the values that an environment gives to the chart, through the chart; the state's lock, and the buckets'
settings, on a real S3 server. No call is made to Selectel: terraform/README.md says what that leaves open.

Usage: run.py [roots|locked|broken|chart|state|buckets…]
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import tools
import yaml
from botocore.exceptions import ClientError
from bucket import BACKUP, Store
from tools import ROOT, TOOLS, must, run

ENVIRONMENTS = ("staging", "production")
KEEPERS = ("users", "courses", "payments", "notifications", "documents", "analytics")


class Suite:
    def __init__(self, work: Path) -> None:
        self.work = work
        self.terraform = tools.terraform()
        self.environment = tools.providers(self.terraform)
        # Terraform leaves folders behind where it works, so that it works in a copy.
        self.tree = work / "terraform"
        shutil.copytree(
            ROOT / "terraform",
            self.tree,
            ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*", "*.auto.tfvars.json"),
        )
        self.outputs: dict[str, dict[str, object]] = {}

    def tf(self, root: Path, *arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return run([self.terraform, f"-chdir={root}", *arguments], env=self.environment | (env or {}))

    def init(self, root: Path) -> None:
        done = self.tf(root, "init", "-backend=false", "-no-color")
        if done.returncode:
            raise SystemExit(f"{root.name}: init failed:\n{done.stdout}{done.stderr}")

    def roots(self) -> None:
        """Format, names, types, required arguments, and the modules' own tests."""
        must([self.terraform, "fmt", "-check", "-diff", "-recursive", ROOT / "terraform"], env=self.environment)
        places = sorted((*self.tree.glob("modules/*"), *self.tree.glob("environments/*")))
        failed = []
        with ThreadPoolExecutor(2) as pool:
            for place, (text, good) in zip(places, pool.map(self.check, places), strict=True):
                print(f"    {place.relative_to(self.tree)!s:<28} {text}", flush=True)
                if not good:
                    failed.append(place.name)
        if failed:
            raise SystemExit(f"failed: {', '.join(failed)}")

    def check(self, root: Path) -> tuple[str, bool]:
        self.init(root)
        validated = json.loads(self.tf(root, "validate", "-json").stdout)
        if not validated["valid"] or validated["warning_count"]:
            said = [
                f"{d['severity']}: {d['summary']}: {d['detail']} ({d.get('range', {}).get('filename')})"
                for d in validated["diagnostics"]
            ]
            return "\n".join(["not valid", *said]), False
        tested = self.tf(root, "test", "-json", "-verbose")
        messages = [json.loads(line) for line in tested.stdout.splitlines() if line.startswith("{")]
        summary = next(
            (m["test_summary"] for m in messages if m["type"] == "test_summary"),
            {"passed": 0, "failed": 0, "errored": 0},
        )
        good = tested.returncode == 0 and summary["passed"] > 0
        text = f"valid; {summary['passed']} passed, {summary['failed'] + summary['errored']} failed"
        if not good:
            told = [m["diagnostic"] for m in messages if m["type"] == "diagnostic"]
            text += "".join(
                f"\n{d['summary']}: {d['detail']} ({d.get('range', {}).get('filename')}:{d.get('range', {}).get('start', {}).get('line')})"
                for d in told
            )
            text += tested.stderr
        for message in messages:
            if message["type"] == "test_plan" and message["@testrun"] == "values":
                planned = message["test_plan"]["output_changes"]
                self.outputs[root.name] = {name: output["after"] for name, output in planned.items()}
        return text, good

    def locked(self) -> None:
        """A mirror that has something newer: only without the lock file it is taken."""
        offered, mirror = self.work / "offered", tools.mirror(self.environment)
        for folder in mirror.glob("*/*/*/*/*"):
            first, second, third = folder.parent.name.split(".")
            for version in (folder.parent.name, f"{first}.{second}.{int(third) + 1}"):
                place = offered / folder.parent.parent.relative_to(mirror) / version / folder.name
                place.parent.mkdir(parents=True)
                place.symlink_to(folder)
        environment = tools.mirrored(offered, self.work / "offered.rc")
        for name in ENVIRONMENTS:
            committed = ROOT / "terraform/environments" / name / ".terraform.lock.hcl"
            # Checksums are of the official builds; what is tried here is built here.
            versions = re.sub(r"  hashes = \[.*?\]\n", "", committed.read_text(), flags=re.S)
            wanted = dict(re.findall(r'provider "(.*?)" \{\s+version\s+= "(.*?)"', versions))
            for lock, same in ((versions, True), (None, False)):
                root = self.work / f"locked-{name}-{same}"
                shutil.copytree(self.tree, root, ignore=shutil.ignore_patterns(".terraform*"))
                place = root / "environments" / name
                (place / ".terraform.lock.hcl").unlink(missing_ok=True)
                if lock:
                    (place / ".terraform.lock.hcl").write_text(lock)
                mode = ["-lockfile=readonly"] if lock else []
                done = self.tf(place, "init", "-backend=false", "-no-color", *mode, env=environment)
                if done.returncode:
                    raise SystemExit(f"{name}: init with the lock file failed:\n{done.stdout}{done.stderr}")
                chosen = json.loads(self.tf(place, "version", "-json", env=environment).stdout)["provider_selections"]
                if (chosen == wanted) != same:
                    raise SystemExit(
                        f"{name}: {'with' if same else 'without'} the lock file: {chosen}, which says {wanted}"
                    )
        print("    a newer provider is not taken until the lock file says so", flush=True)

    def broken(self) -> None:
        """Mistakes that a schema must refuse: were they let through, everything above would say nothing."""
        mistakes = {
            "an argument that Selectel's provider does not know": (
                "kubernetes",
                "availability_zone =",
                "availability_zonne =",
            ),
            "a required argument of Selectel's that is missing": (
                "kubernetes",
                "  install_nvidia_device_plugin = false\n",
                "",
            ),
            "a type that Selectel's provider does not take": (
                "redis",
                "node_count            = var.node_count",
                "node_count = [1]",
            ),
            "an output that Selectel's provider does not give": ("registry", "this.endpoint", "this.address"),
            "an argument that OpenStack's provider does not know": (
                "network",
                "external_network_id =",
                "external_network =",
            ),
            "a value that OpenStack's provider does not take": (
                "network",
                'ethertype         = "IPv4"',
                'ethertype = "IPv5"',
            ),
        }
        for what, (module, good, bad) in mistakes.items():
            root = self.work / "broken" / module
            shutil.rmtree(root, ignore_errors=True)
            shutil.copytree(
                ROOT / "terraform/modules" / module, root, ignore=shutil.ignore_patterns("tests", ".terraform*")
            )
            main = root / "main.tf"
            text = main.read_text()
            if good not in text:
                raise SystemExit(f"{module}/main.tf has no `{good}` any more: mend the list of mistakes")
            main.write_text(text.replace(good, bad))
            self.init(root)
            if json.loads(self.tf(root, "validate", "-json").stdout)["valid"]:
                raise SystemExit(f"{what} was let through")
            print(f"    refused: {what}", flush=True)

    def values(self, environment: str) -> dict[str, Any]:
        if environment not in self.outputs:
            self.check_one(environment)
        return self.outputs[environment]

    def check_one(self, environment: str) -> None:
        text, good = self.check(self.tree / "environments" / environment)
        if not good:
            raise SystemExit(f"{environment}: {text}")

    def chart(self) -> None:
        """What an environment says is what the chart takes, and it reaches the pods."""
        chart = ROOT / "helm/lyceum"
        helm = tools.helm()
        for environment in ENVIRONMENTS:
            outputs = self.values(environment)
            file = self.work / f"{environment}.yaml"
            file.write_text(str(outputs["chart_values"]))
            rendered = must([helm, "template", "lyceum", chart, "--namespace", "lyceum", "--values", file])
            objects = [object_ for object_ in yaml.safe_load_all(rendered) if object_]
            self.placed(environment, yaml.safe_load(str(outputs["chart_values"])), objects)
            self.named(environment, str(outputs["kubernetes_secrets"]), rendered)
        refused = run([helm, "template", "lyceum", chart, "--values", file, "--set", "users.nodeSelectr.a=b"])
        if refused.returncode == 0:
            raise SystemExit("the chart takes a value that it does not know")

    def placed(self, environment: str, values: dict[str, Any], objects: list[dict[str, Any]]) -> None:
        pods = {
            o["metadata"]["labels"]["app.kubernetes.io/component"]: o["spec"]["template"]["spec"]
            for o in objects
            if o["kind"] == "Deployment"
        }
        restricted = []
        for service, wanted in values.items():
            if service not in pods:
                continue  # Settings of the whole release.
            pod = pods[service]
            if (
                pod.get("nodeSelector") != wanted["nodeSelector"]
                or (pod.get("tolerations") or []) != wanted["tolerations"]
            ):
                raise SystemExit(
                    f"{environment}: {service} does not stand where it should: {pod.get('nodeSelector')}, {pod.get('tolerations')}"
                )
            images = [container["image"] for container in pod["containers"]]
            if service != "egressProxy" and not all(
                image.startswith(f"cr.selcloud.ru/lyceum/lyceum/{service}:") for image in images
            ):
                raise SystemExit(f"{environment}: {service} comes from {images}, which CI does not push")
            if wanted["tolerations"]:
                restricted.append(service)
            host = (wanted.get("database") or {}).get("host")
            if host and host not in json.dumps(pod):
                raise SystemExit(f"{environment}: {service} is not told of its database at {host}")
        if {"users", "payments", "notifications", "documents"} - set(restricted):
            raise SystemExit(f"{environment}: people or payments stand among the rest: only {restricted} are apart")
        self.trusted(environment, pods)
        jobs = [o["metadata"]["labels"]["lyceum.io/backup"] for o in objects if o["kind"] == "CronJob"]
        if {f"postgres-{service}" for service in KEEPERS} - set(jobs):
            raise SystemExit(f"{environment}: only {jobs} are backed up")
        self.reaches_broker(environment, objects)
        print(
            f"    {environment}: {len(pods)} Deployments; on nodes of their own: {', '.join(sorted(restricted))}",
            flush=True,
        )

    def trusted(self, environment: str, pods: dict[str, Any]) -> None:
        """Stores show who they are, and the gateway believes the one proxy that stands before it."""
        for service, pod in pods.items():
            told = {variable["name"]: variable.get("value", "") for variable in pod["containers"][0].get("env", [])}
            for store in ("DATABASE", "AMQP", "REDIS"):
                comes = f"LYCEUM_{store}_URL" in told or f"LYCEUM_{store}_URL_FILE" in told
                if comes and f"LYCEUM_{store}_CA_FILE" not in told:
                    raise SystemExit(f"{environment}: {service} believes anybody who plays {store.lower()}")
            url = told.get("LYCEUM_DATABASE_URL", "sslmode=verify-full")
            if not url.endswith("sslmode=verify-full") or any(v.startswith("kube://") for v in told.values()):
                raise SystemExit(f"{environment}: {service} speaks in the clear: {told}")
            if service == "gateway" and told.get("LYCEUM_TRUSTED_PROXIES") != "1":
                raise SystemExit(f"{environment}: the gateway believes {told.get('LYCEUM_TRUSTED_PROXIES')} proxies")

    def reaches_broker(self, environment: str, objects: list[dict[str, Any]]) -> None:
        """RabbitMQ stands in the cluster, where Cilium matches pods by their labels and by nothing else."""
        [broker] = [o["metadata"]["name"] for o in objects if o["kind"] == "RabbitmqCluster"]
        door = {
            "ports": [{"port": 5671, "protocol": "TCP"}],
            "to": [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": broker}}}],
        }
        policies = {o["metadata"]["name"]: o["spec"] for o in objects if o["kind"] == "NetworkPolicy"}
        closed = [service for service in KEEPERS if door not in policies[f"lyceum-{service}"]["egress"]]
        if closed:
            raise SystemExit(f"{environment}: {', '.join(closed)} cannot reach RabbitMQ")

    def named(self, environment: str, manifests: str, rendered: str) -> None:
        """Every Secret that Terraform makes is used by some pod, under its keys."""
        for secret in yaml.safe_load_all(manifests):
            name = secret["metadata"]["name"]
            if not re.search(rf"name: \"?{name}\"?\b", rendered):
                raise SystemExit(f"{environment}: no pod asks for the Secret {name}")
            if f"externalSecret: {{name: {name}}}" in rendered:
                # RabbitMQ's operator takes the other keys.
                continue
            for key in secret["stringData"]:
                if not key.startswith(".") and not re.search(rf"key: \"?{re.escape(key)}\"?\b", rendered):
                    raise SystemExit(f"{environment}: no pod asks for {key} of the Secret {name}")

    def state(self) -> None:
        """The backend of the environments, word by word, on a real S3 server: while one applies, another one must
        wait."""
        with Store(self.work) as store:
            store.client().create_bucket(Bucket="lyceum-terraform")
            root = self.work / "state"
            root.mkdir()
            written = (ROOT / "terraform/environments/production/versions.tf").read_text()
            [backend] = re.findall(r'  backend "s3" \{.*?\n  \}\n', written, re.S)
            gate = root / "gate"
            os.mkfifo(gate)
            (root / "main.tf").write_text(
                f"terraform {{\n{backend}}}\n\n"
                'resource "terraform_data" "slow" {\n  provisioner "local-exec" {\n    command = "cat gate"\n  }\n}\n'
            )
            env = store.environment()
            done = self.tf(root, "init", "-no-color", f'-backend-config=endpoints={{s3="{store.url}"}}', env=env)
            if done.returncode:
                raise SystemExit(f"init with the environments' backend failed:\n{done.stdout}{done.stderr}")
            command = [str(self.terraform), f"-chdir={root}", "apply", "-auto-approve", "-no-color"]
            first = subprocess.Popen(
                command,
                env=os.environ | self.environment | env,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            # Opening succeeds as soon as the first one reads, which it does while it holds the lock.
            with gate.open("w"):
                second = self.tf(root, "apply", "-auto-approve", "-no-color", env=env)
            said, _ = first.communicate()
            if first.returncode:
                raise SystemExit(f"the first apply failed:\n{said}")
            if second.returncode == 0 or "Error acquiring the state lock" not in second.stderr:
                raise SystemExit(f"a second apply went on beside the first:\n{second.stdout}{second.stderr}")
            kept = [item["Key"] for item in store.client().list_objects_v2(Bucket="lyceum-terraform")["Contents"]]
            if kept != ["production/terraform.tfstate"]:
                raise SystemExit(f"the bucket holds {kept}")
            again = self.tf(root, "plan", "-detailed-exitcode", "-no-color", env=env)
            if again.returncode != 0:
                raise SystemExit(f"after the first the second should find nothing to do:\n{again.stdout}{again.stderr}")
            print(
                "    a second apply was refused while the first one held the lock, and none was left behind", flush=True
            )

    def buckets(self) -> None:
        """Versioning, CORS, lifecycle and policy of production's buckets, said and read back."""
        settings = self.values("production")["bucket_settings"]
        for wanted in settings.values():
            for statement in wanted["policy"]["Statement"]:
                # The server of the test wants users in Amazon's notation.
                statement["Principal"] = {
                    "AWS": [f"arn:aws:iam::123456789012:user/{name}" for name in statement["Principal"]["AWS"]]
                }
        script = ROOT / "terraform/modules/object-storage/apply-settings.py"
        with tempfile.TemporaryDirectory() as folder, Store(Path(folder)) as store:
            for wanted in settings.values():
                store.client().create_bucket(Bucket=wanted["bucket"])
            env = os.environ | store.environment() | {"S3_ENDPOINT": store.url}

            def apply(*arguments: str) -> subprocess.CompletedProcess[str]:
                return subprocess.run(
                    [sys.executable, script, *arguments],
                    input=json.dumps(settings),
                    env=env,
                    text=True,
                    capture_output=True,
                )

            if apply("--check").returncode == 0:
                raise SystemExit("new buckets already have the settings: nothing is checked")
            for done in (apply(), apply("--check")):
                if done.returncode:
                    raise SystemExit(f"the buckets' settings were not taken:\n{done.stdout}{done.stderr}")
            store.client().delete_bucket_cors(Bucket=settings["media"]["bucket"])
            if "differs in cors" not in apply("--check").stderr:
                raise SystemExit("a bucket without its CORS rules was not noticed")
            print(f"    {len(settings)} buckets took their settings; a missing one was noticed", flush=True)
            self.destroys_nothing(store, settings["backups"])

    def destroys_nothing(self, store: Store, settings: dict[str, Any]) -> None:
        """A thief with the key that writes backups tries what a thief would."""
        bucket, owner = settings["bucket"], store.client()
        policy = settings["policy"]
        for statement in policy["Statement"]:
            statement["Principal"] = {"AWS": [f"arn:aws:iam::000000000000:user/{BACKUP}"]}
        owner.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
        thief = store.client(BACKUP)
        thief.put_object(Bucket=bucket, Key="postgresql/users/1.dump.age", Body=b"a backup")
        [kept] = owner.list_object_versions(Bucket=bucket)["Versions"]
        one = {"Bucket": bucket, "Key": kept["Key"]}
        both = {"Bucket": bucket, "Delete": {"Objects": [{"Key": kept["Key"]}]}}
        attempts: dict[str, Callable[[], Any]] = {
            "deletes it": lambda: thief.delete_object(**one),
            "deletes its version": lambda: thief.delete_object(**one, VersionId=kept["VersionId"]),
            "deletes many at once": lambda: refused(thief.delete_objects(**both)),
            "turns versions off": lambda: thief.put_bucket_versioning(
                Bucket=bucket, VersioningConfiguration={"Status": "Suspended"}
            ),
            "lets it expire": lambda: thief.put_bucket_lifecycle_configuration(
                Bucket=bucket,
                LifecycleConfiguration={
                    "Rules": [{"Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}]
                },
            ),
            "gives itself the right": lambda: thief.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy)),
            "removes the bucket": lambda: thief.delete_bucket(Bucket=bucket),
        }
        for what, attempt in attempts.items():
            try:
                attempt()
            except ClientError as error:
                if error.response["ResponseMetadata"].get("HTTPStatusCode") not in (200, 403):
                    raise SystemExit(f"who has the backups' key and {what} got {error}") from error
            else:
                raise SystemExit(f"who has the backups' key {what}")
        # Writing is what it is for; what was there stays.
        thief.put_object(**one, Body=b"rubbish")
        found = owner.get_object(**one, VersionId=kept["VersionId"])["Body"].read()
        if found != b"a backup":
            raise SystemExit(f"what was overwritten is {found!r}")
        print(
            f"    the backups' key adds, and in {len(attempts)} ways destroys nothing; overwritten, it is there",
            flush=True,
        )


def refused(answer: Any) -> None:
    """Several deletions are answered with 200, whatever became of them."""
    if errors := answer.get("Errors"):
        raise ClientError({"Error": errors[0], "ResponseMetadata": answer["ResponseMetadata"]}, "DeleteObjects")


def main() -> int:
    os.environ.pop("TF_DATA_DIR", None)
    TOOLS.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    try:
        with tempfile.TemporaryDirectory() as folder:
            suite = Suite(Path(folder))
            steps: dict[str, Callable[[], None]] = {
                "roots": suite.roots,
                "locked": suite.locked,
                "broken": suite.broken,
                "chart": suite.chart,
                "state": suite.state,
                "buckets": suite.buckets,
            }
            print(f"  providers {time.monotonic() - started:14.0f} s", flush=True)
            for name in sys.argv[1:] or steps:
                started = time.monotonic()
                steps[name]()
                print(f"  {name:<10}{time.monotonic() - started:14.0f} s", flush=True)
    except tools.Missing as missing:
        print(f"terraform: {missing}")
        return tools.CANNOT_RUN
    return 0


if __name__ == "__main__":
    sys.exit(main())
