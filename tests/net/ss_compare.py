# SPDX-License-Identifier: GPL-2.0-or-later
"""Compares what flowlat -J says of each flow with what `ss -tinemOHp` prints for it: ss_compare.py SS_OUTPUT FLOWLAT_JSON

Every `name:value` of ss that means a tcp_info field must be there with the same value (in flowlat's unit); ss prints less
digits than there are, so times compare at the precision printed. Prints `ok`/`not ok` lines, one per field.
"""
import json
import re
import sys

US, MS = 1000, 1000000

# ss's word: (our key, factor from ss's number to ours). Rates are printed in bit/s.
NUMBERS = {
    "rto": ("rto_ns", MS), "ato": ("ato_ns", MS), "mss": ("mss_bytes", 1), "pmtu": ("pmtu_bytes", 1),
    "rcvmss": ("rcv_mss_bytes", 1), "advmss": ("advmss_bytes", 1), "cwnd": ("cwnd", 1), "ssthresh": ("ssthresh", 1),
    "bytes_sent": ("bytes_sent", 1), "bytes_retrans": ("bytes_retrans", 1), "bytes_acked": ("bytes_acked", 1),
    "bytes_received": ("bytes_received", 1), "segs_out": ("segs_out", 1), "segs_in": ("segs_in", 1),
    "data_segs_out": ("data_segs_out", 1), "data_segs_in": ("data_segs_in", 1), "lastsnd": ("last_snd_ns", MS),
    "lastrcv": ("last_rcv_ns", MS), "lastack": ("last_ack_ns", MS), "delivered": ("delivered", 1),
    "delivered_ce": ("delivered_ce", 1), "busy": ("busy_ns", MS), "unacked": ("unacked", 1), "lost": ("lost", 1),
    "sacked": ("sacked", 1), "reordering": ("reordering", 1), "rcv_rtt": ("rcv_rtt_ns", MS),
    "rcv_space": ("rcv_space_bytes", 1), "rcv_ssthresh": ("rcv_ssthresh_bytes", 1), "notsent": ("notsent_bytes", 1),
    "minrtt": ("min_rtt_ns", MS), "snd_wnd": ("snd_wnd_bytes", 1), "rcv_wnd": ("rcv_wnd_bytes", 1),
    "dsack_dups": ("dsack_dups", 1), "reord_seen": ("reord_seen", 1), "rcv_ooopack": ("rcv_ooopack", 1),
    "uid": ("uid", 1), "ino": ("inode", 1), "backoff": ("backoff", 1), "rehash": ("rehash", 1),
    "pacing_rate": ("pacing_rate_bytes_per_s", 8), "delivery_rate": ("delivery_rate_bytes_per_s", 8),
}
MOVING = {"lastsnd", "lastrcv", "lastack"}  # time goes on between the two looks
# ss computes the rate it prints from truncated floating point.
FLAGS = {"ts": "ts", "sack": "sack", "ecn": "ecn", "ecnseen": "ecnseen", "app_limited": "app_limited"}
KNOWN_ELSEWHERE = {"timer", "skmem", "users", "rtt", "wscale", "retrans", "sk", "cgroup", "send", "bbr", "cubic", "fwmark"}


def end(text):
    addr, _, port = text.rpartition(":")
    addr = addr.strip("[]").split("%")[0]
    return addr.removeprefix("::ffff:"), port


def parse_ss(line):
    words = line.split()
    state, recvq, sendq, src, dst = words[:5]
    flow = {"state": state, "recvq": recvq, "sendq": sendq, "words": {}, "flags": set(), "users": []}
    text = line.split(words[4], 1)[1]
    users = re.search(r"users:\((.*?)\)\)", text)
    if users:
        flow["users"] = sorted((m[0], int(m[1])) for m in re.findall(r'\("(.*?)",pid=(\d+)', users.group(0)))
        text = text.replace(users.group(0), "")
    for word in re.sub(r"\S*:\([^)]*\)", "", text).split():
        name, colon, value = word.partition(":")
        if colon:
            flow["words"][name] = value
        else:
            flow["flags"].add(word)
    for rate in ("pacing_rate", "delivery_rate"):
        m = re.search(rate + r" (\d+)bps", text)
        if m:
            flow["words"][rate] = m.group(1)
    return (end(src), end(dst)), flow


def number(text):
    m = re.match(r"^([0-9.]+)", text)
    return m.group(1) if m else None


def same(name, ours, text, factor):
    digits = number(text)
    if digits is None or ours is None:
        return False
    if name.endswith("_rate"):
        return abs(ours * 8 - int(digits)) < 8
    whole, _, frac = digits.partition(".")
    exact = int(whole + frac) * factor // 10 ** len(frac)
    step = factor // 10 ** len(frac)
    slack = 5000 * MS if name in MOVING else max(step, 1 if factor > 1 else 0)
    return abs(ours - exact) <= slack


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        theirs = dict(parse_ss(line) for line in f if line.strip())
    with open(sys.argv[2], encoding="utf-8") as f:
        ours = {((d["src"], str(d["sport"])), (d["dst"], str(d["dport"]))): d for d in json.load(f)["flows"]}
    seen, bad = {}, {}

    def check(name, good, detail):
        seen[name] = seen.get(name, 0) + 1
        if not good:
            bad.setdefault(name, detail)

    check("flows", set(theirs) == set(ours), f"{len(theirs)} against {len(ours)}: {set(theirs) ^ set(ours)}")
    for key in set(theirs) & set(ours):
        s, o = theirs[key], ours[key]
        check("recv_q", int(s["recvq"]) == o["recv_q_bytes"], s["recvq"])
        check("send_q", int(s["sendq"]) == o["send_q_bytes"], s["sendq"])
        check("users", s["users"] == sorted((p["name"], p["pid"]) for p in o["procs"] or []), f"{s['users']} {o['procs']}")
        check("cong", o["cong"] in s["flags"], f"{o['cong']} not in {s['flags']}")
        for word, k in FLAGS.items():
            check(word, (word in s["flags"]) == bool(o[k]), f"{s['flags']} {o[k]}")
        w = s["words"]
        if "rtt" in w:
            rtt, var = w["rtt"].split("/")
            check("rtt", same("rtt", o["rtt_ns"], rtt, MS) and same("rtt", o["rttvar_ns"], var, MS), f"{w['rtt']} {o['rtt_ns']} {o['rttvar_ns']}")
        if "wscale" in w:
            check("wscale", w["wscale"] == f"{o['snd_wscale']},{o['rcv_wscale']}", w["wscale"])
        if "retrans" in w:
            check("retrans", w["retrans"] == f"{o['retrans_now']}/{o['retrans']}", w["retrans"])
        for word, value in w.items():
            if word in NUMBERS:
                k, factor = NUMBERS[word]
                check(word, same(word, o[k], value, factor), f"ss {value}, {k} {o[k]} ({key})")
            elif word not in KNOWN_ELSEWHERE:
                check(f"word {word}", False, "ss prints it, the test knows no field for it")
    for name, n in sorted(seen.items()):
        print(f"not ok ss: {name}: {bad[name]}" if name in bad else f"ok ss: {name} ({n} flows)")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
