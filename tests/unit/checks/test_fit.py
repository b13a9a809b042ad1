from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.checks.fit import Expectation, Finding, Problem, check_modules, examine_modules
from lifecycle.checks.kernel_module import KernelModule, read_module
from lifecycle.checks.symvers import Export, Symvers
from tests.support.builders.kernel_modules import MakeModule

KERNEL = {
    "module_layout": Export(crc=0xAAAA0001, gpl_only=False, namespace=""),
    "printk": Export(crc=0x11111111, gpl_only=False, namespace=""),
    "rcu_lock": Export(crc=0x22222222, gpl_only=True, namespace=""),
    "dma_buf_get": Export(crc=0x33333333, gpl_only=False, namespace="DMA_BUF"),
}
EXPECTED = Expectation(
    symvers=Symvers(KERNEL),
    kernel_release="6.1.0-56-cloud-amd64",
    architecture="amd64",
    driver_version="535.309.01",
)


def check(*paths: Path, expected: Expectation = EXPECTED) -> tuple[Finding, ...]:
    return check_modules([read_module(path) for path in paths], expected)


def found(problem: Problem, message: str, module: str = "good.ko") -> tuple[Finding, ...]:
    return (Finding(module=module, problem=problem, message=message),)


def test_a_module_that_fits_has_no_findings(make_module: MakeModule) -> None:
    path = make_module(imports={"printk": 0x11111111, "dma_buf_get": 0x33333333}, import_ns="DMA_BUF")

    assert check(path) == ()


def test_another_kernel_release_is_found(make_module: MakeModule) -> None:
    path = make_module(vermagic="6.1.0-50-cloud-amd64 SMP preempt mod_unload modversions")

    assert check(path) == found(Problem.RELEASE, "was built for kernel 6.1.0-50-cloud-amd64, not 6.1.0-56-cloud-amd64")


def test_another_architecture_is_found(make_module: MakeModule) -> None:
    assert check(make_module(), expected=replace(EXPECTED, architecture="arm64")) == found(
        Problem.ARCHITECTURE, "is for amd64, not arm64"
    )


def test_another_driver_version_is_found(make_module: MakeModule) -> None:
    assert check(make_module(version="535.261.03")) == found(Problem.VERSION, "is of driver 535.261.03, not 535.309.01")


def test_debug_info_is_found(make_module: MakeModule) -> None:
    assert [f.problem for f in check(make_module(debug=True))] == [Problem.DEBUG_INFO]


def test_the_first_unresolved_symbol_is_named_and_the_others_are_counted(make_module: MakeModule) -> None:
    path = make_module(imports={"no_such": 1, "nor_this": 2})

    assert check(path) == found(Problem.UNRESOLVED, "imports no_such, which nothing exports (and 1 more)")


def test_the_first_wrong_crc_is_named_with_both_values(make_module: MakeModule) -> None:
    assert check(make_module(imports={"printk": 0x99999999})) == found(
        Problem.CRC, "expects printk with CRC 0x99999999, the kernel has 0x11111111"
    )


def test_a_wrong_module_layout_is_found_though_nothing_imports_it(make_module: MakeModule) -> None:
    kernel = {**KERNEL, "module_layout": Export(crc=0xBBBB0002, gpl_only=False, namespace="")}

    assert check(make_module(), expected=replace(EXPECTED, symvers=Symvers(kernel))) == found(
        Problem.CRC, "expects module_layout with CRC 0xaaaa0001, the kernel has 0xbbbb0002"
    )


def test_a_symbol_of_a_sibling_module_is_resolved(make_module: MakeModule) -> None:
    nvidia = make_module("nvidia", exports={"nvidia_register": 5})
    uvm = make_module("nvidia-uvm", imports={"nvidia_register": 5})

    assert check(nvidia, uvm) == ()


def test_a_sibling_modules_crc_has_to_agree(make_module: MakeModule) -> None:
    nvidia = make_module("nvidia", exports={"nvidia_register": 6})
    uvm = make_module("nvidia-uvm", imports={"nvidia_register": 5})

    assert check(nvidia, uvm) == found(
        Problem.CRC, "expects nvidia_register with CRC 0x00000005, the kernel has 0x00000006", "nvidia-uvm.ko"
    )


