"""Windows that slide over an image: output sizes and padding of convolutions and pools.

Source: tensorflow/lite/kernels/padding.h (ComputeOutSize, ComputePaddingWithOffset).
"""

from __future__ import annotations


def output_size(padding: str, size: int, window: int, stride: int, dilation: int = 1) -> int:
    """Count the window positions along one axis; not positive where the window does not fit."""
    extent = (window - 1) * dilation + 1
    return (size + stride - 1) // stride if padding == "SAME" else (size + stride - extent) // stride


def pad_before(size: int, window: int, stride: int, dilation: int, out_size: int) -> int:
    """Zeros before the first element along one axis; an odd one goes behind the last."""
    extent = (window - 1) * dilation + 1
    return max((out_size - 1) * stride + extent - size, 0) // 2
