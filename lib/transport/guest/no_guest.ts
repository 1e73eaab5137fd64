/** What only a guest can reach, while there is none. */
import { AgentError } from "../../errors.ts";

/** See the file comment. It may be there later: nothing is lost for good. */
export class NoGuestError extends AgentError {
  /** `what` as people know it; `why` there is no guest. */
  constructor(what: string, why: string) {
    super("engine", `Cannot reach ${what}: ${why}`);
  }
}
