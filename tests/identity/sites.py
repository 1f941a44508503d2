"""Small sites for the tests of decisions."""

import numpy as np

from identity.views import unit
from unbroken.identity.gallery import Gallery
from unbroken.identity.history import History, Tracklet
from unbroken.identity.looks.bootstrap import Bootstrap
from unbroken.identity.site import Site
from unbroken.identity.whereabouts.coincidences import Coincidences, CoincidenceSettings
from unbroken.identity.whereabouts.topology import Topology, TopologySettings


def site_of(people, arrivals, settings=None):
    """A site that knows people by (camera, angle of looks), all seen at 0 to 1 s; and tracks that begin at 9 s.

    Returns:
        The site, and the slots of the arrivals.
    """
    topology = Topology(settings or TopologySettings())
    site = Site(Gallery(), History(64), topology, Coincidences(CoincidenceSettings()))
    site.likeness = Bootstrap(even=0.6, slope=20.0, dimension=8)
    site.gallery.recalibrate(site.likeness, 8)
    slots = []
    tracks = [(camera, 0.0, angle) for camera, angle in people] + [(camera, 9.0, angle) for camera, angle in arrivals]
    for number, (camera, start, angle) in enumerate(tracks):
        slot = site.history.append(
            Tracklet(camera, number, start, start + 1, unit(angle)[0]), site.topology.number(camera)
        )
        if not site.history.rows.shape[1]:
            site.history.rows = np.zeros((64, 8))
        site.project(slot)
        slots.append(slot)
        if number < len(people):
            site.history.persons[slot] = site.gallery.new_id()
            site.keep_view(slot)
    return site, slots[len(people) :]
