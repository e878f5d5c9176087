"""A bundle's drawing inside a page: what :mod:`nonn_mcu.report.timeline` draws, and nothing that acts."""

from __future__ import annotations

from xml.etree import ElementTree

from nonn_mcu.errors import BadInput

_SVG = "http://www.w3.org/2000/svg"
_ELEMENTS = frozenset({"svg", "rect", "line", "text", "title"})
_ATTRIBUTES = frozenset({
    "width", "height", "viewBox", "role", "aria-label", "x", "y", "x1", "x2", "y1", "y2", "fill",
    "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "font-family", "font-size", "font-weight",
    "text-anchor",
})  # fmt: skip


def inline(svg: bytes, source: str) -> str:
    """Give the drawing as markup for a page, built anew from what is known to be harmless.

    ``source`` names the file for the :class:`BadInput` raised where there is anything else in it.
    """
    try:
        root = ElementTree.fromstring(svg)
    except ElementTree.ParseError as error:
        raise BadInput(f"{source}: is no SVG ({error}); run convert again") from None
    for element in root.iter():
        name = str(element.tag).removeprefix(f"{{{_SVG}}}")
        if name not in _ELEMENTS:
            raise BadInput(f"{source}: holds an element {name[:40]!r}; run convert again")
        element.tag = name
        for attribute, value in element.attrib.items():
            if attribute not in _ATTRIBUTES or "url(" in value.lower():
                raise BadInput(f"{source}: holds an attribute {attribute[:40]!r}; run convert again")
    root.set("xmlns", _SVG)
    return ElementTree.tostring(root, encoding="unicode")
