# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests and benches of the packet sources share: namespaces with multi-queue devices, a flowq that runs
beside the traffic, and the counters of tc, of devices and of the sender (blast.c) to compare it with."""
import atexit
import collections
import json
import os
import shlex
import signal
import subprocess
import threading
import time

BIN = os.environ["BIN"]
TOOLS = os.environ["O"] + "/tools"
BLAST = TOOLS + "/blast"
SYSCTL = {"net.ipv6.conf.%s.accept_dad": 0, "net.ipv6.conf.%s.accept_ra": 0, "net.ipv6.conf.%s.router_solicitations": 0,
          "net.ipv6.conf.%s.addr_gen_mode": 1, "net.ipv4.conf.%s.rp_filter": 0}
failed = 0
spaces, children = [], []


def ok(name):
    print("ok " + name, flush=True)


def not_ok(name, why):
    global failed
    failed += 1
    print("not ok %s: %s" % (name, " ".join(str(why).split())[:700]), flush=True)


def skip(name, why):
    print("skip %s: %s" % (name, why), flush=True)


def check(name, good, why=""):
    (ok(name) if good else not_ok(name, why() if callable(why) else why))
    return good


def same(name, got, want):
    """got and want are numbers, or dicts of numbers or tuples: what differs is named."""
    if isinstance(got, dict) and isinstance(want, dict):
        off = ["%s: %s, expected %s" % (k, got.get(k), want.get(k)) for k in sorted(set(got) | set(want), key=str)
               if got.get(k) != want.get(k)]
        return check(name, not off, "%d differ: %s" % (len(off), "; ".join(off[:6])))
    return check(name, got == want, "%s, expected %s" % (got, want))


def sh(cmd, space=None, check_it=True, timeout=120):
    argv = (["ip", "netns", "exec", space] if space else []) + (shlex.split(cmd) if isinstance(cmd, str) else cmd)
    r = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
                       timeout=timeout)
    if check_it and r.returncode:
        raise RuntimeError("%s: %s" % (" ".join(argv), r.stderr.strip() or r.returncode))
    return r.stdout


def background(cmd, space=None, **kw):
    argv = (["ip", "netns", "exec", space] if space else []) + (shlex.split(cmd) if isinstance(cmd, str) else cmd)
    kw.setdefault("stdout", subprocess.PIPE)
    kw.setdefault("stderr", subprocess.DEVNULL)
    p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, text=True, **kw)
    children.append(p)
    return p


def end(p, sig=signal.SIGTERM, seconds=10):
    if p.poll() is None:
        p.send_signal(sig)
    try:
        return p.wait(seconds)
    except subprocess.TimeoutExpired:
        p.kill()
        p.wait()
        return None


def wait_for(seconds, what, every=0.02):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if what():
            return True
        time.sleep(every)
    return False


@atexit.register
def clean():
    for p in children:
        if p.poll() is None:
            p.kill()
            p.wait()
    for space in spaces:
        subprocess.run(["ip", "netns", "del", space], stderr=subprocess.DEVNULL)


def netns(*names):
    for name in names:
        sh("ip netns add " + name)
        spaces.append(name)
        for key, value in SYSCTL.items():
            for conf in ("all", "default"):
                sh("sysctl -qw %s=%s" % (key % conf, value), name, False)
        sh("ip -n %s link set lo up" % name)


def veth(a, dev_a, b, dev_b, queues=4):
    """A pair of devices, each with its own hardware address ending in what its name says."""
    size = "numtxqueues %d numrxqueues %d" % (queues, queues)
    sh("ip -n %s link add %s %s type veth peer name %s %s netns %s" % (a, dev_a, size, dev_b, size, b))
    for space, dev in ((a, dev_a), (b, dev_b)):
        sh("ip -n %s link set %s up" % (space, dev))


def address(space, dev, *addrs):
    for a in addrs:
        sh("ip -n %s addr add %s dev %s%s" % (space, a, dev, " nodad" if ":" in a else ""))


def mac(space, dev):
    return json.loads(sh("ip -n %s -j link show dev %s" % (space, dev)))[0]["address"]


def neigh(space, dev, lladdr, *addrs):
    """Neighbours never to be asked for: nothing moves on the wire but what the test sends."""
    for a in addrs:
        sh("ip -n %s neigh replace %s lladdr %s nud permanent dev %s" % (space, a, lladdr, dev))


def mq(space, dev, queues=4, leaf="pfifo limit 100000"):
    sh("tc qdisc replace dev %s root handle 1: mq" % dev, space)
    for q in range(queues):
        sh("tc qdisc replace dev %s parent 1:%x handle %x: %s" % (dev, q + 1, 0x10 + q, leaf), space)


def xps(space, dev, queues=4):
    """Queues shared out among the CPUs: the CPU that sends chooses the queue."""
    cpus = os.cpu_count()
    for q in range(queues):
        mask = sum(1 << c for c in range(cpus) if (q if cpus >= queues else q * cpus // queues) == (c % queues))
        sh(["sh", "-c", "echo %x > /sys/class/net/%s/queues/tx-%d/xps_cpus" % (mask or 1, dev, q)], space)


def offloads(on, *where):
    for space, dev in where:
        for what in ("tso", "gso", "gro"):
            sh("ethtool -K %s %s %s" % (dev, what, "on" if on else "off"), space, False)


Count = collections.namedtuple("Count", "packets bytes")


def minus(a, b):
    return Count(a.packets - b.packets, a.bytes - b.bytes)


def total(counts):
    counts = list(counts)
    return Count(sum(c.packets for c in counts), sum(c.bytes for c in counts))


class Counters:
    """tc -s qdisc, tc -s class and ip -s link of one namespace, now."""

    def __init__(self, space):
        self.qdiscs = [q for q in json.loads(sh("tc -s -j qdisc show", space) or "[]") if "kind" in q]
        self.links = {d["ifname"]: d for d in json.loads(sh("ip -s -j link show", space))}

    def queue(self, dev):
        """{transmit queue: Count}: children of mq, or the only queue's qdisc."""
        out = {}
        for q in self.qdiscs:
            if q["dev"] != dev or q["kind"] in ("clsact", "ingress", "noqueue"):
                continue
            if q.get("root"):
                root = q
                continue
            major, minor = q.get("parent", "0:0").split(":")
            if root["kind"] == "mq" and int(major or "0", 16) == int(root["handle"].rstrip(":"), 16):
                out[int(minor, 16) - 1] = Count(q["packets"], q["bytes"])
        if not out and any(q["dev"] == dev and q.get("root") and q["kind"] != "noqueue" for q in self.qdiscs):
            out[0] = Count(root["packets"], root["bytes"])
        return out

    def device(self, dev, direction="tx"):
        s = self.links[dev]["stats64"][direction]
        return Count(s["packets"], s["bytes"])

    def sum(self, dev, what):
        return sum(q.get(what, 0) for q in self.qdiscs if q["dev"] == dev and q["kind"] != "mq")


