"""What happened, on its way out: envelopes, a spool on disk, and outlets that deliver from it."""
