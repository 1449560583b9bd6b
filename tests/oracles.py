"""Slow second implementations in NumPy, written from the definitions, for tests to compare with."""

import numpy as np


def conv2d_oracle(images, kernels, strides=(1, 1), padding=(0, 0)):
    """Convolve images (batch, in, rows, columns) with flipped kernels (out, in, rows, columns)."""
    top, left = padding
    images = np.pad(images, ((0, 0), (0, 0), (top, top), (left, left)))
    flipped = kernels[:, :, ::-1, ::-1]
    rows, columns = kernels.shape[2:]
    outputs = []
    for row in range(0, images.shape[2] - rows + 1, strides[0]):
        line = []
        for column in range(0, images.shape[3] - columns + 1, strides[1]):
            window = images[:, :, row : row + rows, column : column + columns]
            line.append(np.einsum("ncij,ocij->no", window, flipped))
        outputs.append(line)
    # (rows, columns, batch, out)
    return np.array(outputs).transpose(2, 3, 0, 1)


def crelu_oracle(x):
    """[x where x > 0, -x where x < 0] along axis 1, one number at a time."""
    halves = [np.zeros_like(x), np.zeros_like(x)]
    for index, value in np.ndenumerate(x):
        halves[0 if value > 0 else 1][index] = abs(value)
    return np.concatenate(halves, axis=1)


def pool2d_oracle(images, s=(2, 2), strides=(2, 2), reduce=np.max):
    """The `reduce` of each whole window of images (batch, channels, rows, columns)."""
    return np.array(
        [
            [
                reduce(images[:, :, r : r + s[0], c : c + s[1]], axis=(2, 3))
                for c in range(0, images.shape[3] - s[1] + 1, strides[1])
            ]
            for r in range(0, images.shape[2] - s[0] + 1, strides[0])
        ]
    ).transpose(2, 3, 0, 1)
