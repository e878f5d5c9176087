"""Train a network on scikit-learn's handwritten digits, 8x8 grey images, and save it as a checkpoint.

    python examples/digits/train.py build/digits.pt                     # a student for one device
    python examples/digits/train.py build/teacher.pt --arch wrn16-2     # a teacher for a network of them

The student is a DS-CNN of 5,002 parameters with residual adds: a convolution, three depthwise separable
blocks, a mean and a linear layer. The teacher is a wide ResNet of 691,386 parameters, too large for a device
of 500 KB. The same seed gives the same file on one machine.
"""

import argparse
import sys
import time
from pathlib import Path

import torch
from torch import nn

from nonn_mcu import calib, students
from nonn_mcu.errors import NonnError
from nonn_mcu.students import zoo

# the zoo's arguments of each network
ARCHS = {
    "ds-cnn-32": {
        "classes": 10,
        "blocks": 3,
        "kernel_h": 3,
        "kernel_w": 3,
        "stride": 1,
        "residual": 1,
        "height": 8,
        "columns": 8,
    },
    "wrn16-2": {"classes": 10, "channels": 1},
}
INPUT = students.input_spec((1, 8, 8), "CHW", mean=(0.3,), std=(0.38,), labels=tuple("0123456789"))


def accuracy(model: nn.Module, samples: calib.Samples) -> float:
    """Share of samples, in 0..1, whose largest output is their label."""
    with torch.no_grad():
        predicted = model(torch.from_numpy(samples.x)).argmax(1).numpy()
    return float((predicted == samples.labels).mean())


def train(arch: str, epochs: int, seed: int) -> nn.Module:
    """Train on the training part with Adam and a one-cycle rate, printing a line every few epochs."""
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)  # the sums do not depend on the number of cores
    train_set = calib.load("digits", INPUT)
    test_set = calib.load("digits", INPUT, split="test")
    x, y = torch.from_numpy(train_set.x), torch.from_numpy(train_set.labels)
    model = zoo.build(arch, **ARCHS[arch])
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=1e-2)
    batch = 64
    steps = epochs * (len(x) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=1e-2, total_steps=steps)
    for epoch in range(1, epochs + 1):
        model.train()
        order = torch.randperm(len(x))
        for start in range(0, len(x) - batch + 1, batch):
            chosen = order[start : start + batch]
            loss = nn.functional.cross_entropy(model(x[chosen]), y[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        model.eval()
        if epoch % 4 == 0 or epoch == epochs:
            print(f"epoch {epoch:2}/{epochs}: loss {loss.item():.3f}, test {accuracy(model, test_set):.1%}")
    return model


def main() -> int:
    """Parse the command line, train, save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path, help="where to write the checkpoint, such as build/digits.pt")
    parser.add_argument("--arch", choices=ARCHS, default="ds-cnn-32")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    begin = time.monotonic()
    model = train(args.arch, args.epochs, args.seed)
    try:
        students.save(args.output, model, args.arch, INPUT, arch_args=ARCHS[args.arch], calibration="digits")
    except NonnError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    count = sum(parameter.numel() for parameter in model.parameters())
    print(f"wrote {args.output}: {args.arch}, {count:,} parameters, {time.monotonic() - begin:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
