#!/usr/bin/env python3
"""Makes a JUnit report of what `cargo fleet test` and `cargo test` print: junit.py LOG > report.xml

A suite is a test case of its own, so that one that could not run is seen; each test of Rust's is one under its binary.
"""

import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

# Colours, and what XML cannot hold.
NOISE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
BINARY = re.compile(r"\s+Running (?:unittests )?(?P<source>\S+) \((?P<path>\S+)\)|\s+Doc-tests (?P<doc>\S+)")
TEST = re.compile(r"test (?P<name>\S.*?) \.\.\. (?P<result>ok|FAILED|ignored)")
OUTPUT = re.compile(r"---- (?P<name>\S.*?) stdout ----")
SUITE = re.compile(r"(?P<name>[a-z][a-z-]*) +(?P<result>passed|FAILED|could not run) +(?P<time>.*)")
DURATION = re.compile(r"(?P<number>[\d.]+) ?(?P<unit>ms|min|h|s)\b")
UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}


def seconds(text: str) -> float:
    return sum(float(found["number"]) * UNITS[found["unit"]] for found in DURATION.finditer(text))


def report(log: str) -> ET.Element:
    lines = NOISE.sub("", log).splitlines()
    root = ET.Element("testsuites")
    suite = ""
    outputs: dict[tuple[str, str], list[str]] = {}
    told: tuple[str, str] | None = None
    cases: dict[str, list[tuple[str, str, float]]] = {}
    table = False
    for line in lines:
        if found := BINARY.match(line):
            # Every crate's tests/it/main.rs is called `it`, and cargo does not say whose it is: its hash tells them
            # apart.
            path = found["doc"] or re.sub(r"(?<!^it)-[0-9a-f]{16}$", "", found["path"].rsplit("/", 1)[-1])
            suite = f"{path} ({found['source'] or 'documentation'})"
        elif found := OUTPUT.match(line):
            told = (suite, found["name"])
            outputs[told] = []
        elif found := TEST.match(line):
            cases.setdefault(suite, []).append((found["name"], found["result"], 0.0))
        elif re.match(r"SUITE +RESULT +TIME", line):
            table = True
        elif table and (found := SUITE.fullmatch(line.strip())):
            cases.setdefault("cargo fleet test", []).append((found["name"], found["result"], seconds(found["time"])))
        elif re.match(r"failures:|test result:", line):
            told = None
        elif told:
            outputs[told].append(line)
    for name, tests in cases.items():
        failed = sum(result in ("FAILED", "could not run") for _, result, _ in tests)
        skipped = sum(result == "ignored" for _, result, _ in tests)
        element = ET.SubElement(
            root,
            "testsuite",
            name=name,
            tests=str(len(tests)),
            failures=str(failed),
            skipped=str(skipped),
            errors="0",
            time=f"{sum(time for _, _, time in tests):.3f}",
        )
        for test, result, time in tests:
            case = ET.SubElement(element, "testcase", classname=name, name=test, time=f"{time:.3f}")
            if result in ("FAILED", "could not run"):
                ET.SubElement(case, "failure", message=result).text = "\n".join(outputs.get((name, test), []))
            elif result == "ignored":
                ET.SubElement(case, "skipped")
    return root


if __name__ == "__main__":
    tree = ET.ElementTree(report(Path(sys.argv[1]).read_text(encoding="utf-8", errors="replace")))
    ET.indent(tree)
    tree.write(sys.stdout.buffer, encoding="utf-8", xml_declaration=True)
