"""What can be said of deploy/logging without any server: that its files fit each other, the sources and the chart."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import configuration
import lines
import yaml

ROOT = configuration.ROOT
HERE = ROOT / "deploy/logging"
SERVICES = ["gateway", "users", "courses", "payments", "notifications", "documents", "analytics"]
# Containers of the chart whose program is ours, beside the services.
OURS = {"migrate", "check"}


def read(name: str) -> Any:
    return json.loads((HERE / "elasticsearch" / f"{name}.json").read_text())


def fields() -> dict[str, str]:
    return dict(lines.leaves(read("component")["template"]["mappings"]))


def sources() -> list[str]:
    """A field that a line can have and that the mapping does not know would send the line to the refused ones."""
    there, logged = fields(), lines.logged(ROOT)
    if len(logged) < 30:
        return [f"only {len(logged)} fields were found in the sources: has the way of logging changed?"]
    return [
        f"{where} logs {name}, which component.json does not know"
        for name, where in logged.items()
        if not lines.known(name, there)
    ]


def table() -> list[str]:
    """The README's table names every field, with its type, and no other."""
    text = (HERE / "FIELDS.md").read_text()
    told = dict(re.findall(r"^\| `([^`]+)` \| (\w+) \|", text, re.M))
    wrong = [f"FIELDS.md does not tell of {name} ({kind})" for name, kind in fields().items() if told.get(name) != kind]
    return wrong + [f"FIELDS.md tells of {name}, which is in no mapping" for name in told if name not in fields()]


def policies() -> list[str]:
    """Indices are deleted only after a snapshot that exists; templates, policies and roles name each other's right
    names."""
    wrong = []
    known = {
        "lyceum-logs": ("lifecycle", "snapshots"),
        "lyceum-payments-logs": ("lifecycle-payments", "snapshots-payments"),
    }
    for name, (lifecycle, snapshots) in known.items():
        phases, snapshot = read(lifecycle)["policy"]["phases"], read(snapshots)
        if phases["delete"]["actions"].get("wait_for_snapshot", {}).get("policy") != name:
            wrong.append(f"{lifecycle}.json deletes without waiting for {name}")
        if "rollover" not in phases["hot"]["actions"] or "delete" not in phases["delete"]["actions"]:
            wrong.append(f"{lifecycle}.json never ends")
        days = [int(about["min_age"].rstrip("dms")) for about in phases.values()]
        if days != sorted(days):
            wrong.append(f"{lifecycle}.json: phases in the wrong order")
        if (
            snapshot["repository"] != "lyceum-logs"
            or len(snapshot["schedule"].split()) != 6
            or not snapshot["name"].startswith(f"<{name}-")
        ):
            wrong.append(f"{snapshots}.json: repository, schedule or name")
        if int(snapshot["retention"]["expire_after"].rstrip("d")) <= days[-1]:
            wrong.append(f"{snapshots}.json forgets before {lifecycle}.json does")
    covered = set(read("snapshots")["config"]["indices"] + read("snapshots-payments")["config"]["indices"])
    shipped = set(read("role-shipper")["indices"][0]["names"])
    for stream in ("services", "payments", "refused"):
        template, pattern = read(f"template-{stream}"), f"logs-lyceum.{stream}-*"
        policy = template["template"]["settings"]["index"]["lifecycle"]["name"]
        if template["index_patterns"] != [pattern] or template["composed_of"] != ["lyceum-logs"] or policy not in known:
            wrong.append(f"template-{stream}.json")
        elif pattern not in read(known[policy][1])["config"]["indices"] or not {pattern} <= covered & shipped:
            wrong.append(f"{pattern} is in no snapshot, or the shipper may not write it")
    privileges = {privilege for index in read("role-shipper")["indices"] for privilege in index["privileges"]}
    if privileges != {"create_doc", "auto_configure"}:
        wrong.append(f"the shipper may do more than write: {sorted(privileges)}")
    if any("payments" in name for index in read("role-reader")["indices"] for name in index["names"]):
        wrong.append("everybody may read the log of payments")
    return wrong


