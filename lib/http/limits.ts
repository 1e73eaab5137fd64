/**
 * How much of one HTTP message may be held or counted before its sender is refused. Bodies are
 * never held and so have no limit. Every limit is at least what the engine (Go's net/http) takes,
 * so that nothing the engine would answer is refused here, except where noted.
 */

/**
 * Bytes of one head, start line and final empty line included. Go's `DefaultMaxHeaderBytes`, which
 * dockerd leaves unchanged; `X-Registry-Config` of a build with many logins reaches tens of KiB.
 */
export const MAX_HEAD_BYTES = 1024 * 1024;

/**
 * Header fields of one head. Go counts bytes only; node refuses more than 2000. A docker client
 * sends about ten, so this bounds the objects made from one head and stays far from any real use.
 */
export const MAX_HEADER_COUNT = 1000;

/**
 * Bytes of a method. The longest registered one is `UPDATEREDIRECTREF` (17); a longer token is
 * refused before its end is seen, so that a text stream without spaces is not gathered.
 */
export const MAX_METHOD_BYTES = 32;

/**
 * Empty lines dropped before a request line. Go drops up to four bytes of CR and LF after a POST,
 * for clients that end a body with a CRLF outside its Content-Length; RFC 9112 §2.2 asks for one.
 */
export const MAX_LEADING_EMPTY_LINES = 2;

/** Bytes of a chunk-size line with its extensions and CRLF: Go's `maxLineLength`. */
export const MAX_CHUNK_LINE_BYTES = 4096;

/** Hex digits of a chunk size: Go's limit (64 bits); the value must also be a safe integer. */
export const MAX_CHUNK_SIZE_DIGITS = 16;

/**
 * Bytes of a whole trailer section. It is relayed and not kept; the limit ends a body that would
 * otherwise never end. Docker sends none; `Digest`-like trailers are below 1 KiB.
 */
export const MAX_TRAILER_BYTES = 64 * 1024;
