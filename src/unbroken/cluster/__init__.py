"""A site on many machines: nodes run cameras, one writer gives the Global IDs, a bus over TCP joins them."""
