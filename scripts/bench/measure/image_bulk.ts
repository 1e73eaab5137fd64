/** `docker save` and `docker load` of a large image that does not compress: bulk, each way. */
import { mustDocker } from "../docker_cli.ts";
import { IMAGE_BYTES } from "../stage.ts";
import type { Measurement } from "./measurement.ts";

const MEGABYTE = 1_000_000;
const ROUNDS = { full: 3, quick: 1 };

/** From the engine to us. */
export const imageSave: Measurement = {
  id: "image-save",
  rows: [{ id: "image-save", title: "`docker save`, 300 MB", unit: "MB/s" }],
  rounds: ROUNDS,
  async measure(peer, { stage, signal }) {
    return { "image-save": [rate(await mustDocker(peer, ["save", stage.image], signal))] };
  },
};

/**
 * From us to the engine. The image is there already: the engine reads and unpacks the whole
 * archive all the same, but does not store the layer again, so that the way there is what counts.
 */
export const imageLoad: Measurement = {
  id: "image-load",
  rows: [{ id: "image-load", title: "`docker load`, 300 MB", unit: "MB/s" }],
  rounds: ROUNDS,
  async measure(peer, { stage, signal }) {
    return {
      "image-load": [rate(await mustDocker(peer, ["load", "-q", "-i", stage.archive], signal))],
    };
  },
};

function rate(milliseconds: number): number {
  return IMAGE_BYTES / MEGABYTE / (milliseconds / 1000);
}
