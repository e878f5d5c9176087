#!/usr/bin/env bash
# Installs what the demo and the tests need, once: compilers and the emulator from the distribution,
# Python packages into .venv. Prints what it does; runs again only when the list below changes.
set -euo pipefail
cd "$(dirname "$0")"

# command it gives : Debian or Ubuntu package
TOOLS="arm-none-eabi-gcc:gcc-arm-none-eabi qemu-system-arm:qemu-system-arm cmake:cmake gcc:gcc g++:g++ make:make
       clang-format:clang-format openocd:openocd aarch64-linux-gnu-gcc:gcc-aarch64-linux-gnu
       arm-linux-gnueabihf-gcc:gcc-arm-linux-gnueabihf qemu-aarch64:qemu-user"
PACKAGES="libnewlib-arm-none-eabi libc6-dev libc6-dev-arm64-cross libc6-dev-armhf-cross"

missing=""
for pair in $TOOLS; do
    command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair##*:}"
done
if command -v dpkg-query >/dev/null; then
    for package in $PACKAGES; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
    done
    python3 -c 'import ensurepip' 2>/dev/null || missing="$missing python3-venv"
fi

as_root=""
if [ "$(id -u)" != 0 ]; then
    as_root="sudo"
    if ! sudo -n true 2>/dev/null && ! { [ -t 0 ] && command -v sudo >/dev/null; }; then as_root="none"; fi
fi
command -v apt-get >/dev/null || as_root="none"

install() { # packages of the distribution
    echo "installing: $*"
    $as_root apt-get update -qq
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

if [ -n "$missing" ]; then
    if [ "$as_root" = none ]; then
        echo "error: these packages are missing and cannot be installed from here:$missing" >&2
        echo "       ask for: apt-get install --no-install-recommends$missing" >&2
        exit 2
    fi
    # shellcheck disable=SC2086 # a list of words
    install $missing
fi

python3 -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || {
    echo "error: Python 3.11 to 3.13 is needed (the tflite-micro wheel has no other); python3 is $(python3 -V)" >&2
    exit 2
}

stamp=.venv/installed
wanted=$(cat pyproject.toml setup.sh | sha256sum)
if [ "$(cat $stamp 2>/dev/null)" != "$wanted" ]; then
    echo "installing the Python packages into .venv (about 3 GB; several minutes the first time)"
    [ -x .venv/bin/python ] || python3 -m venv .venv
    # torch first and exactly: an open range may choose a build of several more gigabytes.
    .venv/bin/pip install --quiet --disable-pip-version-check torch==2.13.0
    .venv/bin/pip install --quiet --disable-pip-version-check --editable '.[convert,nonn,dev]'
    # Not every distribution has it as a package.
    if ! command -v chromium >/dev/null; then
        { [ "$as_root" != none ] && install chromium fonts-dejavu-core; } ||
            echo "note: no chromium; the tests that look at the report in a browser are skipped"
    fi
    echo "$wanted" >$stamp
fi
