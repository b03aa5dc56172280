/**
 * How text becomes the numbers of tokens, and these become text: text/spelling.py and text/tokens.py of
 * s2s_plugins, in JavaScript.
 */

export const [BOS, PAD, EOS, UNK] = [0, 1, 2, 3];

/** Whether a number of a source stands for an unknown symbol. */
export const isUnknown = (number) => number === UNK || number === BOS;
const [OPEN, CLOSE] = ["\u27e6", "\u27e7"]; // ⟦⟧, around a feature
const SPECIAL = 4; // the first symbols are not in a model's description
const END = "</s>";
const SPACE = "\u2581"; // ▁, a space where characters are tokens
// what Python splits at, which is not what \s is
const WHITE = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/u;
const EDGES = new RegExp(`^${WHITE.source}|${WHITE.source}$`, "gu");
const KINDS = { N: /\p{N}/u, P: /\p{P}/u, S: /\p{S}/u };

const split = (text) => text.split(WHITE).filter(Boolean);

/** The symbols of a text and their numbers. */
export class Symbols {
  /** @param {string[]} symbols without the special ones */
  constructor(symbols) {
    this.symbols = symbols;
    this.numbers = new Map(symbols.map((symbol, place) => [symbol, place + SPECIAL]));
  }

  get size() {
    return this.symbols.length + SPECIAL;
  }

  has(symbol) {
    return this.numbers.has(symbol);
  }

  number(symbol) {
    return this.numbers.get(symbol) ?? UNK;
  }

  symbol(number) {
    return number >= SPECIAL ? this.symbols[number - SPECIAL] : ["<s>", "<pad>", END, "<unk>"][number];
  }
}

/** What a token of one side of a translator is. */
export class Spelling {
  /**
   * @param {object} facts
   * @param {"token" | "char" | "sentencepiece"} facts.level
   * @param {"NFC" | "NFD" | null} facts.form the Unicode form to which a text is brought
   * @param {"NFC" | "NFD" | null} facts.written that of the texts which tokens become
   * @param {?string} facts.features what separates the features behind the tab of each text; null: texts have none
   * @param {(text: string) => string[]} [pieces] of level "sentencepiece", what makes pieces of a text; without, tokens
   *   become text alone
   */
  constructor({ level, form, written, features = null }, pieces) {
    Object.assign(this, { level, form, written, features, pieces });
  }

  /**
   * The tokens of a text.
   *
   * Features are the first of them. The text is brought to a Unicode form, every run of white space one space. A
   * character that is not known is decomposed, or changed to the other case, if the result is known.
   *
   * @param {string} text
   * @param {{has: (symbol: string) => boolean}} known
   * @throws {RangeError} the text has no features, and should; or there are several tabs in it
   */
  tokens(text, known) {
    if (this.features === null) return this.#tokens(text, known);
    if (!split(text).length) return [];
    const [plain, features, ...more] = text.split("\t");
    if (features === undefined) {
      throw new RangeError("no features stand behind the text, and the model needs them: write TEXT<TAB>FEATURES");
    }
    if (more.length) throw new RangeError("two tabs are in the text: write TEXT<TAB>FEATURES");
    const tokens = this.#tokens(plain, known);
    const names = features.normalize("NFC").split(this.features).map((name) => split(name).join(SPACE));
    return tokens.length ? [...names.filter(Boolean).map((name) => `${OPEN}${name}${CLOSE}`), ...tokens] : [];
  }

  #tokens(text, known) {
    const squashed = this.form ? split(text).join(" ").normalize(this.form) : text;
    if (this.level === "token") return split(squashed);
    if (this.level === "sentencepiece") return split(this.pieces(squashed).join(" "));
    return [...squashed].flatMap((character) => {
      if (character === " ") return [SPACE];
      const other = swapCase(character);
      const forms = [character, character.normalize("NFD"), other, other.normalize("NFD")].map((form) => [...form]);
      return forms.find((form) => form.every((part) => known.has(part))) ?? [character];
    });
  }

  /** The text that tokens stand for. */
  text(tokens) {
    if (this.level === "token") return normalised(tokens.join(" "), this.written);
    const joined = normalised(tokens.join("").replaceAll(SPACE, " "), this.written);
    return this.level === "char" ? joined : joined.replace(EDGES, "");
  }
}

/** Slots for what the dictionaries lack: text/slots.py of s2s_plugins, in JavaScript. */
export class Slots {
  #own; // words that look like these are unknown

  /**
   * @param {Symbols} source
   * @param {Symbols} target without slots in both, unknown tokens have the number of `<unk>`
   */
  constructor(source, target) {
    const there = Array.from({ length: 16 }, (_, place) => `<copy${place + 1}>`);
    const slots = there.filter((slot) => source.has(slot) && target.has(slot));
    Object.assign(this, { source, target, count: slots.length });
    this.ofSource = slots.map((slot) => source.number(slot));
    this.ofTarget = slots.map((slot) => target.number(slot));
    this.#own = new Set(slots);
  }

