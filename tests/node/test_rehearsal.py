"""A node that goes from one image of its kernel to another and back, as `invoke rehearse --boot` asks for."""

import pytest

from lifecycle.rehearsal.boot import BootPair
from tests.support.machines.guest.machine import Boot
from tests.support.machines.guest.rehearsal import STEPS, expected_drivers, reported_drivers, status_of


def test_each_installation_ends_well(rehearsal: Boot) -> None:
    assert {step: rehearsal[f"install {step}"].code for step in STEPS} == dict.fromkeys(STEPS, 0), "\n".join(
        rehearsal[f"install {step}"].text for step in STEPS
    )


def test_the_kernel_has_the_old_driver_then_the_new_then_the_old(rehearsal: Boot, pair: BootPair) -> None:
    assert reported_drivers(rehearsal) == expected_drivers(pair)


@pytest.mark.parametrize("step", STEPS)
def test_status_names_the_driver_of_each_installation(rehearsal: Boot, pair: BootPair, step: str) -> None:
    status = status_of(rehearsal, step)

    assert (status["state"], status["installed"]["driver"]) == ("same", expected_drivers(pair)[STEPS.index(step)])


@pytest.mark.parametrize("complaint", ["disagrees about", "Unknown symbol", "BUG:", "Oops", "Call Trace"])
def test_the_kernel_has_no_complaint_about_a_change(rehearsal: Boot, complaint: str) -> None:
    assert complaint not in rehearsal["kernel"].text
