"""The values that move between rooms, the ports they move through, and the tree of errors."""
