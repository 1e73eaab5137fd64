/** All measurements, in the order they are made. */
import { apiLatency } from "./api_latency.ts";
import { dockerPs } from "./docker_ps.ts";
import { execEcho } from "./exec_echo.ts";
import { forward } from "./forward.ts";
import { forwardLatency } from "./forward_latency.ts";
import { imageLoad, imageSave } from "./image_bulk.ts";
import type { Measurement } from "./measurement.ts";
import { memory } from "./memory.ts";
import { parallelPs } from "./parallel_ps.ts";

/** See the file comment. */
export const MEASUREMENTS: readonly Measurement[] = [
  dockerPs,
  apiLatency,
  execEcho,
  parallelPs,
  imageSave,
  imageLoad,
  forward,
  forwardLatency,
  memory,
];
