"""The bill of materials of a wheel, as CycloneDX 1.6: both lock files in, one JSON document out.

It lists what the lock files name for a running service: the Python packages (those of the PostgreSQL extra too, and whatever only
some platform or Python needs) and the npm packages whose code is in the built board. The same locks give the same bytes, so there
is no date in it, and its serial number is a hash of what it lists.
Bad at: licences of Python packages, which their lock does not hold.
Never here: the network, or what happens to be installed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

OURS: Final = "chairside"
BOM_NAME: Final = "chairside.cdx.json"
"""Its name in the wheel, in `chairside-….dist-info/sboms/`, where PEP 770 puts it."""


def rendered_sbom(root: Path) -> str:
    """The JSON text of the bill of materials of the tree at `root`.

    Raises:
        OSError: a lock file is not there.
    """
    document = sbom(
        tomllib.loads((root / "uv.lock").read_text("utf-8")),
        json.loads((root / "alerts" / "board" / "package-lock.json").read_text("utf-8")),
    )
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def sbom(uv_lock: Mapping[str, Any], npm_lock: Mapping[str, Any]) -> dict[str, Any]:
    """The CycloneDX document of both locks: components sorted by their package URL, and who needs whom."""
    components, needs = _python(uv_lock)
    for component, refs in _npm(npm_lock):
        components.append(component)
        needs[component["bom-ref"]] = refs
    components.sort(key=lambda each: str(each["bom-ref"]))
    ours = next(each for each in uv_lock["package"] if each["name"] == OURS)
    needs[OURS] += sorted(_npm_refs(npm_lock, "", npm_lock["packages"][""].get("dependencies", ())))
    listed = hashlib.sha256(json.dumps(components, sort_keys=True).encode()).hexdigest()
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        # The form of a UUID of version 8 (RFC 9562, 5.8): made of a hash, so that the same locks give the same one.
        "serialNumber": f"urn:uuid:{listed[:8]}-{listed[8:12]}-8{listed[13:16]}-8{listed[17:20]}-{listed[20:32]}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": OURS,
                "name": OURS,
                "version": ours["version"],
                "licenses": [{"license": {"id": "Apache-2.0"}}],
                "purl": f"pkg:pypi/{OURS}@{ours['version']}",
            }
        },
        "components": components,
        "dependencies": [{"ref": ref, "dependsOn": sorted(set(refs))} for ref, refs in sorted(needs.items())],
    }


# ---- Python ----------------------------------------------------------------------------------------------------------


def python_closure(uv_lock: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The packages of a uv lock that a running service may need, without ours; sorted."""
    by_name = _by_name(uv_lock)
    ours = by_name[OURS][0]
    open_ = [(OURS, extra) for extra in ("", *ours.get("optional-dependencies", ()))]
    seen: set[tuple[str, str]] = set()
    while open_:
        at = open_.pop()
        if at not in seen:
            seen.add(at)
            open_ += [each for package in by_name[at[0]] for each in _wanted(package, at[1])]
    names = {name for name, _ in seen} - {OURS}
    return sorted(
        (each for each in uv_lock["package"] if each["name"] in names),
        key=lambda each: (str(each["name"]), str(each["version"])),
    )


def _by_name(uv_lock: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """A name may have several versions, each for some Pythons or platforms."""
    found: dict[str, list[dict[str, Any]]] = {}
    for package in uv_lock["package"]:
        found.setdefault(package["name"], []).append(package)
    return found


def _wanted(package: Mapping[str, Any], extra: str) -> Iterator[tuple[str, str]]:
    """Name and extra of everything that a package asks for; with an extra, of what only that asks for."""
    listed = package.get("optional-dependencies", {}).get(extra, ()) if extra else package.get("dependencies", ())
    for each in listed:
        yield each["name"], ""
        yield from ((each["name"], more) for more in each.get("extra", ()))


def _python(uv_lock: Mapping[str, Any]) -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
    packages = python_closure(uv_lock)
    by_name = _by_name(uv_lock)
    ours = by_name[OURS][0]
    components: list[dict[str, Any]] = []
    needs: dict[str, list[str]] = {OURS: []}
    kept = {str(each["name"]) for each in packages}
    for package in (ours, *packages):
        ref = OURS if package is ours else _pypi(package)
        wanted = {
            name for extra in ("", *package.get("optional-dependencies", ())) for name, _ in _wanted(package, extra)
        }
        needs[ref] = [_pypi(each) for name in sorted(wanted & kept) for each in by_name[name]]
        if package is not ours:
            files = [package["sdist"]] if "sdist" in package else package.get("wheels", [])
            components.append(
                {
                    "type": "library",
                    "bom-ref": ref,
                    "name": package["name"],
                    "version": package["version"],
                    "purl": ref,
                    "externalReferences": [
                        {
                            "type": "distribution",
                            "url": file["url"],
                            "hashes": [{"alg": "SHA-256", "content": file["hash"].removeprefix("sha256:")}],
                        }
                        for file in files
                    ],
                }
            )
    return components, needs


def _pypi(package: Mapping[str, Any]) -> str:
    return f"pkg:pypi/{package['name']}@{package['version']}"


# ---- npm -------------------------------------------------------------------------------------------------------------


def npm_closure(npm_lock: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Folder → entry of the npm packages that the board is built of; its tools are left out."""
    return {folder: entry for folder, entry in sorted(npm_lock["packages"].items()) if folder and not entry.get("dev")}


def _npm(npm_lock: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], list[str]]]:
    seen: set[str] = set()
    for folder, entry in npm_closure(npm_lock).items():
        ref = _npm_ref(folder, entry)
        if ref not in seen:
            seen.add(ref)
            algorithm, _, digest = entry["integrity"].partition("-")
            component = {
                "type": "library",
                "bom-ref": ref,
                "name": _npm_name(folder),
                "version": entry["version"],
                "purl": ref,
                "hashes": [{"alg": f"SHA-{algorithm[3:]}", "content": base64.b64decode(digest).hex()}],
            }
            if "license" in entry:
                component["licenses"] = [{"expression": entry["license"]}]
            yield component, _npm_refs(npm_lock, folder, entry.get("dependencies", ()))


def _npm_refs(npm_lock: Mapping[str, Any], folder: str, names: Any) -> list[str]:
    """What a package asks for, found as Node finds it: in its own folder, else in those around it."""
    packages, found = npm_lock["packages"], []
    for name in names:
        at = folder
        while (inside := f"{at}/node_modules/{name}".lstrip("/")) not in packages and at:
            at = at.rpartition("/node_modules/")[0] if "/node_modules/" in at else ""
        if inside in packages:
            found.append(_npm_ref(inside, packages[inside]))
    return found


def _npm_name(folder: str) -> str:
    return folder.rpartition("node_modules/")[2]


def _npm_ref(folder: str, entry: Mapping[str, Any]) -> str:
    return f"pkg:npm/{quote(_npm_name(folder), safe='/')}@{entry['version']}"
