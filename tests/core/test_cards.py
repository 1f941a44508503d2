"""How a picture becomes a net's input: equal to what OpenCV makes of it."""

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from unbroken.core.cards import InputSpec


@given(st.sampled_from(["BGR", "RGB"]), st.sampled_from([1.0, 255.0]), st.integers(0, 2**31))
def test_a_blob_equals_opencvs(order, scale, seed):
    rng = np.random.default_rng(seed)
    images = [rng.integers(0, 256, (6, 5, 3), dtype=np.uint8) for _ in range(2)]
    mean, std = rng.uniform(0, 1, 3), rng.uniform(0.2, 2, 3)
    spec = InputSpec(5, 6, order, scale, tuple(mean), tuple(std))
    plain = cv2.dnn.blobFromImages(images, 1 / scale, swapRB=order == "RGB")
    wanted = (plain - mean[:, None, None]) / std[:, None, None]
    np.testing.assert_allclose(spec.blob(images), wanted, rtol=1e-4, atol=1e-4)


def test_the_textbook_blob_of_yolo_is_a_card():
    image = np.random.default_rng(0).integers(0, 256, (416, 416, 3), dtype=np.uint8)
    wanted = cv2.dnn.blobFromImage(image, 1 / 255, (416, 416), swapRB=True, crop=False)
    np.testing.assert_allclose(InputSpec(416, 416, "RGB", 255.0).blob([image]), wanted, atol=1e-6)
