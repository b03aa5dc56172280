/**
 * A trained model in a browser, or in Node.js:
 *
 *     import { load } from "./s2s.js";
 *     const model = await load();
 *     const [best] = await model.predict("zebra");
 */

const FORMAT = 1;

/**
 * The model of a folder that `s2s export --web` wrote.
 *
 * @param {string | URL} [folder] by default the one that this file is in
 * @returns {Promise<import("./model.js").Translator | import("./model.js").Classifier>} with `about`, what the model
 *   is, and `files`, the number of bytes that were read
 * @throws {Error} a file is missing, or of another release
 */
export async function load(folder = new URL(".", import.meta.url)) {
  const base = new URL(String(folder).replace(/\/?$/, "/"), import.meta.url);
  let bytes = 0;
  const read = async (url) => {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(`${url.pathname} cannot be read (${answer.status}): export the model again`);
    const content = await answer.arrayBuffer();
    bytes += content.byteLength;
    return content;
  };
  const description = JSON.parse(new TextDecoder().decode(await read(new URL("model.json", base))));
  if (description.format !== FORMAT) {
    throw new Error(`model.json is of format ${description.format}, this page reads ${FORMAT}: export the model again`);
  }
  const { open } = await import("./model.js");
  const model = await open(description, base, read);
  return Object.assign(model, { name: description.name, about: description.about, bytes });
}
