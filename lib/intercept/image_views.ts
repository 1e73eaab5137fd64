/**
 * What users see of images: none of our labels, which an image made of a container carries along, in
 * what that container was as well.
 */
import { isObject, type Json } from "../docker/json_body.ts";
import type { ResponseMessage } from "../http/message.ts";
import { editedAnswer, type LabelEdit } from "./answers.ts";

/** The answer of `ImageInspect` or `ImageList` without the label. */
export function editedImages(response: ResponseMessage, edit: LabelEdit): Promise<ResponseMessage> {
  return editedAnswer(response, (value) => {
    for (const image of Array.isArray(value) ? value : [value]) hideImageLabel(image, edit.label);
    return value;
  }, edit);
}

/** Takes the label out of an image. */
export function hideImageLabel(image: Json, label: string): void {
  if (!isObject(image)) return;
  // Engines before 25 tell of the container that the image was made of.
  for (const holder of [image, image["Config"], image["ContainerConfig"]]) {
    if (isObject(holder) && isObject(holder["Labels"])) delete holder["Labels"][label];
  }
}
