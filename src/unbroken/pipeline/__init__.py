"""One pure step per camera, one site over all of them."""
