"""The base install on a Raspberry Pi's systems, emulated: make test-pi, as root (docs/raspberry-pi.md).

For each system: a Debian root for its processor, run by QEMU's user mode; the wheel of this checkout and the
wheels for that processor, in an empty environment; then there ``nonn-mcu ports`` and ``verify`` against an
emulated microcontroller that runs outside, and ``nonn-mcu serve`` by every runtime, verified from outside.
The roots stay in build/pi, so that a second run makes none. Every command in a root has its mounts in a
namespace of its own, which ends with it.
"""
# ruff: noqa: T201

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.installed import base_install

from nonn_mcu import boards
from nonn_mcu.boards.start import build_and_start

ROOT = Path(__file__).resolve().parents[2]
PI = ROOT / "build" / "pi"
BIN = Path(sys.executable).parent
BOARD = "mps2-an386"
PACKAGES = ("python3", "python3-venv")
COMPILER = ("gcc", "libc6-dev", "make", "cmake")
TOOLS = {"debootstrap": "debootstrap", "qemu-arm-static": "qemu-user-static"}
SOURCE_ONLY = ("cobs",)  # no wheel for Linux; its C part, built for this machine, is left out there
PYTHON = "/root/venv/bin/python"
NONN_MCU = (PYTHON, "-m", "nonn_mcu.cli")
PIP = ("--quiet", "--disable-pip-version-check", "--no-deps", "--no-compile")
VECTORS = "50"
SERVE_SECONDS = 1800  # to compile the native runtime: minutes, emulated
# Nothing of this machine's settings reaches a root.
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
    "NO_COLOR": "1",
}


@dataclass(frozen=True)
class System:
    """A Raspberry Pi's system: Debian's names for it, the processor as QEMU and as wheels call it.

    ``packages`` are Debian's, for what the package index has no wheel of; the rest of the base install comes
    from there. ``runtimes`` are those that ``serve`` is run with, each with the wheels for it.
    """

    suite: str
    arch: str
    python: str
    glibc: int  # 2 and this
    processor: str
    machine: str
    runtimes: Mapping[str, tuple[str, ...]]
    packages: tuple[str, ...] = ()

    @property
    def root(self) -> Path:
        return PI / f"{self.suite}-{self.arch}"


SYSTEMS = (
    System(
        *("bookworm", "arm64", "3.11", 36, "aarch64", "aarch64"),
        runtimes={"litert": ("ai-edge-litert==2.3.0",)},
    ),
    System(
        *("trixie", "armhf", "3.13", 41, "arm", "armv7l"),
        runtimes={"native": ()},
        packages=("python3-numpy", *COMPILER),
    ),
)


class Failed(Exception):
    """A step went wrong; the message is what it said."""


