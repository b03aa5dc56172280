/** The page: what is typed goes through the model, and the answer is drawn. */

import { drawHeatmap, element } from "./heatmap.js";
import { load } from "./s2s.js";

const END = "</s>";
const WAIT = 40; // ms after a key, for the next one
const at = (id) => document.getElementById(id);

let model;
let running; // the AbortController of the search that runs
let timer;

/** Start over with what the fields say, as soon as no more is typed; the newest wins. */
function changed() {
  clearTimeout(timer);
  running?.abort();
  timer = setTimeout(answer, WAIT);
}

async function answer() {
  const text = at("text").value;
  const search = new AbortController();
  running = search;
  const started = performance.now();
  try {
    showTokens(model.tokens(text));
    const shown = await (model.kind === "classifier" ? classes(text) : predictions(text, search.signal));
    if (search.signal.aborted) return;
    shown();
    say("problem", "");
    at("status").dataset.milliseconds = (performance.now() - started).toFixed(1);
    at("status").append(element("span", ` in ${milliseconds(performance.now() - started)}`, { "aria-hidden": "true" }));
    document.body.dataset.shown = text; // for tests: the answer to this text is there
  } catch (error) {
    if (search.signal.aborted) return;
    clear();
    say("problem", sentence(error));
    document.body.dataset.shown = text;
  }
}

/** The predictions of a text, as a function that shows them. */
async function predictions(text, signal) {
  const nbest = number("nbest");
  const beam = Math.max(number("beam"), nbest);
  const found = await model.predict(text, { nbest, beam, signal });
  return () => {
    if (!found[0].tokens.length && !model.tokens(text).length) return clear();
    const best = found[0];
    say("status", `Best of ${found.length}: ${best.text || "an empty output"}, ${percent(best.probability)}`);
    const chosen = showList(found.map((one) => [one.text || "(empty)", one.probability, one.score.toFixed(3)]));
    const draw = (place) => showAlignment(text, found[place]);
    at("list").onchange = (event) => draw(Number(event.target.value));
    draw(chosen);
  };
}

/** The classes of a text, as a function that shows them. */
async function classes(text) {
  const found = await model.classify(text);
  return () => {
    if (!text.trim()) return clear();
    say("status", `${found.label}, ${percent(found.probability)}`);
    const sorted = Object.entries(found.probabilities).sort((one, other) => other[1] - one[1]);
    showList(sorted.map(([label, probability]) => [label, probability]));
  };
}

/** Show rows of text, probability and score; each can be chosen if the model has alignments. Returns the chosen one. */
function showList(rows) {
  const items = rows.map(([text, probability, score], place) => {
    const item = document.createElement("li");
    const line = element(model.hasAttention ? "label" : "div", "");
    if (model.hasAttention) {
      const radio = element("input", "", { type: "radio", name: "chosen", value: place });
      radio.checked = place === 0;
      line.append(radio);
    }
    const bar = element("span", "", { class: "bar", "aria-hidden": "true" });
    bar.style.setProperty("--share", probability.toFixed(4));
    line.append(element("span", text, { class: "text" }), element("span", percent(probability), { class: "share" }));
    line.append(bar);
    if (score !== undefined) line.append(element("span", score, { class: "score", title: "mean log-probability of a token" }));
    item.append(line);
    return item;
  });
  at("list").replaceChildren(...items);
  at("answers").hidden = !items.length;
  return 0;
}

function showAlignment(text, prediction) {
  at("alignment").hidden = !prediction.alignment;
  say("cell", "");
  if (!prediction.alignment) return;
  const source = [...model.tokens(text).map(({ token }) => token), END];
  drawHeatmap(at("heatmap"), source, [...prediction.tokens, END], prediction.alignment, (said) => say("cell", said));
}

/** The tokens of the text, and which of them the model does not know. */
function showTokens(tokens) {
  const shown = tokens.map(({ token, known }) => {
    if (known) return element("span", token);
    const mark = element("mark", token, { title: "unknown to the model" });
    mark.append(element("span", " (unknown)", { class: "hidden" }));
    return mark;
  });
  at("tokens").replaceChildren(...shown.flatMap((one) => [one, " "]));
}

function clear() {
  at("answers").hidden = true;
  at("alignment").hidden = true;
  at("list").replaceChildren();
  say("status", "");
}

function number(id) {
  const field = at(id);
  if (!field.validity.valid) throw new RangeError(`${field.labels[0].textContent.trim()}: ${field.validationMessage}`);
  return field.valueAsNumber;
}

const say = (id, text) => (at(id).textContent = text);
const percent = (share) => `${(share * 100).toFixed(share < 0.001 ? 4 : 1)} %`;
const milliseconds = (time) => `${time < 10 ? time.toFixed(1) : Math.round(time)} ms`;
const sentence = (error) => `${error.message[0].toUpperCase()}${error.message.slice(1)}.`;

/** What is known of the model. */
function introduce() {
  const { architecture, licence, data, figures, written_by: release } = model.about;
  document.title = model.name;
  say("name", model.name);
  say("about", [`${model.kind}, ${architecture}`, data && `trained on ${data}`].filter(Boolean).join(", "));
  const facts = { Licence: licence, ...figures, Size: `${(model.bytes / 1e6).toFixed(1)} MB`, "Written by": `s2s-plugins ${release}` };
  const shown = Object.entries(facts).filter(([, value]) => value !== "");
  at("facts").replaceChildren(...shown.flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
  if (model.kind === "classifier") say("answers-title", "Classes");
  at("settings").hidden = model.kind === "classifier";
}

async function start() {
  try {
    model = await load();
  } catch (error) {
    say("status", "");
    say("problem", `The model cannot be loaded. ${sentence(error)}`);
    return;
  }
  introduce();
  say("status", "");
  at("form").onsubmit = (event) => event.preventDefault();
  at("form").oninput = changed;
  at("text").disabled = false;
  at("text").focus();
  document.body.dataset.ready = "";
  if (at("text").value) changed(); // what the browser has kept of an earlier visit
}

start();
