/** Options: many remote hosts in one program, and hosts that are connected when they are needed. */
import type { OptionSpec } from "../option.ts";
import { duration, start } from "./common.ts";

/** Rows of the option table, in the order of the help. */
export const HOSTS_OPTIONS = {
  "on-demand": {
    type: "boolean",
    default: "false",
    group: "Hosts",
    help: "Connect the remote host when it is used for the first time",
    commands: start,
  },
  "idle-exit": {
    ...duration,
    min: 1,
    perHost: false,
    defaultNote: "never",
    group: "Hosts",
    help: "End when nothing has been used for this long, such as 30m; implies --on-demand",
    commands: start,
  },
  origin: {
    type: "boolean",
    default: "false",
    inFile: false,
    group: "Status",
    help: "Also show where each value comes from",
    commands: ["config"],
  },
  shell: {
    type: "choice",
    choices: ["sh", "fish", "powershell", "cmd"],
    inFile: false,
    defaultNote: "the one that is in use",
    group: "Status",
    help: "The shell that is to read the text",
    commands: ["env"],
  },
} as const satisfies Record<string, OptionSpec>;
