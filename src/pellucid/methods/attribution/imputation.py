"""Noisy linear imputation of windows (Rong et al. 2022, ROAD): hidden pixels become weighted means of their neighbors, plus some noise."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from pellucid.explanation.spec import InputSpec

DIRECT, DIAGONAL = 1 / 6, 1 / 12  # weights of the neighbors that share a side and a corner
NOISE = 0.01  # standard deviation, as a share of the row's range
NAME = "noisy linear imputation"


class Imputation:
    """Fills square windows from the pixels around them; one solve for each way a window can touch the image's borders.

    The noise of a window is the same for all rows and seeds: an in-fill, not a draw.
    """

    def __init__(self, shape: tuple[int, ...], spec: InputSpec, window: tuple[int, int], starts: Tensor) -> None:
        """Windows of rows of this shape with their upper left corners at ``starts`` (window, 2)."""
        self.at = (1 + spec.axes.index("y"), 1 + spec.axes.index("x"))
        size = (shape[self.at[0] - 1], shape[self.at[1] - 1])
        corners = starts.tolist()
        kinds: dict[tuple[bool, ...], tuple[np.ndarray, np.ndarray]] = {}
        inside: list[Tensor] = []
        around: list[Tensor] = []
        self.weights: list[Tensor] = []
        for y, x in corners:
            touches = (y == 0, x == 0, y + window[0] == size[0], x + window[1] == size[1])
            if touches not in kinds:
                kinds[touches] = _solved(window, touches)
            offsets, solution = kinds[touches]
            ring = np.where((np.abs(solution).sum(0) > 0)[:, None], offsets + np.array([y, x]), 0)  # what lies outside has no weight
            around.append(torch.from_numpy(ring[:, 0] * size[1] + ring[:, 1]))
            self.weights.append(torch.from_numpy(solution))
            rows, columns = np.mgrid[y : y + window[0], x : x + window[1]]
            inside.append(torch.from_numpy((rows * size[1] + columns).reshape(-1)))
        self.inside, self.around = torch.stack(inside), torch.stack(around)
        generator = torch.Generator().manual_seed(0)
        self.noise = torch.randn(len(corners), self.inside.shape[1], generator=generator, dtype=torch.float64) * NOISE

    def fill(self, batch: Tensor, samples: Tensor) -> Tensor:
        """Rows (batch, ...) with window ``samples[k]`` of row k imputed."""
        moved = batch.movedim(self.at, (-2, -1))
        flat = moved.reshape(len(batch), -1, moved.shape[-2] * moved.shape[-1]).clone()
        low, high = torch.aminmax(flat.reshape(len(flat), -1), dim=1)
        for k, window in enumerate(samples.tolist()):
            weights = self.weights[window].to(flat)
            found = flat[k][:, self.around[window].to(flat.device)] @ weights.T + self.noise[window].to(flat) * (high[k] - low[k])
            flat[k][:, self.inside[window].to(flat.device)] = found
        return flat.reshape(moved.shape).movedim((-2, -1), self.at)


def _solved(window: tuple[int, int], touches: tuple[bool, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The pixels around a window, as offsets (around, 2) from its corner, and their weights (inside, around) in each pixel of it."""
    height, width = window
    top, left, bottom, right = touches
    ring = [(y, x) for y in range(-1, height + 1) for x in range(-1, width + 1) if not (0 <= y < height and 0 <= x < width)]
    exists = [not ((y < 0 and top) or (x < 0 and left) or (y == height and bottom) or (x == width and right)) for y, x in ring]
    number = {place: k for k, place in enumerate(ring)}
    system, sides = np.eye(height * width), np.zeros((height * width, len(ring)))
    for y in range(height):
        for x in range(width):
            near = {(y + dy, x + dx): DIRECT if 0 in (dy, dx) else DIAGONAL for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0)}
            known = {place: weight for place, weight in near.items() if place not in number or exists[number[place]]}
            whole = sum(known.values())
            for place, weight in known.items():
                if place in number:
                    sides[y * width + x, number[place]] += weight / whole
                else:
                    system[y * width + x, place[0] * width + place[1]] -= weight / whole
    return np.array(ring), np.linalg.solve(system, sides) if any(exists) else np.zeros_like(sides)
