"""The dashboard of a site: one page, one WebSocket, a JSON API, metrics and probes, for those who may see them."""
