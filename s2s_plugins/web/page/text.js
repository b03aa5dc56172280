/**
 * How text becomes the numbers of tokens, and these become text: text/spelling.py and text/tokens.py of
 * s2s_plugins, in JavaScript.
 */

export const [PAD, EOS, UNK] = [1, 2, 3];
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
   * @param {(text: string) => string[]} [pieces] of level "sentencepiece", what makes pieces of a text; without, tokens
   *   become text alone
   */
  constructor({ level, form, written }, pieces) {
    Object.assign(this, { level, form, written, pieces });
  }

  /**
   * The tokens of a text.
   *
   * The text is brought to a Unicode form, every run of white space one space. A character that is not known is decomposed, or changed to the other case,
   * if the result is known.
   *
   * @param {string} text
   * @param {Symbols} known
   */
  tokens(text, known) {
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
