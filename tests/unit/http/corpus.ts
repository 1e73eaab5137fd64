/**
 * Conversations between docker clients (28 and 20.10) and dockerd as bytes, with what they mean.
 * Each input is one direction of one connection.
 */

/** One direction of a connection. */
export interface Conversation {
  readonly name: string;
  /** Methods of the requests these bytes answer; absent for the client's direction. */
  readonly answers?: readonly string[];
  readonly wire: string;
  /** What of it is relayed, if not all. */
  readonly relayed?: string;
  /** Framing and payload of each message in order. */
  readonly messages: readonly (readonly [framing: string, data: string])[];
}

const HOST = "Host: api.moby.localhost\r\nUser-Agent: Docker-Client/28.5.1 (linux)\r\n";
const API = "Api-Version: 1.51\r\nDocker-Experimental: false\r\nOstype: linux\r\n" +
  "Server: Docker/28.5.1 (linux)\r\nDate: Fri, 02 Jan 2026 10:00:00 GMT\r\n";

const length = (n: number) => `{"kind":"length","length":${n}}`;
const NONE = '{"kind":"none"}';
const CHUNKED = '{"kind":"chunked"}';
const CLOSE = '{"kind":"close"}';
const TUNNEL = '{"kind":"tunnel"}';

const REQUESTS: readonly Conversation[] = [
  {
    name: "ping and then create on one connection",
    wire: `HEAD /_ping HTTP/1.1\r\n${HOST}\r\n` +
      `POST /v1.51/containers/create?name=a HTTP/1.1\r\n${HOST}Content-Length: 15\r\n` +
      `Content-Type: application/json\r\n\r\n{"Image":"bb"}\n`,
    messages: [[NONE, ""], [length(15), '{"Image":"bb"}\n']],
  },
  {
    name: "three pipelined requests",
    wire:
      `GET /_ping HTTP/1.1\r\n${HOST}\r\nPOST /x HTTP/1.1\r\n${HOST}Content-Length: 2\r\n\r\n{}` +
      `GET /version HTTP/1.0\r\n\r\n`,
    messages: [[NONE, ""], [length(2), "{}"], [NONE, ""]],
  },
  {
    name: "attach with upgrade",
    wire:
      `POST /v1.51/containers/4f2a/attach?stderr=1&stdin=1&stdout=1&stream=1 HTTP/1.1\r\n${HOST}` +
      `Content-Length: 0\r\nConnection: Upgrade\r\nContent-Type: text/plain\r\nUpgrade: tcp\r\n\r\n`,
    messages: [[length(0), ""]],
  },
  {
    name: "exec start with upgrade and a body",
    wire:
      `POST /v1.41/exec/9c1/start HTTP/1.1\r\nHost: docker\r\nUser-Agent: Docker-Client/20.10.24\r\n` +
      `Content-Length: 28\r\nConnection: Upgrade\r\nContent-Type: application/json\r\nUpgrade: tcp\r\n` +
      `\r\n{"Detach":false,"Tty":true}\n`,
    messages: [[length(28), '{"Detach":false,"Tty":true}\n']],
  },
  {
    name: "BuildKit session over h2c",
    wire: `POST /session HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n` +
      `X-Docker-Expose-Session-Grpc-Method: /moby.filesync.v1.FileSync/DiffCopy\r\n` +
      `X-Docker-Expose-Session-Grpc-Method: /moby.filesync.v1.FileSync/TarStream\r\n` +
      `X-Docker-Expose-Session-Uuid: 0y2k\r\n\r\n`,
    messages: [[NONE, ""]],
  },
  {
    name: "BuildKit grpc over h2c",
    wire: `POST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n`,
    messages: [[NONE, ""]],
  },
  {
    name: "a body that waits for 100",
    wire: `PUT /v1.41/containers/a/archive?path=%2F HTTP/1.1\r\n${HOST}Expect: 100-continue\r\n` +
      `Transfer-Encoding: chunked\r\n\r\n3\r\ntar\r\n0\r\n\r\n`,
    messages: [[CHUNKED, "tar"]],
  },
  {
    name: "chunks with extensions and trailers",
    wire:
      `POST /v1.51/build HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n` +
      `5;a=b;c="d, \\" e"\r\nhello\r\n00000A\r\n\r\n0\r\n5\r\n\x00\xff\r\n0;last\r\nX-Sum: 1\r\nX-Sum: \r\n\r\n` +
      `GET /_ping HTTP/1.1\r\n${HOST}\r\n`,
    messages: [[CHUNKED, "hello\r\n0\r\n5\r\n\x00\xff"], [NONE, ""]],
  },
  {
    name: "empty lines before a request",
    wire: `\r\nGET /_ping HTTP/1.1\r\n${HOST}\r\n\r\n\r\nGET /info HTTP/1.1\r\n${HOST}\r\n`,
    relayed: `GET /_ping HTTP/1.1\r\n${HOST}\r\nGET /info HTTP/1.1\r\n${HOST}\r\n`,
    messages: [[NONE, ""], [NONE, ""]],
  },
  {
    name: "fields with odd case, repetition, spacing and bytes",
    wire: "GET /containers/json?filters=%7B%7D HTTP/1.1\r\nhOsT:\t docker \t\r\nX-Meta:\r\n" +
      "x-meta: caf\xe9 \x80\x9f\r\nX-META: a: b\r\n!#$%&'*+-.^_`|~: ok\r\n\r\n",
    messages: [[NONE, ""]],
  },
  {
    name: "a TLS handshake",
    wire: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03GET / HTTP/1.1\r\n\r\n",
    messages: [["raw", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03GET / HTTP/1.1\r\n\r\n"]],
  },
  {
    name: "the HTTP/2 preface",
    wire: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00",
    messages: [["raw", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00"]],
  },
  {
    name: "an SSH banner",
    wire: "SSH-2.0-OpenSSH_9.2\r\n",
    messages: [["raw", "SSH-2.0-OpenSSH_9.2\r\n"]],
  },
  {
    name: "a tab where a space must be",
    wire: "GET\t/ HTTP/1.1\r\n\r\n",
    messages: [["raw", "GET\t/ HTTP/1.1\r\n\r\n"]],
  },
  {
    name: "empty lines before something else",
    wire: "\r\n\r\n\r\nGET",
    messages: [["raw", "\r\n\r\n\r\nGET"]],
  },
];

const RESPONSES: readonly Conversation[] = [
  {
    name: "answers to HEAD and POST",
    answers: ["HEAD", "POST"],
    wire: `HTTP/1.1 200 OK\r\n${API}Content-Length: 2\r\n\r\n` +
      `HTTP/1.1 201 Created\r\n${API}Content-Type: application/json\r\nContent-Length: 12\r\n\r\n` +
      `{"Id":"4f"}\n`,
    messages: [[NONE, ""], [length(12), '{"Id":"4f"}\n']],
  },
  {
    name: "wait, chunked, its head long before its body",
    answers: ["POST"],
    wire:
      `HTTP/1.1 200 OK\r\n${API}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n` +
      `11\r\n{"StatusCode":0}\n\r\n0\r\n\r\n`,
    messages: [[CHUNKED, '{"StatusCode":0}\n']],
  },
  {
    name: "100 before the final answer",
    answers: ["PUT", "GET"],
    wire: `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\nX: y\r\n\r\n` +
      `HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK`,
    messages: [[NONE, ""], [NONE, ""], [length(0), ""], [length(2), "OK"]],
  },
  {
    name: "no content and not modified",
    answers: ["POST", "GET", "DELETE"],
    wire:
      `HTTP/1.1 204 No Content\r\n${API}\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n` +
      `HTTP/1.1 404\r\nContent-Length: 1\r\n\r\n\n`,
    messages: [[NONE, ""], [NONE, ""], [length(1), "\n"]],
  },
  {
    name: "attach upgraded",
    answers: ["POST", "GET"],
    wire: `HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n` +
      `Connection: Upgrade\r\nUpgrade: tcp\r\n\r\nHTTP/1.1 200 OK\r\n\r\n\x00`,
    messages: [[TUNNEL, "HTTP/1.1 200 OK\r\n\r\n\x00"]],
  },
  {
    name: "hijack without 101",
    answers: ["POST"],
    wire: `HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n` +
      `\x01\x00\x00\x00\x00\x00\x00\x03hi\n`,
    messages: [[CLOSE, "\x01\x00\x00\x00\x00\x00\x00\x03hi\n"]],
  },
  {
    name: "CONNECT accepted",
    answers: ["CONNECT"],
    wire: "HTTP/1.1 200 Connection established\r\n\r\n\x16\x03\x01",
    messages: [[TUNNEL, "\x16\x03\x01"]],
  },
  {
    name: "a close-framed body that is empty",
    answers: ["GET"],
    wire: "HTTP/1.0 200 OK\r\n\r\n",
    messages: [[CLOSE, ""]],
  },
];

/** See {@link Conversation}. */
export const CONVERSATIONS: readonly Conversation[] = [...REQUESTS, ...RESPONSES];
