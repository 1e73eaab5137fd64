/**
 * The onion: interceptors around the call to the engine. Each may change the request, answer it
 * itself, wait, or change the response on the way back.
 */

/** One layer; `next` runs the layers inside it and may be called once at most. */
export type Layer<Exchange, Response> = (
  exchange: Exchange,
  next: () => Promise<Response>,
) => Promise<Response>;

/** Joins layers, outermost first, around `core`. */
export function compose<Exchange, Response>(
  layers: readonly Layer<Exchange, Response>[],
  core: (exchange: Exchange) => Promise<Response>,
): (exchange: Exchange) => Promise<Response> {
  return (exchange) => {
    const run = (index: number): Promise<Response> => {
      const layer = layers[index];
      if (layer === undefined) return core(exchange);
      let called = false;
      return layer(exchange, () => {
        if (called) return Promise.reject(new Error("next() was called twice by one layer"));
        called = true;
        return run(index + 1);
      });
    };
    return run(0);
  };
}
