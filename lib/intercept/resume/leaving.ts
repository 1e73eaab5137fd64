/** An answer without end whose reader is told when this program ends. */
import type { Exchange } from "../../docker/exchange.ts";
import { AgentError } from "../../errors.ts";
import type { Body, BodyPiece } from "../../http/message.ts";

const WORDS = "remote-docker-agent: the program is shutting down, and this stream ends with it; " +
  "what runs there goes on";

/**
 * The same body, whose pieces are whole messages. When the exchange is left, it gives what `pieceOf`
 * makes of the words, and then it is cut off.
 */
export function leavable(
  exchange: Pick<Exchange, "leave">,
  body: Body,
  pieceOf: (words: string) => BodyPiece,
): Body {
  let state: "open" | "leaving" | "over" = "open";
  let wake = () => {};
  exchange.leave = () => {
    state = "leaving";
    wake();
  };
  const lastPiece = () => {
    state = "over";
    return pieceOf(WORDS);
  };
  return {
    read() {
      if (state === "leaving") return Promise.resolve(lastPiece());
      if (state === "over") {
        return Promise.reject(new AgentError("lost", "The program is shutting down"));
      }
      return new Promise((resolve, reject) => {
        // What comes after that is nobody's any more.
        wake = () => resolve(lastPiece());
        body.read().then(resolve, reject);
      });
    },
  };
}
