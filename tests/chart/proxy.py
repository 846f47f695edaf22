"""The egress proxy as the chart configures it: a real Squid, with the rights that its pod has, is asked for what it
must let through and for what not."""

import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import yaml
from tools import CHART, HERE, run_helm

# The pod's user.
NOBODY = 65532
PATIENCE = 15.0

# Names that lead to a private address which is an exception, to another private one, and to a public one; `stranger`
# stands on no list.
HOSTS = {"inside.test": "127.0.0.9", "bank.test": "10.1.2.3", "stranger.test": "127.0.0.9", "public.test": "192.0.2.1"}
VALUES = [
    "--set",
    "egressProxy.allow={inside.test,bank.test,public.test,.below.test}",
    "--set",
    "egressProxy.privateExceptions={127.0.0.9/32}",
]

REFUSED = [
    "CONNECT bank.test:{port}",  # a listed name that leads to a private address
    "CONNECT stranger.test:{port}",  # a name on no list, even though its address is an exception
    "CONNECT inside.test:22",  # another port
    "CONNECT 127.0.0.9:{port}",  # an address instead of a name
    "CONNECT 10.1.2.3:{port}",
    "CONNECT [::1]:{port}",
    "CONNECT localhost:{port}",
    "CONNECT inside.test.stranger.test:{port}",  # names are compared as a whole
    "GET http://bank.test:{port}/",  # what is not a tunnel
    "GET http://stranger.test:{port}/",
]


def configuration(port: int) -> str:
    arguments = [*VALUES, "--set", f"egressProxy.ports={{{port}}}", "--show-only", "templates/egress-proxy/proxy.yaml"]
    done = run_helm("template", "lyceum", str(CHART), "--values", str(HERE / "cases/least.yaml"), *arguments)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    configs = [document for document in yaml.safe_load_all(done.stdout) if document["kind"] == "ConfigMap"]
    return str(configs[0]["data"]["squid.conf"])


def answer(proxy: int, question: str) -> tuple[str, bytes]:
    """The status, and what came through a tunnel."""
    with socket.create_connection(("127.0.0.1", proxy), PATIENCE) as caller:
        caller.sendall(f"{question} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        reader = caller.makefile("rb")
        status = reader.readline().split()[1].decode()
        while reader.readline().strip():
            pass
        return status, reader.read(5) if status == "200" else b""


def greet(listener: socket.socket) -> None:
    """Whoever is tunnelled to reads a greeting."""
    while True:
        try:
            caller, _ = listener.accept()
        except OSError:
            return
        with caller:
            caller.sendall(b"hello")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait(squid: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if squid.poll() is not None or time.monotonic() > deadline:
                raise


def check() -> list[str]:
    program = shutil.which("squid", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        return ["squid is missing: apt-get install squid"]
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.9", 0)) as listener:
        Path(folder).chmod(0o755)
        port, proxy = listener.getsockname()[1], free_port()
        threading.Thread(target=greet, args=(listener,), daemon=True).start()
        hosts, config, log = (Path(folder, name) for name in ("hosts", "squid.conf", "log"))
        hosts.write_text("".join(f"{address} {name}\n" for name, address in HOSTS.items()))
        # Only where it listens, what names mean, and how long it waits at its end are not the pod's.
        text = (
            configuration(port)
            .replace("http_port 3128", f"http_port 127.0.0.1:{proxy}")
            .replace("shutdown_lifetime 25", "shutdown_lifetime 0")
        )
        text = text.replace("/dev/stdout", str(log)).replace("/dev/stderr", str(log))
        config.write_text(f"{text}\nhosts_file {hosts}\n")
        log.touch()
        rights: list[str] = []
        if os.geteuid() == 0:
            os.chown(log, NOBODY, NOBODY)
            rights = [
                "setpriv",
                f"--reuid={NOBODY}",
                f"--regid={NOBODY}",
                "--clear-groups",
                "--no-new-privs",
                "--bounding-set=-all",
            ]
        squid = subprocess.Popen(
            [*rights, program, "-N", "-f", str(config)], cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            wait(squid, proxy)
            bad = []
            if (came := answer(proxy, f"CONNECT inside.test:{port}")) != ("200", b"hello"):
                bad.append(f"a listed name is not let through: {came}")
            # Nobody is there (RFC 5737), but the way is open.
            if answer(proxy, f"CONNECT public.test:{port}")[0] == "403":
                bad.append("a listed name with a public address is refused")
            if "WARNING" in log.read_text():
                bad.append(f"squid does not like what it reads:\n{log.read_text()}")
            if answer(proxy, f"GET http://inside.test:{port}/")[0] == "403":
                bad.append("an exception is not called in the clear")
            for question in REFUSED:
                status, _ = answer(proxy, question.format(port=port))
                if status != "403":
                    bad.append(f"{question} was answered with {status} instead of 403")
            if f'"destination":"inside.test:{port}","destination.ip":"127.0.0.9"' not in log.read_text():
                bad.append("the log does not say where a tunnel led")
            if "transaction-end-before-headers" in log.read_text():
                bad.append("the log tells of probes, which connect and say nothing")
            return bad
        except OSError as error:
            return [f"squid does not answer ({error}):\n{log.read_text()}"]
        finally:
            squid.terminate()
            squid.wait()
