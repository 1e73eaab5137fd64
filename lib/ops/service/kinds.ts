/** The commands of the program that can be services, and what differs between them. */

/** See the file comment. */
export interface ServiceKind {
  /** What the service is called unless the user says otherwise. */
  readonly name: string;
  /** For the system's list of services. */
  readonly about: string;
  /** Ends what could give it more rights. Not where it runs commands of its clients. */
  readonly confined: boolean;
  /** SIGHUP has it read its configuration again. */
  readonly reloads: boolean;
  /** Connections take descriptors, more of them than systems allow by default. */
  readonly openFiles?: number;
  /** What the user should know where it runs for the machine, one sentence. */
  readonly systemNote?: string;
}

export const SERVICE_KINDS = {
  start: {
    name: "remote-docker-agent",
    about: "Docker of a remote host, on this machine",
    confined: true,
    reloads: false,
  },
  guest: {
    name: "remote-docker-guest",
    about: "Commands, files and tunnels on this machine, for clients",
    confined: false,
    reloads: false,
    openFiles: 65_536,
    systemNote:
      "It runs as the administrator of the machine, and so does all that its clients run; " +
      'give it a user of its own with "systemctl edit", or install it for one without --system',
  },
  gateway: {
    name: "remote-docker-gateway",
    about: "Gateway to Docker engines, for clients with certificates",
    confined: true,
    reloads: true,
    openFiles: 65_536,
  },
} as const satisfies Record<string, ServiceKind>;

/** A command that can be a service. */
export type ServiceCommand = keyof typeof SERVICE_KINDS;

/** Whether a word names one. */
export function isServiceCommand(word: string): word is ServiceCommand {
  return Object.hasOwn(SERVICE_KINDS, word);
}
