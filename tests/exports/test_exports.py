"""What holds for every export: whole, no word of this machine, the same bytes anywhere, a true stamp."""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from nonn_mcu import exports
from nonn_mcu.bundle import RUNTIMES, read
from nonn_mcu.exports.folder import STAMP
from nonn_mcu.exports.project import DEBUG_LOG, FIRMWARE, project

ROOT = Path(__file__).resolve().parents[2]
ALL = [(export.name, runtime) for export in exports.EXPORTS.values() for runtime in export.runtimes]
EACH = pytest.mark.parametrize(("name", "runtime"), ALL, ids=["-".join(pair) for pair in ALL])

# Prints the digest of every file that every export would write.
DIGESTS = """
import hashlib, json, sys
from pathlib import Path
from nonn_mcu import exports
from nonn_mcu.bundle import read
from nonn_mcu.exports.project import project
bundle = read(Path(sys.argv[1]))
found = {}
for export in exports.EXPORTS.values():
    for runtime in export.runtimes:
        files = export.files(project(bundle, runtime, links_tflm=export.links_tflm))
        found[f"{export.name}-{runtime}"] = {n: hashlib.sha256(d).hexdigest() for n, d in files.items()}
print(json.dumps(found))
"""


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_table_has_each_export_under_its_name():
    assert all(name == export.name for name, export in exports.EXPORTS.items())
    assert all(
        export.runtimes and set(export.runtimes) <= set(RUNTIMES) for export in exports.EXPORTS.values()
    )
    modules = {path.stem for path in (ROOT / "nonn_mcu" / "exports").glob("*.py")}
    assert {name.replace("-", "_") for name in exports.EXPORTS} == modules - {"__init__", "project", "folder"}


@EACH
def test_the_folder_is_whole_and_names_no_place_of_this_machine(name, runtime, exported, pocket):
    files = contents(exported(name, runtime))
    assert {"README.md", STAMP} <= files.keys()
    places = [str(ROOT), str(pocket.path.parent), str(Path.home()), sys.prefix]
    for path, data in files.items():
        assert re.fullmatch(r"[\w.+-]+(/[\w.+-]+)*", path, re.ASCII), path
        text = data.decode("utf-8")
        assert not [place for place in places if place in text], path
        filled_in = path.endswith((".c", ".cc", ".h")) or not re.search(r"(?<!\$)\{[{%#]", text)
        assert filled_in, f"{path}: a template's tag is left"
        assert not re.search(r"\b(TODO|FIXME)\b", text), path
    assert len({path.lower() for path in files}) == len(files)


@EACH
def test_the_stamp_is_true(name, runtime, exported, pocket):
    files = contents(exported(name, runtime))
    stamp = json.loads(files.pop(STAMP))
    assert stamp["files"] == {path: hashlib.sha256(data).hexdigest() for path, data in sorted(files.items())}
    wanted = {"export": name, "name": "pocket", "runtime": runtime, "schema_version": 1}
    assert wanted | {"model_sha256": pocket.manifest.model_sha256} == {
        key: value for key, value in stamp.items() if key != "files"
    }


@EACH
def test_every_source_is_there_once_and_the_readme_says_the_rest(name, runtime, exported, pocket):
    files = contents(exported(name, runtime))
    export = exports.get(name)
    sources = project(read(pocket.path), runtime, links_tflm=export.links_tflm).sources
    have = list(files.values())
    assert [path for path, data in sources.items() if have.count(data) != 1] == []
    readme = files["README.md"].decode("utf-8")
    for words in ("nonn-mcu verify", "Apache-2.0", pocket.manifest.model_sha256):
        assert words in readme


def test_the_same_bundle_gives_the_same_bytes_anywhere(exported, pocket, tmp_path):
    environment = os.environ | {
        "PYTHONHASHSEED": "7",
        "PYTHONPATH": str(ROOT),
        "LC_ALL": "C",
        "TZ": "Asia/Tokyo",
    }
    done = subprocess.run(
        [sys.executable, "-c", DIGESTS, pocket.path],
        capture_output=True,
        check=True,
        cwd=tmp_path,
        env=environment,
    )
    found = json.loads(done.stdout)
    assert set(found) == {f"{name}-{runtime}" for name, runtime in ALL}
    for name, runtime in ALL:
        stamp = json.loads((exported(name, runtime) / STAMP).read_bytes())
        assert found[f"{name}-{runtime}"] == stamp["files"]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_no_two_sources_share_a_name(runtime, pocket):
    """Some build systems put every object file into one folder."""
    sources = project(read(pocket.path), runtime, links_tflm=True).sources
    compiled = [PurePosixPath(path).stem for path in sources if path.endswith((".c", ".cc"))]
    assert len(set(compiled)) == len(compiled)


def test_the_debug_log_belongs_only_to_a_library_of_the_users(pocket):
    bundle = read(pocket.path)
    assert DEBUG_LOG in project(bundle, "tflm", links_tflm=True).sources
    assert DEBUG_LOG not in project(bundle, "tflm").sources


def test_only_the_kernels_that_the_model_calls_come_along(pocket):
    kernels = {path for path in project(read(pocket.path), "native").sources if path.startswith("kernels/")}
    stems = {PurePosixPath(path).stem for path in kernels if path.startswith("kernels/portable/")}
    assert {"conv_2d", "fully_connected"} <= stems
    assert not stems & {"add", "softmax", "depthwise_conv_2d"}
    assert {"kernels/dsp/conv_dsp.c", "kernels/helium/conv_helium.c"} <= kernels
    assert not [path for path in project(read(pocket.path), "tflm").sources if "kernels/" in path]


def undefined_and_defined(objects):
    listed = subprocess.run(
        ["arm-none-eabi-nm", "-A", *objects], capture_output=True, text=True, check=True
    ).stdout
    symbols = [line.split()[-2:] for line in listed.splitlines()]
    undefined = {name for kind, name in symbols if kind == "U" and name.startswith("nonn_")}
    return undefined, {name for kind, name in symbols if kind != "U"}


CORES = [("cortex-m3", "soft"), ("cortex-m4", "soft"), ("cortex-m55", "hard")]


@pytest.mark.parametrize(("core", "abi"), CORES)
def test_what_a_kernel_needs_is_found_by_its_includes(core, abi, pocket, tmp_path):
    """For each kernel: its header alone leads to sources that link without any other."""
    command = ["arm-none-eabi-gcc", "-mthumb", f"-mcpu={core}", f"-mfloat-abi={abi}", "-O1", "-c"]
    kernels = sorted((FIRMWARE / "kernels").glob("*/*.c"))
    for kernel in kernels:
        made = tmp_path / f"{kernel.parent.name}_{kernel.stem}.o"
        subprocess.run([*command, "-I", FIRMWARE / "include", kernel, "-o", made], check=True)
    bundle = read(pocket.path)
    native = pocket.path / "native" / "model.c"
    whole = native.read_bytes()
    try:
        for header in sorted((FIRMWARE / "include" / "nonn" / "kernels").glob("*.h")):
            native.write_text(f'#include "nonn/kernels/{header.name}"\n')
            sources = project(bundle, "native").sources
            chosen = [
                PurePosixPath(path) for path in sources if path.startswith("kernels/") and path.endswith(".c")
            ]
            if chosen:
                objects = [tmp_path / f"{path.parent.name}_{path.stem}.o" for path in chosen]
                undefined, defined = undefined_and_defined(objects)
                assert undefined <= defined, header.name
    finally:
        native.write_bytes(whole)
