"""One tree of errors. A message is one sentence that names the thing, the value and the mend."""

from __future__ import annotations


class UnbrokenError(Exception):
    """The root: whatever this library raises on purpose. `exit_code` is what the command line ends with."""

    exit_code = 1


class ConfigError(UnbrokenError):
    """A setting, an option or an argument that cannot be used."""

    exit_code = 2


class SourceError(UnbrokenError):
    """A video, a camera or a folder that cannot be read."""

    exit_code = 3


class SourceLostError(SourceError):
    """The connection to a source is gone."""


class SourceStalledError(SourceError):
    """A source is connected but delivers nothing new."""


class ModelError(UnbrokenError):
    """A net that cannot be used."""

    exit_code = 4


class ModelMissingError(ModelError):
    """The file of a net is not on this machine."""


class ModelCorruptError(ModelError):
    """The file of a net is damaged or is not the file that its card describes."""


class ModelUnsupportedError(ModelError):
    """The net, the runtime or the device does not fit."""


class StoreError(UnbrokenError):
    """A file or a database that cannot be read or written."""

    exit_code = 5


class StoreVersionError(StoreError):
    """What was stored is whole, and of a version that holds other things than this one."""


class BusError(UnbrokenError):
    """The other end of a bus cannot be reached, is somebody else, or refuses."""

    exit_code = 7


class ContractError(UnbrokenError, ValueError):
    """A value that breaks the contract of the function that it was given to."""

    exit_code = 6


class HaltError(UnbrokenError):
    """The chain hangs or broke where it cannot go on: the process ends, for whoever started it to start it again."""

    exit_code = 70
