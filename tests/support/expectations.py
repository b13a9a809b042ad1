"""The expected properties of an image's modules."""

from lifecycle.checks.fit import Expectation
from lifecycle.checks.symvers import Symvers
from lifecycle.planning.matrix import Combination


def expectation(combination: Combination, symvers: Symvers) -> Expectation:
    return Expectation(
        symvers=symvers,
        kernel_release=combination.kernel,
        architecture=combination.architecture,
        driver_version=combination.driver,
    )
