/**
 * The sync sessions of one remote host: finds or makes the session of a bind mount, counts who uses
 * it, and answers what the commands ask. It owns every session and closes them.
 */
export type * from "./types.ts";