def kibana() -> tuple[list[str], list[tuple[str, str]]]:
    """Saved objects are fresh and refer to fields and views that exist; also [pattern, query] of each search."""
    made = importlib.util.spec_from_file_location("generate", HERE / "kibana/generate.py")
    assert made is not None and made.loader is not None
    generate = importlib.util.module_from_spec(made)
    made.loader.exec_module(generate)
    wrong = [] if generate.OBJECTS.read_text() == generate.text() else ["run deploy/logging/kibana/generate.py"]
    objects = [json.loads(line) for line in generate.OBJECTS.read_text().splitlines()]
    views = {one["id"]: one["attributes"]["title"] for one in objects if one["type"] == "index-pattern"}
    queries, there = [], fields()
    for one in objects:
        if one["type"] != "search":
            continue
        query = json.loads(one["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"])["query"]["query"]
        asked = set(re.findall(r"([a-z][\w.]*): ", query)) | set(one["attributes"]["columns"])
        wrong += [f"{one['attributes']['title']}: no field {name}" for name in asked if not lines.known(name, there)]
        view = one["references"][0]["id"]
        if view not in views:
            wrong.append(f"{one['attributes']['title']}: no view {view}")
        # The part of KQL that is used is also Lucene's, but for its words.
        queries.append((views.get(view, ""), re.sub(r"\b(and|or|not)\b", lambda word: word[1].upper(), query)))
    return wrong, queries


def containers(tree: configuration.Section) -> list[str]:
    """Every container of the chart is one that prints JSON, one whose text is kept, or one of those that are for
    trying only."""
    names = set()
    for path in (ROOT / "helm/lyceum").rglob("templates/**/*.*"):
        blocks = re.findall(
            r"^( *)(?:initContainers|containers):\n(?:\1 *\{\{-?.*\n|\1 *#.*\n)*\1 *- name: ([a-z-]+)$",
            path.read_text(),
            re.M,
        )
        names |= {name for _, name in blocks}
    services, programs = [source.values for source in tree.all("source") if source.type == "tail"]
    container = re.compile(r"/var/log/containers/\*_([a-z-]+)-\*\.log")
    excluded = {name for pattern in services["exclude_path"] for name in container.findall(pattern)}
    texts = set(re.findall(r"\*_school_([a-z-]+)-\*", programs["path"]))
    wrong = [
        f"{name}: its lines are not JSON, so Fluentd's tail_services must leave it out"
        for name in sorted(names - OURS - excluded)
    ]
    wrong += [f"{name} is left out and is no container of the chart" for name in sorted(excluded - names)]
    wrong += [] if {"squid", "backup"} == texts <= excluded else [f"plain text is kept of {sorted(texts)}"]
    wrong += [f"{name} would be left out" for name in set(SERVICES) & excluded]
    # The collector knows the same.
    receiver = yaml.safe_load((HERE / "collector/logs.yaml").read_text())["receivers"]["file_log"]
    [trying] = re.findall(r"/\{([a-z,-]+)\}/", "\n".join(receiver["exclude"]))
    [kinds] = [one["routes"] for one in receiver["operators"] if one.get("id") == "kind"]
    plain = set(re.findall(r'"([a-z-]+)"', kinds[0]["expr"]))
    if set(trying.split(",")) | plain != excluded or plain != texts:
        wrong.append(f"the collector leaves out {trying} and keeps the text of {sorted(plain)}, and Fluentd does not")
    return wrong


