# SPDX-License-Identifier: GPL-2.0-or-later
"""flowq's tree of qdiscs and classes against tc's, its verdicts, totals and processes."""
import json
import os
import re
import subprocess
import sys
import time

import lab
from lab import (BIN, BLAST, Count, Look, address, background, blast, check, end, flow_key, mac, mq, neigh, netns,
                 not_ok, same, settled, sh, veth, wait_for, xps)

A, B = "fl-qa", "fl-qb"
NUMBERS = ("bytes", "packets", "drops", "overlimits", "requeues")
NOBODY = "02:00:00:00:00:99"


def build():
    netns(A, B)
    for n, dev in enumerate(("mq0", "htb0", "tbf0", "nq0", "cls0", "one0")):
        veth(A, dev, B, "p" + dev, 4 if dev in ("mq0", "nq0") else 1)
        address(A, dev, "10.%d.0.1/24" % (20 + n))
        address(B, "p" + dev, "10.%d.0.2/24" % (20 + n))
        neigh(A, dev, NOBODY, "10.%d.0.99" % (20 + n))
        neigh(A, dev, mac(B, "p" + dev), "10.%d.0.2" % (20 + n))
        neigh(B, "p" + dev, mac(A, dev), "10.%d.0.1" % (20 + n))
    mq(A, "mq0")
    xps(A, "mq0")
    sh("tc qdisc replace dev htb0 root handle 1: htb default 30", A)
    sh("tc class add dev htb0 parent 1: classid 1:1 htb rate 1gbit burst 100k", A)
    for minor, rate in ((10, "500mbit"), (20, "200mbit"), (30, "100mbit")):
        sh("tc class add dev htb0 parent 1:1 classid 1:%d htb rate %s ceil 1gbit burst 100k" % (minor, rate), A)
        sh("tc qdisc add dev htb0 parent 1:%d handle %d: pfifo limit 5000" % (minor, minor), A)
    sh("tc qdisc replace dev tbf0 root handle 8001: tbf rate 80mbit burst 20k limit 10000", A)
    sh("tc qdisc add dev cls0 clsact", A)
    sh("tc qdisc add dev one0 root handle abcd: pfifo_fast", A)
    sh("tc qdisc add dev one0 ingress", A)


def look(options, seconds="2", space=A):
    """flowq for one interval, begun now; the caller makes traffic meanwhile."""
    return background("%s flowq -j -N 0 -i %s %s" % (BIN, seconds, options), space,
                      stderr=open(os.environ["TMP"] + "/err", "w"))


def result(p, want=(0, 3)):
    out, _ = p.communicate(timeout=30)
    if p.returncode not in want or not out.strip():
        raise RuntimeError("flowq: status %s: %s" % (p.returncode, open(os.environ["TMP"] + "/err").read()[:300]))
    return Look([json.loads(out)])


def send(dev, count=2000, options="", size=100):
    net = 20 + ("mq0", "htb0", "tbf0", "nq0", "cls0", "one0").index(dev)
    return blast("udp %s 10.%d.0.1 5000 10.%d.0.99 6000 %d %d" % (options, net, net, count, size), A)


def classes(dev):
    """tc -s class show: it knows no JSON for classes."""
    out, one = {}, None
    for line in sh("tc -s class show dev " + dev, A).splitlines():
        head = re.match(r"class (\S+) (\S+) (?:parent (\S+)|root)(?: leaf (\S+))?", line)
        numbers = re.match(r" Sent (\d+) bytes (\d+) pkt \(dropped (\d+), overlimits (\d+) requeues (\d+)\)", line)
        rate = re.search(r" rate (\d+)(\w?)bit ceil (\d+)(\w?)bit", line)
        if head:
            one = out[head.group(2)] = {"kind": head.group(1), "parent": head.group(3) or "root"}
        if rate:
            times = {"": 1, "K": 1000, "M": 1000000, "G": 1000000000}
            one["rate"] = int(rate.group(1)) * times[rate.group(2)] // 8
            one["ceil"] = int(rate.group(3)) * times[rate.group(4)] // 8
        if numbers:
            one.update(zip(NUMBERS, map(int, numbers.groups())))
    return out


def qdiscs(dev):
    """As tc -s qdisc show, with those that it shows only when asked to (a child that tbf made itself)."""
    return {(q["kind"], q["handle"]): dict({k: q[k] for k in NUMBERS}, parent="root" if q.get("root") else q["parent"])
            for q in json.loads(sh("tc -s -j qdisc show dev %s invisible" % dev, A)) if "kind" in q}


def difference(after, before):
    out = {}
    for k, a in after.items():
        out[k] = {n: a[n] - (before.get(k, {}).get(n) or 0) if n in NUMBERS else a[n] for n in a}
    return out


def parent(p):
    return {"clsact": "ffff:fff1", "ingress": "ffff:fff1", None: "root"}.get(p, p)


