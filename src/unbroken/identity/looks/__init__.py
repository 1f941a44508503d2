"""What looks say: vectors of tracks, and a likelihood ratio that is learnt without labels."""
