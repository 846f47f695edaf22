"""Fluentd's configuration as a tree, and what can be said of it without Fluentd."""

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "deploy/logging/fluentd/fluent.conf"

# What the image fluent/fluentd-kubernetes-daemonset:…-elasticsearch8 brings, and the parameters of ours that each of
# them knows. A name that Fluentd does not know is only a warning to it, and so the default holds.
TAIL = {"path", "exclude_path", "pos_file", "tag", "read_from_head", "follow_inodes", "refresh_interval", "rotate_wait"}
ELASTICSEARCH = {
    "hosts",
    "user",
    "password",
    "ca_file",
    "ssl_version",
    "index_name",
    "write_operation",
    "include_timestamp",
    "id_key",
    "remove_keys",
    "suppress_type_name",
    "default_elasticsearch_version",
    "verify_es_version_at_startup",
    "log_es_400_reason",
    "reload_connections",
    "reload_on_failure",
    "reconnect_on_error",
    "request_timeout",
}
BUFFER = {
    "path",
    "flush_mode",
    "flush_interval",
    "flush_thread_count",
    "chunk_limit_size",
    "total_limit_size",
    "overflow_action",
    "retry_type",
    "retry_wait",
    "retry_max_interval",
    "retry_timeout",
    "retry_forever",
}
KNOWN: dict[tuple[str, str], set[str]] = {
    ("source", "tail"): TAIL,
    ("source", "prometheus"): {"bind", "port"},
    ("source", "prometheus_output_monitor"): {"interval"},
    ("source", "prometheus_tail_monitor"): {"interval"},
    ("parse", "regexp"): {"expression", "time_format"},
    ("parse", "json"): {"time_key"},
    ("filter", "concat"): {
        "key",
        "use_partial_cri_logtag",
        "partial_cri_logtag_key",
        "partial_cri_stream_key",
        "stream_identity_key",
        "separator",
        "flush_interval",
    },
    ("filter", "parser"): {
        "key_name",
        "reserve_time",
        "reserve_data",
        "remove_key_name_field",
        "emit_invalid_record_to_error",
    },
    ("filter", "record_transformer"): {"enable_ruby", "renew_record", "remove_keys"},
    ("filter", "elasticsearch_genid"): {"hash_id_key"},
    ("filter", "prometheus"): set(),
    ("filter", "grep"): set(),
    ("match", "elasticsearch"): ELASTICSEARCH,
    ("buffer", "file"): BUFFER,
    ("secondary", "secondary_file"): {"directory", "basename"},
    ("metric", ""): {"name", "type", "desc"},
    ("regexp", ""): {"key", "pattern"},
    ("exclude", ""): {"key", "pattern"},
    ("system", ""): {"log_level"},
    ("label", ""): set(),
}


@dataclass
class Section:
    """A directive such as <match lyceum.*>."""

    name: str
    argument: str
    values: dict[str, Any] = field(default_factory=dict)
    inner: list["Section"] = field(default_factory=list)

    @property
    def type(self) -> str:
        return str(self.values.get("@type", ""))

    def all(self, name: str) -> list["Section"]:
        return [section for section in self.inner if section.name == name]


def value(text: str) -> Any:
    """A parameter as Fluentd reads it: variables of the environment are put into double quotes only."""
    if text.startswith('"') and text.endswith('"'):
        return re.sub(r"#\{ENV\['(\w+)'\]\}", lambda found: os.environ[found[1]], text[1:-1])
    return json.loads(text) if text.startswith("[") else text


