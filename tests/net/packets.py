# SPDX-License-Identifier: GPL-2.0-or-later
"""Truth of the packet sources: what flowq counts is what tc, devices and sender count, to the packet and the byte.
packets.py RUNG... [COUNT=packets of a case] [STEPS=udp,protocol,tcp,vlan,single,tunnel,receive,router,nat]"""
import json
import subprocess
import sys
import time

import lab
from lab import (Count, Flowq, Interval, Look, address, background, blast, check, end, mac, mq, neigh, netns, not_ok,
                 offloads, ok, same, settled, sh, skip, total, veth, wait_for, xps, BLAST, TOOLS)

A, B, R, C = "fl-pa", "fl-pb", "fl-pr", "fl-pc"
NOBODY = "02:00:00:00:00:99"  # packets to it are dropped as soon as they have crossed the device
N = 50000
UDP4, UDP6 = "10.7.0.1 %d 10.7.16.%d %d %d %d", "fd07::1 %d fd07:1::%d %d %d %d"
rung, steps = "", []


def build():
    netns(A, B, R, C)
    veth(A, "a0", B, "b0")
    veth(A, "a1", R, "r0")
    veth(R, "r1", C, "c0")
    veth(A, "a2", R, "r2")
    veth(R, "r3", C, "c1")
    for space, dev, addrs in ((A, "a0", "10.7.0.1/24 fd07::1/64"), (B, "b0", "10.7.0.2/24 fd07::2/64"),
                              (A, "a1", "10.8.0.1/24 fd08::1/64"), (R, "r0", "10.8.0.2/24 fd08::2/64"),
                              (R, "r1", "10.9.0.1/24 fd09::1/64"), (C, "c0", "10.9.0.2/24 fd09::2/64"),
                              (A, "a2", "10.10.0.1/24"), (C, "c1", "10.10.0.2/24")):
        address(space, dev, *addrs.split())
    for s, d, t, e, addrs in ((A, "a0", B, "b0", "10.7.0.%d fd07::%d"), (A, "a1", R, "r0", "10.8.0.%d fd08::%d"),
                              (R, "r1", C, "c0", "10.9.0.%d fd09::%d"), (A, "a2", C, "c1", "10.10.0.%d")):
        neigh(s, d, mac(t, e), *(a % 2 for a in addrs.split()))
        neigh(t, e, mac(s, d), *(a % 1 for a in addrs.split()))
    neigh(A, "a0", NOBODY, "10.7.0.99", "fd07::99")
    sh("ip -n %s route add 10.7.16.0/20 via 10.7.0.99" % A)
    sh("ip -n %s route add fd07:1::/64 via fd07::99" % A)
    sh("ip -n %s route add 10.9.0.0/24 via 10.8.0.2" % A)
    sh("ip -n %s route add fd09::/64 via fd08::2" % A)
    sh("ip -n %s route add 10.8.0.0/24 via 10.9.0.1" % C)
    sh("ip -n %s route add fd08::/64 via fd09::1" % C)
    sh("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1", R)
    sh("ip -n %s link add br0 type bridge" % R)
    for dev in ("r2", "r3"):
        sh("ip -n %s link set %s master br0" % (R, dev))
    sh("ip -n %s link set br0 up" % R)
    for space, dev in ((A, "a0"), (B, "b0"), (A, "a1"), (R, "r0"), (R, "r1"), (A, "a2"), (R, "r3")):
        mq(space, dev)
        xps(space, dev)


def canonical(key):
    """Without direction: which end is shown first is another question."""
    return (key[0],) + tuple(sorted([(key[1], key[2]), (key[3], key[4])], key=str))


def fold(flows, key=canonical):
    out = {}
    for k, c in flows.items():
        if isinstance(k, tuple):
            out[key(k)] = total([out.get(key(k), Count(0, 0)), c])
    return out


