#!/usr/bin/env python3
"""Holds two recordings against each other: .ci/python tests/replay/compare.py OLD.jsonl NEW.jsonl [OPERATION…]

Prints every difference that expected.py does not expect, and how often each expectation was needed.
"""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import expected
from player import RACED

Step = dict[str, Any]


def read(file: str) -> dict[str, Step]:
    lines = Path(file).read_text(encoding="utf-8").splitlines()
    return {one["step"]: one for one in map(json.loads, lines)}


def differences(old: Any, new: Any, place: str = "") -> list[tuple[str, Any, Any]]:
    """Where two values differ: the place, and what stands there; `...` where nothing does."""
    if isinstance(old, dict) and isinstance(new, dict):
        names = [*old, *(name for name in new if name not in old)]
        return [
            found
            for name in names
            for found in differences(old.get(name, ...), new.get(name, ...), f"{place}.{name}" if place else name)
        ]
    if place == "body.violations" and isinstance(old, list):
        return differences(by_field(old), by_field(new), f"{place}:")
    if place.rsplit(".", 1)[-1] in RACED and isinstance(old, list) and isinstance(new, list):
        old, new = sorted(old, key=settled), sorted(new, key=settled)
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return [found for index, (one, other) in pairs for found in differences(one, other, f"{place}[{index}]")]
    if place == "body" and isinstance(old, str) and isinstance(new, str):
        # An export, whose rows are as raced.
        return [] if sorted(old.splitlines()) == sorted(new.splitlines()) else [(place, old, new)]
    return [] if old == new else [(place, old, new)]


def by_field(violations: Any) -> Any:
    """Violations by their fields, those of what is made as if it were the body, so that an order or a new one hides nothing."""
    if not isinstance(violations, list):
        return violations
    return {expected.MADE.sub("", one["field"]): {**one, "field": ""} for one in violations}


def settled(one: Any) -> str:
    """An order that does not depend on what one build tells and the other does not."""
    kept = {name: value for name, value in one.items() if value != ""} if isinstance(one, dict) else one
    return json.dumps(kept, sort_keys=True)


def short(value: Any) -> str:
    text = "nothing" if value is ... else json.dumps(value, ensure_ascii=False)
    return text if len(text) < 160 else f"{text[:157]}…"


def main() -> int:
    old, new, *wanted = sys.argv[1:]
    before, after = read(old), read(new)
    used: Counter[str] = Counter()
    unexpected: dict[str, list[str]] = {}
    same = 0
    for step, one in before.items():
        operation = step.split("/")[0]
        if wanted and operation not in wanted:
            continue
        if step not in after:
            unexpected.setdefault(operation, []).append(f"{step}: was not asked any more")
            continue
        found = [(p, o, n) for p, o, n in differences(one, after[step]) if p != "step"]
        same += not found
        if found and (why := expected.whole(one, after[step])):
            used[why] += 1
            continue
        for place, had, has in found:
            why = expected.reason(one, after[step], place, had, has)
            if why:
                used[why] += 1
            else:
                unexpected.setdefault(operation, []).append(f"{step}: {place}: {short(had)} → {short(has)}")
    for operation, lines in sorted(unexpected.items()):
        print(f"\n{operation}: {len(lines)}")
        print("\n".join(f"  {line}" for line in lines))
    print(f"\n{len(before)} answers before, {len(after)} after; {same} equal to the byte")
    for why, count in used.most_common():
        print(f"{count:6}  {why}")
    print(f"{sum(map(len, unexpected.values())):6}  unexpected")
    return 1 if unexpected else 0


if __name__ == "__main__":
    sys.exit(main())
