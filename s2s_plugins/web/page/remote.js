/** A model of `s2s serve`, behind the same methods as one that runs in this browser. */

import { checkText } from "./text.js";

/**
 * A model that a server runs.
 *
 * @param {URL} base of the server
 * @param {string} [name] by default that of the first model that a page can show
 */
export async function open(base, name) {
  const { models, limits } = await answer(await fetch(new URL("v1/models", base)));
  const shown = models.filter(({ kind }) => kind in RESULTS);
  const model = name === undefined ? shown[0] : shown.find((one) => one.name === name);
  if (!model) throw new Error("the server has no such translator or classifier: see v1/models");
  return new RemoteModel(base, model, shown.map((one) => one.name), limits);
}

const RESULTS = {
  translator: ({ source_tokens: tokens, unknown, predictions }) => {
    const source = tokens.map((token) => ({ token, known: !unknown.includes(token) }));
    return predictions.map((one) => ({ ...one, alignment: one.alignment ?? null, source }));
  },
  classifier: (result) => result,
};

class RemoteModel {
  constructor(base, { name, kind, about, alignment, features = null }, names, limits) {
    const most = limits.max_beam;
    Object.assign(this, { base, name, kind, about, names, features, mostBeam: most, hasAttention: alignment === true });
  }

  async predict(text, { nbest = 1, beam = Math.max(Math.min(5, this.mostBeam), nbest), signal } = {}) {
    checkText(text);
    return this.#ask("v1/predict", { text, nbest, beam, alignment: this.hasAttention }, signal);
  }

  async classify(text, { signal } = {}) {
    checkText(text);
    return this.#ask("v1/classify", { text }, signal);
  }

  async #ask(path, request, signal) {
    const response = await fetch(new URL(path, this.base), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ ...request, model: this.name }),
      signal,
    });
    const { results } = await answer(response);
    return RESULTS[this.kind](results[0]);
  }
}

/** What a server says, or the error that it gives. */
async function answer(response) {
  const values = await response.json().catch(() => null);
  if (!response.ok || values === null) {
    throw new Error(values?.error?.message ?? `the server answers ${response.status}: try again`);
  }
  return values;
}
