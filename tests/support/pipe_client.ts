/**
 * A Windows program that talks HTTP over a named pipe, for the tests of the Windows side: `COUNT`
 * requests one after the other and `COUNT` at the same time, each on a connection of its own, each
 * with a body of its own that must come back. Prints one line of JSON. Arguments: the pipe, COUNT.
 */
import http from "node:http";

/** One exchange on a connection of its own; the number of the body's bytes that came back right. */
function exchange(pipe: string, index: number): Promise<void> {
  const body = `request ${index} `.repeat(200);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const options = { socketPath: pipe, path: "/echo", method: "POST", agent: false as const };
  const request = http.request({ ...options, headers: { Host: "docker" } }, (response) => {
    let text = "";
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => text += chunk);
    response.on("error", reject);
    response.on("end", () => {
      if (response.statusCode === 200 && text === body) resolve();
      else reject(new Error(`status ${response.statusCode}, ${text.length} characters`));
    });
  });
  request.on("error", reject);
  request.end(body);
  return promise;
}

if (import.meta.main) {
  const [pipe = "", count = "10"] = Deno.args;
  const numbers = Array.from({ length: Number(count) }, (_, index) => index);
  const errors: string[] = [];
  const note = (error: Error) => void errors.push(error.message);
  for (const number of numbers) await exchange(pipe, number).catch(note);
  await Promise.all(numbers.map((number) => exchange(pipe, number).catch(note)));
  console.log(JSON.stringify({ exchanges: numbers.length * 2, errors: errors.slice(0, 5) }));
  Deno.exit(errors.length === 0 ? 0 : 1);
}
