"""Crops to features: Re-ID nets and the built-in descriptor."""
