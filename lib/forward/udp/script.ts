/**
 * The program that carries datagrams on the remote host, in two languages of which Linux
 * distributions have at least one. It is handed to the interpreter on the command line, so nothing is
 * installed; it ends when its input does, or when it has heard nothing for {@link SILENCE_S}.
 *
 * After the line {@link READY} both directions are frames of `length(2) kind(1) id(4) data`, numbers
 * in network order, length counting what follows it. To the relay: `O` (open: data is
 * `port(2) host`), `D` (datagram), `C` (close), `P` (nothing, to break the silence). From it: `D`.
 */
import { posixCommand, shellQuote } from "../../transport/posix_shell.ts";

/** What the program prints first; anything before it comes from a login script. */
export const READY = "rda-udp-relay-1\n";
/** Exit status when the remote host has neither interpreter. */
export const NO_INTERPRETER = 69;
/** Sockets of one relay: `select` takes descriptors below 1024. */
export const MAX_FLOWS = 900;
const SILENCE_S = 90;

const PYTHON = `
import os, select, socket, struct, sys
flows, buf = {}, b""
def put(data):
    try:
        while data: data = data[os.write(1, data):]
    except OSError: sys.exit(0)
def opened(port, host):
    try:
        kind, _, _, _, to = socket.getaddrinfo(host, port, 0, socket.SOCK_DGRAM)[0]
        s = socket.socket(kind, socket.SOCK_DGRAM)
        s.setblocking(False)
        s.connect(to)
        return s
    except OSError: return None
def handle(kind, id, data):
    if kind == b"O":
        s = opened(struct.unpack(">H", data[:2])[0], data[2:].decode())
        if s: flows[id] = s
    elif kind == b"C" and id in flows: flows.pop(id).close()
    elif kind == b"D" and id in flows:
        try: flows[id].send(data)
        except OSError: pass
put(b"${READY.trim()}\\n")
while True:
    ready = select.select([0] + list(flows.values()), [], [], ${SILENCE_S})[0]
    if not ready: sys.exit(0)
    for id, s in list(flows.items()):
        if s not in ready: continue
        try: data = s.recv(65535)
        except OSError: continue
        put(struct.pack(">HcI", len(data) + 5, b"D", id) + data)
    if 0 not in ready: continue
    data = os.read(0, 65536)
    if not data: sys.exit(0)
    buf += data
    while len(buf) > 2:
        size = 2 + struct.unpack(">H", buf[:2])[0]
        if len(buf) < size: break
        kind, id = struct.unpack(">cI", buf[2:7])
        handle(kind, id, buf[7:size])
        buf = buf[size:]
`;

const PERL = `
use strict; use Socket qw(:DEFAULT getaddrinfo); use Fcntl;
my (%flows, $buf); $buf = "";
sub put { my $d = shift; while (length $d) { my $n = syswrite STDOUT, $d; exit 0 unless $n; substr($d, 0, $n) = "" } }
sub opened {
  my ($port, $host) = @_;
  my ($err, $to) = getaddrinfo($host, $port, {socktype => SOCK_DGRAM});
  return if $err or !$to;
  socket(my $s, $to->{family}, SOCK_DGRAM, 0) or return;
  fcntl($s, F_SETFL, O_NONBLOCK);
  connect($s, $to->{addr}) or return;
  return $s;
}
sub handle {
  my ($kind, $id, $data) = @_;
  if ($kind eq "O") { my $s = opened(unpack "na*", $data); $flows{$id} = $s if $s }
  elsif ($kind eq "C") { delete $flows{$id} }
  elsif ($kind eq "D" and $flows{$id}) { send $flows{$id}, $data, 0 }
}
$SIG{PIPE} = "IGNORE";
put("${READY.trim()}\\n");
while (1) {
  my $want = ""; vec($want, 0, 1) = 1;
  vec($want, fileno $_, 1) = 1 for values %flows;
  my $n = select my $ready = $want, undef, undef, ${SILENCE_S};
  exit 0 unless $n;
  for my $id (keys %flows) {
    next unless vec $ready, fileno $flows{$id}, 1;
    next unless defined recv $flows{$id}, my $data, 65535, 0;
    put(pack "na1Na*", length($data) + 5, "D", $id, $data);
  }
  next unless vec $ready, 0, 1;
  exit 0 unless sysread STDIN, $buf, 65536, length $buf;
  while (length $buf > 2) {
    my $size = 2 + unpack "n", $buf;
    last if length $buf < $size;
    handle(unpack "x2 a1 N a*", substr $buf, 0, $size, "");
  }
}
`;

/** The program in each language: what its interpreter is given. */
export const SCRIPTS: Readonly<Record<"python3" | "perl", readonly [flag: string, text: string]>> =
  {
    python3: ["-c", PYTHON],
    perl: ["-e", PERL],
  };

/** Starts the relay with whichever interpreter there is. */
export const RELAY_COMMAND = posixCommand([
  ...Object.entries(SCRIPTS).map(([name, [flag, text]]) =>
    `command -v ${name} >/dev/null 2>&1 && exec ${name} ${flag} ${shellQuote(text)}`
  ),
  `exit ${NO_INTERPRETER}`,
].join("\n"));

/** Succeeds where {@link RELAY_COMMAND} can run. */
export const PROBE_COMMAND = posixCommand(
  Object.keys(SCRIPTS).map((name) => `command -v ${name}`).join(" || "),
);
