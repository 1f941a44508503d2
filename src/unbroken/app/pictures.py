"""One picture per track of a person, kept where a site asks for it: the best one, heads blurred unless told not to."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from unbroken.app.lasting import Memory
from unbroken.app.storage import album_of
from unbroken.config.site import SiteSettings
from unbroken.core.errors import StoreError
from unbroken.core.events import Event, PersonForgotten
from unbroken.core.frames import Frame
from unbroken.core.results import FrameResult
from unbroken.core.sightings import IdentityState
from unbroken.pipeline.lasting import Lasting
from unbroken.render.portraits import cut_out, encoded, view_qualities
from unbroken.storage.pictures import Album
from unbroken.storage.sealing import seal_from

HEIGHT = 256
"""Pixels: higher pictures are made smaller."""
_BETTER = 1.25
"""A picture takes the place of the one kept where it is better by this factor."""
_REMEMBERED = 4096
_LOG = logging.getLogger(__name__)


class KeptPictures:
    """A sink that keeps a picture of everybody whose Global ID is confirmed.

    A picture that cannot be written is told once in the log; the site goes on without it.

    Args:
        album: where pictures go.
        blur: whether heads are blurred.
        epoch_of: the present epoch of a camera, as the identity engine counts it.
    """

    def __init__(self, album: Album, epoch_of: Callable[[str], int], *, blur: bool) -> None:
        self._album = album
        self._epoch_of = epoch_of
        self._blur = blur
        self._best: OrderedDict[tuple[str, int, int], float] = OrderedDict()
        self._failing = False

    def write(self, frame: Frame, result: FrameResult, events: Sequence[Event]) -> None:
        """Keep what is better than before; once somebody is forgotten, everybody's next picture is."""
        if any(isinstance(event, PersonForgotten) for event in events):
            self._best.clear()
        tracks, who = result.tracks, result.identities
        if not frame.image.size or not len(tracks):
            return
        good = (tracks.rows >= 0) & (who.state == int(IdentityState.CONFIRMED)) & (who.persons > 0)
        qualities = view_qualities(tracks.boxes, tracks.scores, frame.size)
        epoch = self._epoch_of(result.camera)
        for row in np.flatnonzero(good).tolist():
            key = (result.camera, epoch, int(tracks.ids[row]))
            if qualities[row] > self._best.get(key, 0.0) * _BETTER:
                crop = cut_out(frame.image, tracks.boxes[row], blur=self._blur)
                if crop.size:
                    self._keep(key, float(qualities[row]), encoded(crop, HEIGHT)[0])

    def close(self) -> None:
        """Nothing is held."""

    def _keep(self, key: tuple[str, int, int], quality: float, jpeg: bytes) -> None:
        try:
            self._album.put(*key, jpeg)
        except StoreError as error:
            if not self._failing:
                _LOG.error("%s; pictures are not kept until that is mended", error)
            self._failing = True
            return
        self._failing = False
        self._best[key] = quality
        self._best.move_to_end(key)
        while len(self._best) > _REMEMBERED:
            self._best.popitem(last=False)


def pictures_of(settings: SiteSettings, memory: Memory, environment: Mapping[str, str]) -> tuple[KeptPictures, ...]:
    """What keeps the pictures of a site; nothing where it keeps none, or nobody's Global ID lasts.

    Raises:
        ConfigError: the key is not set.
    """
    album = album_of(settings.storage, seal_from(settings.storage.key, environment))
    identity = memory.identity
    if album is None or not isinstance(identity, Lasting):
        return ()
    return (KeptPictures(album, lambda camera: identity.engine.epochs.get(camera, 1), blur=settings.storage.blur),)
