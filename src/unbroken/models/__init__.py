"""Cards of nets, and the files they describe."""
