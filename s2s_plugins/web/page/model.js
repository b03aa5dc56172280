/** A trained model, run by ONNX Runtime in this browser. */

import * as runtime from "./runtime/ort.js";
import { probabilitiesOf, tempered } from "./calibration.js";
import { beamSearch } from "./search.js";
import { EOS, Slots, Spelling, Symbols, Tokenizer, checkText, isUnknown } from "./text.js";

const BEAM = 5;

// one thread: several need HTTP headers that a plain server does not send
runtime.env.wasm.numThreads = 1;
runtime.env.wasm.wasmPaths = {
  mjs: new URL("./runtime/ort-wasm.js", import.meta.url).href,
  wasm: new URL("./runtime/ort-wasm.wasm", import.meta.url).href,
};

/**
 * A graph, opened. Graphs run one after the other: ONNX Runtime waits in the middle of a run, and another one that
 * starts then would overwrite what it has on the stack of WebAssembly.
 */
class Graph {
  static #last = Promise.resolve();

  static #alone(work) {
    const done = Graph.#last.then(work);
    Graph.#last = done.catch(() => {});
    return done;
  }

  static open(bytes) {
    const opened = () => runtime.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
    return Graph.#alone(async () => new Graph(await opened()));
  }

  constructor(session) {
    this.session = session;
    this.outputs = session.outputNames;
  }

  run(feeds) {
    return Graph.#alone(() => this.session.run(feeds));
  }
}

/** One encoder and decoder; several of them are an ensemble. */
class Member {
  constructor(encoder, step) {
    this.encoder = encoder;
    this.stepGraph = step;
    this.hasAttention = step.outputs.includes("attention");
  }

  /** The state before the first step, of the numbers of a sentence. */
  async encode(numbers) {
    return this.encoder.run({ src_tokens: integers(numbers, [1, numbers.length]) });
  }

  /** One token a row: logits, attention, and the next state; `rows` says which rows of the last step go on. */
  async step(tokens, rows, state) {
    const feeds = { ...state, tokens: integers(tokens), rows: integers(rows) };
    const { logits, attention, ...next } = await this.stepGraph.run(feeds);
    const moved = Object.entries(next).map(([name, value]) => [name.slice("next.".length), value]);
    return { logits: logits.data, attention: attention?.data, state: { ...state, ...Object.fromEntries(moved) } };
  }
}

function integers(numbers, shape = [numbers.length]) {
  return new runtime.Tensor("int64", BigInt64Array.from(numbers, BigInt), shape);
}

/**
 * @typedef {object} Prediction What a text becomes.
 * @property {string} text of the output
 * @property {number} score mean log-probability of a token, `</s>` included
 * @property {number} probability that it is right, of a calibrated model; else what the model gives the whole output
 * @property {string[]} tokens of the output, without `</s>`
 * @property {?Float32Array[]} alignment for each token and `</s>` where the model looked: weights of the source's
 *   tokens and its `</s>`, which sum to 1; null of a model without attention
 * @property {{token: string, known: boolean}[]} source tokens of the text, and whether the model knows them
 */

/** A trained encoder and decoder. */
export class Translator {
  kind = "translator";

  constructor(facts, members, pieces) {
    this.facts = facts;
    this.members = members;
    this.source = new Symbols(facts.source.symbols);
    this.target = new Symbols(facts.target.symbols);
    this.spellings = { source: new Spelling(facts.source, pieces), target: new Spelling(facts.target) };
    this.slots = new Slots(this.source, this.target);
    this.features = facts.source.features;
    this.hasAttention = members[0].hasAttention;
  }

