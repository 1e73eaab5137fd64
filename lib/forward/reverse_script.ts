/**
 * The program that listens on the address of Docker's bridge where sshd may not (`GatewayPorts no`)
 * and passes every connection on to a port that sshd does listen on, on loopback; in two languages
 * of which Linux distributions have at least one. Nothing is installed. It ends with its input, or
 * when it has heard nothing for {@link SILENCE_S}; a predecessor that still holds the port is waited
 * for.
 */
import { posixCommand, shellQuote } from "../transport/posix_shell.ts";

/** What the program prints once it listens. */
export const LISTENING = "rda-reverse-listening";
/** Exit status when the remote host has neither interpreter. */
export const NO_INTERPRETER = 69;
/** Something has to be written to the program more often than this, in seconds. */
const SILENCE_S = 30;

const PYTHON = `
import os, select, socket, sys, threading, time
host, port, to = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
for left in range(${SILENCE_S + 10}, -1, -1):
    try: s.bind((host, port)); break
    except OSError as e:
        if left == 0: sys.exit(str(e))
        time.sleep(1)
s.listen(128)
def pump(a, b):
    try:
        while True:
            data = a.recv(65536)
            if not data: break
            b.sendall(data)
        b.shutdown(socket.SHUT_WR)
    except OSError: pass
def serve(c):
    try: u = socket.create_connection(("127.0.0.1", to))
    except OSError: c.close(); return
    t = threading.Thread(target=pump, args=(u, c), daemon=True)
    t.start(); pump(c, u); t.join(); c.close(); u.close()
def accept():
    while True:
        c = s.accept()[0]
        threading.Thread(target=serve, args=(c,), daemon=True).start()
threading.Thread(target=accept, daemon=True).start()
print("${LISTENING}", flush=True)
while select.select([0], [], [], ${SILENCE_S})[0]:
    if not os.read(0, 4096): break
os._exit(0)
`;

const PERL = `
use strict; use Socket; $| = 1; $SIG{CHLD} = $SIG{PIPE} = "IGNORE";
my ($host, $port, $to) = @ARGV;
socket(my $s, PF_INET, SOCK_STREAM, 0) or die;
setsockopt $s, SOL_SOCKET, SO_REUSEADDR, 1;
my $left = ${SILENCE_S + 10};
until (bind $s, sockaddr_in($port, inet_aton($host))) { die "$!\\n" unless $left--; sleep 1 }
listen $s, 128;
sub serve {
  my $c = shift;
  socket(my $u, PF_INET, SOCK_STREAM, 0) or return;
  connect($u, sockaddr_in($to, INADDR_LOOPBACK)) or return;
  my %to = (fileno $c, [$c, $u], fileno $u, [$u, $c]);
  while (%to) {
    my $ready = "";
    vec($ready, $_, 1) = 1 for keys %to;
    select $ready, undef, undef, undef;
    for my $fd (keys %to) {
      next unless vec $ready, $fd, 1;
      my ($from, $into) = @{$to{$fd}};
      if (sysread $from, my $data, 65536) {
        while (length $data) { my $n = syswrite $into, $data or return; substr($data, 0, $n) = "" }
      } else { shutdown $into, 1; delete $to{$fd} }
    }
  }
}
print "${LISTENING}\\n";
while (1) {
  my $ready = ""; vec($ready, 0, 1) = vec($ready, fileno $s, 1) = 1;
  exit 0 unless select $ready, undef, undef, ${SILENCE_S};
  if (vec $ready, fileno $s, 1 and accept my $c, $s) {
    if (!fork) { close STDIN; close STDOUT; close STDERR; close $s; serve($c); exit 0 }
  }
  exit 0 if vec $ready, 0, 1 and !sysread STDIN, my $ping, 4096;
}
`;

/** Listens on `host:port` and leads to `127.0.0.1:to`, all on the remote host. */
export function reverseCommand(host: string, port: number, to: number): string {
  const args = `${shellQuote(host)} ${port} ${to}`;
  return posixCommand([
    `command -v python3 >/dev/null 2>&1 && exec python3 -c ${shellQuote(PYTHON)} ${args}`,
    `command -v perl >/dev/null 2>&1 && exec perl -e ${shellQuote(PERL)} ${args}`,
    `exit ${NO_INTERPRETER}`,
  ].join("\n"));
}
