"""Secure Boot for real: UEFI firmware with a certificate of ours, a kernel that locks itself down, and signed modules."""

from tests.support.machines.guest.machine import Boot

UNSIGNED = 1 << 13


def test_the_kernel_locks_itself_down(secure_boot: Boot) -> None:
    assert "[integrity]" in secure_boot["lockdown"].text


def test_unsigned_modules_are_refused_before_anything_is_touched(secure_boot: Boot) -> None:
    assert secure_boot["unsigned"].code == 23
    assert "this kernel loads signed modules only (module.sig_enforce), and this image's are not signed" in (
        secure_boot["unsigned"].text
    )
    assert secure_boot["listing after"].text == secure_boot["listing before"].text


def test_the_kernel_refuses_modules_of_an_untrusted_signer_by_name(
    secure_boot: Boot,
) -> None:
    assert secure_boot["stranger"].code == 23
    assert "signed by 'Somebody else', a key that it does not trust" in secure_boot["stranger"].text


def test_modules_of_a_signer_whom_the_firmware_trusts_are_loaded(secure_boot: Boot) -> None:
    assert secure_boot["trusted"].code == 0, secure_boot["trusted"].text
    assert [line.split()[0] for line in secure_boot["modules"].lines if line] == [
        "nvidia_uvm",
        "nvidia_drm",
        "nvidia_modeset",
        "nvidia",
    ]


def test_the_kernel_does_not_call_them_unsigned(secure_boot: Boot) -> None:
    assert not int(secure_boot["taint"].text) & UNSIGNED
