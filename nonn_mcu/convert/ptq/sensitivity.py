"""How much an error in an activation matters at the outputs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nonn_mcu.codegen.graph import Graph

# Largest share by which the differentiated twin may be off the twin itself.
_TOLERANCE = 1e-3
_BATCH = 16


def sensitivities(
    graph: Graph, x: np.ndarray, references: Sequence[np.ndarray]
) -> dict[int, np.ndarray] | None:
    """Give for every activation of a float graph, by index, what noise of power 1 adds at the outputs.

    ``x`` is float32 ``(N, *shape)``, ``references`` what the graph makes of it. Each is float64 ``(C,)``, by
    channel: the squared derivative of the outputs, summed over places and averaged over samples, as a share
    of their power. Places where an activation is zero do not count: zero is exact in any scale. None where an
    operator cannot be differentiated here.
    """
    import torch

    from nonn_mcu.convert.ptq import torch_twin

    rng = np.random.RandomState(0)
    powers = [float(np.square(r, dtype=np.float64).sum()) / len(r) + 1e-30 for r in references]
    total: dict[int, np.ndarray] = {}
    for start in range(0, len(x), _BATCH):
        part = slice(start, start + _BATCH)
        values = torch_twin.run(graph, torch.from_numpy(x[part]).requires_grad_())
        if values is None:
            return None
        loss = torch.zeros(())
        for index, reference, power in zip(graph.outputs, references, powers, strict=True):
            off = np.abs(values[index].detach().numpy() - reference[part]).max()
            if off > _TOLERANCE * np.abs(reference).max():
                return None
            # with random signs the outputs' cross terms vanish on average
            signs = torch.from_numpy(rng.choice(np.array([-1, 1], np.float32), values[index].shape))
            loss = loss + (values[index] * signs).sum() / power**0.5
        gradients = torch.autograd.grad(loss, list(values.values()), allow_unused=True)
        for (index, value), gradient in zip(values.items(), gradients, strict=True):
            if gradient is not None:
                felt = (gradient.square() * (value.detach() != 0)).reshape(-1, value.shape[-1])
                total[index] = total.get(index, 0.0) + felt.double().sum(0).numpy() / len(x)
    return total
