"""A classifier of series that reads them step by step."""

from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 6, num_layers=2, batch_first=True)
        self.head = nn.Linear(6, 2)

    def forward(self, x):
        outputs, _ = self.lstm(x)
        return self.head(outputs[:, -1]).softmax(-1)
