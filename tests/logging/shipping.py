"""Container files in, a real Elasticsearch out, and what may happen in between."""

import collections
import json
import signal
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import lines
import node
from collector import Collector, eventually
from configuration import ROOT
from elastic import Elastic
from gate import Gate

CONFIGURATION = ROOT / "deploy/logging/collector/logs.yaml"
DAEMONSET = ROOT / "deploy/logging/collector/daemonset.yaml"
ENVIRONMENT = "test"
REFUSED = f"logs-lyceum.refused-{ENVIRONMENT}"
KEPT = f"logs-lyceum.services-{ENVIRONMENT},logs-lyceum.payments-{ENVIRONMENT}"


class Shipper:
    """A node with its files, and the collector that reads them as it is shipped."""

    def __init__(self, folder: Path, server: Elastic, queue: dict[str, Any] | None = None) -> None:
        self.node, self.server, self.gate = node.Node(folder), server, Gate(server.port)
        state = folder / "state"
        state.mkdir(parents=True)
        text = CONFIGURATION.read_text()
        for shipped, here in {"/var/log/pods": self.node.pods, "/var/lib/collector": state}.items():
            if shipped not in text:
                raise SystemExit(f"{CONFIGURATION.name} names no {shipped}")
            text = text.replace(shipped, str(here))
        configuration = folder / "logs.yaml"
        configuration.write_text(text)
        # So that what is away is asked again soon.
        exporter = {"retry_on_failure": {"max_interval": "1s"}, "sending_queue": queue or {}}
        told = {
            "LYCEUM_NAMESPACE": node.NAMESPACE,
            "LYCEUM_ENVIRONMENT": ENVIRONMENT,
            "NODE_NAME": "node-1",
            "ELASTICSEARCH_URL": f"http://127.0.0.1:{self.gate.port}",
            "ELASTICSEARCH_USER": "",
            "ELASTICSEARCH_PASSWORD": "",
            "ELASTICSEARCH_CA_FILE": "",
        }
        overlay = {"exporters": {"elasticsearch_bulk": exporter}}
        self.collector = Collector(folder, configuration, overlay, told, *lines.arguments(DAEMONSET))

    def close(self) -> None:
        self.collector.stop(signal.SIGKILL)
        self.gate.close()

    def origin(self, container: str, stream: str = "stdout") -> dict[str, Any]:
        return {
            "service.environment": ENVIRONMENT,
            "host.name": "node-1",
            "log.iostream": stream,
            "kubernetes.namespace": node.NAMESPACE,
            "kubernetes.pod.name": self.node.pod(container),
            "kubernetes.container.name": container,
        }

    def document(self, line: str, container: str, stream: str = "stdout") -> dict[str, Any]:
        """What becomes of a line of ours: itself, and where it came from."""
        written: dict[str, Any] = json.loads(line)
        return written | self.origin(container, stream)

    def accepted(self) -> float:
        return self.collector.metric("otelcol_receiver_accepted_log_records_total")

    def found(self, streams: str, container: str) -> list[dict[str, Any]]:
        return self.server.search(streams, {"term": {"kubernetes.container.name": container}}, 10_000)

    def arrive(self, streams: str, container: str, count: int) -> list[dict[str, Any]]:
        """Waits until so many documents are there; more would be wrong, too."""

        def look() -> list[dict[str, Any]]:
            found = self.found(streams, container)
            return found if len(found) >= count else []

        return eventually(f"{count} documents of {container} in {streams}", look) if count else []


def differ(what: str, wanted: Iterable[dict[str, Any]], found: Iterable[dict[str, Any]]) -> list[str]:
    """Each document once, and as it was."""
    counts = [collections.Counter(json.dumps(one, sort_keys=True) for one in some) for some in (wanted, found)]
    missing, more = counts[0] - counts[1], counts[1] - counts[0]
    return [f"{what}: not found: {text[:600]}" for text in list(missing)[:3]] + [
        f"{what}: found and not wanted: {text[:600]}" for text in list(more)[:3]
    ]


def line(message: str, **more: Any) -> str:
    whole = {
        "@timestamp": "2026-11-26T15:01:25.027963123Z",
        "log.level": "error",
        "message": message,
        "service.name": "users",
        "service.version": "1.2.3",
        "log.logger": "users",
        "ecs.version": "8.11.0",
    }
    return json.dumps(whole | more, ensure_ascii=False)


