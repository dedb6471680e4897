"""Checks an exported audit chain with the standard library alone: python3 verify_audit.py EXPORT [ANCHORS ...]

It shares no code with the product. Read it, then trust it. Exit 0: what it prints is proven; exit 1: a row is bad.
A row is a line of JSON in ASCII: its RFC 8785 text, and its hash at the end. A statement names a row and its hash, is
chained to the statement before it, and is signed with Ed25519. ANCHORS are files of statements kept elsewhere.
"""

import base64
import hashlib
import json
import re
import sys

FORMAT = "meraki-specialist-statement/1"
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D, ROOT = -121665 * pow(121666, -1, P) % P, pow(2, (P - 1) // 4, P)


def point(data):
    """The curve point of 32 bytes (RFC 8032, 5.1.3), in extended coordinates; ValueError when there is none."""
    y, sign = int.from_bytes(data, "little") & (2**255 - 1), data[31] >> 7
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or y >= P or (x == 0 and sign):
        raise ValueError("no point")
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


def add(a, b):
    """The sum of two points (RFC 8032, 5.1.4)."""
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    return (f - e) * (h - g) % P, (h + g) * (f + e) % P, (h - g) * (h + g) % P, (f - e) * (f + e) % P


def times(scalar, a):
    """The point added to itself so many times."""
    total = (0, 1, 1, 0)
    while scalar:
        total = add(total, a) if scalar & 1 else total
        a, scalar = add(a, a), scalar >> 1
    return total


BASE = point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def holds(statement):
    """Whether the statement's Ed25519 signature is that of the key which it names (RFC 8032, 5.1.7)."""
    body = {name: value for name, value in statement.items() if name != "signature"}
    message = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    try:
        key = base64.b64decode(statement["public_key"], validate=True)
        signature = base64.b64decode(statement["signature"], validate=True)
        a, r, s = point(key), point(signature[:32]), int.from_bytes(signature[32:], "little")
    except (ValueError, IndexError):
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    left, right = times(s, BASE), add(r, times(k, a))
    crossed = [(left[n] * right[2] - right[n] * left[2]) % P for n in (0, 1)]
    return len(key) == 32 and len(signature) == 64 and s < L and crossed == [0, 0]


def statement_in(line):
    """The statement in a line, whatever a log wrote in front of it; None when there is none."""
    try:
        found = json.loads(line[line.index('{"at":') :])
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and found.get("format") == FORMAT else None


def standing(statements):
    """Those that no later restore has made void: what spoke of its row or of rows that are gone, and each seal."""
    backs = [(one["at"], one["seq"]) for one in statements if one["kind"] == "restore"]
    gone = [(s, at) for s in statements for at, seq in backs if s["seq"] >= seq or s["kind"] == "tombstone"]
    void = [s for s, at in gone if s["at"] < at]
    return [one for one in statements if one not in void]


def unescaped(match):
    """The characters of escapes beyond ASCII, which only the export writes; every other escape as it stands."""
    text = json.loads(f'"{match[1]}"') if match[1] else ""
    return text if text[:1] > "~" else match[0]


PLACE = re.compile(r'"seq":(\d+),"status":"[^"]*","tool":"[^"]*","hash":"[0-9a-f]{64}"}$')  # the end of a row
ESCAPE = re.compile(r"((?:\\u[d][89ab][0-9a-f]{2}\\u[d][c-f][0-9a-f]{2})|\\u[0-9a-f]{4})|\\.")


def row_of(line):
    """Seq, previous hash and hash of a row; ValueError when its text does not have its hash."""
    text, told, fields = ESCAPE.sub(unescaped, line[:-75] + "}"), line[-66:-2], json.loads(line)
    if line[-75:-66] != ',"hash":"' or hashlib.sha256(text.encode()).hexdigest() != told:
        raise ValueError("its text does not have its hash")
    return fields["seq"], fields["previous_hash"], told


def bad(row, why):
    """Say which row is bad, and stop."""
    print(f"NOT WHOLE: the first bad row is {row}: {why}.")
    sys.exit(1)


def main(export, *anchors):
    """Walk the export, then say what it proves."""
    lines = open(export, encoding="ascii", errors="replace").read().removesuffix("\n").split("\n")  # a cut line too
    statements = [found for line in lines if (found := statement_in(line))]
    kept = [found for name in anchors for line in open(name, errors="replace") if (found := statement_in(line))]
    signers, previous = [one["public_key"] for one in statements], ""
    key = next((one["public_key"] for one in kept + statements), "")  # the anchors' word comes first
    key = signers[0] if key in signers else key
    for one in statements:
        if one["public_key"] != key or not holds(one) or one["previous"] != previous:
            bad(one["seq"], "the statement about it is not signed with the key of this chain, or not in its place")
        previous = hashlib.sha256(json.dumps(one, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
        key = one.get("next_key") if one["kind"] == "rotation" else key  # it names the key that follows
    for one in [one for one in standing(kept + statements) if one in kept]:
        if one not in statements:
            bad(one["seq"], "what was anchored about it is not genuine, or not in the export")
    expected, end = {one["seq"]: one["hash"] for one in standing(kept + statements)}, 0
    tombs = [one for one in statements if one["kind"] == "tombstone"]
    first = next((int(seq[1]) - n for n, line in enumerate(lines) if (seq := PLACE.search(line))), 0)
    for number, one in enumerate(tombs):
        if one["first"] == first:  # an archive of pruned rows: it stands between two seals
            tombs, end = tombs[:number], one["seq"]
            expected = {seq: told for seq, told in expected.items() if seq <= end}
    seq, last = (tombs[-1]["seq"], tombs[-1]["hash"]) if tombs else (0, "0" * 64)
    begun = seq + 1
    for line in (line for line in lines if not statement_in(line)):
        try:
            found, before, told = row_of(line)
        except (ValueError, KeyError, TypeError, RecursionError) as problem:
            bad(seq + 1, problem)
        if found != seq + 1 or before != last or expected.get(found, told) != told:
            bad(seq + 1, "it is missing, does not follow the row before it, or is not the one that was signed")
        seq, last = found, told
    if expected and max(expected) > seq:
        bad(seq + 1, f"row {max(expected)} was signed, and the chain ends at {seq}")
    print(f"WHOLE: rows {begun} to {seq} follow one from the other, head {last}.")
    print(f"{len(statements)} statements are signed by {', '.join(dict.fromkeys(signers))}; is that the key you know?")
    held = max((one["seq"] for one in standing(kept)), default=0)
    print(f"Not proven: rows {held + 1} and later by anything kept elsewhere; that nothing came after row {seq}.")


if __name__ == "__main__":
    main(*sys.argv[1:])
