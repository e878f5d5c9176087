"""A small bundle, and its exports: made once, to be copied by what changes them."""

import pytest

from nonn_mcu import bundle, codegen, exports
from nonn_mcu.manifest import TflmInfo

ARENA = 4096


@pytest.fixture(scope="session")
def pocket(tmp_path_factory):
    """A bundle of three layers for both runtimes, with a second model beside the native one.

    Its path has a space and a letter that is not ASCII.
    """
    pytest.importorskip("tflite_micro", reason="the oracle needs the tflite-micro wheel")
    from support.bundles import make_bundle, model
    from support.heads import with_head

    alone = make_bundle(tmp_path_factory.mktemp("bundles") / "Träg er" / "pocket")
    native = with_head(alone, model(seed=2))
    over_tflm = codegen.generate_tflm(native.model, native.manifest.name, ARENA)
    files = {name: (native.path / name).read_bytes() for name in native.manifest.files}
    files |= {name: text.encode() for name, text in over_tflm.items()}
    about = {
        "runtimes": ("native", "tflm"),
        "tflm": TflmInfo(operators=("CONV_2D", "FULLY_CONNECTED"), arena_bytes=ARENA),
    }
    return bundle.write(native.path, files, native.manifest.model_copy(update=about))


@pytest.fixture(scope="session")
def exported(pocket):
    """Give the folder of an export by its name and runtime, beside the bundle; not to be changed."""
    folders = {}

    def export(name, runtime="native"):
        if (name, runtime) not in folders:
            out = pocket.path.with_name(f"pocket {name} {runtime}")
            made = exports.write(bundle.read(pocket.path), exports.get(name), out, runtime=runtime)
            folders[name, runtime] = made.folder
        return folders[name, runtime]

    return export
