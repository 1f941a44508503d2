"""People in pictures: decoders of nets, the built-in motion detector, recorded detections."""
