"""Archives of images that the engine has, each one written once."""

from pathlib import Path
from urllib.parse import quote

from lifecycle.tools.engine.engine import Engine
from lifecycle.tools.threads import KeyedLocks


class SavedImages:
    """The archives of images (`docker save`) in a folder. Threads may share it."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine, self._folder = engine, folder
        self._saved: set[str] = set()
        self._locks = KeyedLocks()

    def archive(self, image: str) -> Path:
        """Return the archive of an image, by its tag. Raises the errors of the engine."""
        path = self._folder / f"{quote(image, safe='')}.tar"
        with self._locks.lock(image):
            if image not in self._saved:
                self._engine.save(image, path)
                self._saved.add(image)
        return path
