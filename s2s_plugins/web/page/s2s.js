/**
 * A trained model in a browser, or in Node.js:
 *
 *     import { load } from "./s2s.js";
 *     const model = await load();
 *     const [best] = await model.predict("zebra");
 */

const FORMAT = 1;

/**
 * The model of a folder that `s2s export --web` wrote, or of the server that this page comes from.
 *
 * @param {string | URL} [folder] by default the one that this file is in
 * @param {string} [name] of one of a server's models
 * @returns {Promise<object>} with `kind`; `predict` of a translator, `classify` of a classifier; `name`; `about`, what
 *   the model is; `bytes`, the size of its files
 * @throws {Error} a file is missing, or of another release
 */
export async function load(folder = new URL(".", import.meta.url), name) {
  const base = new URL(String(folder).replace(/\/?$/, "/"), globalThis.location?.href ?? import.meta.url);
  let bytes = 0;
  const read = async (url) => {
    const content = await contentOf(url);
    bytes += content.byteLength;
    return content;
  };
  const description = JSON.parse(new TextDecoder().decode(await read(new URL("model.json", base))));
  if (description.format !== FORMAT) {
    throw new Error(`model.json is of format ${description.format}, this page reads ${FORMAT}: export the model again`);
  }
  if (description.kind === "server") return (await import("./remote.js")).open(base, name);
  const model = await (await import("./model.js")).open(description, base, read);
  return Object.assign(model, { name: description.name, about: description.about, bytes });
}

/** The bytes at an address; in Node.js also of a file. */
async function contentOf(url) {
  if (url.protocol === "file:") return (await import("node:fs/promises")).readFile(url);
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url.pathname} cannot be read (${answer.status}): export the model again`);
  return answer.arrayBuffer();
}
