# SPDX-License-Identifier: GPL-2.0-or-later
"""The live screen on a terminal of its own: live.py BIN. Prints ok / not ok lines."""
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

BIN = sys.argv[1]


def run(name, steps, term="xterm", want_status=0, want_signal=None):
    """Starts flowlat -w, performs steps (bytes to type, a signal, or a size), and looks at what it left behind."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    before = termios.tcgetattr(child)
    pid = os.fork()
    if pid == 0:
        os.setsid()
        fcntl.ioctl(child, termios.TIOCSCTTY, 0)
        for fd in range(3):
            os.dup2(child, fd)
        os.environ["TERM"] = term
        os.execv(BIN, ["fleutan", "flowlat", "-w"])
    text = b""

    def read(seconds):
        nonlocal text
        end = time.time() + seconds
        while time.time() < end:
            if select.select([parent], [], [], 0.05)[0]:
                try:
                    text += os.read(parent, 65536)
                except OSError:
                    return

    read(0.7)
    raw = not termios.tcgetattr(child)[3] & termios.ICANON
    for step in steps:
        if isinstance(step, bytes):
            os.write(parent, step)
        elif isinstance(step, tuple):
            fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", *step, 0, 0))
            os.kill(pid, signal.SIGWINCH)
        else:
            os.kill(pid, step)
        read(0.6)
    deadline, status = time.time() + 5, None
    while time.time() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            break
        read(0.1)
    else:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        print(f"not ok {name}: it did not end")
        return
    read(0.2)
    after = termios.tcgetattr(child)
    faults = []
    if not raw:
        faults.append("the terminal was never raw")
    if after != before:
        faults.append("the terminal's settings are not as before")
    if b"\x1b[?1049h" in text and text.count(b"\x1b[?1049l") < text.count(b"\x1b[?1049h"):
        faults.append("still on the alternate screen")
    if text.count(b"\x1b[?25l") and text.rfind(b"\x1b[?25h") < text.rfind(b"\x1b[?25l"):
        faults.append("the cursor is hidden")
    if term == "vt100" and b"\x1b[?1049h" in text:
        faults.append("a vt100 has no alternate screen")
    if b"keys:" not in text:
        faults.append("no screen was seen")
    ended = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
    if ended != want_signal or (ended is None and os.WEXITSTATUS(status) != want_status):
        faults.append(f"status {status}")
    os.close(parent)
    os.close(child)
    print(f"not ok {name}: {', '.join(faults)}" if faults else f"ok {name}")


run("live: q quits", [b"q"])
run("live: sort, group, pause, then quit", [b"s", b"g", b"g", b"p", b" ", b"q"])
run("live: other sizes", [(10, 40), (50, 200), b"q"])
run("live: vt100", [b"q"], term="vt100")
run("live: SIGTERM", [signal.SIGTERM])
run("live: SIGINT", [signal.SIGINT])
run("live: SIGHUP", [signal.SIGHUP])
run("live: SIGQUIT", [signal.SIGQUIT], want_signal=signal.SIGQUIT)
run("live: SIGSEGV", [signal.SIGSEGV], want_signal=signal.SIGSEGV)
run("live: SIGABRT", [signal.SIGABRT], want_signal=signal.SIGABRT)
