"""What ``nonn-mcu dream`` prints."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nonn_mcu.cli.output import one_line

if TYPE_CHECKING:
    from nonn_mcu.dream.compare import Taught
    from nonn_mcu.dream.metadata import Metadata


def print_metadata(made: Metadata, out: Path, size: int, images: int, source: str) -> None:
    """Print sizes, and what each class has."""
    from nonn_mcu.report.table import table

    rows = (
        ("metadata", f"{os.fsdecode(out)}, {size:,} B"),
        ("data", f"{images:,} images of {source}"),
        ("vectors", f"{len(made.centroids)} centroids, {len(made.axes)} axes of {made.centroids.shape[1]}"),
        ("k", f"{made.k}: every vector is of at least so many images"),
    )
    for what, text in rows:
        print(f"{what:10}{one_line(text)}")
    body = [
        (
            name,
            str(made.images[made.classes == label].sum()),
            " ".join(map(str, sorted(made.images[made.classes == label], reverse=True))),
            str((made.axis_classes == label).sum()),
        )
        for label, name in enumerate(map(one_line, made.names))
    ]
    print(f"\n{table(('class', 'images', 'of each centroid', 'axes'), body)}")


def metadata_json(made: Metadata, out: Path, size: int, images: int) -> dict[str, Any]:
    """Give the same for --json."""
    return {
        "error": None,
        "metadata": one_line(os.fsdecode(out)),
        "bytes": size,
        "images": images,
        "k": made.k,
        "layer": made.layer,
        "augment": made.augment,
        "classes": [
            {
                "name": name,
                "images": made.images[made.classes == label].tolist(),
                "axes": int((made.axis_classes == label).sum()),
            }
            for label, name in enumerate(made.names)
        ],
    }


def print_dreams(out: Path, sheets: list[Path], images: Any, agreement: float) -> None:
    """Print where they are, and what the teacher says of them."""
    count, height, width, depth = images.shape
    rows = (
        ("dreams", f"{os.fsdecode(out)}: {count:,} of {height}x{width}x{depth}"),
        ("sheets", f"{os.fsdecode(sheets[0])} and {len(sheets) - 1} more"),
        ("teacher", f"gives {agreement:.1%} of them the class they were dreamt for"),
    )
    for what, text in rows:
        print(f"{what:9}{one_line(text)}")


def tell(result: Taught) -> None:
    """Say on stderr how a student did."""
    print(f"{result.name}: test {result.test:.1%}", file=sys.stderr, flush=True)


def print_comparison(results: list[Taught], teacher: float, out: Path) -> None:
    """Print the table of the figure."""
    from nonn_mcu.report.table import table

    print(f"figure  {one_line(os.fsdecode(out))}\n")
    body = [(one.name, f"{one.validation:.1%}", f"{one.agreement:.1%}", f"{one.test:.1%}") for one in results]
    body.append(("teacher", "", "", f"{teacher:.1%}"))
    print(table(("taught on", "of its own tenth", "as the teacher", "test"), body))
