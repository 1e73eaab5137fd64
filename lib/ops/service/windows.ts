/**
 * A task of the Windows Task Scheduler (version 1.2 of its XML), started when the user signs in or,
 * for the machine, at boot. A Windows service proper needs a program of another kind. Nobody keeps the
 * messages of a task, so it has a log file, beside its own one unless the settings name another.
 */
import { win32 } from "node:path";
import {
  escapeXml,
  homeOf,
  type ServicePlace,
  type ServicePlan,
  type ServiceSpec,
} from "./spec.ts";

/** The account of the system itself. */
const SYSTEM_SID = "S-1-5-18";

/** See the file comment. */
export function windowsPlan(spec: ServiceSpec, place: ServicePlace): ServicePlan {
  const folder = spec.system
    ? place.env["PROGRAMDATA"] ?? "C:\\ProgramData"
    : place.env["LOCALAPPDATA"] ?? win32.join(homeOf(place), "AppData", "Local");
  const fileOf = (end: string) => win32.join(folder, "remote-docker-agent", `${spec.name}.${end}`);
  const path = fileOf("xml");
  const log = spec.logFile ?? fileOf("log");
  const command = spec.logFile === undefined
    ? [...spec.command, `--log-file=${log}`]
    : spec.command;
  const task = (verb: string, ...rest: string[]) => ["schtasks", verb, "/TN", spec.name, ...rest];
  return {
    kind: "task of the Task Scheduler",
    path,
    text: renderTask({ ...spec, command }, place),
    encoding: "utf-16",
    install: [task("/Create", "/XML", path, "/F"), task("/Run")],
    stop: [task("/End")],
    forget: [task("/Delete", "/F")],
    status: task("/Query", "/V", "/FO", "LIST"),
    notes: [
      `Messages go to "${log}"`,
      // A task that is hidden is so in the list of tasks only.
      ...(spec.system ? [] : ["It runs in a window of its own, and closing that ends it"]),
    ],
  };
}

function renderTask(spec: ServiceSpec, place: ServicePlace): string {
  const [program = "", ...args] = spec.command;
  const { trigger, principal } = spec.system ? atBoot() : atLogon(userOf(place));
  return `<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>${escapeXml(`${spec.kind.about} (${spec.name})`)}</Description>
  </RegistrationInfo>
  <Triggers>
    ${trigger}
  </Triggers>
  <Principals>
    <Principal id="Author">
      ${principal}
    </Principal>
  </Principals>
${SETTINGS}
  <Actions Context="Author">
    <Exec>
      <Command>${escapeXml(program)}</Command>
      <Arguments>${escapeXml(args.map(quote).join(" "))}</Arguments>
    </Exec>
  </Actions>
</Task>
`.replaceAll("\n", "\r\n");
}

/** When a task is started and as whom. */
interface TaskStart {
  readonly trigger: string;
  readonly principal: string;
}

function atBoot(): TaskStart {
  return {
    trigger: "<BootTrigger><Enabled>true</Enabled></BootTrigger>",
    principal: `<UserId>${SYSTEM_SID}</UserId>\n      <RunLevel>HighestAvailable</RunLevel>`,
  };
}

function atLogon(name: string): TaskStart {
  const user = escapeXml(name);
  return {
    trigger: `<LogonTrigger><Enabled>true</Enabled><UserId>${user}</UserId></LogonTrigger>`,
    principal: `<UserId>${user}</UserId>\n      <LogonType>InteractiveToken</LogonType>\n` +
      "      <RunLevel>LeastPrivilege</RunLevel>",
  };
}

/** One at a time, for as long as it takes, and again a minute after a failure. */
const SETTINGS = `  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <Hidden>true</Hidden>
    <RestartOnFailure>
      <Interval>PT1M</Interval>
      <Count>999</Count>
    </RestartOnFailure>
  </Settings>`;

function userOf({ env }: ServicePlace): string {
  const { USERDOMAIN: domain, USERNAME: name = "" } = env;
  return domain ? `${domain}\\${name}` : name;
}

/**
 * One argument as the C runtime takes a command line apart: a backslash is special only before a
 * quote ("Parsing C command-line arguments").
 */
function quote(argument: string): string {
  if (argument !== "" && !/[\s"]/.test(argument)) return argument;
  return `"${argument.replaceAll(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, "$1$1")}"`;
}
