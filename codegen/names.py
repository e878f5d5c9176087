"""Names from a hostile file made fit for C, for comments and for people."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

LONGEST_NAME = 47  # what the manifest allows; the device sends at most 63 characters
LONGEST_LAYER = 40

_KEYWORDS = frozenset({
    "alignas", "alignof", "and", "and_eq", "asm", "auto", "bitand", "bitor", "bool", "break", "case",
    "catch", "char", "class", "compl", "concept", "const", "consteval", "constexpr", "constinit",
    "continue", "decltype", "default", "delete", "do", "double", "dynamic_cast", "else", "enum", "explicit",
    "export", "extern", "false", "float", "for", "friend", "goto", "if", "inline", "int", "long", "main",
    "mutable", "namespace", "new", "noexcept", "not", "not_eq", "nullptr", "operator", "or", "or_eq",
    "private", "protected", "public", "register", "reinterpret_cast", "requires", "restrict", "return",
    "short", "signed", "sizeof", "static", "static_assert", "static_cast", "struct", "switch", "template",
    "this", "thread_local", "throw", "true", "try", "typedef", "typeid", "typename", "typeof", "union",
    "unsigned", "using", "virtual", "void", "volatile", "wchar_t", "while", "xor", "xor_eq",
})  # fmt: skip

# What a converter appends to a path although the layer is already named by the part before it.
_TAILS = frozenset({
    "Relu", "Relu6", "Conv2D", "BiasAdd", "MatMul", "depthwise", "add", "AvgPool", "MaxPool", "Reshape",
    "Mul", "Sub", "Add", "Softmax", "Sigmoid", "Tanh", "Mean", "FusedBatchNormV3", "ReadVariableOp",
    "resource",
})  # fmt: skip

# The origin that names a fused layer best.
_WEIGHTED = frozenset({"BiasAdd"})


def printable(text: str, limit: int = 80) -> str:
    """One line of printable ASCII without quotes or backslashes, cut to ``limit`` characters."""
    ascii_text = "".join(c if " " <= c <= "~" and c not in '"\\' else "?" for c in text)
    return ascii_text if len(ascii_text) <= limit else ascii_text[: limit - 3] + "..."


def comment(text: str, limit: int = 400) -> str:
    """Text that cannot end a C comment, continue a line or form a trigraph."""
    safe = printable(text, limit)
    return re.sub(r"\*(?=/)|/(?=\*)|\?(?=\?)", r"\g<0> ", safe)


def identifier(text: str, limit: int = LONGEST_NAME) -> str:
    """Make a lower-case C identifier that is neither reserved nor a keyword; ``model`` if nothing is left.

    Letters outside ASCII lose their accents where Unicode says how, else become underscores.
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).lower()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:limit].rstrip("_")
    if not name:
        return "model"
    if name[0].isdigit():
        name = f"m{name}"[:limit]
    return f"{name}_" if name in _KEYWORDS else name


def layer_name(tensor_name: str, kind: str) -> str:
    """Make a short name for the layer that writes this tensor, for example ``conv2d_1``.

    A fused tensor lists all its origins, separated by semicolons; the one of the weights is taken where
    there is one, else the first, without the part that every path of the model shares and without the
    operation that its layer implies. In an ONNX exporter's name, the torch module's path is taken.
    """
    if module := source_module(tensor_name):
        operation, _, detail = tensor_name.split(";", maxsplit=1)[0].rsplit("/", 1)[-1].partition("_")
        implied = (
            operation in ("Conv", "Gemm", "MatMul") or operation.lower() == module.split(".")[-1].lower()
        )
        words = [module, "" if implied else operation, "" if detail.isdigit() else detail]
        return identifier("_".join(words), LONGEST_LAYER)
    origins = [[part for part in origin.split("/") if part] for origin in tensor_name.split(";")]
    weighted = [parts for parts in origins if parts and parts[-1].rstrip("0123456789") in _WEIGHTED]
    parts = (weighted or origins)[0]
    while len(parts) > 1 and parts[-1].rstrip("0123456789") in _TAILS:
        parts.pop()
    if len(parts) > 1 and re.fullmatch(r"model(_\d+)?|functional(_\d+)?|sequential(_\d+)?", parts[0]):
        parts = parts[1:]
    name = identifier("_".join(parts[-3:]), LONGEST_LAYER) if parts else ""
    return identifier(kind) if re.match(r"model$|identity|statefulpartitionedcall|$", name) else name


def unique(names: Iterable[str]) -> tuple[str, ...]:
    """Return the same names, with ``_2``, ``_3``, ... appended to those seen before."""
    seen: set[str] = set()
    result = []
    for name in names:
        candidate, count = name, 1
        while candidate in seen:
            count += 1
            candidate = f"{name}_{count}"
        seen.add(candidate)
        result.append(candidate)
    return tuple(result)


def source_module(tensor_name: str) -> str:
    """Read the torch module's path out of an exporter's name (``/layer1/layer1.0/conv1/Conv``), or "".

    torch.onnx names a node by the path of its modules, each with the full path so far; the deepest one
    that extends its parent is the module.
    """
    for origin in tensor_name.split(";"):
        parts = [part for part in origin.split("/") if part][:-1]
        if origin.startswith("/") and parts:
            path = parts[0]
            for part in parts[1:]:
                path = part if part.startswith(f"{path}.") else f"{path}.{part}"
            if re.fullmatch(r"[\w.]{1,100}", path):
                return path
    return ""