class Interval:
    """Counters before and after the traffic, as differences."""

    def __init__(self, space):
        self.space, self.before, self.after = space, Counters(space), None

    def end(self):
        self.after = Counters(self.space)
        return self

    def queues(self, dev):
        before = self.before.queue(dev)
        diff = {q: minus(c, before.get(q, Count(0, 0))) for q, c in self.after.queue(dev).items()}
        return {q: c for q, c in diff.items() if c != Count(0, 0)}

    def device(self, dev, direction="tx"):
        return minus(self.after.device(dev, direction), self.before.device(dev, direction))

    def sum(self, dev, what):
        return self.after.sum(dev, what) - self.before.sum(dev, what)

    def packets(self):
        """What left all devices; of one without a queue discipline by its own count."""
        return sum(total(self.queues(d).values()).packets if self.after.queue(d) else self.device(d).packets
                   for d in self.after.links if d in self.before.links)


def sender(text):
    """Lines of blast -> {(proto, src, sport, dst, dport): Count}; the total stands under None."""
    flows = {}
    for line in text.splitlines():
        word = line.split()
        if word[0] == "flow":
            key = (word[1], word[2], int(word[3]), word[4], int(word[5]))
            flows[key] = total([flows.get(key, Count(0, 0)), Count(int(word[6]), int(word[7]))])
        elif word[0] == "total":
            flows[None] = Count(int(word[1]), int(word[2]))
            flows["ns"] = int(word[3])
    return flows


def blast(args, space):
    return sender(sh("%s %s" % (BLAST, args), space))


def flow_key(f):
    return (f["proto"], f["src"], f["sport"], f["dst"], f["dport"])


def turned(key):
    return (key[0], key[3], key[4], key[1], key[2])


