#!/usr/bin/env python3
"""Secrets that nobody may open alone: any two of the officers open them together.

    escrow.py seal --officer NAME=age1… --officer NAME=age1… [--officer …] < secrets > escrow.json
    escrow.py open --officer NAME=KEY_FILE --officer NAME=KEY_FILE escrow.json
    escrow.py peel --officer NAME=KEY_FILE --for NAME escrow.json > half.age      the other officer, elsewhere, runs `age -d`

For each pair of officers the secrets are encrypted for one and then for the other, both ways round, so that either
may begin. Three officers are the least that is wise: one may be lost. Keys of officers are made by `age-keygen`,
better on a hardware key (age-plugin-yubikey), and never leave their owners.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from pipeline import Broken, run


def pairs(words: list[str]) -> dict[str, str]:
    officers = dict(word.split("=", 1) for word in words)
    if len(officers) != len(words):
        raise Broken("an officer was named twice")
    return officers


def seal(secrets: bytes, officers: dict[str, str]) -> dict[str, object]:
    if len(officers) < 2 or len(set(officers.values())) != len(officers):
        raise Broken("two officers with different keys are the least")
    if not secrets:
        raise Broken("there is nothing to seal")
    sealed = []
    for outer, inner in itertools.permutations(sorted(officers), 2):
        once = run(["age", "--encrypt", "--recipient", officers[inner]], stdin=secrets)
        twice = run(["age", "--encrypt", "--armor", "--recipient", officers[outer]], stdin=once)
        sealed.append({"first": outer, "then": inner, "age": twice.decode()})
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return {"sealed_at": at, "officers": officers, "needed": 2, "sealed": sealed}


def layer(box: dict[str, list[dict[str, str]]], first: str, then: str) -> str:
    for sealed in box["sealed"]:
        if (sealed["first"], sealed["then"]) == (first, then):
            return sealed["age"]
    raise Broken(f"nothing is sealed for {first} and {then}")


def decrypt(text: bytes, key_file: str) -> bytes:
    return run(["age", "--decrypt", "--identity", key_file], stdin=text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for name in ("seal", "open", "peel"):
        verb = verbs.add_parser(name)
        verb.add_argument("--officer", action="append", required=True, metavar="NAME=KEY")
        if name == "peel":
            verb.add_argument("--for", dest="then", required=True, metavar="NAME")
        if name != "seal":
            verb.add_argument("box")
    words = parser.parse_args()
    officers = pairs(words.officer)
    if words.verb == "seal":
        json.dump(seal(sys.stdin.buffer.read(), officers), sys.stdout, indent=2)
        return
    box = json.loads(Path(words.box).read_text(encoding="utf-8"))
    if len(officers) != (2 if words.verb == "open" else 1):
        raise Broken("two officers open, one peels")
    first, *rest = officers
    half = decrypt(layer(box, first, rest[0] if rest else words.then).encode(), officers[first])
    sys.stdout.buffer.write(decrypt(half, officers[rest[0]]) if rest else half)


if __name__ == "__main__":
    try:
        main()
    except Broken as broken:
        sys.exit(f"escrow: {broken}")
