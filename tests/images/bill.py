"""The list of crates beside an image, and the one inside its program, which a scanner reads."""

import json
import struct
import zlib
from pathlib import Path
from typing import Any

from archive import Image, Wrong, check
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def section(elf: bytes, wanted: str) -> bytes:
    """A section of a 64-bit ELF file by its name."""
    (start,) = struct.unpack_from("<Q", elf, 40)
    size, count, names = struct.unpack_from("<HHH", elf, 58)
    headers = [struct.unpack_from("<IIQQQQ", elf, start + number * size) for number in range(count)]
    texts = headers[names][4]
    for name, _, _, _, offset, length in headers:
        end = elf.index(b"\0", texts + name)
        if elf[texts + name : end].decode() == wanted:
            return elf[offset : offset + length]
    raise Wrong(f"the program has no section {wanted}")


def compare(image: Image, service: str, path: Path) -> int:
    """Holds the document against CycloneDX's schema, the program's own list, and what the image says. Tells the
    crates."""
    text = path.read_text()
    if errors := JsonStrictValidator(SchemaVersion.V1_5).validate_str(text):
        raise Wrong(f"{path.name} is no CycloneDX 1.5: {errors}")
    document: dict[str, Any] = json.loads(text)
    inside = json.loads(zlib.decompress(section(image.file(service), ".dep-v0")))["packages"]
    # Crates of build scripts are marked as such in the program; macros are listed beside what is linked, by both tools.
    linked = {(part["name"], part["version"]) for part in inside if part.get("kind") != "build"}
    known = {(part["name"], part["version"]) for part in inside}
    crates = (part for part in document["components"] if part["purl"].startswith("pkg:cargo/"))
    listed = {(part["name"], part["version"]) for part in crates}
    check(linked <= listed, f"the document lacks {sorted(linked - listed)[:5]}")
    check(listed <= known, f"the program does not know {sorted(listed - known)[:5]}")
    check(
        {"tokio", service} <= {name for name, _ in listed}, f"the list lacks what must be in it: {sorted(listed)[:5]}"
    )
    check(not {"insta", "proptest", "prost-build"} & {name for name, _ in listed}, "it lists what is not inside")
    check([part["name"] for part in inside if part.get("root")] == [service], "the list's root")
    others = {part["name"] for part in document["components"] if part["purl"].startswith("pkg:deb/")}
    check(others == {"libc6-dev", "ca-certificates"}, f"Debian's parts are {others}")
    unlicensed = [part["name"] for part in document["components"] if not part.get("licenses")]
    check(not unlicensed, f"without a licence: {unlicensed}")
    check(
        document["metadata"]["component"]["version"]
        == image.configuration["config"]["Labels"]["org.opencontainers.image.version"],
        "the version",
    )
    return len(listed)
