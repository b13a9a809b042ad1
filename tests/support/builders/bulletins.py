"""Security bulletins in CSAF, in the form of NVIDIA's."""

import json
from collections.abc import Mapping


def bulletin(number: str, day: str, *vulnerabilities: tuple[str, float, Mapping[str, str]]) -> bytes:
    """Return a bulletin: its number, its date, and vulnerabilities as CVE, CVSS base score, and fixing version by branch."""
    fixed = sorted({pair for _, _, versions in vulnerabilities for pair in versions.items()})
    document = {
        "document": {
            "title": f"GPU Display Driver {day}",
            "tracking": {"id": number, "current_release_date": f"{day}T00:00:00Z"},
        },
        "product_tree": {"branches": [{"category": "vendor", "name": "NVIDIA", "branches": list(map(_branch, fixed))}]},
        "vulnerabilities": [
            {
                "cve": cve,
                "scores": [{"cvss_v3": {"baseScore": score, "baseSeverity": "HIGH"}, "products": []}],
                "product_status": {
                    "fixed": [_id(branch, version) for branch, version in versions.items()],
                    "known_affected": [f"older_{branch}" for branch in versions],
                },
            }
            for cve, score, versions in vulnerabilities
        ],
    }
    return json.dumps(document).encode()


def _branch(fixed: tuple[str, str]) -> dict[str, object]:
    branch, version = fixed
    products = [
        ("Tesla", f"All driver versions prior to {version}", f"older_{branch}"),
        ("Tesla", version, _id(branch, version)),
        ("GeForce", version, f"geforce_{branch}"),
    ]
    return {
        "category": "architecture",
        "name": f"Linux(R{branch})",
        "branches": [
            {"category": "product_version", "name": name, "product": {"name": text, "product_id": identifier}}
            for name, text, identifier in products
        ],
    }


def _id(branch: str, version: str) -> str:
    return f"linuxr{branch}_tesla_{version.replace('.', '_')}"
