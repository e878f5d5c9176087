"""A bundle whose firmware holds a second model, as a student's that has the network's head with it."""

from nonn_mcu import bundle
from nonn_mcu.bundle import Bundle
from nonn_mcu.codegen import generate

PREFIX = "head_"


def with_head(made: Bundle, head: bytes) -> Bundle:
    """Write a bundle again, with the ``.tflite`` ``head`` as the second model in its native C."""
    files = {name: (made.path / name).read_bytes() for name in made.manifest.files}
    native = generate(made.model, made.manifest.name, following=PREFIX).files
    native |= generate(head, "head", prefix=PREFIX).files
    files |= {name: text.encode() for name, text in native.items()}
    return bundle.write(made.path, files, made.manifest)
