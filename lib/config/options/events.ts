/** Options of `events`. */
import type { OptionSpec } from "../option.ts";

/** Rows of the option table, in the order of the help. */
export const EVENTS_OPTIONS = {
  since: {
    type: "string",
    inFile: false,
    placeholder: "TIME",
    defaultNote: "now",
    group: "Status",
    help: "Begin with what is kept from then on: 10m for ten minutes ago, or a time of RFC 3339",
    commands: ["events"],
  },
  follow: {
    type: "boolean",
    default: "true",
    inFile: false,
    group: "Status",
    help: "Go on with what is still to come, until interrupted",
    commands: ["events"],
  },
} as const satisfies Record<string, OptionSpec>;
