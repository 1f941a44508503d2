"""Pictures out: boxes, trails, mosaics, plots, reports."""
