/** An agent of a user, or a daemon of the machine, of launchd on macOS: launchd.plist(5). */
import { posix } from "node:path";
import {
  escapeXml,
  homeOf,
  type ServicePlace,
  type ServicePlan,
  type ServiceSpec,
} from "./spec.ts";

/** Seconds between two starts. */
const THROTTLE_SECONDS = 10;

/** See the file comment. */
export function launchdPlan(spec: ServiceSpec, place: ServicePlace): ServicePlan {
  const domain = spec.system ? "system" : `gui/${place.uid ?? 0}`;
  const library = spec.system ? "/Library" : posix.join(homeOf(place), "Library");
  const path = posix.join(
    library,
    spec.system ? "LaunchDaemons" : "LaunchAgents",
    `${spec.name}.plist`,
  );
  const log = posix.join(library, "Logs", `${spec.name}.log`);
  return {
    kind: "launchd property list",
    path,
    text: renderPlist(spec, log),
    // One that has been disabled cannot be bootstrapped.
    install: [
      ["launchctl", "enable", `${domain}/${spec.name}`],
      ["launchctl", "bootstrap", domain, path],
    ],
    stop: [["launchctl", "bootout", `${domain}/${spec.name}`]],
    forget: [],
    status: ["launchctl", "print", `${domain}/${spec.name}`],
    notes: [`Messages go to "${log}"`],
  };
}

function renderPlist(spec: ServiceSpec, log: string): string {
  const seconds = Math.ceil(spec.stopMs / 1000) + THROTTLE_SECONDS;
  const args = spec.command.map((arg) => `    <string>${escapeXml(arg)}</string>\n`).join("");
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>${escapeXml(spec.name)}</string>
  <key>ProgramArguments</key>
  <array>
${args}  </array>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <dict>
    <key>SuccessfulExit</key>
    <false/>
  </dict>
  <key>ThrottleInterval</key>
  <integer>${THROTTLE_SECONDS}</integer>
  <key>ExitTimeOut</key>
  <integer>${seconds}</integer>
  <key>Umask</key>
  <string>077</string>
  <key>StandardErrorPath</key>
  <string>${escapeXml(log)}</string>
</dict>
</plist>
`;
}
