"""Shuts a program off, as far as this system lets it, and becomes it: the first word of its arguments is then
`closed` or `open`.

python fence.py FOLDERS:TO:HIDE program.py ARGUMENT ...

In namespaces of its own (unshare(2)) it has no network, sees nothing in `/proc`, whose entries tell the environments
of other processes, and nothing in the hidden folders. Standard library alone.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys

NEW_USER, NEW_NETWORK, NEW_MOUNTS = 0x10000000, 0x40000000, 0x00020000
PRIVATE, RECURSIVE, READ_ONLY = 1 << 18, 1 << 14, 1
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
MEMORY_BYTES = 8 << 30  # of addresses, of which a library like torch reserves more than it uses
FILE_BYTES, FILES, PROCESSES = 256 << 20, 256, 256


def main() -> None:
    folders, program, *arguments = sys.argv[1:]
    library = ctypes.CDLL(None, use_errno=True)
    closed = shut_off(library, [folder for folder in folders.split(":") if folder])
    limit()
    library.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    library.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # By execv the user, who is nobody in these namespaces, loses the rights that made them.
    state = "closed" if closed else "open"
    os.execv(sys.executable, [sys.executable, "-s", "-B", program, state, *arguments])


def shut_off(library: ctypes.CDLL, folders: list[str]) -> bool:
    if library.unshare(NEW_USER | NEW_NETWORK | NEW_MOUNTS) and library.unshare(NEW_NETWORK | NEW_MOUNTS):
        return False
    apart = library.mount(b"none", b"/", None, RECURSIVE | PRIVATE, None) == 0
    hidden = [library.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", READ_ONLY, None) == 0
              for folder in ["/proc", *folders] if os.path.isdir(folder)]  # fmt: skip
    return apart and all(hidden)


def limit() -> None:
    for what, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_NOFILE, FILES),
        (resource.RLIMIT_NPROC, PROCESSES),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    main()
