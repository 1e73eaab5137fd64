/** A service of systemd, for a user or for the machine: systemd.service(5), systemd.unit(5). */
import { posix } from "node:path";
import type { ServiceKind } from "./kinds.ts";
import {
  type CommandLine,
  homeOf,
  type ServicePlace,
  type ServicePlan,
  type ServiceSpec,
} from "./spec.ts";

/** What systemd waits beyond the program's own time to end. */
const STOP_MARGIN_MS = 10_000;

/** See the file comment. */
export function systemdPlan(spec: ServiceSpec, place: ServicePlace): ServicePlan {
  const unit = `${spec.name}.service`;
  const systemctl = (...args: string[]): CommandLine =>
    spec.system ? ["systemctl", ...args] : ["systemctl", "--user", ...args];
  return {
    kind: "systemd unit",
    path: posix.join(unitFolder(spec, place), unit),
    text: renderUnit(spec),
    install: [systemctl("daemon-reload"), systemctl("enable", "--now", unit)],
    stop: [systemctl("disable", "--now", unit)],
    forget: [systemctl("daemon-reload")],
    status: systemctl("status", "--no-pager", unit),
    notes: spec.system ? notesOf(spec.kind) : [
      'The service ends when you sign out, unless you allow it to stay: "loginctl enable-linger"',
    ],
  };
}

function unitFolder(spec: ServiceSpec, place: ServicePlace): string {
  if (spec.system) return "/etc/systemd/system";
  const xdg = place.env["XDG_CONFIG_HOME"];
  const config = xdg !== undefined && posix.isAbsolute(xdg)
    ? xdg
    : posix.join(homeOf(place), ".config");
  return posix.join(config, "systemd", "user");
}

function notesOf({ systemNote }: ServiceKind): string[] {
  return systemNote === undefined ? [] : [systemNote];
}

function renderUnit(spec: ServiceSpec): string {
  // The manager of a user knows nothing of the network of the machine.
  const network = spec.system ? "Wants=network-online.target\nAfter=network-online.target\n" : "";
  const { about, confined, reloads, openFiles } = spec.kind;
  const more = [
    ...(reloads ? ["ExecReload=/bin/kill -HUP $MAINPID\n"] : []),
    ...(openFiles === undefined ? [] : [`LimitNOFILE=${openFiles}\n`]),
    // What clients run gets the rights that its user has, by the means that its user has.
    ...(confined ? ["UMask=0077\nNoNewPrivileges=yes\n"] : []),
  ].join("");
  const seconds = Math.ceil((spec.stopMs + STOP_MARGIN_MS) / 1000);
  return `# Made by "remote-docker-agent service install"; "service uninstall" removes it.
[Unit]
Description=${about} (${spec.name})
${network}StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=${spec.command.map(quote).join(" ")}
Restart=on-failure
RestartSec=5
# A mistake in the settings (2) or a changed host key (6) does not mend itself.
RestartPreventExitStatus=2 6
TimeoutStopSec=${seconds}
KillMode=mixed
${more}
[Install]
WantedBy=${spec.system ? "multi-user.target" : "default.target"}
`;
}

/** systemd.service(5), "Command lines"; `%` and `$` stand for themselves when they are doubled. */
function quote(argument: string): string {
  const text = argument.replaceAll("%", "%%").replaceAll("$", "$$$$");
  if (/^[\w@%+=:,./$[\]-]+$/.test(text)) return text;
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}