def tree():
    devs = ("mq0", "htb0", "tbf0", "nq0", "cls0", "one0")
    p = look("")
    settled(p)
    q0, c0 = {d: qdiscs(d) for d in devs}, classes("htb0")
    truth = {d: send(d, options="-P 4 -c 0,1 -T 2", count=20000 if d == "tbf0" else 2000) for d in devs if d != "htb0"}
    for minor, n in ((10, 100), (20, 200), (30, 300)):
        send("htb0", n, "-p 0x%x" % (0x10000 + int(str(minor), 16)))
    time.sleep(0.3)
    q1, c1 = {d: qdiscs(d) for d in devs}, classes("htb0")
    doc = result(p).docs[0]
    for d in doc["devices"]:
        if d["dev"] in devs:
            tree_of(d, difference(q1[d["dev"]], q0[d["dev"]]), difference(c1, c0) if d["dev"] == "htb0" else {})
    same("all devices are there", {d["dev"] for d in doc["devices"] if d["dev"] in devs}, set(devs))
    for dev in ("nq0", "cls0"):
        d = next(d for d in doc["devices"] if d["dev"] == dev)
        sums = Count(sum(q["packets"] or 0 for q in d["queues"]), sum(q["bytes"] or 0 for q in d["queues"]))
        same("%s without a queue discipline: packets and bytes" % dev, sums, truth[dev][None])
        check("%s: noqueue is named" % dev, any((q["qdisc"] or {}).get("kind") == "noqueue" for q in d["queues"]) or
              any(t["kind"] == "noqueue" for t in d["qdiscs"]), d["qdiscs"])


def tree_of(d, want_q, want_c):
    dev, rows = d["dev"], d["qdiscs"]
    got_q = {(t["kind"], t["handle"]): dict({k: t[k] or 0 for k in NUMBERS}, parent=parent(t["parent"]))
             for t in rows if not t["class"]}
    for k in list(got_q):
        if k[0] == "noqueue" and k not in want_q:
            got_q.pop(k)
    same("%s: qdiscs, their handles, parents and numbers as tc -s qdisc" % dev, got_q, want_q)
    if want_c:
        got_c = {t["handle"]: dict({k: t[k] or 0 for k in NUMBERS}, parent=parent(t["parent"]), kind=t["kind"],
                                   rate=t["rate_bytes_per_s"], ceil=t["ceil_bytes_per_s"]) for t in rows if t["class"]}
        same("%s: classes, their handles, parents, rates and numbers as tc -s class" % dev, got_c, want_c)
    order = [t["handle"] for t in rows if t["kind"] != "noqueue"]
    check("%s: parents come before children" % dev, all(
        parent(t["parent"]) in order[:i] + ["root", "ffff:fff1"] or parent(t["parent"]).split(":")[0] + ":" in order[:i]
        for i, t in enumerate(t for t in rows if t["kind"] != "noqueue")), order)
    for q in d["queues"]:
        if q["dir"] == "tx" and dev == "mq0" and q["queue"] is not None and q["qdisc"]:
            same("%s queue %s: its own qdisc" % (dev, q["queue"]),
                 tuple(q["qdisc"][k] for k in ("kind", "handle", "parent")),
                 ("pfifo", "%x:" % (0x10 + q["queue"]), "1:%x" % (q["queue"] + 1)))


def balance():
    def verdict(args):
        p = look("", "1.2")
        settled(p)
        send("mq0", *args)
        seen = result(p)
        d = next(d for d in seen.docs[0]["devices"] if d["dev"] == "mq0")
        return d["balance"] or "", d["steering"] or "", seen.queues("mq0")
    text, steering, load = verdict((20000, "-c 0"))
    check("one queue of four carries all: said to be uneven", len(load) == 1 and re.search("uneven|one queue", text),
          (text, load))
    check("  names the queue", str(list(load)[0]) in text, (text, load))
    check("  names XPS", "XPS" in steering or "XPS" in text, (text, steering))
    text, steering, load = verdict((20000, "-u -x -T 4 -c 0,1 -P 1000"))
    check("spread over four queues: not said to be uneven", len(load) == 4 and "uneven" not in text, (text, load))
    text, steering, load = verdict((10, "-c 0"))
    check("negligible traffic: no verdict", "uneven" not in text, (text, load))
    for q in range(4):
        sh(["sh", "-c", "echo 0 > /sys/class/net/mq0/queues/tx-%d/xps_cpus" % q], A)
    _, steering, _ = verdict((100, ""))
    check("XPS off: said", re.search("no XPS|XPS: (none|off|not)|XPS is not", steering, re.I), steering)
    xps(A, "mq0")


