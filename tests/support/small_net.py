"""A network for the tests of loading; in a module with a name of its own, so that it can be pickled."""

import torch


class SmallNet(torch.nn.Module):
    """Importable by name, so that it can be pickled."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 3)
        self.bn = torch.nn.BatchNorm2d(4)
        self.fc = torch.nn.Linear(4 * 36, 5)

    def forward(self, x):
        return self.fc(torch.relu(self.bn(self.conv(x))).flatten(1))
