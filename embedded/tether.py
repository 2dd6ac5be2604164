"""Becomes another program that cannot outlive the process that started it.

Run by path, before the real command: ``python tether.py PARENT SIGNAL USER COMMAND...``. It asks the kernel to send SIGNAL (a
number) when PARENT goes, becomes USER ("-" keeps the present one) and then replaces itself with COMMAND. It is a program of its own
because the same done between fork and exec inside Python (`preexec_fn`) can deadlock when the parent has threads.
"""

import ctypes
import os
import pwd
import sys

PR_SET_PDEATHSIG = 1  # from linux/prctl.h


def follow_parent(signal_number: int) -> None:
    """Ask the kernel to send `signal_number` to this process when its parent ends. Only Linux can; elsewhere nothing happens."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal_number)


def main(arguments: list[str]) -> None:
    """Tie this process to its parent, change user if asked, and become the command."""
    parent, signal_number, user, *command = arguments
    if user != "-":
        entry = pwd.getpwnam(user)
        os.initgroups(user, entry.pw_gid)
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    follow_parent(int(signal_number))  # after the change of user, because that clears the wish
    if os.getppid() != int(parent):
        sys.exit(0)  # the parent went before we could ask
    os.execvp(command[0], command)  # noqa: S606  (no shell is the point)


if __name__ == "__main__":
    main(sys.argv[1:])
