import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.checks.symvers import (
    Export,
    InvalidSymversError,
    Symvers,
    SymversNotFoundError,
    parse_symvers,
    symvers_of_headers,
)
from lifecycle.tools.deb import UnreadablePackageError

CONTROL = "Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b.c>\nDescription: x\n"

names = st.text(alphabet=st.characters(codec="ascii", categories=["L", "N"]) | st.just("_"), min_size=1)
exports = st.builds(
    Export, crc=st.integers(0, 2**32 - 1), gpl_only=st.booleans(), namespace=st.sampled_from(["", "DMA_BUF", "USB"])
)


def lines(symvers: Symvers) -> list[str]:
    return [
        f"0x{e.crc:08x}\t{name}\tvmlinux\t{'EXPORT_SYMBOL_GPL' if e.gpl_only else 'EXPORT_SYMBOL'}\t{e.namespace}\n"
        for name, e in symvers.exports.items()
    ]


@given(st.dictionaries(names, exports))
def test_written_symbols_are_read_again(table: dict[str, Export]) -> None:
    symvers = Symvers(table)

    assert parse_symvers(lines(symvers), source="Module.symvers") == symvers


def test_a_line_of_an_older_kernel_has_no_namespace() -> None:
    read = parse_symvers(["0x0000000a\tprintk\tvmlinux\tEXPORT_SYMBOL"], source="f")

    assert read.exports == {"printk": Export(crc=10, gpl_only=False, namespace="")}


@pytest.mark.parametrize(
    "line", ["", "printk", "zz\tprintk\tvmlinux\tEXPORT_SYMBOL", "0x1 printk vmlinux EXPORT_SYMBOL"]
)
def test_the_error_for_an_invalid_line_names_it(line: str) -> None:
    with pytest.raises(InvalidSymversError, match=r"headers/Module\.symvers:2: .* is not a line of a Module\.symvers"):
        parse_symvers(["0x1\tprintk\tvmlinux\tEXPORT_SYMBOL\t", line], source="headers/Module.symvers")


def test_a_kernel_without_modversions_has_no_crcs() -> None:
    assert not parse_symvers(["0x00000000\tprintk\tvmlinux\tEXPORT_SYMBOL\t"], source="f").has_crcs


def deb(folder: Path, name: str, files: dict[str, str]) -> Path:
    root = folder / name
    for path, text in {"DEBIAN/control": CONTROL.format(name=name), **files}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    subprocess.run(["dpkg-deb", "--build", root, folder / f"{name}.deb"], check=True, capture_output=True)
    return folder / f"{name}.deb"


def test_the_first_package_with_a_module_symvers_is_used(tmp_path: Path) -> None:
    line = "0x0000000a\tprintk\tvmlinux\tEXPORT_SYMBOL\t\n"
    packages = {
        "common": deb(tmp_path, "common", {"usr/src/common/scripts/Module.symvers.txt": "not it"}),
        "headers": deb(tmp_path, "headers", {"usr/src/linux-headers-6.1/Module.symvers": line}),
        "unread": tmp_path / "unread.deb",
    }

    assert symvers_of_headers(packages).exports == {"printk": Export(crc=10, gpl_only=False, namespace="")}


def test_the_error_without_a_module_symvers_names_the_packages(tmp_path: Path) -> None:
    with pytest.raises(SymversNotFoundError, match=r"none of common contains a Module\.symvers"):
        symvers_of_headers({"common": deb(tmp_path, "common", {"usr/src/a": ""})})


def test_the_error_for_an_invalid_package_quotes_dpkg(tmp_path: Path) -> None:
    (tmp_path / "bad.deb").write_text("not a package")
    with pytest.raises(UnreadablePackageError, match=r"bad\.deb is not a readable Debian package") as caught:
        symvers_of_headers({"bad": tmp_path / "bad.deb"})
    assert "dpkg-deb: error: " in str(caught.value)
