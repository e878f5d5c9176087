"""A network on its devices: who holds what, verified, and run."""
