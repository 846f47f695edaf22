#!/usr/bin/env python3
"""Every log line of every service through Fluentd's filters into a real Elasticsearch whose mapping is strict; lines
that must be refused, and what becomes of them; and the collector's sampling of traces."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import configuration
import elastic
import lines
import offline
import traces

ROOT = configuration.ROOT
BEGUN = time.monotonic()


def told(what: str) -> None:
    print(f"  {what}, {time.monotonic() - BEGUN:.0f} s", flush=True)


def traffic(doors: dict[str, str]) -> None:
    """Plays the journey, and has the gateway refuse something."""
    gateway, sandbox = doors["gateway"].rstrip("/"), doors["sandbox"].rstrip("/")
    demo = ["cargo", "run", "--quiet", "--package", "fleet", "--", "demo", "--gateway", gateway, "--sandbox", sandbox]
    subprocess.run(
        demo, cwd=ROOT, env=os.environ | {"CARGO_TERM_COLOR": "never"}, check=True, stdout=subprocess.DEVNULL
    )
    for path in ["/v1/me", "/nowhere"]:
        try:
            urllib.request.urlopen(gateway + path, timeout=10).read()
        except urllib.error.HTTPError as refused:
            if refused.code >= 500:
                raise SystemExit(f"{path}: {refused.code}") from None


def install(server: elastic.Elastic) -> None:
    """The installer, on a copy of its files without what this build of Elasticsearch lacks: the lifecycle."""
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / "logging"
        shutil.copytree(offline.HERE, copy)
        for path in (copy / "elasticsearch").glob("template-*.json"):
            template = json.loads(path.read_text())
            del template["template"]["settings"]["index"]["lifecycle"]
            path.write_text(json.dumps(template))
        # Twice, because it may be run as often as one likes.
        for _ in range(2):
            done = subprocess.run(
                [sys.executable, copy / "install.py", "--only", "templates"],
                env=os.environ | {"ELASTICSEARCH_URL": server.url},
                capture_output=True,
                text=True,
            )
            if done.returncode != 0:
                raise SystemExit(f"install.py: {done.stdout}{done.stderr}")


def real(tree: configuration.Section, server: elastic.Elastic, logs: Path) -> list[str]:
    """Every line of every service is accepted, and is found again as it was."""
    wrong, count = [], 0
    for service in offline.SERVICES:
        printed = list(lines.printed(logs, service))
        events = [[lines.tag(service), 0, piece] for line in printed for piece in lines.cri(line)]
        played = lines.play(tree, events)
        wrong += [f"{service}: {why}: {record}" for _, _, record, why in played["errors"]]
        made = server.create(played["events"])
        for (stream, _, document, *_), item in zip(played["events"], made, strict=True):
            if item["status"] != 201:
                wrong.append(f"{service}: refused: {item['error']['reason']}: {json.dumps(document)}")
            if stream != ("logs-lyceum.payments-test" if service == "payments" else "logs-lyceum.services-test"):
                wrong.append(f"{service}: its line went to {stream}")
        if not {"info"} <= {document["log.level"] for _, _, document, *_ in played["events"]}:
            wrong.append(f"{service} said nothing; what it printed has {len(printed)} lines")
        kept = server.search("logs-lyceum.*-test", {"term": {"service.name": service}}, 10_000)
        if len(kept) != len(printed):
            wrong.append(f"{service}: {len(printed)} lines were printed, {len(kept)} are kept")
        count += len(kept)
    if not server.search(
        "logs-lyceum.*-test",
        {"bool": {"must": [{"exists": {"field": "trace.id"}}, {"term": {"log.level": "info"}}]}},
        1,
    ):
        wrong.append("no line tells in which trace it stands")
    told(f"{count} lines of {len(offline.SERVICES)} services were accepted")
    return wrong


def line(message: str, **more: Any) -> str:
    whole = {
        "@timestamp": "2026-11-26T15:01:25.027963123Z",
        "log.level": "error",
        "message": message,
        "service.name": "users",
        "log.logger": "users",
        "ecs.version": "8.11.0",
    }
    return json.dumps(whole | more)


def bad(tree: configuration.Section, server: elastic.Elastic) -> list[str]:
    """Lines that are long, in pieces, no JSON, or not of the mapping."""
    long = "a  b" * 10_240
    panic = line(
        "a thread panicked at x.rs:1:2",
        **{"error.message": "no", "error.stack_trace": "x.rs:1:2", "lyceum.task": "relay"},
    )
    pieces = lines.cri(line(long, **{"lyceum.reason": long, "error.message": long}))
    everything = dict.fromkeys(lines.logged(ROOT), "1")
    between = lines.cri("memory allocation of 8 bytes failed", "stderr")
    cut = [piece for pair in zip(pieces, [*between, *[None] * len(pieces)], strict=False) for piece in pair if piece]
    events = [
        *cut,
        *lines.cri(panic),
        *lines.cri(line("every field that a source can log", **everything)),
        *lines.cri("not JSON at all"),
        *lines.cri("[1, 2]"),
        *lines.cri(line("a field that nobody knows", unheard="of")),
        *lines.cri(line("a field of a wrong type", **{"http.response.status_code": "many"})),
    ]
    played = lines.play(tree, [[lines.tag("users"), 0, event] for event in events])
    wrong = []
    if len(pieces) < 6 or not pieces[1].split(" ", 3)[3]:
        wrong.append(f"the long line has {len(pieces)} pieces")
    if sorted(record["message"] for _, _, record, _ in played["errors"]) != [
        "[1, 2]",
        "memory allocation of 8 bytes failed",
        "not JSON at all",
    ]:
        wrong.append(f"no JSON: {played['errors']}")
    made = server.create(played["events"])
    became = {document["message"]: item for (_, _, document, *_), item in zip(played["events"], made, strict=True)}
    for what in (long, "a thread panicked at x.rs:1:2", "every field that a source can log"):
        if became.get(what, {}).get("status") != 201:
            wrong.append(f"not kept: {what[:40]}: {became.get(what)}")
    reasons = {message[:40]: item["error"]["reason"] for message, item in became.items() if item["status"] == 400}
    if set(reasons) != {"a field that nobody knows", "a field of a wrong type"}:
        wrong.append(f"refused: {reasons}")
    if played["events"] and {item["status"] for item in server.create(played["events"])} - {409, 400}:
        wrong.append("another try of the same piece of the buffer writes documents twice")
    return wrong + refused(tree, server, played, made)


def refused(
    tree: configuration.Section, server: elastic.Elastic, played: dict[str, Any], made: list[dict[str, Any]]
) -> list[str]:
    """Refused lines are kept apart, and their reasons stand beside them."""
    # As the plugins and Fluentd itself emit them.
    errors = [
        [tag, moment, record, f'#<Fluent::Plugin::Parser::ParserError: "{why}">']
        for tag, moment, record, why in played["errors"]
    ]
    for (_, key, document, tag, moment), item in zip(played["events"], made, strict=True):
        if item["status"] == 400:
            why = f" [error type]: {item['error']['type']} [reason]: '{item['error']['reason']}'"
            errors.append(
                [
                    tag,
                    moment,
                    document | {"_hash": key},
                    f'#<ElasticsearchError: "400 - Rejected by Elasticsearch{why}">',
                ]
            )
    letters = lines.play(tree, [error[:3] for error in errors], "@ERROR")["events"]
    warnings = [
        ["fluent.warn", moment, {"message": "send an error event to @ERROR:", "error": why, "tag": tag, "time": moment}]
        for tag, moment, _, why in errors
    ]
    # A warning about a refused line must not be refused.
    warnings.append(
        ["fluent.warn", 1, {"message": "dump an error event in @ERROR:", "error": "x", "tag": "fluent.warn", "time": 1}]
    )
    warnings.append(["fluent.info", 1, {"message": "fluentd worker is now running"}])
    reasons = lines.play(tree, warnings, "@FLUENT_LOG")["events"]
    wrong = [
        f"a refused line was not kept: {item}" for item in server.create(letters + reasons) if item["status"] != 201
    ]
    if len(letters) != 5 or len(reasons) != 5:
        wrong.append(f"{len(letters)} refused lines and {len(reasons)} reasons")
    kept = server.search("logs-lyceum.refused-test", {"exists": {"field": "fluentd.tag"}})
    letter = next((one for one in kept if "unheard" in one.get("event.original", "")), None)
    if letter is None or letter["service.name"] != "users":
        return [*wrong, f"the refused line is not among the refused lines: {kept}"]
    beside = [
        one
        for one in kept
        if one["service.name"] == "fluentd"
        and (one["fluentd.tag"], one["fluentd.time"]) == (letter["fluentd.tag"], letter["fluentd.time"])
    ]
    if not any("dynamic introduction of [unheard]" in one["error.message"] for one in beside):
        wrong.append(f"nobody says why it was refused: {beside}")
    told(f"{len(letters)} lines were refused with their reasons")
    return wrong


def programs(tree: configuration.Section, server: elastic.Elastic) -> list[str]:
    """Plain text of the programs beside the services is kept as it is."""
    said = (
        "1795719800.602    12 10.0.0.1 TCP_TUNNEL/200 39 CONNECT rest-api-test.tinkoff.ru:443 - HIER_DIRECT/1.2.3.4 -"
    )
    played = lines.play(tree, [[lines.tag("squid", "programs"), 0, piece] for piece in lines.cri(said)])
    made = server.create(played["events"])
    if [item["status"] for item in made] != [201] or played["events"][0][2]["message"] != said:
        return [f"the egress proxy's line: {played} {made}"]
    return []


def searches(server: elastic.Elastic) -> list[str]:
    """Every saved search is a question that Elasticsearch understands; two find what was put there."""
    wrong: list[str] = []
    found: dict[str, Any] = {}
    for pattern, query in offline.kibana()[1]:
        question = {"query_string": {"query": query, "default_operator": "AND"}}
        found[query] = found.get(query, 0) + sum(len(server.search(stream, question)) for stream in pattern.split(","))
    for query in (
        "log.level: error",
        "error.stack_trace: *",
        "NOT service.name: fluentd",
        "service.name: fluentd",
        "trace.id: *",
    ):
        if not found.get(query):
            wrong.append(f"a saved search finds nothing: {query}")
    told(f"{len(found)} saved searches were asked")
    return wrong


def main() -> None:
    lines.environment()
    tree = configuration.read()
    wrong = offline.check(tree) + traces.check()
    told(f"files: {len(wrong)} problems")
    fleet = Path(os.environ["LYCEUM_FLEET"])
    traffic(json.loads(fleet.read_text()))
    told("the journey is over")
    with elastic.running() as server:
        told(f"Elasticsearch {elastic.VERSION} runs")
        install(server)
        wrong += (
            real(tree, server, fleet.parent / "logs") + bad(tree, server) + programs(tree, server) + searches(server)
        )
    if wrong:
        raise SystemExit("\n".join(wrong) + f"\nlogging: {len(wrong)} problems")


main()
