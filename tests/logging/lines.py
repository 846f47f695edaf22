"""What services print, and what they can print: the fields that the sources log."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml


def printed(logs: Path, service: str) -> Iterator[str]:
    """What a service of the running fleet has printed, its migration too."""
    for name in (f"{service}-migrate.log", f"{service}.log"):
        if (logs / name).exists():
            yield from (logs / name).read_text().splitlines()


def environment() -> None:
    """What the DaemonSet would tell Fluentd."""
    os.environ.update(
        {
            "LYCEUM_NAMESPACE": "school",
            "LYCEUM_ENVIRONMENT": "test",
            "NODE_NAME": "node-1",
            "ELASTICSEARCH_HOSTS": "https://elasticsearch:9200",
            "ELASTICSEARCH_USER": "fluentd",
            "ELASTICSEARCH_PASSWORD": "-",
            "ELASTICSEARCH_CA_FILE": "/tls/ca.crt",
        }
    )


def arguments(manifest: Path) -> list[str]:
    """What a manifest tells its program beside which configuration it has."""
    [container] = yaml.safe_load(manifest.read_text())["spec"]["template"]["spec"]["containers"]
    return [str(one) for one in container["args"] if not one.startswith("--config")]


def leaves(mapping: dict[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Every field that the mapping knows, with its type."""
    for name, about in mapping["properties"].items():
        if "properties" in about:
            yield from leaves(about, f"{before}{name}.")
        else:
            yield f"{before}{name}", about["type"]


def known(field: str, fields: dict[str, str]) -> bool:
    return field in fields or fields.get(field.partition(".")[0]) == "flattened"


EVENT = re.compile(r"\b(info|warn|error|debug|trace|info_span|warn_span|error_span|debug_span)!\s*\(")


def parts(source: str, begin: int) -> list[str]:
    """The arguments of a macro, cut at the commas between them; strings are emptied."""
    found, depth, text, at = [], 0, "", begin
    while depth >= 0:
        sign = source[at]
        if sign == '"':
            at += 1
            while source[at] != '"':
                at += 2 if source[at] == "\\" else 1
            text += '""'
        elif sign == "," and depth == 0:
            found.append(text.strip())
            text = ""
        else:
            depth += (sign in "([{") - (sign in ")]}")
            text += sign if depth >= 0 else ""
        at += 1
    return [*found, text.strip()]


def logged(root: Path) -> dict[str, str]:
    """Every field that a source of ours can log, by its name in the line, and where."""
    fields = {}
    for path in sorted(path for folder in ("libs", "services") for path in (root / folder).rglob("src/**/*.rs")):
        source = path.read_text()
        for macro in EVENT.finditer(source):
            arguments = parts(source, macro.end())
            if macro[1].endswith("span"):
                arguments = arguments[1:]
            for argument in arguments:
                # What follows the message belongs to it.
                if argument == '""':
                    break
                if found := re.match(r"[%?]?([a-z_][a-z0-9_#]*(?:\.(?:r#)?[a-z_0-9]+)*)(?:\s*=|$)", argument):
                    name = found[1].replace("r#", "")
                    # A field by its variable is called as the whole path says.
                    fields[in_line(name)] = f"{path.relative_to(root)}: {macro[1]}!"
    return {name: where for name, where in fields.items() if name}


def in_line(name: str) -> str:
    """As libs/chassis/src/telemetry/ecs.rs writes it."""
    if name.startswith("otel."):
        return ""
    return "error.message" if name == "error" else name if "." in name else f"lyceum.{name}"
