"""A node as kubelet and containerd leave it: log files of containers below /var/log/pods, in pieces, rotated."""

import datetime
import gzip
from pathlib import Path

# containerd cuts a line after so many bytes, also inside of a character.
PIECE = 16 * 1024
NAMESPACE = "school"
UID = "5d8f7c9b-6d2a-4c1e-9f0b-0123456789ab"


class Node:
    def __init__(self, folder: Path) -> None:
        self.pods = folder / "pods"
        self.rotations = 0

    def pod(self, container: str) -> str:
        return f"lyceum-{container}-5d8f7c9b6d-x2x7q"

    def file(self, container: str) -> Path:
        folder = self.pods / f"{NAMESPACE}_{self.pod(container)}_{UID}" / container
        folder.mkdir(parents=True, exist_ok=True)
        return folder / "0.log"

    def pieces(self, line: str, stream: str = "stdout") -> list[bytes]:
        """A line as it stands in a file."""
        data = line.encode()
        cut = [data[begin : begin + PIECE] for begin in range(0, len(data), PIECE)] or [b""]
        tags = ["P"] * (len(cut) - 1) + ["F"]
        now = datetime.datetime.now().astimezone()
        # Nanoseconds, as containerd writes them.
        moment = now.strftime("%Y-%m-%dT%H:%M:%S.%f") + "123" + now.isoformat()[-6:]
        return [f"{moment} {stream} {tag} ".encode() + piece + b"\n" for tag, piece in zip(tags, cut, strict=True)]

    def append(self, container: str, *pieces: bytes) -> None:
        with self.file(container).open("ab") as file:
            for piece in pieces:
                file.write(piece)

    def print(self, container: str, *lines: str, stream: str = "stdout") -> None:
        self.append(container, *[piece for line in lines for piece in self.pieces(line, stream)])

    def rotate(self, container: str) -> Path:
        """The file gets a date, and a new one takes its place."""
        self.rotations += 1
        file = self.file(container)
        rotated = file.with_name(f"0.log.20261201-1200{self.rotations:02}")
        file.rename(rotated)
        file.touch()
        return rotated

    def compress(self, rotated: Path) -> None:
        """What was rotated before the newest one."""
        draft = rotated.with_name(rotated.name + ".tmp")
        draft.write_bytes(gzip.compress(rotated.read_bytes()))
        draft.rename(rotated.with_name(rotated.name + ".gz"))
        rotated.unlink()
