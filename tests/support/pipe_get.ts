/**
 * A Windows program that asks one question over a named pipe and prints the answer's body, for the
 * tests of the Windows side. Arguments: the pipe, the path.
 */
import http from "node:http";

if (import.meta.main) {
  const [socketPath = "", path = "/"] = Deno.args;
  const headers = { Host: "docker" };
  http.get({ socketPath, path, headers, agent: false }, (response) => {
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => console.log(chunk));
    response.on("end", () => Deno.exit(response.statusCode === 200 ? 0 : 1));
  }).on("error", (error) => {
    console.error(error.message);
    Deno.exit(1);
  });
}
