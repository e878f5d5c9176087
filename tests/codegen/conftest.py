"""Fixtures and settings of the code generator's tests."""

import hypothesis
from support.host import kernels

__all__ = ["kernels"]

# The same examples in every run, however busy the machine.
hypothesis.settings.register_profile("repeatable", deadline=None, derandomize=True)
hypothesis.settings.load_profile("repeatable")
