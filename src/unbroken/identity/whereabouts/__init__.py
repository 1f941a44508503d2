"""What times and places say: ways between cameras, positions, who stood where."""
