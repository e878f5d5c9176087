"""What a network is asked about: an image, a folder of images, or a file of samples, all of it in order."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nonn_mcu.calib import arrays, folder
from nonn_mcu.calib.loading import seen
from nonn_mcu.calib.samples import Samples
from nonn_mcu.errors import BadInput
from nonn_mcu.students.student import InputSpec


def read(source: Path, spec: InputSpec) -> tuple[tuple[str, ...], Samples]:
    """Read every sample of ``source`` as the network sees it; with the samples go their names.

    Images are in order of their paths below a folder, which are their names too; those of a ``.npy`` or
    ``.npz`` in the file's order, named by their index. Labels are a ``.npz``'s, or a folder's whose
    subfolders are named as the network's labels. Raises :class:`BadInput`, and ``MissingExtra`` for images
    without Pillow.
    """
    if source.is_dir():
        files = folder.images_in(source)
        names = tuple(file.relative_to(source).as_posix() for file in files)
        pool = folder.of_files(source, files, spec, title=f"{source.resolve().name}/")
    elif source.suffix.lower() in (".npy", ".npz"):
        pool = arrays.pool(source)
        names = tuple(f"{source.name}[{index}]" for index in range(pool.count))
    elif source.is_file():
        names = (source.name,)
        pool = folder.of_files(source.parent, [source], spec, title=source.name)
    else:
        what = "is not samples" if source.exists() else "no such file"
        raise BadInput(f"{source}: {what}; give an image, a folder of images, a .npy or .npz")
    x = seen(str(source), pool, np.arange(pool.count), spec)
    return names, Samples(x, pool.labels, pool.title)
