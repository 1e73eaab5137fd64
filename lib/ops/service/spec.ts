/** What a service is, and what installing it takes: the words of this directory. */
import { AgentError } from "../../errors.ts";
import type { ServiceKind } from "./kinds.ts";

/** A program and its arguments. */
export type CommandLine = readonly string[];

/** What is to be installed, and for whom. */
export interface ServiceSpec {
  /** What the system calls it; see `checkServiceName`. */
  readonly name: string;
  /** The program with all arguments; the first is an absolute path. */
  readonly command: CommandLine;
  /** For the machine rather than for the user. */
  readonly system: boolean;
  /** What is particular to the command that the program is to run. */
  readonly kind: ServiceKind;
  /** Where its own settings have it keep its log. Absent: on standard error. */
  readonly logFile?: string;
  /** How long the program takes to end in order, in milliseconds. */
  readonly stopMs: number;
}

/** What the platform is like. */
export interface ServicePlace {
  readonly platform: typeof Deno.build.os;
  readonly home: string | undefined;
  readonly env: Readonly<Record<string, string>>;
  /** The user's number, where users have one. */
  readonly uid: number | null;
}

/** The file and the commands of one service. */
export interface ServicePlan {
  /** The name of what the system calls the kind of file: `systemd unit`. */
  readonly kind: string;
  readonly path: string;
  readonly text: string;
  /** Default: UTF-8. */
  readonly encoding?: "utf-16";
  /** Run in this order once the file is there. */
  readonly install: readonly CommandLine[];
  /** Run before the file is removed; that one fails is no obstacle, since it may not be running. */
  readonly stop: readonly CommandLine[];
  /** Run after the file is removed. */
  readonly forget: readonly CommandLine[];
  /** Prints how the service is; succeeds if it runs. */
  readonly status: CommandLine;
  /** What else the user should know, one sentence each. */
  readonly notes: readonly string[];
}

/** The user's home directory. Throws `AgentError` where it is not known. */
export function homeOf({ home }: ServicePlace): string {
  if (home !== undefined) return home;
  throw new AgentError("usage", "Cannot find the home directory", { hint: "set HOME" });
}

/** Text as it stands in an XML document. */
export function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
