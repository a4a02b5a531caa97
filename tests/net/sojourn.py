# SPDX-License-Identifier: GPL-2.0-or-later
"""Time in the qdisc: a standing queue in a shaper of known rate holds each packet for backlog / rate, an idle queue for
nothing. Drops: what a short queue drops is told for each flow, and adds up to tc's count and to the sender's."""
import json
import os
import statistics
import subprocess
import time

from lab import (BLAST, BIN, Counters, Interval, Look, address, background, blast, check, end, flow_key, mq, neigh,
                 netns, not_ok, same, settled, sh, skip, veth)

A, B = "fl-sa", "fl-sb"
RATE = 20000000 // 8  # bytes/s
SIZE = 958            # of a datagram: 1,000 bytes on the wire
TO = "10.7.16.1"
ERR = os.environ["TMP"] + "/err"


def build():
    netns(A, B)
    veth(A, "a0", B, "b0", 1)
    veth(A, "m0", B, "n0", 4)
    address(A, "a0", "10.7.0.1/24")
    address(A, "m0", "10.6.0.1/24")
    for dev, to, net in (("a0", "10.7.0.99", "10.7.16.0/20"), ("m0", "10.6.0.99", "10.6.16.0/20")):
        neigh(A, dev, "02:00:00:00:00:99", to)
        sh("ip -n %s route add %s via %s" % (A, net, to))


def look(seconds, options):
    return background("%s flowq -j -N 0 -i %s %s" % (BIN, seconds, options), A, stderr=open(ERR, "w"))


def result(p):
    out, _ = p.communicate(timeout=30)
    if not out.strip():
        raise RuntimeError("no answer, status %s: %s" % (p.returncode, open(ERR).read()[:300]))
    return Look([json.loads(out)])


def shaped(name, commands, options="--sojourn"):
    """A standing queue: twice of what the shaper lets through comes, so the queue is always as full as it may be."""
    for c in commands:
        sh(c, A)
    load = background("%s udp -t 4500 -r 5000 -P 4 10.7.0.1 5000 %s 6000 0 %d" % (BLAST, TO, SIZE), A)
    time.sleep(0.6)
    p = look(2, options)
    settled(p)
    backlog = []
    for _ in range(10):
        time.sleep(0.1)
        backlog.append(max(q["backlog"] for q in Counters(A).qdiscs if q["dev"] == "a0"))
    seen = result(p)
    end(load)
    check_shaped(name, seen, backlog)
    sh("tc qdisc del dev a0 root", A, False)
    time.sleep(0.2)


