"""Random quantisation parameters that meet every regime: saturated, coarse, fine, at the edges."""

import numpy as np


def scale(rng: np.random.Generator, low: float = -3, high: float = 0) -> float:
    """A float32 scale, log-uniform between 10**low and 10**high."""
    return float(np.float32(10.0 ** rng.uniform(low, high)))


def zero_point(rng: np.random.Generator) -> int:
    """An int8 zero point; the ends of the range and 0 more often than chance would have them."""
    return int(rng.choice([-128, 0, 127, int(rng.integers(-128, 128)), int(rng.integers(-128, 128))]))


def filter_scales(rng: np.random.Generator, channels: int) -> list[float]:
    """One scale, or one per channel with now and then a dead one."""
    if not rng.integers(2):
        return [scale(rng, -4, -1)]
    return [scale(rng, -4, -1) if channel == 0 or rng.integers(10) else 1e-30 for channel in range(channels)]


def output_scale(rng: np.random.Generator, in_scale: float, scales: list[float], taps: int) -> float:
    """From saturating nearly everywhere to using a few steps of the output."""
    return float(np.float32(in_scale * max(scales) * np.sqrt(taps) * 10.0 ** rng.uniform(0, 3)))


def weights(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Uniform int8 without -128, or only the extremes."""
    if rng.integers(8):
        return rng.integers(-127, 128, shape, np.int8)
    return rng.choice(np.array([-128, -127, 127], np.int8), shape)


def bias(rng: np.random.Generator, channels: int) -> np.ndarray:
    """int32 of any magnitude up to a billion."""
    top = 10 ** int(rng.integers(1, 10))
    return rng.integers(-top, top, channels, np.int32)


def activation(rng: np.random.Generator) -> str:
    return str(rng.choice(["NONE", "RELU", "RELU6", "RELU_N1_TO_1"]))
