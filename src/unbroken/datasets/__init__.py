"""Files of the field: MOTChallenge, WILDTRACK, multi-view sets, and the synthetic world."""