def main() -> int:
    if os.geteuid() != 0:
        print("error: the emulated systems need chroot and mounts; run make test-pi as root", file=sys.stderr)
        return 2
    missing = {package for tool, package in TOOLS.items() if shutil.which(tool) is None}
    if missing:
        print(f"error: install with: apt-get install {' '.join(sorted(missing))}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the kernel's rules are taken back
    try:
        wheel, bundle = make_wheel(), make_bundle()
        with ExitStack() as stack, ThreadPoolExecutor() as pool:
            for processor in {system.processor for system in SYSTEMS}:
                stack.enter_context(emulated(processor))
            list(pool.map(lambda system: check(system, wheel, bundle), SYSTEMS))
    except Failed as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def make_wheel() -> Path:
    """Build this checkout's wheel."""
    shutil.rmtree(PI / "wheel", ignore_errors=True)
    run(BIN / "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", PI / "wheel", ROOT)
    (wheel,) = (PI / "wheel").glob("*.whl")
    return wheel


def make_bundle() -> Path:
    """Train and convert the example's network."""
    shutil.rmtree(PI / "digits", ignore_errors=True)
    run(BIN / "python", ROOT / "examples" / "digits" / "train.py", PI / "digits.pt")
    run(BIN / "nonn-mcu", "convert", PI / "digits.pt", "-o", PI / "digits")
    return PI / "digits"


def check(system: System, wheel: Path, bundle: Path) -> None:
    """Install in the system's root, verify from it and serve from it. Raises :class:`Failed`."""
    with step(system, "make the root"):
        make_root(system)
    for old in ("venv", "digits"):
        shutil.rmtree(system.root / "root" / old, ignore_errors=True)
    shutil.copytree(bundle, system.root / "root" / "digits")
    with step(system, "install the base"):
        install_base(system, wheel)
    with step(system, "nonn-mcu --version") as say:
        say(inside(system, *NONN_MCU, "--version"))
    with build_and_start(bundle, boards.get(BOARD)) as board:
        with step(system, f"nonn-mcu ports: {BOARD}"):
            inside(system, *NONN_MCU, "ports", board.port)
        with step(system, f"nonn-mcu verify: {BOARD}") as say:
            say(judge(inside(system, *NONN_MCU, *verify("/root/digits", board.port)), exact=True))
    for runtime, requirements in system.runtimes.items():
        if requirements:
            install(system, *requirements)
        with served(system, runtime) as url, step(system, f"serve, {runtime}: verified") as say:
            report = run(BIN / "nonn-mcu", *verify(bundle, url), codes=(0, 1))
            say(judge(report, exact=runtime == "native"))


def make_root(system: System) -> None:
    """Make the root unless it is there with all its packages.

    They are unpacked from here and not configured there: emulated, that would take most of the time.
    """
    packages = ",".join(PACKAGES + system.packages)
    root, stamp = system.root, system.root / "packages"
    if stamp.is_file() and stamp.read_text(encoding="ascii") == packages:
        return
    shutil.rmtree(root, ignore_errors=True)
    options = ("--foreign", f"--arch={system.arch}", "--variant=minbase", f"--include={packages}")
    run("debootstrap", *options, system.suite, root)
    unpack = 'dpkg-deb --fsys-tarfile "$0" | tar --extract --keep-directory-symlink --directory "$1"'
    for package in (root / "var" / "cache" / "apt" / "archives").glob("*.deb"):
        run("sh", "-ec", unpack, package, root)
    # The alternatives that their scripts would choose: cc, and what Debian's numpy computes with.
    (root / "usr" / "bin" / "cc").symlink_to("gcc")
    for name in ("blas", "lapack"):
        for folder in root.glob(f"usr/lib/*/{name}"):
            (folder.parent / f"lib{name}.so.3").symlink_to(f"{name}/lib{name}.so.3")
    if (root / "proc").is_symlink():
        (root / "proc").unlink()
    (root / "proc").mkdir(exist_ok=True)
    stamp.write_text(packages, encoding="ascii")


def install_base(system: System, wheel: Path) -> None:
    """Make an environment and install the wheel there with all that it asks for."""
    debian = ("--system-site-packages",) if system.packages else ()
    inside(system, "python3", "-m", "venv", "--without-pip", *debian, "/root/venv")
    base = {one.name: f"{one.name}=={one.version}" for one in base_install(wheel)}
    from_debian = {package.removeprefix("python3-") for package in system.packages}
    install(system, str(wheel), *(base[name] for name in base if name not in (*SOURCE_ONLY, *from_debian)))
    for name in SOURCE_ONLY:
        run(BIN / "pip", "install", *PIP, "--target", site(system), base[name])


def install(system: System, *requirements: str) -> None:
    """Put wheels for the system's processor, Python and C library into its environment.

    pip itself runs here: emulated, it takes minutes. Raises :class:`Failed` where there is no such wheel.
    """
    platforms = [f"--platform=manylinux_2_{minor}_{system.machine}" for minor in range(17, system.glibc + 1)]
    target = ("--only-binary=:all:", f"--python-version={system.python}", *platforms)
    run(BIN / "pip", "install", *PIP, "--implementation=cp", *target, "--target", site(system), *requirements)


def site(system: System) -> Path:
    return system.root / "root" / "venv" / "lib" / f"python{system.python}" / "site-packages"


@contextmanager
def emulated(processor: str) -> Iterator[None]:
    """Let the kernel give the processor's programs to QEMU, unless it does already; undone at the end.

    The kernel forgets its rules with the last mount of them, so a process of its own holds one until its
    input ends.
    """
    rules, ours = "/proc/sys/fs/binfmt_misc", f"qemu-{processor}"
    hold = (
        f"[ -e {rules}/register ] || mount -t binfmt_misc none {rules}; cd {rules}\n"
        f"[ -e {ours} ] && known=1; [ $known ] || cat /usr/lib/binfmt.d/{ours}.conf > register\n"
        f"echo ready; read end || [ $known ] || echo -1 > {ours}"
    )
    with subprocess.Popen(
        ("unshare", "--mount", "sh", "-ec", hold),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is not for it
    ) as holder:
        assert holder.stdin is not None and holder.stdout is not None
        if holder.stdout.readline() != "ready\n":
            raise Failed(f"the kernel takes no rule for {processor}'s programs (binfmt_misc)")
        try:
            yield
        finally:
            holder.stdin.close()


@contextmanager
def served(system: System, runtime: str) -> Iterator[str]:
    """Serve the bundle from inside; gives the address."""
    command = (*NONN_MCU, "serve", "/root/digits", "--listen", "127.0.0.1:0", "--runtime", runtime)
    log = system.root / "root" / "serve.log"
    with (
        log.open("w") as stderr,
        subprocess.Popen(
            entered(system, *command),
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            with step(system, f"serve, {runtime}: starts"):
                ready = select.select([process.stdout], [], [], SERVE_SECONDS)[0]
                line = process.stdout.readline() if ready else ""
                if " on tcp://" not in line:
                    raise Failed(f"nonn-mcu serve --runtime {runtime} says {line!r}; the log is {log}")
            yield line.split()[-1]
        finally:
            process.terminate()


def verify(bundle: str | Path, port: str) -> tuple[str, ...]:
    return ("verify", str(bundle), "--port", port, "--vectors", VECTORS, "--layers", "--json")


def judge(report: str, exact: bool) -> str:
    """Say what verify found; an interpreter may be one step off in rare values (docs/serve.md)."""
    (found,) = json.loads(report)["devices"]
    conformance = found["conformance"]
    most = max(int(lsb) for lsb in conformance["lsb_histogram"])
    if most > (0 if exact else 1) or conformance["unstable_vectors"] or found["fidelity"]["shortfalls"]:
        raise Failed(report)
    equal = conformance["values"] - conformance["mismatching_values"]
    return f"core {found['device']['core']}, {equal} of {conformance['values']} values equal"


def entered(system: System, *command: str | Path) -> tuple[str | Path, ...]:
    """Give the command that runs another in the system's root, where this machine's devices are."""
    mounts = 'mount --rbind /dev "$0/dev"; mount -t proc proc "$0/proc"; exec chroot "$0" "$@"'
    return ("unshare", "--mount", "sh", "-ec", mounts, system.root, *command)


def inside(system: System, *command: str) -> str:
    """Run a command in the system's root; gives its stdout."""
    return run(*entered(system, *command), environment=ENVIRONMENT)


def run(
    *command: str | Path, codes: tuple[int, ...] = (0,), environment: Mapping[str, str] | None = None
) -> str:
    """Run a command; gives its stdout. Raises :class:`Failed` with all it said."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode not in codes:
        words = " ".join(map(str, command))
        raise Failed(f"{words}: exit code {done.returncode}\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout


@contextmanager
def step(system: System, what: str) -> Iterator[Callable[[str], None]]:
    """Time a step and print its line, with what it has to say."""
    said: list[str] = []
    began = time.monotonic()
    yield lambda text: said.append(text.strip())
    seconds = f"{time.monotonic() - began:6.1f} s"
    print(f"{system.suite:9}{system.arch:6} {what:26} {seconds}  {', '.join(said)}".rstrip(), flush=True)


if __name__ == "__main__":
    sys.exit(main())