def check_shaped(name, seen, backlog):
    # The packet that is let through now is no longer in the backlog it found when it came.
    want = int(statistics.median(backlog)) * 1000000000 // RATE
    check(name + ": a queue stands", min(backlog) > 20000 and max(backlog) - min(backlog) < max(backlog) // 10,
          "backlog %s" % backlog)
    flows = [f for f in seen.records("a0") if f["dport"] and 6000 <= f["dport"] < 6100]
    check(name + ": flows are there", bool(flows), seen.docs[0]["devices"])
    for f in flows[:4]:
        s = f.get("sojourn") or {}
        p50 = s.get("p50_ns")
        check("%s: median time of flow %d is what the backlog implies (%d us)" % (name, f["dport"], want // 1000),
              p50 is not None and want * 95 // 100 <= p50 <= want * 105 // 100, "%s, expected %d" % (s, want))
        check("%s: flow %d: quantiles in order" % (name, f["dport"]),
              bool(p50) and s["p50_ns"] <= s["p90_ns"] <= s["p99_ns"] <= s["max_ns"], s)
    queue = next(q for q in seen.each_queue("a0"))
    s = queue.get("sojourn") or {}
    check("%s: the queue's median" % name,
          s.get("p50_ns") is not None and want * 95 // 100 <= s["p50_ns"] <= want * 105 // 100,
          "%s, expected %d" % (s, want))
    check("%s: share of packets matched: %s of %s" % (name, s.get("packets"), queue["packets"]),
          bool(s.get("packets")) and s["packets"] * 100 >= queue["packets"] * 95, s)
    check("%s: packets of flows add up to the queue's" % name,
          s.get("packets") == sum((f.get("sojourn") or {}).get("packets") or 0 for f in seen.records("a0")), s)


def idle():
    mq(A, "m0")
    p = look(2, "--sojourn")
    settled(p)
    truth = blast("udp -r 1000 -P 4 10.6.0.1 5000 10.6.16.1 6000 500 64", A)
    seen = result(p)
    flows = [f for f in seen.records("m0") if f["dport"] and 6000 <= f["dport"] < 6100]
    check("idle pfifo under mq: flows are there", len({f["dport"] for f in flows}) == 4, flows)
    for what in ("p50_ns", "p99_ns"):
        check("idle pfifo: %s is zero" % what, flows and all((f.get("sojourn") or {}).get(what) == 0 for f in flows),
              [f.get("sojourn") for f in flows])
    packets = sum((f.get("sojourn") or {}).get("packets") or 0 for f in flows)
    check("idle pfifo: packets that went past it are counted (%d of %d)" % (packets, truth[None].packets),
          packets * 100 >= truth[None].packets * 95, flows)
    p = look(1, "")
    settled(p)
    blast("udp -P 4 10.6.0.1 5000 10.6.16.1 6000 500 64", A)
    seen = result(p)
    check("not asked for: null, not zero", seen.records("m0") and all(
          f.get("sojourn") is None and f.get("drops") is None for f in seen.records("m0")), seen.records("m0")[:1])


def drops(name, commands, device="a0", limit_options="--drops"):
    """Each flow: what was sent is what was counted behind the qdisc plus what it dropped."""
    for c in commands:
        sh(c, A)
    p = look(3, limit_options)
    settled(p)
    interval = Interval(A)
    truth = blast("udp -x -P 5 10.7.0.1 5000 %s 6000 20000 %d" % (TO, SIZE), A)
    time.sleep(0.3)
    interval.end()
    seen = result(p)
    flows = seen.records(device)
    tc = interval.sum(device, "drops")
    if len(commands) > 1:  # a shaper and its child both count the same drop
        tc = max(q["drops"] for q in interval.after.qdiscs if q["dev"] == device)
    dropped = sum(f.get("drops") or 0 for f in flows)
    check(name + ": something was dropped", tc > 1000, tc)
    same(name + ": drops of all flows are tc's", dropped, tc)
    sent = {flow_key(f): 0 for f in flows}
    for f in flows:
        sent[flow_key(f)] += (f["packets"] or 0) + (f.get("drops") or 0)
    same(name + ": each flow: counted plus dropped is what was sent", sent,
         {k: c.packets for k, c in truth.items() if isinstance(k, tuple)})
    reasons = {f.get("drop_reason") for f in flows if f.get("drops")}
    if any(s["name"] == "qdisc_trace" and "reasons" in (s.get("why") or "") for s in seen.docs[0]["sources"]):
        skip(name + ": reason", "this kernel gives none")
    else:
        check(name + ": the reason is the kernel's", reasons and all(r and "qdisc" in r for r in reasons), reasons)
    queue_drops = sum(q["qdisc"]["drops"] or 0 for q in seen.each_queue(device) if q["qdisc"])
    check(name + ": the qdisc's own count stands beside", queue_drops == tc, "%s, tc %s" % (queue_drops, tc))
    sh("tc qdisc del dev %s root" % device, A, False)
    time.sleep(0.2)


def main():
    build()
    time.sleep(1)
    tbf = "tc qdisc replace dev a0 root handle 1: tbf rate 20mbit burst 5000 limit %d"
    htb = ["tc qdisc replace dev a0 root handle 1: htb default 10",
           "tc class add dev a0 parent 1: classid 1:1 htb rate 20mbit ceil 20mbit burst 5000 cburst 5000",
           "tc class add dev a0 parent 1:1 classid 1:10 htb rate 20mbit ceil 20mbit burst 5000 cburst 5000",
           "tc qdisc add dev a0 parent 1:10 handle 10: pfifo limit 200"]
    for step in (lambda: shaped("tbf", [tbf % 200000]), lambda: shaped("htb", htb),
                 lambda: shaped("tbf with drops asked for too", [tbf % 200000], options="--sojourn --drops"), idle,
                 lambda: drops("tbf with a short queue", [tbf % 10000]),
                 lambda: drops("sojourn and drops together", [tbf % 10000], limit_options="--sojourn --drops"),
                 lambda: drops("htb with a short queue", htb[:3] + [htb[3].replace("200", "10")])):
        try:
            step()
        except (RuntimeError, KeyError, TypeError, ValueError, StopIteration, subprocess.TimeoutExpired) as e:
            not_ok("a step ran to its end", "%s: %s" % (type(e).__name__, e))


if __name__ == "__main__":
    main()