  /**
   * What a text becomes, by beam search.
   *
   * @param {string} text
   * @param {object} [options]
   * @param {number} [options.nbest] number of predictions
   * @param {number} [options.beam] number of hypotheses that are followed at a time
   * @param {AbortSignal} [options.signal] abandons the search
   * @returns {Promise<Prediction[]>} best first
   * @throws {TypeError} the text is no string
   * @throws {RangeError} a number is out of range, the text is longer than the model takes, or lacks features
   */
  async predict(text, { nbest = 1, beam = Math.max(BEAM, nbest), signal } = {}) {
    checkText(text);
    if (!Number.isInteger(nbest) || nbest < 1 || !Number.isInteger(beam) || beam < nbest) {
      throw new RangeError(`nbest ${nbest} with beam ${beam}: use whole numbers from 1, beam not below nbest`);
    }
    const tokens = this.spellings.source.tokens(text, this.slots.known);
    const numbers = [...this.slots.numbers(tokens), EOS];
    const source = tokens.map((token, place) => ({ token, known: !isUnknown(numbers[place]) }));
    if (numbers.length > this.facts.longest_source) {
      const length = `the text has ${numbers.length} tokens, ${this.target.symbol(EOS)} included`;
      throw new RangeError(`${length}, and the model takes ${this.facts.longest_source}: shorten it`);
    }
    if (numbers.length === 1) return [{ text: "", score: 0, probability: 1, tokens: [], alignment: null, source }];
    const settings = { ...this.facts.search, beam: Math.min(beam, this.target.size - 2) };
    const states = await Promise.all(this.members.map((member) => member.encode(numbers)));
    const found = await beamSearch(this.members, states, settings, { attends: this.hasAttention, signal });
    if (!found.length || !found.every(({ score }) => Number.isFinite(score))) {
      throw new Error("the model gives no probabilities, its numbers are not finite: use another one");
    }
    const probabilities = probabilitiesOf(this.facts.calibration, found.map((one) => one.logProbability));
    return found.slice(0, nbest).map((one, place) => {
      const written = this.slots.written(one.tokens.slice(0, -1), tokens, numbers);
      return { ...this.#prediction(one, probabilities[place], written), source };
    });
  }

  #prediction(found, probability, tokens) {
    return {
      text: this.spellings.target.text(tokens),
      score: found.score,
      probability,
      tokens,
      alignment: this.hasAttention ? found.attention : null,
    };
  }
}

/** A trained classifier. */
export class Classifier {
  kind = "classifier";

  constructor(facts, graph, pieces) {
    this.facts = facts;
    this.graph = graph;
    this.symbols = new Symbols(facts.symbols);
    this.tokenizer = new Tokenizer(facts.tokenizer, pieces);
  }

  /**
   * The class of a text.
   *
   * @param {string} text
   * @returns {Promise<{label: string, probability: number, probabilities: Object<string, number>, source: object[]}>}
   *   of the most probable class; the probabilities of all, by label; the tokens of the text, as in a Prediction
   * @throws {TypeError} the text is no string
   */
  async classify(text) {
    checkText(text);
    const { limit, truncate, labels } = this.facts;
    const tokens = this.tokenizer.tokens(text);
    const source = tokens.map((token) => ({ token, known: this.symbols.has(token) }));
    const numbers = this.tokenizer.numbers(tokens, this.symbols, limit, truncate);
    const { probabilities } = await this.graph.run({ tokens: integers(numbers, [1, numbers.length]) });
    const own = Array.from(probabilities.data);
    if (!own.every(Number.isFinite)) {
      throw new Error("the model answers with numbers that are not finite: use another one");
    }
    const every = tempered(own, this.facts.temperature);
    const best = every.indexOf(Math.max(...every));
    const byLabel = Object.fromEntries(labels.map((label, place) => [label, every[place]]));
    return { label: labels[best], probability: every[best], probabilities: byLabel, source };
  }
}

/**
 * The model of a description, its graphs read from the folder `base`.
 *
 * @param {object} description of model.json
 * @param {URL} base where its files are
 * @param {(url: URL) => Promise<ArrayBuffer>} read
 */
export async function open(description, base, read) {
  const graph = async (file) => Graph.open(new Uint8Array(await read(new URL(file, base))));
  const facts = description[description.kind];
  const level = (facts.source ?? facts.tokenizer).level;
  const pieces = level === "sentencepiece" ? await piecesOf(await read(new URL("pieces.model", base))) : undefined;
  if (description.kind === "classifier") {
    return new Classifier(facts, await graph(description.members[0].classifier), pieces);
  }
  const members = description.members.map(async ({ encoder, step }) => {
    return new Member(await graph(encoder), await graph(step));
  });
  return new Translator(facts, await Promise.all(members), pieces);
}

/** What makes pieces of a text by a sentencepiece model. */
async function piecesOf(bytes) {
  const { SentencePieceProcessor } = await import("./runtime/sentencepiece.js");
  const processor = new SentencePieceProcessor();
  await processor._loadModel(new Uint8Array(bytes)); // its other methods read files, which a browser has not
  return (text) => processor.encodePieces(text);
}
