from collections.abc import Mapping
from pathlib import Path

import pytest

from lifecycle.checks.kernel_module import KernelModule
from lifecycle.checks.symvers import Export, Symvers
from lifecycle.radar.symbols import compare_symbols


def module(licence: str, *imports: str) -> KernelModule:
    return KernelModule(
        name="nvidia",
        path=Path("nvidia.ko"),
        architecture="amd64",
        vermagic="",
        version="",
        srcversion="",
        license=licence,
        depends=(),
        firmware=(),
        namespaces=(),
        signed=False,
        size=1,
        has_debug_info=False,
        has_versions=True,
        layout_crc=None,
        imports=dict.fromkeys(imports, 1),
        exports={},
    )


def symvers(crcs: Mapping[str, int], *gpl_only: str) -> Symvers:
    return Symvers(
        {name: Export(crc=crc, gpl_only=name in gpl_only, namespace="") for name, crc in crcs.items()},
    )


def test_symbols_of_siblings_are_not_the_kernels() -> None:
    found = compare_symbols([module("GPL", "a", "of_nvidia")], symvers({"a": 1}), symvers({"a": 1}))

    assert (found.compared, found.missing, found.changed) == (1, (), ())


def test_missing_and_changed_symbols_are_named_in_order() -> None:
    modules = [module("GPL", "d", "c", "a", "b")]
    found = compare_symbols(modules, symvers({"a": 1, "b": 2, "c": 3, "d": 4}), symvers({"a": 9, "b": 2, "z": 1}))

    assert (found.missing, found.changed) == (("c", "d"), ("a",))


@pytest.mark.parametrize(("now", "then"), [(0, 5), (5, 0)])
def test_without_crcs_in_both_kernels_nothing_is_called_changed(now: int, then: int) -> None:
    assert compare_symbols([module("GPL", "a")], symvers({"a": now}), symvers({"a": then})).changed is None


def test_a_symbol_that_became_gpl_only_is_refused_to_other_licences() -> None:
    modules = [module("Dual MIT/GPL", "a"), module("NVIDIA", "b")]
    found = compare_symbols(modules, symvers({"a": 1, "b": 1}), symvers({"a": 1, "b": 1}, "a", "b"))

    assert (found.gpl_only, found.refused) == (("a", "b"), ("b",))


def test_a_symbol_that_was_gpl_only_before_is_no_change() -> None:
    kernel = symvers({"a": 1}, "a")

    assert compare_symbols([module("GPL", "a")], kernel, kernel).gpl_only == ()
