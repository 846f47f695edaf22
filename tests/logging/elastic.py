"""A real Elasticsearch for as long as the suite runs: the distribution that its makers publish for integration
tests, from Maven Central."""

import contextlib
import hashlib
import json
import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

VERSION = "8.19.0"
ARTIFACT = f"org.elasticsearch.distribution.integ-test-zip:elasticsearch:{VERSION}:zip"
SHA256 = "14833b2d86c30656901f92049f81fb5777a8e4545413c8656cd1a21b55173033"
PATIENCE = 300
# What a suite says when something cannot be had on this machine.
CANNOT_RUN = 77


def cannot(why: str) -> NoReturn:
    print(why, flush=True)
    sys.exit(CANNOT_RUN)


def provide() -> Path:
    """The unpacked distribution, which is kept between runs."""
    place = Path(os.environ["LYCEUM_TOOLS"]) / "logging" / f"elasticsearch-{VERSION}"
    if place.exists():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as folder:
        # No `-q` of Maven keeps it from colours when there is no terminal.
        got = [
            "mvn",
            "--batch-mode",
            "--quiet",
            "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy",
            f"-Dartifact={ARTIFACT}",
            f"-DoutputDirectory={folder}",
            "-Dmdep.useBaseVersion=true",
        ]
        done = subprocess.run(got, cwd=folder, capture_output=True, text=True)
        archive = Path(folder) / f"elasticsearch-{VERSION}.zip"
        if done.returncode != 0 or not archive.exists():
            cannot(f"Maven cannot get {ARTIFACT}:\n{done.stdout}{done.stderr}")
        if (found := hashlib.sha256(archive.read_bytes()).hexdigest()) != SHA256:
            raise SystemExit(f"{ARTIFACT} is not what it was: {found}")
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(folder)
        unpacked = Path(folder) / place.name
        for program in (unpacked / "bin").iterdir():
            program.chmod(0o755)
        unpacked.rename(place)
    return place


def ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        listeners = [held.enter_context(socket.socket()) for _ in range(count)]
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in listeners]


class Elastic:
    def __init__(self, port: int) -> None:
        self.port, self.url = port, f"http://127.0.0.1:{port}"

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None, unready: Any = None) -> Any:
        """The answer; `unready`, if there is one, while a shard is being made."""
        data = json.dumps(body).encode() if body else None
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            if refused.code == 503 and unready is not None:
                return unready
            raise SystemExit(f"{method} {path}: {refused.code} {refused.read().decode()[:1000]}") from None

    def search(self, stream: str, query: dict[str, Any], size: int = 1000) -> list[dict[str, Any]]:
        """What is there now; a data stream that is only now being made has nothing."""
        nothing: dict[str, Any] = {"hits": {"hits": []}}
        self.ask("POST", f"{stream}/_refresh?ignore_unavailable=true", unready={})
        question = {"query": query, "size": size}
        answer = self.ask("POST", f"{stream}/_search?ignore_unavailable=true", question, nothing)
        return [hit["_source"] for hit in answer["hits"]["hits"]]


def stranger() -> list[str]:
    """Elasticsearch refuses to run as root."""
    if os.geteuid() != 0:
        return []
    nobody = pwd.getpwnam("nobody")
    return ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]


@contextlib.contextmanager
def running() -> Iterator[Elastic]:
    """One node without security, on a free port of 127.0.0.1."""
    home = provide()
    http, transport = ports(2)
    with tempfile.TemporaryDirectory(prefix="lyceum-elasticsearch-") as name:
        folder = Path(name)
        # A folder that the other account can read, wherever the clone lies; links cost nothing.
        program = folder / "program"
        same_disk = home.stat().st_dev == folder.stat().st_dev
        shutil.copytree(home, program, copy_function=os.link if same_disk else shutil.copy2)
        config = folder / "config"
        shutil.copytree(home / "config", config)
        options = (config / "jvm.options").read_text()
        (config / "jvm.options").write_text(
            re.sub(r"^.*(gc\.log|HeapDumpPath|ErrorFile|ReplayDataFile).*$", "", options, flags=re.M)
        )
        settings = {
            "node.name": "one",
            "discovery.type": "single-node",
            "network.host": "127.0.0.1",
            "http.port": http,
            "transport.port": transport,
            "path.data": str(folder / "data"),
            "path.logs": str(folder / "logs"),
            "xpack.security.enabled": False,
            # How full this machine's disk is does not matter.
            "cluster.routing.allocation.disk.threshold_enabled": False,
        }
        (config / "elasticsearch.yml").write_text(
            "".join(f"{key}: {json.dumps(value)}\n" for key, value in settings.items())
        )
        for made in ("data", "logs"):
            (folder / made).mkdir()
        who = stranger()
        if who:
            subprocess.run(
                [
                    "chown",
                    "--recursive",
                    "--no-dereference",
                    "nobody",
                    folder / "config",
                    folder / "data",
                    folder / "logs",
                ],
                check=True,
            )
            folder.chmod(0o755)
        java = Path(shutil.which("java") or cannot("java is missing")).resolve().parents[1]
        variables = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder / "logs"),
            "ES_JAVA_HOME": str(java),
            "ES_PATH_CONF": str(config),
            "ES_JAVA_OPTS": "-Xms512m -Xmx512m",
            "ES_TMPDIR": str(folder / "logs"),
        }
        log = (folder / "output").open("w")
        command = [*who, str(program / "bin/elasticsearch")]
        process = subprocess.Popen(
            command, cwd=folder, env=variables, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            elastic = Elastic(http)
            end = time.monotonic() + PATIENCE
            while True:
                try:
                    elastic.ask("GET", "_cluster/health?wait_for_status=yellow&timeout=5s")
                    break
                except (OSError, urllib.error.URLError):
                    if process.poll() is not None or time.monotonic() > end:
                        raise SystemExit(
                            f"Elasticsearch does not start:\n{(folder / 'output').read_text()[-3000:]}"
                        ) from None
                    time.sleep(0.2)
            yield elastic
        finally:
            process.terminate()
            process.wait(timeout=60)