def receive():
    sink = background(BLAST + " sink -P 4 udp 10.20.0.2 7000", B)
    wait_for(5, lambda: sink.stdout.readline().strip() == "ready")
    p, q = look("-r", "2", B), look("", "2", B)
    settled(p)
    truth = blast("udp -P 4 10.20.0.1 5000 10.20.0.2 7000 2000 100", A)
    seen, without = result(p), result(q)
    flows = seen.flows("pmq0", "rx")
    same("-r: received flows", {k: c for k, c in flows.items()},
         {(k[0], k[3], k[4], k[1], k[2]): c for k, c in truth.items() if isinstance(k, tuple)})
    same("-r: rx_bytes of the device", seen.device("pmq0", "rx_bytes"), truth[None].bytes)
    check("-r: process of the receiving socket", all("blast" in [x["name"] for x in f["procs"] or []]
          for f in seen.records("pmq0", "rx")), seen.records("pmq0", "rx")[:1])
    same("without -r: none", without.flows("pmq0", "rx"), {})
    end(sink)


def short_lives():
    """Flows whose socket is gone when the interval ends still have their process."""
    sink = background(BLAST + " sink tcp 10.20.0.2 7100", B)
    wait_for(5, lambda: sink.stdout.readline().strip() == "ready")
    for rung in ("trace", "filter", "ring"):
        p = look("--source " + rung, "2")
        settled(p)
        tcp = blast("tcp -n 2 10.20.0.1 10.20.0.2 7100 100000", A)
        udp = blast("udp -P 2 -t 150 -r 2000 10.20.0.1 5100 10.20.0.99 7200 0 100", A)
        seen = result(p)
        names = {flow_key(f): [x["name"] for x in f["procs"] or []] for f in seen.records("mq0")}
        for what, truth in (("TCP", tcp), ("UDP", udp)):
            keys = [k for k in truth if isinstance(k, tuple)]
            got = [names.get(k) for k in keys]
            if rung == "trace":
                check("%s: %s sockets that died within the interval have their process" % (rung, what),
                      got and all(g and "blast" in g for g in got), (got, list(names)[:4]))
            else:
                check("%s: %s flows of dead sockets are there" % (rung, what), all(g is not None for g in got), got)
    end(sink)


def totals():
    """A bridge on veth: its packets cross the port, and are in the total once."""
    sh("ip -n %s link add br0 type bridge" % A)
    sh("ip -n %s addr del 10.25.0.1/24 dev one0" % A)
    sh("ip -n %s link set one0 master br0" % A)
    sh("ip -n %s link set br0 up" % A)
    address(A, "br0", "10.25.0.1/24")
    neigh(A, "br0", mac(B, "pone0"), "10.25.0.2")
    time.sleep(2.5)  # until it has told its groups
    p = look("", "1.5")
    settled(p)
    truth = blast("udp 10.25.0.1 5000 10.25.0.2 6000 1000 100", A)
    doc = result(p).docs[0]
    devs = {d["dev"]: d for d in doc["devices"]}
    same("bridge: on the bridge", devs["br0"]["tx_packets"], truth[None].packets)
    same("bridge: on its port", devs["one0"]["tx_packets"], truth[None].packets)
    same("bridge: counted once in a total", sum(d["tx_packets"] or 0 for d in doc["devices"] if d["in_total"] and
                                               d["dev"] in ("br0", "one0")), truth[None].packets)
    same("bridge: the port names it", devs["one0"]["master"], "br0")
    p = background("%s flowq -i 1.2 -a" % BIN, A)
    settled(p)
    blast("udp 10.25.0.1 5000 10.25.0.2 6000 1000 100", A)
    out, _ = p.communicate(timeout=20)
    check("text: the bridge is said not to be in the total", re.search(r"br0.*not in the total", out), out)


def text():
    p = background("%s flowq -i 1.2 -a" % BIN, A)
    settled(p)
    send("mq0", 2000, "-P 3 -c 0")
    out, _ = p.communicate(timeout=20)
    for what in ("mq0", "pfifo", "10.20.0.99", "6000"):
        check("text shows %s" % what, what in out, out)
    check("text is plain ASCII with -a", all(ord(c) < 128 for c in out), out)
    p = background("%s flows -q -i 1.2 -a" % BIN, A)
    settled(p)
    send("mq0", 2000, "-P 3 -c 0")
    seed, _ = p.communicate(timeout=20)
    shown = lambda text: sorted(w for w in text.split() if re.match("10.20.0|blast|mq0", w) and "(" not in w)
    check("fleutan flows -q shows the same", "mq0:" in shown(seed) and shown(seed) == shown(out), seed)
    check("an idle interval", "idle" in sh("%s flowq -i 0.3 -a" % BIN, A))


def main():
    build()
    time.sleep(1.5)
    for step in (tree, balance, receive, short_lives, text, totals):
        try:
            step()
        except (RuntimeError, KeyError, TypeError, ValueError, StopIteration, subprocess.TimeoutExpired) as e:
            not_ok("%s ran to its end" % step.__name__, "%s: %s" % (type(e).__name__, e))


if __name__ == "__main__":
    main()
