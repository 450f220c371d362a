"""`Storage.download`, with which servers written for v1.17.1 find their model. The import name that they use.

    folder = seldon_core.Storage.download(self.model_uri)

The storage initializer has fetched the model by then, so that all URIs are local; it was no different in v1.17.1.
"""

from pathlib import Path

_LOCAL = "file://"


class Storage:
    """For user classes. Our own servers read `model_uri` themselves."""

    @staticmethod
    def download(uri: str, out_dir: str | None = None) -> str:
        """The folder or file of a local URI; with `out_dir` its content is linked there, and that is the answer.

        Raises RuntimeError where nothing is there, or where the URI is none of this machine's.
        """
        is_url = uri.startswith(_LOCAL)
        source = Path(uri.removeprefix(_LOCAL))
        if not source.exists():
            if not is_url and "://" in uri:
                raise RuntimeError(f"{uri} is not local: give it as modelUri, and the storage initializer fetches it.")
            raise RuntimeError(f"Local path {uri} does not exist.")
        if out_dir is None:
            return str(source)
        target = Path(out_dir)
        target.mkdir(parents=True, exist_ok=True)
        for one in sorted(source.iterdir()) if source.is_dir() else [source]:
            (target / one.name).symlink_to(one.absolute())
        return out_dir
