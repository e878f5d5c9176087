"""Fixtures of the operators' tests."""

from support.host import kernels

__all__ = ["kernels"]
