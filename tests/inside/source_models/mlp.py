"""A plain network of a table, its activation a function."""

import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(6, 8)
        self.fc2 = nn.Linear(8, 8)
        self.out = nn.Linear(8, 3)

    def forward(self, x):
        x = F.relu(self.fc1(x))  # the first hidden layer
        x = F.relu(self.fc2(x))
        return self.out(x)