def test_a_module_cannot_resolve_its_own_imports(make_module: MakeModule) -> None:
    path = make_module(imports={"elsewhere": 1})

    assert [f.problem for f in check(path, make_module("other"))] == [Problem.UNRESOLVED]


def test_a_gpl_only_symbol_is_refused_to_a_proprietary_module(make_module: MakeModule) -> None:
    path = make_module(imports={"rcu_lock": 0x22222222}, license="NVIDIA")

    assert check(path) == found(Problem.LICENCE, "imports rcu_lock, GPL-only, under licence 'NVIDIA'")


@pytest.mark.parametrize("licence", ["GPL", "Dual MIT/GPL"])
def test_a_gpl_only_symbol_is_allowed_to_a_compatible_module(make_module: MakeModule, licence: str) -> None:
    assert check(make_module(imports={"rcu_lock": 0x22222222}, license=licence)) == ()


def test_a_namespace_has_to_be_imported(make_module: MakeModule) -> None:
    assert check(make_module(imports={"dma_buf_get": 0x33333333})) == found(
        Problem.NAMESPACE, "imports dma_buf_get of namespace DMA_BUF without importing the namespace"
    )


def test_a_module_without_crcs_is_a_finding_if_the_kernel_has_them(make_module: MakeModule) -> None:
    assert [f.problem for f in check(make_module(versions=False))] == [Problem.NO_CRC]


def test_crcs_are_not_compared_if_the_kernel_has_none(make_module: MakeModule) -> None:
    kernel = {name: replace(export, crc=0) for name, export in KERNEL.items()}

    assert check(make_module(versions=False), expected=replace(EXPECTED, symvers=Symvers(kernel))) == ()


FITTING = KernelModule(
    name="m", path=Path("m.ko"), architecture="amd64", vermagic="6.1.0-56-cloud-amd64 SMP", version="535.309.01",
    srcversion="", license="GPL", depends=(), firmware=(), namespaces=("DMA_BUF",), signed=False, size=1,
    has_debug_info=False, has_versions=True, layout_crc=KERNEL["module_layout"].crc,
    imports={name: export.crc for name, export in KERNEL.items() if name != "module_layout"}, exports={},
)  # fmt: skip


@given(name=st.sampled_from(sorted(KERNEL)), bit=st.integers(0, 31))
def test_any_flipped_bit_of_any_crc_is_found(name: str, bit: int) -> None:
    crc = KERNEL[name].crc ^ 1 << bit
    layout = name == "module_layout"
    bad = replace(FITTING, layout_crc=crc) if layout else replace(FITTING, imports={**FITTING.imports, name: crc})

    assert check_modules([FITTING], EXPECTED) == ()
    assert [finding.problem for finding in check_modules([bad], EXPECTED)] == [Problem.CRC]


def test_imports_are_counted_by_kernel_and_sibling_modules(make_module: MakeModule) -> None:
    nvidia = make_module("nvidia", exports={"nvidia_register": 5})
    uvm = make_module("nvidia-uvm", imports={"nvidia_register": 5, "printk": 0x11111111, "dma_buf_get": 1, "none": 1})
    first, second = examine_modules([read_module(path) for path in (nvidia, uvm)], EXPECTED)

    assert (first.matching, first.kernel_symbols, first.sibling_symbols) == (2, 2, 0)
    # module_layout and printk agree, dma_buf_get and none do not.
    assert (second.matching, second.kernel_symbols, second.sibling_symbols) == (2, 4, 1)


def test_without_crcs_of_the_kernel_the_exported_names_are_counted(make_module: MakeModule) -> None:
    kernel = {name: replace(export, crc=0) for name, export in KERNEL.items()}
    module = read_module(make_module(versions=False))
    (examined,) = examine_modules([module], replace(EXPECTED, symvers=Symvers(kernel)))

    assert (examined.matching, examined.kernel_symbols) == (1, 1)
