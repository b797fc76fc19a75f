"""Gaussian blur, against scikit-image's."""

import numpy as np
import pytest
import torch
from skimage.filters import gaussian

from sr3.pictures.blur import gaussian_blur


@pytest.mark.parametrize("sigma", [0.4, 0.8, 1.5])
def test_blur_agrees_with_scikit_image(sigma):
    pictures = torch.rand(2, 3, 20, 20, generator=torch.manual_seed(0))
    found = gaussian_blur(pictures, torch.full((2,), sigma), sigma)
    for got, picture in zip(found, pictures, strict=True):
        radius = max(1, round(3 * sigma))
        wanted = gaussian(
            picture.numpy(), sigma, mode="mirror", truncate=radius / sigma, channel_axis=0
        )
        np.testing.assert_allclose(got.numpy(), wanted, atol=1e-6)
