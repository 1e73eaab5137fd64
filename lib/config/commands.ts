/**
 * The commands of the program: one row each, from which parsing, `--help` and the dispatch come. What
 * runs a command stands in `lib/cli/commands/table.ts`.
 */

/** One row of the table. */
export interface CommandSpec {
  /** One sentence, no final period. */
  readonly about: string;
  /** The words of which one follows the command's name. */
  readonly operands?: readonly string[];
  /** The command may stand without such a word. */
  readonly operandOptional?: true;
  /** Any number of words of the user's own may follow such a word, as the help shows them. */
  readonly more?: string;
  /** The words of the user's own that follow the name, as the help shows them. */
  readonly places?: readonly string[];
  /** The user's own words need not all be there. */
  readonly placesOptional?: true;
  /** Takes the options of `start` as well. */
  readonly startOptions?: true;
  /** Takes the options of these commands as well. */
  readonly optionsOf?: readonly string[];
  /** What stands for the words after `--`, for a command that takes some. */
  readonly rest?: string;
  /** What else there is to write, for the help: a heading, and words with what they mean. */
  readonly terms?: {
    readonly heading: string;
    readonly words: readonly (readonly [string, string])[];
  };
  /** Command lines for the help, without the name of the program. */
  readonly examples?: readonly string[];
}

/** The parts of a URL; docs/tstunnel.md. */
const URL_WORDS = [
  ["SERVER[:PORT]", "The guest, or a gateway before it; port 443 with cert or ca, else 80"],
  ["cert=FILE&key=FILE", "Client certificate and its private key"],
  ["ca=FILE", "Authority that must have signed the server's certificate"],
  ["insecure=true", "Do not verify the server, for development only"],
  ["endpoint=HOST[:PORT]", "A gateway there; SERVER is the remote host to ask it for"],
] as const;

const TABLE = {
  start: { about: "Listen here and carry Docker calls to the remote host (the default)" },
  sync: {
    about: "Keep a local folder and one of the remote host equal",
    places: ["LOCAL", "[[USER@]HOST:]REMOTE|URL"],
    terms: { heading: "tstunnel://SERVER[:PORT]/REMOTE?NAME=VALUE&...", words: URL_WORDS },
    examples: [
      "sync ./src dev@gpu.example.com:/srv/app --watch",
      "sync ./src 'tstunnel://gpu.example.com/srv/app?cert=c.pem&key=k.pem&ca=ca.pem'",
    ],
  },
  tunnel: {
    about: "Forward a local port through a guest or gateway, as a tstunnel:// URL says",
    places: ["[ADDRESS:]PORT", "URL"],
    terms: {
      heading: "tstunnel://SERVER[:PORT]/TARGET?NAME=VALUE&...",
      words: [["TARGET", "tcp:HOST:PORT, udp:HOST:PORT or unix:/PATH"], ...URL_WORDS],
    },
    examples: [
      "tunnel 8080 tstunnel://localhost:8080/tcp:localhost:80",
      "tunnel 8080 'tstunnel://gpu.example.com/tcp:db:5432?cert=c.pem&key=k.pem'",
    ],
  },
  "relay-server": { about: "Take SSH connections and let them through to the engine's socket" },
  relay: { about: "Carry a named pipe or a socket to such a server, inside WSL or elsewhere" },
  guest: { about: "Let clients run commands, copy files and open tunnels on this machine" },
  "host-exec": {
    about: "Run a command on the remote host, through its guest or over SSH",
    examples: [
      "host-exec --server-addr localhost:8080 -- ls -la",
      "host-exec --ssh-host dev@gpu -t -w /srv -- bash",
    ],
    rest: "-- COMMAND [ARGUMENT...]",
  },
  keygen: { about: "Make a pair of SSH keys" },
  gateway: {
    about: "Let clients with certificates use engines and guests, by server name",
    examples: ["gateway --gateway-config gateway.yaml"],
  },
  certs: {
    about: "Make an authority, and certificates for servers and clients",
    operands: ["init", "server", "client"],
    more: "[NAME...]",
    examples: ["certs init", "certs server gpu.example.com 192.0.2.7", "certs client alice"],
  },
  status: { about: "Show how the programs that run here are doing" },
  forwards: { about: "Show the ports that arrive here, and where they lead" },
  events: { about: "Follow what happens to connections, ports and folders" },
  syncs: {
    about: "Show the folders in sync, or flush, pause or resume them",
    operands: ["flush", "pause", "resume"],
    operandOptional: true,
  },
  conflicts: { about: "Show remote versions that lost against local ones, or put one back" },
  prune: { about: "Remove copies on the remote host that no container uses" },
  doctor: {
    about: "Look at all that start needs, and say what is wrong and what to do",
    places: ["NAME"],
    placesOptional: true,
    startOptions: true,
  },
  service: {
    about: "Have the system run start, or guest or gateway, with its options",
    operands: ["install", "uninstall", "status"],
    places: ["COMMAND"],
    placesOptional: true,
    startOptions: true,
    optionsOf: ["guest", "gateway"],
  },
  config: {
    about: "Check the configuration, show what is in effect, or print its JSON Schema",
    operands: ["check", "show", "schema"],
    startOptions: true,
  },
  context: {
    about: "Make, remove, list or use docker contexts that lead to remote hosts",
    operands: ["add", "rm", "ls", "use"],
    places: ["NAME"],
    placesOptional: true,
    startOptions: true,
  },
  env: {
    about: "Print what a shell is to run so that docker finds a remote host",
    places: ["NAME"],
    placesOptional: true,
    startOptions: true,
  },
  run: {
    about: "Run one command with a connection to a remote host that lasts as long",
    places: ["NAME"],
    placesOptional: true,
    rest: "-- COMMAND [ARGUMENT...]",
    startOptions: true,
  },
  completions: {
    about: "Print what makes a shell complete the command line",
    operands: ["bash", "zsh", "fish", "powershell"],
  },
  man: { about: "Print the manual page, for man -l -" },
  upgrade: { about: "Say, with --check, whether there is a newer version" },
  version: { about: "Show the version" },
  help: { about: "Show this text, or that of one command" },
} as const satisfies Record<string, CommandSpec>;

export type CommandName = keyof typeof TABLE;

/** The names in the order of the help, the default one first. */
export const COMMANDS = Object.keys(TABLE) as CommandName[];

/** A row of the table. */
export function commandSpec(name: CommandName): CommandSpec {
  return TABLE[name];
}
