"""Takes away what a SeldonDeployment no longer wants, once what it wants is ready.

Only ever called then: until that moment the old objects serve. Source: design, decision 3; specification 1.6.
"""

from collections.abc import Set as AbstractSet

from seldon_core.api import names
from seldon_core.kube import Object, Resource, key_of
from seldon_core.kube.resources import REPLICA_SETS, Key

from .applier import Applier
from .caches import Caches


async def prune(caches: Caches, applier: Applier, sdep: Object, wanted: AbstractSet[tuple[Resource, Key]]) -> None:
    """Delete owned objects that are not wanted.

    Routes go before Deployments, and these before Services: who still holds an old address reaches pods as long as
    there are any.

    Args:
        caches: Live objects.
        applier: Deletes.
        sdep: The SeldonDeployment, whose wanted objects are all ready.
        wanted: Kind and key of each.

    Raises:
        ApiError: The API server refuses, or cannot be asked.
    """
    metadata = sdep["metadata"]
    for resource in reversed(tuple(caches.owned)):
        for obj in caches.owned[resource].store.by_index("owner", metadata["uid"]):
            if (resource, key_of(obj)) not in wanted and not obj["metadata"].get("deletionTimestamp"):
                await applier.remove(resource, obj, sdep, "no longer wanted, and what replaces it is ready")
    for replica_set in caches.orphans_of(metadata["namespace"], names.seldon_id(metadata["name"])):
        if not replica_set["metadata"].get("deletionTimestamp"):
            await applier.remove(REPLICA_SETS, replica_set, sdep, "left behind by a Deployment that was made anew")
