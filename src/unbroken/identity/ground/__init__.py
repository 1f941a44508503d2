"""What calibrated cameras see together: tracks on the ground, in metres."""
