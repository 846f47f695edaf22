"""What goes wrong: an operator's mistakes, and then the loss of everything."""

from __future__ import annotations

import signal

from backups import Backups
from fleet import Fleet

# SIGINT tells PostgreSQL not to wait for its clients.
STOP = signal.SIGINT
FREEZE = signal.SIGSTOP
THAW = signal.SIGCONT


def damage(fleet: Fleet, backups: Backups) -> None:
    """What a statement in the wrong window does. None of it can be taken back by hand."""
    fleet.query("payments", "drop table orders cascade")
    fleet.query("courses", "delete from lesson_progress")
    backups.lose_files()
    fleet.query("users", "update users set display_name = 'x' where state = 'active'")
