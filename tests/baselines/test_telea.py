"""Telea's inpainting as a system is OpenCV's, and touches nothing that is there."""

import cv2
import numpy as np
import torch

from baselines.protocol import SystemOptions
from baselines.telea import load
from sr3.base.rng import generator_of
from sr3.degradations.protocol import choose


def test_it_fills_the_hole_as_opencv_does_and_keeps_the_rest():
    rng = np.random.default_rng(0)
    smooth = cv2.GaussianBlur(rng.random((32, 32, 3)).astype(np.float32), (0, 0), 4)
    picture = ((smooth - smooth.min()) / np.ptp(smooth) * 255).astype(np.uint8)
    batch = torch.from_numpy(picture).permute(2, 0, 1)[None]
    drawn = choose("center_mask:side=0.4", 1).draw((32, 32), [generator_of(0)])
    condition = drawn.levels(batch)
    missing = condition[0, 3].numpy() == 0
    system = load(SystemOptions(scale=1, weights="", degradation="center_mask:side=0.4"))
    made = system.upscale(condition.float() / 127.5 - 1, [generator_of(0)])
    levels = ((made[0].permute(1, 2, 0).numpy() + 1) * 127.5).round().astype(np.uint8)
    holed = condition[0, :3].permute(1, 2, 0).contiguous().numpy().astype(np.uint8)
    theirs = cv2.inpaint(holed, missing.astype(np.uint8), 3, cv2.INPAINT_TELEA)
    assert missing.sum() > 100
    assert (levels == theirs).all()
    assert (levels[~missing] == picture[~missing]).all()
    assert np.abs(levels[missing].astype(int) - picture[missing]).mean() < 30