def read(path: Path = FILE) -> Section:
    """The tree; a ValueError says at which line it is none."""
    root = Section("", "")
    stack = [root]
    for number, line in enumerate(path.read_text().splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if closed := re.fullmatch(r"</(\w+)>", line):
            if len(stack) == 1 or stack[-1].name != closed[1]:
                raise ValueError(f"{path.name}:{number}: </{closed[1]}> closes <{stack[-1].name}>")
            stack.pop()
        elif opened := re.fullmatch(r"<(\w+)(?: (.+))?>", line):
            section = Section(opened[1], opened[2] or "")
            stack[-1].inner.append(section)
            stack.append(section)
        else:
            name, _, text = line.partition(" ")
            stack[-1].values[name] = value(text.strip())
    if len(stack) > 1:
        raise ValueError(f"{path.name}: <{stack[-1].name}> is not closed")
    return root


def parameters(section: Section) -> list[str]:
    wrong = []
    for one in section.inner:
        # Records have names of their own.
        if one.name != "record":
            known = KNOWN.get((one.name, one.type))
            if known is None:
                wrong.append(f"<{one.name}> of the type {one.type or 'none'} is not known here")
            else:
                wrong += [
                    f"<{one.name} {one.argument}>, {one.type}: no parameter {name}"
                    for name in one.values
                    if name[0] != "@" and name not in known
                ]
        wrong += parameters(one)
    return wrong


def outputs(root: Section) -> list[Section]:
    return [match for label in root.all("label") for match in label.all("match") if match.type == "elasticsearch"]


def check(root: Section) -> list[str]:
    """That every event goes somewhere and that nothing is dropped silently."""
    wrong = parameters(root)
    labels = {label.argument for label in root.all("label")}
    for source in root.all("source"):
        if source.values.get("@label") not in labels and source.type == "tail":
            wrong.append(f"{source.values.get('@id')}: nobody listens to {source.values.get('@label')}")
    if "@ERROR" not in labels:
        wrong.append("no <label @ERROR>: what is refused is only printed")
    for section, name in [(section, "path") for section in root.all("source") if section.type == "tail"]:
        if not section.values[name].startswith("/var/log/containers/"):
            wrong.append(f"{section.values['@id']} reads elsewhere")
    named = [match.values.get("@id") for match in outputs(root)]
    places = [match.all("buffer")[0].values["path"] for match in outputs(root) if match.all("buffer")]
    if len(set(named)) != len(named) or None in named or len(set(places)) != len(named):
        wrong.append("every output needs an @id and a place of its own for its buffer")
    for match in outputs(root):
        what = match.values.get("@id")
        buffer, secondary = match.all("buffer"), match.all("secondary")
        if not buffer or buffer[0].type != "file" or not secondary:
            wrong.append(f"{what}: a file buffer and a secondary are needed")
            continue
        if buffer[0].values["overflow_action"] != "block" or buffer[0].values["retry_forever"] != "false":
            wrong.append(f"{what}: overflow_action block and retries that end are needed")
        if match.values["write_operation"] != "create" or match.values["id_key"] not in match.values["remove_keys"]:
            wrong.append(f"{what}: a data stream takes only create, and another try must not write twice")
    for label in root.all("label"):
        if label.argument != "@LINES" and label.all("match")[-1].argument != "**":
            wrong.append(f"{label.argument}: the last match takes everything")
        wrong += doubled(label)
    return wrong + reserved(root)


def doubled(label: Section) -> list[str]:
    """A parser that sends what it cannot parse to @ERROR and reserves the data leaves it in its stream as well."""
    wrong = []
    for at, one in enumerate(label.inner):
        if one.type != "parser" or one.values.get("reserve_data") != "true":
            continue
        after = label.inner[at + 1]
        dropped = [exclude.values for exclude in after.all("exclude")]
        if after.type != "grep" or {"key": one.values["key_name"], "pattern": "/./"} not in dropped:
            wrong.append(f"{label.argument}: what is no JSON is kept twice")
    return wrong


def reserved(section: Section) -> list[str]:
    """Newer releases will refuse names of fields that begin as Fluentd's own parameters do."""
    wrong = []
    if section.name == "record":
        wrong = [f"<record>: {name} begins with Fluentd's @" for name in section.values if name.startswith("@")]
    return wrong + [one for inner in section.inner for one in reserved(inner)]
