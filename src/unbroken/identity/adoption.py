"""A manager that is restored takes the settings that are in force now."""

from __future__ import annotations

from unbroken.core.errors import StoreError
from unbroken.core.ports import IdentityManager
from unbroken.identity.fixed import FixedManager
from unbroken.identity.fusion import GroundedManager
from unbroken.identity.manager import CalibratedManager


def adopted(kept: IdentityManager, fresh: IdentityManager) -> IdentityManager:
    """A manager with the memory of one and the settings of another; `kept` is used up.

    Where the site has calibrated cameras now and had none, or the other way round, the ground is put around the
    manager or taken away.

    Args:
        kept: what was restored.
        fresh: as the manager would begin now.

    Raises:
        StoreError: they are of two policies: what one remembers is nothing to the other.
    """
    if isinstance(kept, GroundedManager) and isinstance(fresh, GroundedManager):
        kept.adopt(fresh)
        kept.inner = adopted(kept.inner, fresh.inner)
        return kept
    if isinstance(fresh, GroundedManager):
        fresh.inner = adopted(kept, fresh.inner)
        return fresh
    if isinstance(kept, GroundedManager):
        kept.leave_the_ground()
        return adopted(kept.inner, fresh)
    if isinstance(kept, CalibratedManager) and isinstance(fresh, CalibratedManager):
        kept.adopt(fresh.settings)
        return kept
    if isinstance(kept, FixedManager) and isinstance(fresh, FixedManager):
        kept.settings = fresh.settings
        return kept
    raise StoreError(
        f"the state is of {type(kept).__name__}, the site uses {type(fresh).__name__} now; set identity.policy as it "
        "was, or have `unbroken gallery rebuild` make the people anew for the new one"
    )
