#!/usr/bin/env python3
"""The inventory of the collector's image in CycloneDX 1.5: inventory.py <what `go version -m` says of the program."""

import json
import sys
from typing import Any


def component(name: str, version: str) -> dict[str, Any]:
    purl = f"pkg:golang/{name.lower()}@{version}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def document(lines: list[str]) -> dict[str, Any]:
    """A line is a path and a version behind `dep`; the first one ends with the compiler's, whose library is inside."""
    modules = [fields[1:3] for fields in (line.split() for line in lines) if fields[:1] == ["dep"]]
    compiler = lines[0].rsplit(": go", 1)[1].split()[0]
    components = [component("stdlib", f"v{compiler}"), *(component(name, version) for name, version in modules)]
    image = {"type": "container", "bom-ref": "docker.io/lyceum/collector", "name": "docker.io/lyceum/collector"}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": image},
        "components": components,
        "dependencies": [{"ref": image["bom-ref"], "dependsOn": [part["bom-ref"] for part in components]}],
    }


if __name__ == "__main__":
    print(json.dumps(document(sys.stdin.read().splitlines()), indent=2))
