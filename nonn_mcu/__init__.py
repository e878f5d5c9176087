"""From a PyTorch student to a verified microcontroller."""

__version__ = "0.1.0"