  /** What a text may be spelled with: with slots, all symbols, since others are copied as they are. */
  get known() {
    return this.count ? { has: () => true } : this.source;
  }

  /** The numbers of a sentence's tokens; with slots that of `<s>` for an unknown feature, so that nothing of it is copied. */
  numbers(tokens) {
    const slots = new Map();
    return tokens.map((token) => {
      const number = this.#own.has(token) ? UNK : this.source.number(token);
      if (number !== UNK) return number;
      const isFeature = [...token].length > 2 && token.startsWith(OPEN) && token.endsWith(CLOSE);
      if (isFeature && this.count) return BOS;
      if (!slots.has(token) && slots.size < this.count) slots.set(token, this.ofSource[slots.size]);
      return slots.get(token) ?? UNK;
    });
  }

  /** The tokens of an output for a sentence: of a slot its own symbol, of one that holds nothing `<unk>`. */
  written(output, tokens, numbers) {
    const held = new Map(this.ofTarget.map((slot) => [slot, this.target.symbol(UNK)]));
    numbers.forEach((number, place) => {
      const slot = this.ofSource.indexOf(number);
      if (slot >= 0) held.set(this.ofTarget[slot], tokens[place]);
    });
    return output.map((number) => held.get(number) ?? this.target.symbol(number));
  }
}

const normalised = (text, form) => (form ? text.normalize(form) : text);

function swapCase(character) {
  if (/\p{Uppercase}/u.test(character)) return character.toLowerCase();
  return /\p{Lowercase}/u.test(character) ? character.toUpperCase() : character;
}

/** From the text of a document to its tokens and their numbers, for classifiers. */
export class Tokenizer {
  /**
   * @param {object} facts
   * @param {"word" | "char" | "sentencepiece"} facts.level punctuation marks and symbols are tokens; or every
   *   character; or pieces
   * @param {boolean} facts.lowercase whether case is dropped
   * @param {"drop" | "unk"} facts.rare what happens to a token that is not known
   * @param {Object<string, number[][]>} facts.newer characters that a browser may not know yet, by kind: first, last
   * @param {(text: string) => string[]} [pieces] of level "sentencepiece", what makes pieces of a text
   */
  constructor({ level, lowercase, rare, newer }, pieces) {
    Object.assign(this, { level, lowercase, rare, newer, pieces });
  }

  tokens(text) {
    const composed = split(text.normalize("NFC")).join(" ");
    const normal = this.lowercase ? composed.toLowerCase() : composed;
    if (this.level === "sentencepiece") return this.pieces(normal);
    if (this.level === "char") return [...normal].map((character) => (character === " " ? SPACE : character));
    return split(normal).flatMap((word) => this.#parts(word));
  }

  /** Numbers of tokens and `</s>`, at most `limit`; of a longer document the head or the tail is cut off. */
  numbers(tokens, symbols, limit, truncate) {
    const known = tokens.map((token) => symbols.number(token));
    const numbers = [...(this.rare === "drop" ? known.filter((number) => number !== UNK) : known), EOS];
    if (limit === null || numbers.length <= limit) return numbers;
    return truncate === "head" ? numbers.slice(-limit) : [...numbers.slice(0, limit - 1), EOS];
  }

  /** The word, punctuation marks and symbols of what spaces separate: text/words.py has the rule. */
  #parts(word) {
    const characters = [...word];
    const kinds = [...characters.map((character) => this.#kind(character)), " "];
    let before = " ";
    let wasParted = false;
    const parts = characters.map((character, place) => {
      const [kind, after] = [kinds[place], kinds[place + 1]];
      wasParted = kind === "P" && before !== "N" && !wasParted;
      before = kind;
      return kind === "S" || wasParted || (kind === "P" && after !== "N") ? ` ${character} ` : character;
    });
    return split(parts.join(""));
  }

  #kind(character) {
    const kind = Object.keys(KINDS).find((name) => KINDS[name].test(character));
    if (kind !== undefined || !/\p{Cn}/u.test(character)) return kind ?? "other";
    const code = character.codePointAt(0);
    const within = ([first, last]) => first <= code && code <= last;
    return Object.keys(this.newer).find((name) => this.newer[name].some(within)) ?? "other";
  }
}

/** See that a text is one: a TypeError says what it is instead. */
export function checkText(text) {
  if (typeof text !== "string") {
    throw new TypeError(`the text is ${text === null ? "null" : `of type ${typeof text}`}: give a string`);
  }
}