def real(shipper: Shipper, services: list[str], logs: Path) -> list[str]:
    """Everything that every service printed, while Elasticsearch is away and the collector is killed in between."""
    wrong: list[str] = []
    printed = {service: list(lines.printed(logs, service)) for service in services}
    count = sum(map(len, printed.values()))
    for service, said in printed.items():
        if not any('"log.level":"info"' in one for one in said):
            wrong.append(f"{service} said nothing; what it printed has {len(said)} lines")
        shipper.node.print(service, *said[: len(said) // 2])
    shipper.collector.start()
    eventually("lines wait on the disk", lambda: shipper.collector.metric("otelcol_exporter_queue_size"))
    eventually("failures are counted", lambda: shipper.collector.metric("lyceum_log_bulk_failures_total"))
    for service, said in printed.items():
        shipper.node.print(service, *said[len(said) // 2 :])
    eventually("everything is read", lambda: shipper.accepted() == count)
    shipper.collector.stop(signal.SIGKILL)
    shipper.collector.start()
    shipper.gate.open()
    for service, said in printed.items():
        stream = "payments" if service == "payments" else "services"
        found = shipper.arrive(f"logs-lyceum.{stream}-{ENVIRONMENT}", service, len(said))
        wrong += differ(service, [shipper.document(one, service) for one in said], found)
    told = {"bool": {"must": [{"exists": {"field": "trace.id"}}, {"term": {"log.level": "info"}}]}}
    if not shipper.server.search(KEPT, told, 1):
        wrong.append("no line tells in which trace it stands")
    print(
        f"    {count} lines of {len(services)} services: Elasticsearch was away, the collector was killed", flush=True
    )
    return wrong


def odd(shipper: Shipper) -> list[str]:
    """Lines that are long, in pieces, no JSON, or not of the mapping, among others that are none of it."""
    before = shipper.collector.metric("lyceum_log_refused_lines_total")
    # Spaces at both ends of pieces, and a character of two bytes across each cut.
    long = "  a  я" * 10_240
    panic = {"error.message": "no", "error.stack_trace": "x.rs:1:2", "lyceum.task": "relay"}
    everything = dict.fromkeys(lines.logged(ROOT), "1")
    kept = [
        line(long, **{"lyceum.reason": long, "error.message": long}),
        line("a thread panicked at x.rs:1:2", **panic),
        line("every field that a source can log", **everything),
        line("a number that no float holds", **{"log.line": 9_007_199_254_740_993}),
    ]
    pieces, aborted = shipper.node.pieces(kept[0]), "memory allocation of 8 bytes failed"
    text = [aborted, "[1, 2]", "7", "not JSON at all", '{"message": "half']
    refused = {
        line("a field that nobody knows", unheard="of"): "dynamic introduction of [unheard]",
        line("a field of a wrong type", **{"http.response.status_code": "many"}): "failed to parse field",
    }
    # On standard error, between two pieces of standard output.
    cut = [*pieces[:3], *shipper.node.pieces(aborted, "stderr"), *pieces[3:]]
    shipper.node.append("users", *cut)
    shipper.node.print("users", *text[1:], "", "   ", *refused, *kept[1:])
    plain = "1795719800.602 12 10.0.0.1 TCP_TUNNEL/200 39 CONNECT rest-api-test.tinkoff.ru:443 - HIER_DIRECT/1.2.3.4 -"
    shipper.node.print("squid", plain, '{"message": "also only text"}')
    shipper.node.print("sandbox", line("of a program for trying"))

    wrong = [] if len(pieces) >= 6 else [f"the long line has {len(pieces)} pieces"]
    beside = shipper.arrive(REFUSED, "users", len(text) + len(refused))
    found = [one for one in shipper.found(KEPT, "users") if one["log.logger"] == "users"]
    known = {json.loads(one)["message"] for one in kept}
    wrong += differ(
        "odd lines",
        [shipper.document(one, "users") for one in kept],
        [one for one in found if one["message"] in known],
    )
    message = "This line could not be kept as it is."
    for one in text:
        stream = "stderr" if one == aborted else "stdout"
        wanted = {"message": message, "event.original": one, "error.message": "no JSON object", "service.name": "users"}
        same = [letter for letter in beside if letter["event.original"] == one]
        wrong += differ(one, [wanted | shipper.origin("users", stream)], [without(letter) for letter in same])
    for one, reason in refused.items():
        whole = shipper.document(one, "users")
        same = [letter for letter in beside if original(letter) == whole]
        if len(same) != 1 or reason not in same[0]["error.message"]:
            wrong.append(f"refused by the mapping: {one}: {same or beside}")
            continue
        wanted = {"message": message, "service.name": "users"} | shipper.origin("users")
        kept_of_it = without(same[0], "event.original", "error.message")
        wrong += differ(one, [wanted], [kept_of_it])
    counted = shipper.collector.metric("lyceum_log_refused_lines_total") - before
    if counted != len(text) + len(refused):
        wrong.append(f"{counted} refused lines were counted, not {len(text) + len(refused)}")
    said = [
        {"message": text, "log.level": "info", "service.name": "squid"}
        for text in (plain, '{"message": "also only text"}')
    ]
    told = [without(one) for one in shipper.arrive(KEPT, "squid", 2)]
    wrong += differ("plain text", [one | shipper.origin("squid") for one in said], told)
    if shipper.found(KEPT, "sandbox"):
        wrong.append("lines of a program for trying were kept")
    print(f"    {len(text) + len(refused)} lines were refused, with their reasons, and nothing else was", flush=True)
    return wrong


def without(document: dict[str, Any], *names: str) -> dict[str, Any]:
    """Without what differs from run to run."""
    return {name: value for name, value in document.items() if name not in ("@timestamp", *names)}


def original(letter: dict[str, Any]) -> Any:
    try:
        return json.loads(letter["event.original"])
    except ValueError:
        return None


def restarts(shipper: Shipper) -> list[str]:
    """The collector stops in the middle of a line, and files are rotated, with and without it."""
    said: list[str] = []
    numbers = iter(range(1000))

    def say(count: int) -> list[str]:
        made = [line(f"line {next(numbers)}") for _ in range(count)]
        said.extend(made)
        return made

    node, collector = shipper.node, shipper.collector
    name = "courses-of-restarts"
    # Half of a line that has no end yet, as a full disk would leave it.
    node.print(name, *say(5))
    [whole] = node.pieces(say(1)[0])
    node.append(name, whole[:100])
    shipper.arrive(KEPT, name, 5)
    collector.stop()
    node.append(name, whole[100:])
    collector.start()
    shipper.arrive(KEPT, name, 6)
    # Rotated while it reads.
    node.print(name, *say(5))
    first = node.rotate(name)
    node.print(name, *say(5))
    shipper.arrive(KEPT, name, 16)
    # Rotated while nobody reads, with lines that nobody has read.
    collector.stop(signal.SIGKILL)
    node.print(name, *say(5))
    node.compress(first)
    node.rotate(name)
    node.print(name, *say(5))
    collector.start()
    shipper.arrive(KEPT, name, 26)
    wrong = differ("rotation and restarts", [shipper.document(one, name) for one in said], shipper.found(KEPT, name))

    # Between two pieces of a line: nothing is lost, but nobody can know that they belong together.
    long = line("x" * 40_000)
    pieces = node.pieces(long)
    # What comes behind the piece tells when it was read.
    node.append(name, pieces[0], *node.pieces(say(1)[0], "stderr"))
    shipper.arrive(KEPT, name, len(said))
    collector.stop()
    node.append(name, *pieces[1:])
    collector.start()
    halves = [one["event.original"] for one in shipper.arrive(REFUSED, name, 2)]
    if "".join(sorted(halves, reverse=True)) != long or len(halves) != 2:
        wrong.append(f"a line across a stop: {[half[:80] for half in halves]}")
    print(f"    {len(said)} lines across rotations and restarts, each once", flush=True)
    return wrong


def pressure(folder: Path, server: Elastic) -> list[str]:
    """More lines than the queue takes: reading stops until there is room, and goes on where it stopped."""
    room, count, name = 1_000_000, 9_000, "courses-under-pressure"
    queue = {"queue_size": room, "batch": {"min_size": 100_000, "max_size": 200_000}}
    shipper = Shipper(folder, server, queue)
    collector = shipper.collector
    said = [line(f"line {number}", **{"lyceum.filling": "x" * 500}) for number in range(count)]
    shipper.node.print(name, *said)
    wrong: list[str] = []
    try:
        collector.start()
        still = stands_still(shipper.accepted)
        if not 0 < still < count or collector.metric("otelcol_exporter_queue_size") > room:
            wrong.append(f"under pressure {still} of {count} lines were taken, with room for {room} bytes")
        # What it has read and could not hand over is read again.
        collector.stop(signal.SIGKILL)
        collector.start()
        shipper.gate.open()
        wrong += differ("pressure", [shipper.document(one, name) for one in said], shipper.arrive(KEPT, name, count))
        # Away again, in the middle of everything.
        shipper.gate.close()
        shipper.node.print(name, line("the last one"))
        failures = collector.metric("lyceum_log_bulk_failures_total")
        eventually("the cut is seen", lambda: collector.metric("lyceum_log_bulk_failures_total") > failures)
        shipper.gate.open()
        shipper.arrive(KEPT, name, count + 1)
        print(f"    {still:.0f} of {count} lines filled the queue, and all arrived once", flush=True)
    finally:
        shipper.close()
    return wrong


def stands_still(look: Callable[[], float]) -> float:
    """The value that no longer changes: the same so many times in a row."""
    last, same = -1.0, 0

    def again() -> bool:
        nonlocal last, same
        now = look()
        same = same + 1 if now == last and now > 0 else 0
        last = now
        return same >= 40

    eventually("it stands still", again)
    return last
