"""Settings become a wired site: the only room that names concrete classes."""
