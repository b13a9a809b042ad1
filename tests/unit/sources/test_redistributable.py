import json

import pytest

from lifecycle.config.schema import Architecture
from lifecycle.sources.redistributable import DRIVER, InvalidIndexError, find_archive

AMD64, ARM64 = Architecture.AMD64, Architecture.ARM64
ORIGIN = "https://nvidia.example/redistrib_580.105.08.json"


def entry(platform: str = "linux-x86_64", **changes: object) -> dict[str, object]:
    """Return the entry of an archive, spelled as NVIDIA spells it: the size is a text."""
    path = f"{DRIVER}/{platform}/{DRIVER}-{platform}-580.105.08-archive.tar.xz"
    return {"relative_path": path, "sha256": "A" * 64, "md5": "0", "size": "403086752", **changes}


def index(**platforms: object) -> str:
    product = {"name": "NVIDIA Linux Driver", "version": "580.105.08", **platforms}
    return json.dumps({"release_date": "2025-11-04", "release_product": "nvidia-driver", DRIVER: product})


@pytest.mark.parametrize(
    ("architecture", "platform"), [(AMD64, "linux-x86_64"), (ARM64, "linux-sbsa"), (ARM64, "linux-aarch64")]
)
def test_the_archive_of_an_architecture_is_found(architecture: Architecture, platform: str) -> None:
    found = find_archive(index(**{platform: entry(platform)}), DRIVER, architecture, ORIGIN)

    assert f"/{DRIVER}-{platform}-" in found.relative_path
    assert found.size == 403086752


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "invalid JSON"),
        ("[" * 100_000, "invalid JSON"),
        ("[]", "it has no 'nvidia_driver'"),
        ("{}", "it has no 'nvidia_driver'"),
        ('{"nvidia_driver": []}', "it has no 'nvidia_driver'"),
        (index(), "'nvidia_driver' has no archive for linux-x86_64: it has none"),
        (index(**{"linux-sbsa": {}}), "'nvidia_driver' has no archive for linux-x86_64: it has linux-sbsa"),
        (index(**{"linux-x86_64": []}), "nvidia_driver.linux-x86_64: "),
        (index(**{"linux-x86_64": entry(sha256="0")}), "nvidia_driver.linux-x86_64.sha256: "),
        (index(**{"linux-x86_64": entry(size="many")}), "nvidia_driver.linux-x86_64.size: "),
        (index(**{"linux-x86_64": entry(relative_path="../a.tar.xz")}), "nvidia_driver.linux-x86_64.relative_path: "),
        (index(**{"linux-x86_64": entry(relative_path="/a.tar.xz")}), "nvidia_driver.linux-x86_64.relative_path: "),
        (index(**{"linux-x86_64": entry(relative_path="https://x/a.tar.xz")}), "linux-x86_64.relative_path: "),
        (index(**{"linux-x86_64": entry(relative_path="a.zip")}), "nvidia_driver.linux-x86_64.relative_path: "),
    ],
)
def test_an_index_that_cannot_be_used_is_named_with_its_key(text: str, why: str) -> None:
    with pytest.raises(InvalidIndexError) as caught:
        find_archive(text, DRIVER, AMD64, ORIGIN)

    assert caught.value.brief.startswith(f"the index {ORIGIN} cannot be used: ")
    assert why in caught.value.brief
