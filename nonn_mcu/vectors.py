"""Golden vectors: inputs, the oracle's outputs and the float references, in one ``.npz`` without pickles."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from nonn_mcu.errors import BadInput
from nonn_mcu.manifest import Manifest, TensorInfo

# What a file may unpack to: ten times what is of use, and no more than a small machine has.
MAX_UNPACKED_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True)
class Vectors:
    """Golden vectors, N of them, in the device's layout.

    ``inputs[i]`` and ``outputs[i]`` are int8 ``(N, *shape[1:])`` (outputs from the oracle);
    ``references[i]`` float32 of the same shape, the float model's outputs for the dequantised inputs, so
    that they can be computed again from the bundle; empty without a float model; ``labels`` int64 ``(N,)`` or
    None. A row of NaN, and a label of -1, mark a vector for conformance alone, such as one that saturates
    everything: there the float model is no measure. ``layer_crc`` uint32 ``(K, layers)``: the CRC-32 of each
    layer's tensor for the first K vectors.
    """

    inputs: tuple[np.ndarray, ...]
    outputs: tuple[np.ndarray, ...]
    references: tuple[np.ndarray, ...]
    labels: np.ndarray | None
    layer_crc: np.ndarray

    def __len__(self) -> int:
        return len(self.inputs[0])

    def head(self, count: int) -> Vectors:
        """Take the first ``count`` vectors, or all when there are fewer."""
        return Vectors(
            inputs=tuple(array[:count] for array in self.inputs),
            outputs=tuple(array[:count] for array in self.outputs),
            references=tuple(array[:count] for array in self.references),
            labels=None if self.labels is None else self.labels[:count],
            layer_crc=self.layer_crc[:count],
        )

    def save(self, path: Path | BinaryIO) -> None:
        """Write a ``.npz`` without pickles; the same vectors give the same bytes."""
        arrays = {f"input_{i}": a for i, a in enumerate(self.inputs)}
        arrays |= {f"output_{i}": a for i, a in enumerate(self.outputs)}
        arrays |= {f"reference_{i}": a for i, a in enumerate(self.references)}
        if self.labels is not None:
            arrays["labels"] = self.labels
        # numpy's stub takes the keyword allow_pickle for one of ours
        np.savez_compressed(path, layer_crc=self.layer_crc, **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: Path, manifest: Manifest) -> Vectors:
        """Read and check against the manifest: names, shapes, dtypes. Raises :class:`BadInput`."""
        arrays = read_npz(path)

        def take(name: str, dtype: str, shape: tuple[int | None, ...]) -> np.ndarray:
            """One array; a None in ``shape`` is any size."""
            if name not in arrays:
                raise BadInput(f"{path}: {name} is missing; run convert again")
            array = arrays[name]
            fits = len(shape) == array.ndim and all(
                want in (None, have) for want, have in zip(shape, array.shape, strict=True)
            )
            if array.dtype != np.dtype(dtype) or not fits:
                raise BadInput(
                    f"{path}: {name} is {array.dtype}{array.shape}, not {dtype}{shape}; run convert again"
                )
            return array

        def series(prefix: str, infos: tuple[TensorInfo, ...], dtype: str) -> tuple[np.ndarray, ...]:
            return tuple(
                take(f"{prefix}_{i}", dtype, (count, *info.shape[1:])) for i, info in enumerate(infos)
            )

        count = len(take("input_0", "int8", (None, *manifest.inputs[0].shape[1:])))
        if not count:
            raise BadInput(f"{path}: holds no vectors; run convert again")
        references = series("reference", manifest.outputs, "float32") if "reference_0" in arrays else ()
        crcs = take("layer_crc", "uint32", (None, len(manifest.layers)))
        return cls(
            inputs=series("input", manifest.inputs, "int8"),
            outputs=series("output", manifest.outputs, "int8"),
            references=references,
            labels=take("labels", "int64", (count,)) if "labels" in arrays else None,
            layer_crc=crcs[:count],
        )


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Unpack a ``.npz`` without pickles, up to :data:`MAX_UNPACKED_BYTES`. Raises :class:`BadInput`."""
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > MAX_UNPACKED_BYTES:
            raise BadInput(f"{path}: unpacks to {unpacked} bytes, more than {MAX_UNPACKED_BYTES}")
        with np.load(path, allow_pickle=False, max_header_size=4096) as arrays:
            return {key: np.asarray(arrays[key]) for key in arrays.files}
    except BadInput:
        raise
    except Exception as error:  # zipfile, zlib and numpy raise a dozen kinds on a file that lies
        raise BadInput(f"{path}: not a readable .npz ({error}); run convert again") from None
