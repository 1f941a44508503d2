"""How the properties run: no deadline, since a busy machine or a first compilation is no fault of the code."""

from hypothesis import settings

pytest_plugins = ("databases",)

settings.register_profile("unbroken", deadline=None)
settings.load_profile("unbroken")
