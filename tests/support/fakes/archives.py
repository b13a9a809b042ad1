"""The archives of a machine's apt, in memory."""

from lifecycle.sources.apt.machine import MachineArchive, MachineArchives


class KnownArchives(MachineArchives):
    """apt's configuration in memory, with archives by label."""

    def __init__(self, **archives: MachineArchive) -> None:
        self.archives = {label: (archive,) for label, archive in archives.items()}
