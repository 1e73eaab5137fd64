/**
 * Runs something that goes on until a signal, a failure or its own end. The first signal drains, the
 * second ends at once. Owns what it starts and the signal handlers.
 */
import { AgentError, describeError, messageOf } from "../../errors.ts";
import { logger } from "../../log.ts";
import { STOP_SIGNALS, type StopSignal, type System } from "../system.ts";

/** Something that runs. */
export interface Service {
  /** Settles, with the reason, only if it cannot go on. */
  readonly failed?: Promise<Error>;
  /** Settles, with the reason, when it has come to its orderly end. */
  readonly finished?: Promise<string>;
  /** Lets its clients finish for up to `timeoutMs`, then closes everything. */
  shutdown(timeoutMs: number): Promise<void>;
}

/** How to run one. */
export interface ServiceJob<S extends Service> {
  /** The scope of log messages. */
  readonly scope: string;
  /** Starts it, or throws and leaves nothing behind; so after an abort. */
  start(signal: AbortSignal): Promise<S>;
  /** Called once it is up. */
  announce(service: S): void;
  readonly shutdownTimeoutMs: number;
  /** What SIGHUP does instead of ending it, once it is up. */
  readonly onHangup?: () => void;
}

/**
 * Returns the exit code: 0 after a drain or an orderly end, 128 + the signal's number when a signal
 * came before the service was up or a second one during the drain. Throws what ended it otherwise.
 */
export async function runService<S extends Service>(
  job: ServiceJob<S>,
  system: System,
): Promise<number> {
  const first = Promise.withResolvers<StopSignal>();
  const second = Promise.withResolvers<StopSignal>();
  let seen = 0;
  let isUp = false;
  const unwatch = system.onSignal((signal) => {
    if (signal === "SIGHUP" && isUp && seen === 0 && job.onHangup !== undefined) job.onHangup();
    else (seen++ === 0 ? first : second).resolve(signal);
  });
  try {
    return await Promise.race([
      serve(job, first.promise, () => isUp = true),
      second.promise.then(exitCodeOfSignal),
    ]);
  } finally {
    unwatch();
  }
}

/** Exit code of a process ended by a signal, as shells report it. */
function exitCodeOfSignal(signal: StopSignal): number {
  return 128 + STOP_SIGNALS[signal];
}

async function serve<S extends Service>(
  job: ServiceJob<S>,
  stopped: Promise<StopSignal>,
  onUp: () => void,
): Promise<number> {
  const log = logger(job.scope);
  const giveUp = new AbortController();
  const starting = job.start(giveUp.signal);
  const early = await Promise.race([starting.then(() => undefined), stopped]);
  if (early !== undefined) {
    giveUp.abort();
    await abandon(starting, job.scope);
    return exitCodeOfSignal(early);
  }
  const service = await starting;
  announce(job, service);
  onUp();
  const { failed, finished } = service;
  const end = await Promise.race([
    stopped.then((signal) => ({ signal })),
    ...(failed === undefined ? [] : [failed]),
    ...(finished === undefined ? [] : [finished.then((reason) => ({ reason }))]),
  ]);
  if (end instanceof Error) {
    await close(service, job.scope);
    throw end;
  }
  if ("reason" in end) log.info(`Shutting down: ${end.reason}`);
  else log.info("Shutting down; a second signal ends at once", { signal: end.signal });
  await service.shutdown("reason" in end ? 0 : job.shutdownTimeoutMs);
  return 0;
}

/** It serves whether or not somebody reads where. */
function announce<S extends Service>(job: ServiceJob<S>, service: S): void {
  try {
    job.announce(service);
  } catch (error) {
    if (!(error instanceof AgentError) || error.kind !== "output") throw error;
    logger(job.scope).warn(describeError(error));
  }
}

async function abandon(starting: Promise<Service>, scope: string): Promise<void> {
  let service: Service;
  try {
    service = await starting;
  } catch {
    // It was told to give up, so that it fails is what was asked for.
    return;
  }
  await close(service, scope);
}

async function close(service: Service, scope: string): Promise<void> {
  try {
    await service.shutdown(0);
  } catch (error) {
    // What ended the service is the story; this is an afterthought to it.
    logger(scope).warn(`Cannot shut down cleanly: ${messageOf(error)}`);
  }
}