def compare(name, look, interval, dev, truth=None, queues=1, key=canonical, device=False, others=None, gso=False):
    """What LOOK counted on DEV against tc over INTERVAL, and against the sender's TRUTH, flow by flow. Rings count what
    they lost before it was segmented: with GSO that says less."""
    name = "%s: %s" % (rung, name)
    want, got = interval.queues(dev), look.queues(dev)
    flows = look.flows(dev)
    check(name + ": the traffic was there, over %d queues at least" % queues, len(want) >= queues, want)
    if look.lost:
        missing = interval.packets() - look.packets()
        check(name + ": what is missing was reported as lost", rung == "ring" and
              (missing >= look.lost if gso else missing == look.lost),
              "missing %d, said to be lost %d: counted %s, tc %s" % (missing, look.lost, got, want))
        return
    same(name + ": queues as tc -s has them", got, want)
    sums = {q: total(c for k, c in look.flows(dev, by_queue=True).items() if k[0] == q) for q in got}
    same(name + ": the flows of a queue add up to it", sums, got)
    if device:
        same(name + ": as the device's own counters", total(got.values()), interval.device(dev))
    if truth is not None:
        same(name + ": the sender's total", total(flows.values()), total(fold(truth).values()))
        same(name + ": each flow as its sender knows it", fold(flows, key), fold(truth, key))
    same(name + ": flows that are none", sum(c.packets for k, c in flows.items() if k[1] is None), others or 0)


class Bed:
    """Runs traffic while a flowq of this rung looks on from a namespace."""

    def __init__(self, space, options=""):
        self.space = space
        self.flowq = Flowq(space, "--source %s %s" % (rung, options), "0.1")

    def during(self, traffic):
        interval, mark = Interval(self.space), self.flowq.mark()
        truth = traffic()
        interval.end()
        return truth, interval, self.flowq.since(mark)

    def case(self, name, args, dev="a0", scale=1, **kw):
        """Traffic by blast: NAME, its arguments; SCALE: extra bytes a packet on DEV against what blast knows."""
        truth, interval, look = self.during(lambda: blast(args, A))
        compare(name, look, interval, dev, truth, **kw)
        return look


