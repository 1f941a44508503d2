"""How good is an answer: HOTA, CLEAR and Identity, for one camera, many cameras and the ground plane."""