class Look:
    """Samples of flowq added up."""

    def __init__(self, docs):
        self.docs = docs
        self.lost = sum(d["lost_records"] or 0 for d in docs)
        self.evicted = sum(d["evicted_flows"] or 0 for d in docs)

    def each_queue(self, dev, direction="tx"):
        for doc in self.docs:
            for d in doc["devices"]:
                if d["dev"] == dev:
                    yield from (q for q in d["queues"] if q["dir"] == direction)

    def queues(self, dev, direction="tx"):
        out = {}
        for q in self.each_queue(dev, direction):
            out[q["queue"]] = total([out.get(q["queue"], Count(0, 0)), Count(q["packets"] or 0, q["bytes"] or 0)])
        return {q: c for q, c in out.items() if c != Count(0, 0)}

    def packets(self):
        """What it saw leave all devices."""
        return sum(d["tx_packets"] or 0 for doc in self.docs for d in doc["devices"])

    def qdisc(self, dev):
        out = {}
        for q in self.each_queue(dev):
            n = q["qdisc"] or {}
            n = Count(n.get("packets") or 0, n.get("bytes") or 0)
            out[q["queue"]] = total([out.get(q["queue"], Count(0, 0)), n])
        return {q: c for q, c in out.items() if c != Count(0, 0)}

    def flows(self, dev, direction="tx", by_queue=False):
        out = {}
        for q in self.each_queue(dev, direction):
            for f in q["flows"]:
                key = (q["queue"],) + flow_key(f) if by_queue else flow_key(f)
                out[key] = total([out.get(key, Count(0, 0)), Count(f["packets"] or 0, f["bytes"] or 0)])
        return {k: c for k, c in out.items() if c != Count(0, 0)}

    def records(self, dev, direction="tx"):
        return [f for q in self.each_queue(dev, direction) for f in q["flows"]]

    def device(self, dev, key):
        values = [d.get(key) for doc in self.docs for d in doc["devices"] if d["dev"] == dev]
        return sum(v for v in values if v) if any(v is not None for v in values) else None


class Flowq:
    """A flowq that samples without end in a namespace; cases of a test take the samples that saw them."""

    def __init__(self, space, options="", interval="0.2"):
        self.err = open(os.environ.get("TMP", "/tmp") + "/flowq.err", "w+")
        self.p = background("%s flowq -J -N 0 -c 0 -i %s %s" % (BIN, interval, options), space, stderr=self.err)
        self.docs, self.broken = [], None
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()
        if not wait_for(10, lambda: self.docs or self.p.poll() is not None) or not self.docs:
            self.err.seek(0)
            raise RuntimeError("flowq %s gives no sample: status %s, %s %s" %
                               (options, self.p.poll(), self.broken or "", self.err.read()[:300]))

    def read(self):
        for line in self.p.stdout:
            try:
                self.docs.append(json.loads(line))
            except ValueError as e:
                self.broken = "%s: %s" % (e, line[:200])

    def used(self):
        return [s["name"] for s in self.docs[0]["sources"] if s["state"] == "used"]

    def mark(self):
        return len(self.docs)

    def since(self, mark, seconds=15):
        """All samples from MARK to the second taken after now (some that are older may still be on their way to us)."""
        now = int(time.time() * 1000) + 1
        later = lambda: [i for i, d in enumerate(self.docs) if d["time_ms"] > now]
        if not wait_for(seconds, lambda: len(later()) >= 2 or self.p.poll() is not None) or len(later()) < 2:
            raise RuntimeError("flowq stopped giving samples: status %s %s" % (self.p.poll(), self.broken or ""))
        return Look(self.docs[mark:later()[1] + 1])

    def end(self, sig=signal.SIGINT):
        status = end(self.p, sig)
        self.thread.join(5)
        self.err.close()
        return status


def settled(p, seconds=10):
    """Waits until flowq has loaded what it needs and sleeps: its CPU time stands still."""
    def ticks():
        f = open("/proc/%d/stat" % p.pid).read().rsplit(")", 1)[1].split()
        return int(f[11]) + int(f[12])
    until, last, since = time.monotonic() + seconds, -1, time.monotonic()
    while time.monotonic() < until and p.poll() is None:
        now = ticks()
        if now != last:
            last, since = now, time.monotonic()
        elif time.monotonic() - since > 0.15:
            return
        time.sleep(0.02)