def udp_cases(bed):
    bed.case("UDP, one connected flow", "udp " + UDP4 % (5000, 1, 6000, N, 64), device=True)
    bed.case("UDP over IPv6", "udp -c 1 " + UDP6 % (5000, 1, 6000, N, 64), device=True)
    bed.case("one connected socket, four threads", "udp -T 4 -c 0,1 " + UDP4 % (5001, 1, 6001, N, 64), queues=1)
    bed.case("one unconnected socket, four threads, 1,000 peers",
             "udp -u -x -T 4 -c 0,1 -P 250 -A 4 " + UDP4 % (5002, 1, 20000, N, 64), queues=4, device=True)
    bed.case("the same over IPv6", "udp -u -x -T 4 -c 0,1 -P 250 -A 4 " + UDP6 % (5002, 1, 20000, N, 64), queues=4)
    bed.case("100 sockets, mixed sizes", "udp -x -P 100 -z 1400 " + UDP4 % (7000, 1, 21000, N, 1), queues=2,
             device=True)
    for family, form in (("", UDP4), (" over IPv6", UDP6)):
        bed.case("segmentation offload" + family, "udp -g 16 -z 16000 -P 8 " + form % (7200, 1, 21200, N // 10, 1000),
                 gso=True)
        bed.case("fragments" + family, "udp -z 8000 " + form % (7300, 1, 21300, N // 20, 1000),
                 key=lambda k: (k[0], k[1], k[3]))


def protocol_cases(bed):
    hosts = lambda k: tuple(sorted([str(k[1]), str(k[3])]))
    for proto in (132, 89, 253):
        bed.case("protocol %d" % proto, "raw 10.7.0.1 10.7.16.1 %d %d 40" % (proto, N // 50), key=hosts)
    bed.case("protocol 89 over IPv6", "raw fd07::1 fd07:1::1 89 %d 40" % (N // 50), key=hosts)
    bed.case("multicast", "udp " + "10.7.0.1 5300 224.0.0.99 5300 %d 100" % (N // 50))
    eth = NOBODY.replace(":", "") + mac(A, "a0").replace(":", "")
    n = N // 50
    for name, hexa, size in (("ARP", "0806" + "0001080006040001", 42), ("spanning tree", "0026424203", 60),
                             ("LLDP", "88cc0207", 100), ("IPv4 of version 5", "0800" + "5500", 60),
                             ("IPv4 cut short", "0800" + "4500", 20),
                             ("IPv4 with a header of 8 bytes", "0800" + "4200001c", 60),
                             ("IPv6 cut short", "86dd" + "6000", 40), ("no payload at all", "0800", 14)):
        _, interval, look = bed.during(lambda: blast("frame a0 %d %d %s" % (n, size, eth + hexa), A))
        compare(name, look, interval, "a0", others=n)
    ip4 = "45000040000000004011" + "0000" + "0a070001" + "0a071001" + "1388" + "1770" + "002c" + "0000"
    ip6 = "60000000" + "0034" + "%s" + "40" + "fd07" + "00" * 13 + "01" + "fd07" + "0001" + "00" * 11 + "01"
    udp = "13881770" + "00240000"
    want4, want6 = ("udp", "10.7.0.1", 5000, "10.7.16.1", 6000), ("udp", "fd07::1", 5000, "fd07:1::1", 6000)
    for name, hexa, key in (("VLAN tag", "81000005" + "0800" + ip4, want4),
                            ("QinQ", "88a80005" + "81000006" + "0800" + ip4, want4),
                            ("PPPoE", "8864" + "11000001" + "0042" + "0021" + ip4, want4),
                            ("IPv6 hop-by-hop options", "86dd" + ip6 % "00" + "1100" + "010400000000" + udp, want6),
                            ("IPv6 destination options", "86dd" + ip6 % "3c" + "1100" + "010400000000" + udp, want6),
                            ("IPv6 routing header", "86dd" + ip6 % "2b" + "1101" + "00" * 14 + udp, want6)):
        _, interval, look = bed.during(lambda: blast("frame a0 %d 106 %s" % (n, eth + hexa), A))
        compare("a frame with " + name, look, interval, "a0", {key: Count(n, n * 106)})


def tcp_cases(bed):
    sink = background(BLAST + " sink tcp :: 7777", B)
    wait_for(5, lambda: sink.stdout.readline().strip() == "ready")
    for on in (True, False):
        offloads(on, (A, "a0"), (B, "b0"))
        for src, dst in (("10.7.0.1", "10.7.0.2"), ("fd07::1", "fd07::2")):
            name = "TCP%s, offloads %s" % (" over IPv6" if ":" in src else "", "on" if on else "off")
            bed.case(name, "tcp -n 4 -c 0,1 %s %s 7777 %d" % (src, dst, N * 350), queues=2, device=not on, gso=on)
    end(sink)
    offloads(True, (A, "a0"), (B, "b0"))
    for on, dst in ((True, "10.7.0.2"), (False, "10.7.0.2"), (True, "fd07::2"), (False, "fd07::2")):
        offloads(on, (A, "a0"), (B, "b0"))
        server = background("iperf3 -s -1 -p 5201", B)
        wait_for(5, lambda: ":5201" in sh("ss -Htln", B))
        _, interval, look = bed.during(lambda: sh("iperf3 -c %s -p 5201 -P 2 -n %d" % (dst, N * 700), A) and None)
        end(server)
        compare("iperf3 to %s, offloads %s" % (dst, "on" if on else "off"), look, interval, "a0", device=not on, gso=on)
    offloads(True, (A, "a0"), (B, "b0"))


def vlan_case(bed):
    try:
        sh("ip -n %s link add link a0 name v5 type vlan id 5" % A)
    except RuntimeError as e:
        skip(rung + ": VLAN device", e)
        return
    sh("ip -n %s link set v5 up" % A)
    address(A, "v5", "10.75.0.1/24")
    neigh(A, "v5", NOBODY, "10.75.0.99")
    sh("ip -n %s route replace 10.76.0.0/24 via 10.75.0.99" % A)
    truth, interval, look = bed.during(lambda: blast("udp -P 10 10.75.0.1 5500 10.76.0.1 6500 %d 64" % (N // 5), A))
    compare("VLAN, on the device below", look, interval, "a0", truth)
    same(rung + ": VLAN, on the VLAN device: its own counters", total(look.queues("v5").values()),
         interval.device("v5"))
    same(rung + ": VLAN, on the VLAN device: flows", fold(look.flows("v5")), fold(truth))
    flags = {d["dev"]: d["in_total"] for d in look.docs[-1]["devices"] if d["dev"] in ("a0", "v5")}
    same(rung + ": VLAN: one of the two is in the total", flags, {"a0": True, "v5": False})
    sh("ip -n %s link del v5" % A)


def tunnel_cases():
    """VXLAN: outer on the device below, inner there too with --inner."""
    for space, n, peer in ((A, 1, 2), (B, 2, 1)):
        sh("ip -n %s link add x9 type vxlan id 9 local 10.7.0.%d remote 10.7.0.%d dstport 4789 dev %s" %
           (space, n, peer, "a0" if space == A else "b0"))
        sh("ip -n %s link set x9 address 02:00:00:00:09:0%d up" % (space, n))
        address(space, "x9", "10.79.0.%d/24" % n)
    neigh(A, "x9", "02:00:00:00:09:02", "10.79.0.2")
    sink = background(BLAST + " sink -k -P 10 udp 10.79.0.2 6700", B)
    wait_for(5, lambda: sink.stdout.readline().strip() == "ready")
    args = "udp -P 10 10.79.0.1 5700 10.79.0.2 6700 %d 64" % (N // 10)
    for inner in ("", "--inner"):
        bed = Bed(A, inner)
        truth, interval, look = bed.during(lambda: blast(args, A))
        bed.flowq.end()
        count = total(fold(truth).values())
        name = "%s: VXLAN%s" % (rung, ", --inner" if inner else "")
        compare("VXLAN%s, the device below" % (", --inner" if inner else ""), look, interval, "a0")
        if look.lost:
            continue
        on_wire = fold(look.flows("a0"))
        if inner:
            same(name + ": the flows within are counted under their own ends",
                 {k: c.packets for k, c in on_wire.items()}, {k: c.packets for k, c in fold(truth).items()})
        else:
            check(name + ": the flows are the tunnel's",
                  all("10.7.0.2" in str(k) and "4789" in str(k) for k in on_wire), on_wire)
        same(name + ": bytes with 50 of the tunnel for each packet", total(on_wire.values()),
             Count(count.packets, count.bytes + 50 * count.packets))
        same(name + ": on the tunnel's device", fold(look.flows("x9")), fold(truth))
    end(sink)
    for space in (A, B):
        sh("ip -n %s link del x9" % space)


def receive_cases():
    """-r in the receiving namespace: sockets, GRO, loopback, ifb."""
    bed = Bed(B, "-r")
    sink = background(BLAST + " sink -k -P 20 udp 10.7.0.2 6800", B)
    tcp = background(BLAST + " sink tcp :: 7777", B)
    for p in (sink, tcp):
        wait_for(5, lambda: p.stdout.readline().strip() == "ready")
    for name, args, dev in (("UDP", "udp -P 20 -x 10.7.0.1 5800 10.7.0.2 6800 %d 64" % N, "b0"),
                            ("UDP with segmentation offload", "udp -g 8 10.7.0.1 5900 10.7.0.2 6801 %d 500" % (N // 10),
                             "b0"),
                            ("TCP with GRO", "tcp -n 2 -c 0,1 10.7.0.1 10.7.0.2 7777 %d" % (N * 350), "b0"),
                            ("TCP over IPv6", "tcp -n 2 -c 0,1 fd07::1 fd07::2 7777 %d" % (N * 350), "b0")):
        truth, interval, look = bed.during(lambda: blast(args, A))
        name = "%s: received %s" % (rung, name)
        flows = look.flows(dev, "rx")
        if look.lost:
            check(name + ": what is missing was reported as lost", rung == "ring" and total(
                look.queues(dev, "rx").values()).packets <= total(fold(truth).values()).packets, look.lost)
            continue
        same(name + ": each flow as its sender knows it", fold(flows), fold(truth))
        check(name + ": src is the local end", all(k[1] in ("10.7.0.2", "fd07::2") for k in flows), flows)
        same(name + ": queues add up", total(look.queues(dev, "rx").values()), total(flows.values()))
    truth, interval, look = bed.during(lambda: blast("udp -P 5 127.0.0.1 5990 127.0.0.1 6990 %d 64" % (N // 5), B))
    icmp = lambda flows: {k: c for k, c in fold(flows).items() if k[0] == "udp"}
    for direction in ("tx", "rx"):
        if not look.lost:
            same("%s: loopback, %s" % (rung, direction), icmp(look.flows("lo", direction)), fold(truth))
    end(sink)
    end(tcp)
    ifb_case(bed)
    bed.flowq.end()


def ifb_case(bed):
    try:
        sh("ip -n %s link add ifb0 type ifb" % B)
    except RuntimeError as e:
        skip(rung + ": ifb", e)
        return
    sh("ip -n %s link set ifb0 up" % B)
    sh("tc qdisc replace dev ifb0 root handle 3: pfifo", B)
    sh("tc qdisc add dev b0 clsact", B)
    sh("tc filter add dev b0 ingress protocol ip u32 match u32 0 0 action mirred egress redirect dev ifb0", B)
    truth, interval, look = bed.during(
        lambda: blast("udp -r 100000 -P 5 10.7.0.1 5800 10.7.0.2 6990 %d 64" % (N // 10), A))
    time.sleep(0.5)
    if not look.lost:
        same(rung + ": ifb: its queue as tc has it", total(look.queues("ifb0").values()),
             total(interval.queues("ifb0").values()))
        same(rung + ": ifb: the flows redirected to it",
             {k: c for k, c in fold(look.flows("ifb0")).items() if k[0] == "udp"}, fold(truth))
    sh("ip -n %s link del ifb0" % B)
    sh("tc qdisc del dev b0 clsact", B)


def router_cases(nat):
    """Forwarded between r0 and r1, with and without translation; bridged between r2 and r3."""
    what = "behind NAT" if nat else "forwarded"
    bed = Bed(R)
    sink = background(BLAST + " sink -k -P 10 udp 10.9.0.2 6100", C)
    six = background(BLAST + " sink -k -P 10 udp fd09::2 6100", C)
    tcp = background(BLAST + " sink tcp :: 7777", C)
    for p in (sink, six, tcp):
        wait_for(5, lambda: p.stdout.readline().strip() == "ready")
    for name, args in (("UDP", "udp -P 10 -x 10.8.0.1 5100 10.9.0.2 6100 %d 64" % N),
                       ("UDP over IPv6", "udp -P 10 -x fd08::1 5100 fd09::2 6100 %d 64" % N),
                       ("TCP", "tcp -n 2 -c 0,1 10.8.0.1 10.9.0.2 7777 %d" % (N * 350))):
        truth, interval, look = bed.during(lambda: blast(args, A))
        seen = [f for f in look.records("r1") if f["dport"]]
        sent = {}
        for f in seen:
            o = (f.get("orig") or f) if nat else f
            k = canonical((f["proto"], o["src"], o["sport"], o["dst"], o["dport"]))
            sent[k] = total([sent.get(k, Count(0, 0)), Count(f["packets"], f["bytes"])])
        name = "%s: %s" % (what, name)
        compare(name, look, interval, "r1", gso="TCP" in name)
        if look.lost:
            continue
        same("%s: %s: each flow as its sender knows it" % (rung, name), sent, fold(truth))
        if nat:
            check("%s: %s: both tuples are there" % (rung, name), seen and all(f.get("orig") and f.get("reply") and
                  f["reply"]["dst"] in ("10.9.0.1", "fd09::1") for f in seen), seen[:1])
            check("%s: %s: src is who began it" % (rung, name),
                  all(f["src"] in ("10.8.0.1", "fd08::1") for f in seen), seen[:1])
        check("%s: %s: said to be forwarded" % (rung, name), seen and all(f.get("forwarded") for f in seen), seen[:1])
    if not nat:
        bridged = background(BLAST + " sink -k -P 10 udp 10.10.0.2 6200", C)
        wait_for(5, lambda: bridged.stdout.readline().strip() == "ready")
        truth, interval, look = bed.during(lambda: blast("udp -P 10 10.10.0.1 5200 10.10.0.2 6200 %d 64" % N, A))
        compare("bridged", look, interval, "r3", truth)
        check(rung + ": bridged: not in the total twice",
              not [d for d in look.docs[-1]["devices"] if d["dev"] == "br0" and d["in_total"]],
              [(d["dev"], d["in_total"]) for d in look.docs[-1]["devices"]])
        end(bridged)
    for p in (sink, six, tcp):
        end(p)
    bed.flowq.end()


def single_look():
    """One reading of one interval, as a user asks for it: there is no second generation of tables then."""
    p = background("%s -j -N 0 -i 2.5 --source %s" % (lab.BIN + " flowq", rung), A)
    settled(p)
    interval = Interval(A)
    truth = blast("udp -u -x -T 2 -c 0,1 -P 100 " + UDP4 % (5003, 1, 22000, N // 2, 64), A)
    interval.end()
    out, _ = p.communicate(timeout=20)
    compare("one sample (-j -i)", Look([json.loads(out)]), interval, "a0", truth, queues=4)


def one_bed():
    """The steps that share one flowq."""
    bed = Bed(A)
    ok("%s: starts; sources used: %s" % (rung, " ".join(bed.flowq.used())))
    for name, step in (("udp", udp_cases), ("protocol", protocol_cases), ("tcp", tcp_cases), ("vlan", vlan_case)):
        if wanted(name):
            guarded(lambda: step(bed))
    lost = rung == "ring" and any(d["lost_records"] for d in bed.flowq.docs)
    same(rung + ": SIGINT ends it", bed.flowq.end(), 3 if lost else 0)


def guarded(step):
    try:
        step()
    except (RuntimeError, KeyError, TypeError, ValueError, subprocess.TimeoutExpired) as e:
        not_ok("%s: a step ran to its end" % rung, "%s: %s" % (type(e).__name__, e))


def wanted(step):
    return not steps or step in steps


def main():
    global rung, N, steps
    rungs = []
    for word in sys.argv[1:]:
        if word.startswith("COUNT="):
            N = int(word[6:])
        elif word.startswith("STEPS="):
            steps = word[6:].split(",")
        else:
            rungs.append(word)
    build()
    time.sleep(1.5)  # what the kernel itself says when a device comes up is over by then
    for rung in rungs:
        guarded(one_bed)
        for name, step in (("single", single_look), ("tunnel", tunnel_cases), ("receive", receive_cases),
                           ("router", lambda: router_cases(False))):
            if wanted(name):
                guarded(step)
    if not wanted("nat"):
        return
    try:
        sh(TOOLS + "/nat", R)
    except RuntimeError as e:
        skip("behind NAT", e)
        return
    for rung in rungs:
        guarded(lambda: router_cases(True))


if __name__ == "__main__":
    main()
    sys.exit(lab.failed > 0)
