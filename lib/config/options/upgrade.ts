/** Options: newer versions of the program. */
import type { OptionSpec } from "../option.ts";

/** Rows of the option table, in the order of the help. */
export const UPGRADE_OPTIONS = {
  check: {
    type: "boolean",
    default: "false",
    inFile: false,
    group: "Upgrade",
    help: "Ask whether there is a newer version; nothing is changed",
    commands: ["upgrade"],
  },
  "release-url": {
    type: "string",
    placeholder: "URL",
    group: "Upgrade",
    help: "Where the files of the newest release are, https:// or file://",
    commands: ["upgrade"],
  },
} as const satisfies Record<string, OptionSpec>;
