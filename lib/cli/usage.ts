/** Renders `--help` from the option table, for a terminal of 80 columns. Pure. */
import { type CommandName, COMMANDS, commandSpec } from "../config/commands.ts";
import { GROUPS, type OptionSpec } from "../config/option.ts";
import { OPTION_NAMES, type OptionName, SECRETS, specOf } from "../config/schema.ts";

const WIDTH = 80;
/** Where the text beside a flag begins. */
const COLUMN = 26;

const EXAMPLES = `Examples:
  remote-docker-agent --ssh-host dev@gpu.example.com
  remote-docker-agent --ssh-host gpu --listen unix:///tmp/docker.sock
  remote-docker-agent --transport mtls --mtls-endpoint gateway.example.com:443 \\
    --mtls-cert cert.pem --mtls-key key.pem --mtls-sni gpu.example.com
  export DOCKER_HOST=tcp://127.0.0.1:2375; docker ps`;

/** The text of `--help`, or of `help COMMAND`; ends with a newline. */
export function renderUsage(topic?: CommandName): string {
  if (topic !== undefined && topic !== "start") return renderCommand(topic);
  const commands = COMMANDS.map((name) => entry(name, commandSpec(name).about));
  const sections = [
    "Usage: remote-docker-agent [start] [OPTIONS]\n       remote-docker-agent COMMAND",
    "Makes the Docker engine of a remote host available on this machine.",
    ["Commands:", ...commands].join("\n"),
    ...renderGroups("start"),
    [
      "Other:",
      entry("-h, --help", "Show this text"),
      entry("-V, --version", commandSpec("version").about),
    ]
      .join("\n"),
    renderEnvironment(),
    EXAMPLES,
  ];
  return sections.join("\n\n") + "\n";
}

function renderCommand(command: CommandName): string {
  const groups = renderGroups(command);
  const { about, startOptions, optionsOf = [] } = commandSpec(command);
  const others = ["start", ...optionsOf];
  const takesOptions = groups.length > 0 || startOptions === true;
  const sections = [
    `Usage: remote-docker-agent ${usageOf(command, takesOptions)}`,
    `${about}.`,
    ...(startOptions
      ? [`Takes the options of ${others.join(", ")} as well; see ${helpOf(others)}.`]
      : []),
    ...renderTerms(command),
    ...groups,
    ...(takesOptions ? [renderEnvironment()] : []),
    ...renderExamples(command),
  ];
  return sections.join("\n\n") + "\n";
}

function renderTerms(command: CommandName): string[] {
  const { terms } = commandSpec(command);
  if (terms === undefined) return [];
  const words = terms.words.map(([word, meaning]) => entry(word, meaning));
  return [[`${terms.heading}:`, ...words].join("\n")];
}

function renderExamples(command: CommandName): string[] {
  const { examples } = commandSpec(command);
  if (examples === undefined) return [];
  const lines = examples.map((line) => {
    const whole = `  remote-docker-agent ${line}`;
    return whole.length <= WIDTH ? whole : whole.replace(" 'tst", " \\\n    'tst");
  });
  return [["Examples:", ...lines].join("\n")];
}

function helpOf([only, ...more]: readonly string[]): string {
  return more.length === 0 ? `help ${only}` : "the help of each";
}

/** A command with all that may follow it, such as `run [NAME] [OPTIONS] -- COMMAND`. */
export function usageOf(command: CommandName, takesOptions = true): string {
  if (command === "help") return "help [COMMAND]";
  const options = takesOptions ? ["[OPTIONS]"] : [];
  return [command, ...operandsOf(command), ...options, ...restOf(command)].join(" ");
}

/** The words that follow the name of a command, as the help shows them. */
export function operandsOf(command: CommandName): readonly string[] {
  const { places = [], placesOptional, operands, more } = commandSpec(command);
  const named = placesOptional ? places.map((place) => `[${place}]`) : places;
  const words = more === undefined ? named : [...named, more];
  return operands === undefined ? words : [operands.join("|"), ...words];
}

function restOf(command: CommandName): readonly string[] {
  const { rest } = commandSpec(command);
  return rest === undefined ? [] : [rest];
}

/** The options of one command. */
function renderGroups(command: CommandName): string[] {
  return GROUPS.flatMap((group) => {
    const names = OPTION_NAMES.filter((name) => {
      const spec = specOf(name);
      return spec.group === group && spec.commands.includes(command);
    });
    return names.length === 0 ? [] : [[`${group}:`, ...names.map(renderOption)].join("\n")];
  });
}

function renderOption(name: OptionName): string {
  const spec = specOf(name);
  const value = placeholderOf(spec);
  const remarks = [spec.help];
  if (spec.many === true) remarks.push("; may be repeated");
  const standard = defaultOf(spec);
  if (standard !== undefined) remarks.push(` (default: ${standard})`);
  const short = spec.short === undefined ? "" : `-${spec.short}, `;
  return entry(`${short}--${name}${value === "" ? "" : ` ${value}`}`, remarks.join(""));
}

/** What stands for the value of an option; nothing for a boolean. */
export function placeholderOf(spec: OptionSpec): string {
  if (spec.type === "boolean") return "";
  return spec.choices?.join("|") ?? spec.placeholder ?? "VALUE";
}

/** The default in words, if there is one worth saying: of a boolean that it holds. */
export function defaultOf(spec: OptionSpec): string | undefined {
  const { type, default: standard, defaultNote } = spec;
  if (type !== "boolean") return defaultNote ?? standard;
  return standard === "true" ? "yes, --no-... for no" : undefined;
}

function renderEnvironment(): string {
  const about =
    "Every option can also be set by an environment variable, such as RDA_SSH_HOST for " +
    '--ssh-host, or in the configuration file, such as "ssh_host: gpu". Flags come before ' +
    "variables, variables before the file. Only as a variable:";
  const secrets = SECRETS.map(({ env, help }) => entry(env, help));
  return ["Environment and file:", ...wrap(about, WIDTH - 2).map((line) => `  ${line}`), ...secrets]
    .join("\n");
}

function entry(term: string, text: string): string {
  const lines = wrap(text, WIDTH - COLUMN);
  const head = `  ${term}`;
  const fits = head.length < COLUMN - 1;
  const rest = (fits ? lines.slice(1) : lines).map((line) => " ".repeat(COLUMN) + line);
  return [fits ? head.padEnd(COLUMN) + (lines[0] ?? "") : head, ...rest].join("\n");
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = "";
    }
    line += line === "" ? word : ` ${word}`;
  }
  return [...lines, line];
}
