/** Options: bind mounts and synced folders. */
import { SYNC_MODES } from "../../sync/types.ts";
import type { OptionSpec } from "../option.ts";
import { linked, start } from "./common.ts";

/** Rows of the option table, in the order of the help. */
export const SYNC_OPTIONS = {
  binds: {
    type: "bind-rule",
    many: true,
    placeholder: "PATH=MEANING",
    group: "Sync",
    help: "What a bind source means, such as /data=remote: local, remote, socket or a sync mode",
    commands: start,
  },
  "sync-root": {
    type: "string",
    default: "~/.remote-docker-agent/sync",
    placeholder: "DIR",
    group: "Sync",
    help: "Where the remote host keeps the copies of synced folders; ~ is the home there",
    commands: start,
  },
  "sync-max-size": {
    type: "size",
    default: "5GB",
    placeholder: "SIZE",
    group: "Sync",
    help: "Refuse to sync a folder that holds more",
    commands: start,
  },
  "sync-ignore": {
    type: "string",
    many: true,
    placeholder: "PATTERN",
    group: "Sync",
    help: "Leave out what this pattern of gitignore matches, such as node_modules/",
    commands: linked,
  },
  "sync-gitignore": {
    type: "boolean",
    default: "false",
    group: "Sync",
    help: "Leave out what the .gitignore of a folder names",
    commands: linked,
  },
  "sync-mode": {
    type: "choice",
    choices: SYNC_MODES,
    default: "two-way-safe",
    group: "Sync",
    help: "Which way changes travel; off: none do",
    commands: linked,
  },
} as const satisfies Record<string, OptionSpec>;
