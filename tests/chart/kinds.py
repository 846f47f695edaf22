"""Every rendered object against its schema: Kubernetes' own of each release, strictly, and those of foreign resources.

Kubernetes' schemas come from kubernetes-validate. Those of cert-manager, KEDA, the Gateway API, External Secrets and
the Prometheus operator are typed models on npm, and TypeScript refuses what their types do not know. Operators of
stores publish nothing there: `schemas/` holds what of them the chart uses, read off their CustomResourceDefinitions.
"""

import json
import re
import subprocess
from functools import cache
from typing import Any

import jsonschema
from cases import CASES, VERSIONS, Document, canonical, name_of
from kubernetes_validate import utils
from tools import HERE, modules, program

# From a group to the package that models it.
MODELS = {
    "cert-manager.io": "cert-manager",
    "external-secrets.io": "external-secrets",
    "gateway.networking.k8s.io": "gateway-api",
    "keda.sh": "keda",
    "monitoring.coreos.com": "prometheus-operator",
}
# The files are large and the same for each object.
utils.schema_contents = cache(utils.schema_contents)


def group_of(document: Document) -> str:
    version = document["apiVersion"]
    return version.split("/")[0] if "/" in version else ""


def distinct() -> dict[str, tuple[str, Document]]:
    """Each different object once, with the first case in which it occurs."""
    found: dict[str, tuple[str, Document]] = {}
    for case in CASES:
        for document in case.documents:
            found.setdefault(canonical(document), (case.name, document))
    return found


def native_failures(document: Document, version: str) -> str | None:
    try:
        utils.validate(document, version, strict=True)
    except utils.ValidationError as error:
        return f"at {'/'.join(map(str, error.path)) or 'the top'}: {error.message[:300]}"
    except utils.SchemaNotFoundError:
        return f"Kubernetes {version} knows no {document['apiVersion']} {document['kind']}"
    return None


def check_native() -> list[str]:
    failures = []
    for case, document in distinct().values():
        if group_of(document) in MODELS or own_schema(document) is not None:
            continue
        for version in VERSIONS:
            if (failure := native_failures(document, version)) is not None:
                failures.append(f"{case}: {name_of(document)}, Kubernetes {version}: {failure}")
    return failures


def own_schema(document: Document) -> dict[str, Any] | None:
    path = HERE / "schemas" / f"{document['kind'].lower()}.{group_of(document)}.json"
    return json.loads(path.read_text()) if path.exists() else None


def embedded_failures(document: Document) -> str | None:
    """Operators take some fields as pods have them: they are held against a pod that has them."""
    spec = document["spec"]
    affinity = {
        kind: rule
        for kind, rule in spec.get("affinity", {}).items()
        if kind in ("nodeAffinity", "podAffinity", "podAntiAffinity")
    }
    pod: Document = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "x"},
        "spec": {
            "containers": [{"name": "x", "image": "x"}],
            "affinity": affinity,
            "tolerations": spec.get("affinity", {}).get("tolerations", []) + spec.get("tolerations", []),
            "topologySpreadConstraints": spec.get("topologySpreadConstraints", []),
        },
    }
    return native_failures(pod, VERSIONS[-1])


def own_failures(document: Document) -> list[str]:
    if (schema := own_schema(document)) is None:
        return []
    failures = []
    for error in jsonschema.Draft202012Validator(schema).iter_errors(document):
        place = "/".join(map(str, error.path)) or "the top"
        failures.append(f"{name_of(document)} at {place}: {error.message[:300]}")
    if not failures and (failure := embedded_failures(document)) is not None:
        failures.append(f"{name_of(document)} {failure}")
    return failures


def check_own() -> list[str]:
    return [f"{case}: {failure}" for case, document in distinct().values() for failure in own_failures(document)]


COMPILER = {
    "module": "nodenext",
    "moduleResolution": "nodenext",
    "target": "es2022",
    "strict": True,
    "noEmit": True,
    "skipLibCheck": True,
    "types": [],
}


def compile_models(documents: list[tuple[str, Document]]) -> list[str]:
    """Has TypeScript hold objects against their types: what is missing, mistyped or unknown."""
    place = modules() / "models"
    place.mkdir(exist_ok=True)
    lines, imports = [], {}
    for index, (_, document) in enumerate(documents):
        group, kind = group_of(document), document["kind"]
        alias = f"I{kind}{document['apiVersion'].split('/')[1]}"
        imports[alias] = (
            f'import type {{ I{kind} as {alias} }} from "@kubernetes-models/{MODELS[group]}/{document["apiVersion"]}/{kind}";'
        )
        lines.append(f"export const o{index}: {alias} = {json.dumps(document)};")
    header = sorted(imports.values())
    (place / "objects.ts").write_text("\n".join(header + lines) + "\n")
    (place / "tsconfig.json").write_text(json.dumps({"compilerOptions": COMPILER, "files": ["objects.ts"]}))
    command = [
        program("node"),
        str(modules() / "node_modules/typescript/bin/tsc"),
        "--pretty",
        "false",
        "-p",
        str(place),
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=place)
    failures = []
    for line, message in re.findall(r"^objects\.ts\((\d+),\d+\): error (.*(?:\n +.*)*)", done.stdout, re.MULTILINE):
        index = int(line) - 1 - len(header)
        if index < 0:
            failures.append(f"there is no such model: {message}")
            continue
        case, document = documents[index]
        failures.append(f"{case}: {name_of(document)}: {message}")
    if done.returncode != 0 and not failures:
        failures.append(f"TypeScript failed: {done.stdout}{done.stderr}")
    return failures


def check_foreign() -> list[str]:
    return compile_models([entry for entry in distinct().values() if group_of(entry[1]) in MODELS])


def check_foreign_is_met() -> list[str]:
    """The matrix has to contain what is checked here, or the checks say nothing."""
    met = {group_of(document) for _, document in distinct().values()}
    own = {path.stem.split(".", 1)[1] for path in (HERE / "schemas").glob("*.json")}
    return [f"no case renders anything of {group}" for group in sorted((set(MODELS) | own) - met)]
