"""Who could be whom: costs, assignment and stages."""
