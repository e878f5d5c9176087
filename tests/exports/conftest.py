"""A small bundle, and its exports: made once, to be copied by what changes them."""

import pytest

from nonn_mcu import exports
from nonn_mcu.bundle import read


@pytest.fixture(scope="session")
def pocket(tmp_path_factory):
    """A bundle of three layers; its name has a space and a letter that is not ASCII."""
    pytest.importorskip("tflite_micro", reason="the oracle needs the tflite-micro wheel")
    from support.bundles import make_bundle

    return make_bundle(tmp_path_factory.mktemp("bundles") / "Träg er" / "pocket")


@pytest.fixture(scope="session")
def exported(pocket):
    """Give the folder of an export by its name and runtime, beside the bundle; not to be changed."""
    folders = {}

    def export(name, runtime="native"):
        if (name, runtime) not in folders:
            out = pocket.path.with_name(f"pocket {name} {runtime}")
            folders[name, runtime] = exports.write(
                read(pocket.path), exports.get(name), out, runtime=runtime
            ).folder
        return folders[name, runtime]

    return export
