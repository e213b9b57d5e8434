"""Who owns which field of an object, and what follows for the next server-side apply.

https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
"""

from collections.abc import Iterable, Iterator
from copy import deepcopy
from typing import Any

from sandbox.kubernetes_api import Object, items
from sandbox.providers.differences import Path, parsed
from sandbox.providers.values import is_list, is_mapping

# Whoever applied or edited by hand before: the real provider takes their fields over, see
# `fixCSAFieldManagers` of provider/pkg/await/await.go in pulumi-kubernetes.
_TAKEN_OVER = ("kubectl", "before-first-apply")


def manages(live: Object, manager: str) -> bool:
    """Tell whether a field manager has set anything of an object."""
    return any(entry["manager"] == manager for entry in _entries(live))


def taken_over(live: Object, manager: str) -> list[Object] | None:
    """Return a JSON patch that makes a manager's creation its first apply, or None if it is.

    Fields that were set by a create are owned apart from applied ones, and would stay for ever
    when they are left out of an apply.
    """
    ours = [entry for entry in _entries(live) if _is_ours(entry, manager)]
    if [entry["operation"] for entry in ours] in ([], ["Apply"]):
        return None
    fields: Object = {}
    for entry in ours:
        _merge(fields, entry["fieldsV1"])
    applied = {**ours[0], "manager": manager, "operation": "Apply", "fieldsV1": fields}
    others = [entry for entry in _entries(live) if not _is_ours(entry, manager)]
    return [
        {"op": "replace", "path": "/metadata/managedFields", "value": [*others, applied]},
        # Refused as a conflict when the object changed meanwhile.
        {
            "op": "replace",
            "path": "/metadata/resourceVersion",
            "value": live["metadata"]["resourceVersion"],
        },
    ]


def without_ignored(
    body: Object, live: Object, manager: str, ignore_changes: Iterable[str]
) -> Object:
    """Return what to apply when the program ignores changes of some paths.

    A field that only others own is left to them; any other keeps its live value, for an owner
    who leaves a field out unsets it.
    """
    body = deepcopy(body)
    for path in map(parsed, ignore_changes):
        owners = {entry["manager"] for entry in _entries(live) if _has(entry["fieldsV1"], path)}
        if owners and manager not in owners:
            _remove(body, path)
        elif (value := _value(live, path)) is not None:
            _set(body, path, value)
    return body


def without_controllers_fields(body: Object, live: Object, manager: str) -> Object:
    """Return a body less the fields that it has lost to a controller, such as an autoscaler."""
    body = deepcopy(body)
    ours = [entry["fieldsV1"] for entry in _entries(live) if entry["manager"] == manager]
    for entry in _entries(live):
        if entry["manager"].startswith("kube-"):
            for path in _leaves(entry["fieldsV1"]):
                if not any(_has(fields, path) for fields in ours):
                    _remove(body, path)
    return body


def _entries(live: Object) -> list[Object]:
    return items(live, "metadata", "managedFields")


def _is_ours(entry: Object, manager: str) -> bool:
    return not entry.get("subresource") and (
        entry["manager"] == manager or entry["manager"].startswith(_TAKEN_OVER)
    )


def _has(fields: Object, path: Path) -> bool:
    for key in path:
        if (inner := fields.get(f"f:{key}")) is None:
            return False
        fields = inner
    return True


def _leaves(fields: Object, path: Path = ()) -> Iterator[Path]:
    for key, inner in fields.items():
        if key.startswith("f:") and not any(child != "." for child in inner):
            yield (*path, key[2:])
        elif key.startswith("f:"):
            yield from _leaves(inner, (*path, key[2:]))


def _merge(into: Object, fields: Object) -> None:
    for key, inner in fields.items():
        _merge(into.setdefault(key, {}), inner)


def _value(value: Any, path: Path) -> Any:
    for key in path:
        if is_mapping(value) and isinstance(key, str):
            value = value.get(key)
        elif is_list(value) and isinstance(key, int) and key < len(value):
            value = value[key]
        else:
            return None
    return value


def _set(body: Object, path: Path, value: Any) -> None:
    parent, key = _value(body, path[:-1]), path[-1]
    if is_mapping(parent) and isinstance(key, str):
        parent[key] = value
    if is_list(parent) and isinstance(key, int) and key < len(parent):
        parent[key] = value


def _remove(body: Object, path: Path) -> None:
    parent, key = _value(body, path[:-1]), path[-1]
    if is_mapping(parent) and isinstance(key, str):
        parent.pop(key, None)
