"""A page with everything on it, and a browser to look at pages with."""

import shutil
from pathlib import Path

import pytest

from nonn_mcu.bundle import Bundle
from nonn_mcu.codegen import generate
from nonn_mcu.report import timeline

CHROMIUM = shutil.which("chromium")


@pytest.fixture(scope="session")
def bundled(tmp_path_factory) -> Bundle:
    pytest.importorskip("tflite_micro", reason="the oracle needs the tflite-micro wheel")
    from support.bundles import NAME, make_bundle, model

    made = generate(model(), NAME)
    plan = {"arena.svg": timeline.svg(made.reference, made.graph)}
    return make_bundle(Path(tmp_path_factory.mktemp("report")) / "pocket", more=plan)


@pytest.fixture(scope="session")
def values(bundled):
    """A converted student with its steps, and two devices: one that matches, one whose layer 1 does not."""
    from support.pages import everything

    return everything(bundled)


@pytest.fixture(scope="session")
def browser():
    """Chromium of the distribution, without a display."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed: nothing looks at the page")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright drives chromium")
    flags = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=CHROMIUM, args=[*flags, "--disable-sync"])
        yield found
        found.close()
