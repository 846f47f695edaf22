#!/usr/bin/env python3
"""The inventory of the backup's image in CycloneDX 1.5: inventory.py FOLDER <packages, where a line is a package, its
version and its architecture, and FOLDER the unpacked system.

`deploy/backup/lay-out` calls it. Scanners know Debian's packages by their purl, of which the distribution is a part.
"""

import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote


def component(line: str, release: str) -> dict[str, Any]:
    name, version, architecture = line.split("\t")
    purl = f"pkg:deb/debian/{quote(name)}@{quote(version, safe='')}?arch={architecture}&distro=debian-{release}"
    # Licences of a Debian package are many, and stand in its own file in the image.
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def document(folder: Path, packages: list[str]) -> dict[str, Any]:
    lines = (line.split("=", 1) for line in (folder / "etc/os-release").read_text().splitlines() if "=" in line)
    release = {name: value.strip('"') for name, value in lines}["VERSION_ID"]
    components = [component(line, release) for line in packages]
    image = {"type": "container", "bom-ref": "docker.io/lyceum/backup", "name": "docker.io/lyceum/backup"}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": image},
        "components": [
            {"type": "operating-system", "bom-ref": "os", "name": "debian", "version": release},
            *components,
        ],
        "dependencies": [{"ref": image["bom-ref"], "dependsOn": ["os", *(part["bom-ref"] for part in components)]}],
    }


if __name__ == "__main__":
    print(json.dumps(document(Path(sys.argv[1]), sys.stdin.read().splitlines()), indent=2))
