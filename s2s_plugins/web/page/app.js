/** The page: what is typed goes through the model, and the answer is drawn. */

import { drawHeatmap, element, watchHeatmap } from "./heatmap.js";
import { load } from "./s2s.js";

const END = "</s>";
const EMPTY = "(empty)";
const SCORE = "mean log-probability of a token";
const [NBEST, BEAM] = [50, 100]; // the most that the page offers, where no server has limits of its own
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
    const show = text.trim() ? await answerTo(text, search.signal) : clear;
    if (search.signal.aborted) return;
    show();
    const time = performance.now() - started;
    if (text.trim()) at("status").append(element("span", ` in ${milliseconds(time)}`, { "aria-hidden": "true" }));
    say("problem", "");
  } catch (error) {
    if (search.signal.aborted) return;
    clear();
    say("problem", sentence(error));
  }
  document.body.dataset.shown = text; // which text the page shows the answer to
}

/** What the model says of a text, as a function that shows it. */
function answerTo(text, signal) {
  return model.kind === "classifier" ? classes(text, signal) : predictions(text, signal);
}

async function predictions(text, signal) {
  const nbest = number("nbest");
  const beam = Math.max(number("beam"), nbest);
  const found = await model.predict(text, { nbest, beam, signal });
  return () => {
    const [best] = found;
    say("status", `Best of ${found.length}: ${best.text || EMPTY}, ${percent(best.probability)}`);
    showTokens(best.source);
    showList(found.map((one) => [one.text || EMPTY, one.probability, one.score.toFixed(3)]));
    at("list").onchange = (event) => showAlignment(found[event.target.value]);
    showAlignment(best);
  };
}

async function classes(text, signal) {
  const found = await model.classify(text, { signal });
  return () => {
    say("status", `${found.label}, ${percent(found.probability)}`);
    showTokens(found.source ?? []);
    showList(Object.entries(found.probabilities).sort((one, other) => other[1] - one[1]));
  };
}

/** Show rows of text, probability and score; one can be chosen if the model has alignments. */
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
    if (score !== undefined) line.append(element("span", score, { class: "score", title: SCORE }));
    item.append(line);
    return item;
  });
  at("list").replaceChildren(...items);
  at("answers").hidden = false;
}

function showAlignment({ source, tokens, alignment }) {
  at("alignment").hidden = !alignment;
  say("cell", "");
  if (!alignment) return;
  const columns = [...source.map(({ token }) => token), END];
  drawHeatmap(at("heatmap"), columns, [...tokens, END], alignment);
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
  at("tokens").replaceChildren();
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
const sentence = ({ message }) => `${message.charAt(0).toUpperCase()}${message.slice(1)}`.replace(/[.\s]*$/, ".");

/** Show what is known of the model. */
function introduce() {
  const { architecture, licence, data, figures, written_by: release } = model.about ?? {};
  document.title = model.name;
  say("name", model.name);
  say("about", [model.kind, architecture, data && `trained on ${data}`].filter(Boolean).join(", "));
  const size = model.bytes && `${Number((model.bytes / 1e6).toPrecision(2))} MB`;
  const facts = { Licence: licence, ...figures, Size: size, "Written by": release && `s2s-plugins ${release}` };
  const shown = Object.entries(facts).filter(([, value]) => value !== undefined && value !== "");
  at("facts").replaceChildren(...shown.flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
  if (model.names) say("place", "The model runs on the server of this page, which gets what you type.");
  at("links").hidden = !model.names;
  const between = model.features === " " ? "spaces" : model.features;
  at("text").placeholder = model.features ? `TEXT, Tab key, FEATURES with ${between} between them` : "Type here";
  say("answers-title", model.kind === "classifier" ? "Classes" : "Predictions");
  at("settings").hidden = model.kind === "classifier";
  limit("nbest", Math.min(NBEST, model.mostBeam ?? NBEST));
  limit("beam", model.mostBeam ?? BEAM);
  const names = model.names ?? [];
  at("choice").hidden = names.length < 2;
  at("model").replaceChildren(...names.map((name) => element("option", name)));
  at("model").value = model.name;
}

/** Let a number be at most `most`. */
function limit(id, most) {
  const field = at(id);
  field.max = most;
  if (field.valueAsNumber > most) field.value = most;
}

/** Open a model: of a server's several the one with a name. */
async function start(name) {
  clearTimeout(timer);
  running?.abort();
  at("model").disabled = true;
  say("status", "Loading the model");
  try {
    model = await load(undefined, name);
  } catch (error) {
    clear();
    say("problem", `The model cannot be loaded. ${sentence(error)}`);
    return;
  }
  introduce();
  clear();
  at("text").disabled = at("model").disabled = false;
  document.body.dataset.ready = "";
  if (at("text").value) changed(); // another model, or what the browser has kept of an earlier visit
}

at("form").onsubmit = (event) => event.preventDefault();
at("form").oninput = changed;
watchHeatmap(at("heatmap"), (said) => say("cell", said));
// of a model with features the first Tab key writes the tab before them, the next one leaves the field as ever
at("text").onkeydown = (event) => {
  const field = event.target;
  if (event.key !== "Tab" || event.shiftKey || !model?.features || !field.value || field.value.includes("\t")) return;
  event.preventDefault();
  field.setRangeText("\t", field.selectionStart, field.selectionEnd, "end");
  changed();
};
at("model").onchange = (event) => start(event.target.value);
await start();
at("text").focus();
