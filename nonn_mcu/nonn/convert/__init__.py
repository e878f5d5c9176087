"""From a trained network to bundles."""
