"""Who is who over all cameras: features, likelihoods, gallery, topology, ground plane, decisions."""
