import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.checks.symvers import BadSymversError, Export, Symvers, parse_symvers

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
def test_what_is_written_is_read_again(table: dict[str, Export]) -> None:
    symvers = Symvers(table)

    assert parse_symvers(lines(symvers), source="Module.symvers") == symvers


def test_a_line_without_namespace_is_one_of_an_older_kernel() -> None:
    read = parse_symvers(["0x0000000a\tprintk\tvmlinux\tEXPORT_SYMBOL"], source="f")

    assert read.exports == {"printk": Export(crc=10, gpl_only=False, namespace="")}


@pytest.mark.parametrize(
    "line", ["", "printk", "zz\tprintk\tvmlinux\tEXPORT_SYMBOL", "0x1 printk vmlinux EXPORT_SYMBOL"]
)
def test_an_ill_formed_line_is_named(line: str) -> None:
    with pytest.raises(BadSymversError, match=r"headers/Module\.symvers:2: .* is not a line of a Module\.symvers"):
        parse_symvers(["0x1\tprintk\tvmlinux\tEXPORT_SYMBOL\t", line], source="headers/Module.symvers")


def test_a_kernel_without_modversions_has_no_crcs() -> None:
    assert not parse_symvers(["0x00000000\tprintk\tvmlinux\tEXPORT_SYMBOL\t"], source="f").has_crcs