def manifests() -> list[str]:
    """Each shipper's DaemonSet may do little and tells it all that its configuration asks for, and everything that is
    listed is there."""
    wrong = []
    for name, file, variable in (
        ("collector", "logs.yaml", r"\$\{env:(\w+)\}"),
        ("fluentd", "fluent.conf", r"ENV\['(\w+)'\]"),
    ):
        folder = HERE / name
        listed = yaml.safe_load((folder / "kustomization.yaml").read_text())
        objects = [one for name in listed["resources"] for one in yaml.safe_load_all((folder / name).read_text())]
        wrong += [
            f"{name}: no {kind}"
            for kind in ("Namespace", "NetworkPolicy", "DaemonSet")
            if kind not in {one["kind"] for one in objects}
        ]
        spec = next(one for one in objects if one["kind"] == "DaemonSet")["spec"]["template"]["spec"]
        container = spec["containers"][0]
        security = container["securityContext"]
        if (
            security["capabilities"] != {"drop": ["ALL"]}
            or not security["readOnlyRootFilesystem"]
            or security["allowPrivilegeEscalation"]
            or spec["automountServiceAccountToken"]
        ):
            wrong.append(f"{name}: the DaemonSet may do more than it must")
        if any(
            "hostPath" in volume and volume["name"] != "state" and not mount["readOnly"]
            for volume in spec["volumes"]
            for mount in container["volumeMounts"]
            if mount["name"] == volume["name"]
        ):
            wrong.append(f"{name}: the node's files must be mounted to be read only")
        asked = set(re.findall(variable, (folder / file).read_text()))
        if missing := asked - {variable["name"] for variable in container["env"]}:
            wrong.append(f"{name}: the DaemonSet does not set {sorted(missing)}")
        generated = {one["name"]: one for one in listed["configMapGenerator"]}
        if file not in [path for one in generated.values() for path in one.get("files", [])]:
            wrong.append(f"{name}: {file} is in no ConfigMap")
    return wrong


class Recorder(BaseHTTPRequestHandler):
    """Takes everything and remembers it."""

    seen: ClassVar[list[tuple[str, str, str, bytes]]] = []

    def take(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.seen.append((self.command, self.path, self.headers.get("Content-Type", ""), body))
        answer = json.dumps(
            {"success": True, "successCount": 1, "data_streams": [{"name": "logs-lyceum.services-test"}]}
        ).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_PUT = do_POST = take

    def log_message(self, *_: Any) -> None:
        pass


def installer() -> list[str]:
    """Whom the installer asks for what, as far as a server that takes everything can tell."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    told = os.environ | {
        "ELASTICSEARCH_URL": url,
        "KIBANA_URL": url,
        "LOGS_BUCKET": "school-logs",
        "ELASTICSEARCH_USER": "elastic",
        "ELASTICSEARCH_PASSWORD": "-",
    }
    done = subprocess.run([sys.executable, HERE / "install.py"], env=told, capture_output=True, text=True)
    server.shutdown()
    if done.returncode != 0:
        return [f"install.py: {done.stdout}{done.stderr}"]
    paths = [path for _, path, _, _ in Recorder.seen]
    wanted = [
        "/_ilm/policy/lyceum-logs",
        "/_snapshot/lyceum-logs",
        "/_slm/policy/lyceum-payments-logs",
        "/_component_template/lyceum-logs",
        "/_index_template/lyceum-logs-refused",
        "/logs-lyceum.services-test/_mapping?write_index_only=true",
        "/_security/role/lyceum-log-shipper",
        "/api/saved_objects/_import?overwrite=true",
    ]
    wrong = [f"install.py does not ask for {path}" for path in wanted if path not in paths]
    for _, path, kind, body in Recorder.seen:
        if path == "/_snapshot/lyceum-logs" and json.loads(body)["settings"]["bucket"] != "school-logs":
            wrong.append("install.py does not say which bucket")
        if path.startswith("/api/"):
            form = file_of(kind, body)
            if form != (HERE / "kibana/objects.ndjson").read_bytes():
                wrong.append("install.py sends Kibana something else")
    return wrong


def file_of(kind: str, body: bytes) -> bytes:
    """The file of a form, as a server reads it."""
    boundary = kind.partition("boundary=")[2].encode()
    part = body.split(b"--" + boundary)[1]
    return part.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n")


def check(tree: configuration.Section) -> list[str]:
    return (
        configuration.check(tree)
        + sources()
        + table()
        + policies()
        + kibana()[0]
        + containers(tree)
        + manifests()
        + installer()
    )
