"""The informer's memory: the objects of one selection, found by key and by named indexes."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from .resources import Key, Object, key_of

Indexer = Callable[[Object], Iterable[str]]
"""The values under which an object is found in one index; none, one or several."""


class Store:
    """Objects by key, with indexes kept up to date. Read by anybody, written by the informer alone.

    Objects are shared: whoever reads one must not change it.

    Args:
        indexers: Name of the index -> function that gives the values of an object.
    """

    def __init__(self, indexers: Mapping[str, Indexer] | None = None) -> None:
        self._objects: dict[Key, Object] = {}
        self._indexers = dict(indexers or {})
        self._indexes: dict[str, dict[str, dict[Key, None]]] = {name: {} for name in self._indexers}

    def __len__(self) -> int:
        return len(self._objects)

    def __iter__(self) -> Iterator[Object]:
        return iter(list(self._objects.values()))

    def get(self, name: str, namespace: str = "") -> Object | None:
        """The object of that name, or None."""
        return self._objects.get((namespace, name))

    def at(self, key: Key) -> Object | None:
        """The object of that key, or None."""
        return self._objects.get(key)

    def all_keys(self) -> list[Key]:
        """The keys of all objects."""
        return list(self._objects)

    def by_index(self, index: str, value: str) -> list[Object]:
        """The objects that the named index has under a value, oldest entry first.

        Raises:
            KeyError: There is no such index.
        """
        return [self._objects[key] for key in self._indexes[index].get(value, ())]

    def put(self, obj: Object) -> Object | None:
        """Add or replace an object.

        Returns:
            What was there before, or None.
        """
        key = key_of(obj)
        old = self._objects.get(key)
        if old is not None:
            self._unindex(key, old)
        self._objects[key] = obj
        for name, indexer in self._indexers.items():
            for value in indexer(obj):
                self._indexes[name].setdefault(value, {})[key] = None
        return old

    def remove(self, key: Key) -> Object | None:
        """Forget an object.

        Returns:
            What was there, or None.
        """
        old = self._objects.pop(key, None)
        if old is not None:
            self._unindex(key, old)
        return old

    def _unindex(self, key: Key, obj: Object) -> None:
        for name, indexer in self._indexers.items():
            for value in indexer(obj):
                entries = self._indexes[name].get(value)
                if entries is not None:
                    entries.pop(key, None)
                    if not entries:
                        del self._indexes[name][value]
