/** What one proxy grants its clients. Every number is a bound; 0 means that there is none. */

/** See the file comment. Times are milliseconds. */
export interface ClientLimits {
  /** Connections served at a time. */
  maxConnections: number;
  /** How long a further client waits for its turn. */
  queueMs: number;
  /** How long a connection may stay open between two requests, or before the first. */
  idleMs: number;
  /** How long the head of a request may take, and how long its body may come to a halt. */
  readMs: number;
  /** How long the head may take where that is less than `readMs`. Default: `readMs`. */
  headMs?: number;
  /** How long a client may refuse to take what is sent to it. */
  writeMs: number;
}

/** No limits: what a proxy has unless it is given some. */
export const UNLIMITED: ClientLimits = {
  maxConnections: 0,
  queueMs: 0,
  idleMs: 0,
  readMs: 0,
  writeMs: 0,
};
