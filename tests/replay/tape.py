#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Changes recordings as another kernel, a race or an accident would have made them: tape.py VERB FROM TO [ARGUMENT].

prune         leaves out what of the machine's other processes came along, and numbers what is left the same each time
info BYTES    tcp_info of that length: an older kernel's (cut) or a newer one's (unknown bytes behind it)
intr TIMES    NLM_F_DUMP_INTR is set in one message of the first so many dumps of sockets; then one without follows
mutate SEED   one accident: a file is cut short, bytes are changed, a length is changed, a file is gone, is empty, is long
"""
import os
import random
import re
import shutil
import struct
import sys

INET_DIAG_INFO = 2
NLM_F_DUMP_INTR = 0x10


def read(path):
    with open(path, 'rb') as f:
        return f.read()


def write(path, data):
    with open(path, 'wb') as f:
        f.write(data)


def messages(data):
    """The messages of a stream; a recorded error is an int."""
    out, at = [], 0
    while at < len(data):
        n = struct.unpack_from('<I', data, at)[0]
        at += 4
        if n & 0x80000000:
            out.append(n & 0x7fffffff)
        else:
            out.append(data[at:at + n])
            at += n
    return out


def stream(msgs):
    return b''.join(struct.pack('<I', m | 0x80000000) if isinstance(m, int) else struct.pack('<I', len(m)) + m for m in msgs)


def align(n):
    return (n + 3) & ~3


def each_netlink(msg, fn):
    """FN(type, flags, sequence and port, payload) gives the new flags and payload."""
    out, at = b'', 0
    while at + 16 <= len(msg):
        n, kind, flags, rest = struct.unpack_from('<IHH8s', msg, at)
        flags, payload = fn(kind, flags, msg[at + 16:at + n])
        out += struct.pack('<IHH8s', 16 + len(payload), kind, flags, rest) + payload
        out += b'\0' * (align(len(out)) - len(out))
        at += align(n)
    return out


def with_info(payload, size):
    """A message of inet_diag: 72 bytes and attributes."""
    out, at = payload[:72], 72
    while at + 4 <= len(payload):
        n, kind = struct.unpack_from('<HH', payload, at)
        value = payload[at + 4:at + n]
        if kind == INET_DIAG_INFO:
            value = (value + b'\xa5' * size)[:size]
        out += struct.pack('<HH', 4 + len(value), kind) + value
        out += b'\0' * (align(len(out)) - len(out))
        at += align(n)
    return out


def sockets(folder, fn):
    for name in os.listdir(folder):
        if name.startswith('stream,sock_diag'):
            path = os.path.join(folder, name)
            write(path, stream([m if isinstance(m, int) else each_netlink(m, fn) for m in messages(read(path))]))


def tasks(data, number):
    """What the task_file iterator wrote: a zero, the process, a word, its name, then inodes."""
    out, keep, at = b'', False, 0
    while at + 4 <= len(data):
        if struct.unpack_from('<I', data, at)[0]:
            out += data[at:at + 4] if keep else b''
            at += 4
            continue
        pid = struct.unpack_from('<I', data, at + 4)[0]
        keep = pid in number
        out += data[at:at + 4] + struct.pack('<I', number[pid]) + data[at + 8:at + 28] if keep else b''
        at += 28
    return out


def prune(folder):
    named = sorted({int(p) for n in os.listdir(folder) for p in re.findall(r'%2Fproc%2F(\d+)%2F', n)})
    number = {pid: 1000 + i for i, pid in enumerate(named)}
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if name.startswith('stream,proc_fd'):
            kept = []
            for m in messages(read(path)):
                pid = struct.unpack_from('<I', m)[0]
                if not pid or pid in number:
                    kept.append(struct.pack('<I', number.get(pid, 0)) + m[4:])
            write(path, stream(kept))
        if name.startswith('stream,task_file'):
            write(path, stream([tasks(b''.join(messages(read(path))), number)]))
        new = re.sub(r'%2Fproc%2F(\d+)%2F', lambda m: '%%2Fproc%%2F%d%%2F' % number[int(m[1])], name)
        if re.match(r'link,.*%2Fexe,', name):
            write(path, b'/usr/bin/' + os.path.basename(read(path)))
        elif re.match(r'file,.*%2Fcgroup,', name):
            write(path, b'0::/system.slice/situation.service\n')
        if new != name:
            os.rename(path, os.path.join(folder, new))


def info(folder, size):
    sockets(folder, lambda kind, flags, payload: (flags, with_info(payload, int(size)) if kind >= 16 else payload))


def intr(folder, times):
    def mark(kind, flags, payload):
        return flags | NLM_F_DUMP_INTR, payload

    path = os.path.join(folder, 'stream,sock_diag-tcp,')
    whole = read(path + '0')
    first, *rest = messages(whole)
    for i in range(int(times)):
        write(path + str(i), stream([each_netlink(first, mark)] + rest))
    write(path + times, whole)


def mutate(folder, seed):
    rnd = random.Random(int(seed))
    names = sorted(n for n in os.listdir(folder) if n != 'format')
    # What has structure more often than the rest.
    weight = [8 if n.startswith('stream,') else 1 for n in names]
    for _ in range(rnd.randint(1, 3)):
        path = os.path.join(folder, rnd.choices(names, weight)[0])
        if not os.path.exists(path):
            continue
        data = bytearray(read(path))
        how = rnd.randrange(8)
        if how == 0 and data:
            del data[rnd.randrange(len(data)):]
        elif how < 4:
            for _ in range(rnd.randint(1, 40) if data else 0):
                data[rnd.randrange(len(data))] = rnd.choice((0, 0xff, 0x7f, 0x80, rnd.randrange(256)))
        elif how == 4 and len(data) > 24:
            struct.pack_into('<I', data, 4 * rnd.randrange(len(data) // 4), rnd.choice((0, 1, 15, 17, 0xffff, 0x7fffffff, 0xffffffff)))
        elif how == 5:
            os.unlink(path)
            continue
        elif how == 6:
            data = bytearray(rnd.randbytes(rnd.randrange(5000)))
        else:
            at = rnd.randrange(len(data) + 1)
            data[at:at] = data * rnd.randint(1, 20)
        write(path, data)


def main():
    verb, source, to = sys.argv[1:4]
    if source != to:
        shutil.copytree(source, to)
    {'prune': prune, 'info': info, 'intr': intr, 'mutate': mutate}[verb](to, *sys.argv[4:])


main()
