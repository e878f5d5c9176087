"""Check a device: its int8 outputs against the oracle's, its meaning against the PyTorch reference."""
