/**
 * Beam search over the steps of one or several models, for one sentence: s2s_plugins/search.py, in JavaScript.
 *
 * A search ends when it has K hypotheses and no unfinished one is more probable than all of them. Numbers are in
 * float64. Letters: K beams, R rows (1 at the first step, then K), V vocabulary, S source tokens.
 */

const LONGEST_TASK = 10; // ms without a look at what the user does

/**
 * @typedef {object} Settings What is searched for.
 * @property {number} beam hypotheses that are followed at a time, K; at most V - 2
 * @property {number} end the token that ends a hypothesis
 * @property {number} pad a token that is never part of one
 * @property {number[]} never further tokens that are never part of one
 * @property {number} longest most tokens before `end`
 * @property {number} shortest fewest tokens before `end`
 * @property {number} lengthPenalty a hypothesis of n tokens scores its log-probability divided by n to this power
 *
 * @typedef {object} Found A hypothesis that has ended.
 * @property {number[]} tokens `end` included
 * @property {number} score its log-probability, divided by its length to the power of the length penalty
 * @property {number} logProbability of the whole output
 * @property {Float32Array[]} attention for each token the weights of the S source tokens; empty without attention
 */

/**
 * The best outputs of a sentence.
 *
 * @param {{step: Function}[]} models searched together, the mean of their probabilities
 * @param {object[]} states of each model before the first step
 * @param {Settings} settings what is searched for
 * @param {{attends?: boolean, signal?: AbortSignal}} options whether attention is kept; what abandons the search
 * @returns {Promise<Found[]>} at most K hypotheses, best first
 */
export async function beamSearch(models, states, settings, { attends = false, signal } = {}) {
  let beams = [{ tokens: [], score: 0, attention: [], row: 0 }];
  const found = [];
  let best = -Infinity; // log-probability of the most probable one, whatever its length
  let resumed = performance.now();
  for (let step = 0; step <= settings.longest; step++) {
    if (performance.now() - resumed > LONGEST_TASK) {
      await pause();
      resumed = performance.now();
    }
    signal?.throwIfAborted();
    const last = beams.map((beam) => beam.tokens.at(-1) ?? settings.end);
    const rows = beams.map((beam) => beam.row);
    const outputs = await Promise.all(models.map((model, index) => model.step(last, rows, states[index])));
    states = outputs.map((output) => output.state);
    const looked = attends ? meanAttention(outputs, beams.length) : [];
    const candidates = candidatesOf(beams, outputs, settings, step);
    for (const candidate of candidates.slice(0, settings.beam).filter((one) => one.ended)) {
      const hypothesis = extended(candidate, beams, looked);
      best = Math.max(best, candidate.score);
      found.push({
        tokens: hypothesis.tokens,
        score: candidate.score / hypothesis.tokens.length ** settings.lengthPenalty,
        logProbability: candidate.score,
        attention: hypothesis.attention,
      });
    }
    // the first candidate either has ended, and is no better than the best, or is the best that has not
    const complete = found.length >= settings.beam && candidates[0].score <= best;
    if (complete) break;
    const unfinished = candidates.filter((one) => !one.ended).slice(0, settings.beam);
    beams = unfinished.map((candidate) => extended(candidate, beams, looked));
  }
  return found.sort((one, other) => other.score - one.score).slice(0, settings.beam);
}

/** Let the page answer to its user. */
function pause() {
  return globalThis.scheduler?.yield?.() ?? new Promise((resolve) => setTimeout(resolve));
}

/** The best continuations of all beams, best first, twice as many as beams, since half of them may be ends. */
function candidatesOf(beams, outputs, settings, step) {
  const size = outputs[0].logits.length / beams.length;
  if (settings.beam + 2 > size) {
    throw new RangeError(`beam ${settings.beam} is too large for ${size} symbols: use ${size - 2} or less`);
  }
  const each = Math.min(2 * settings.beam, size - 1);
  const candidates = beams.flatMap((beam, row) => {
    const values = logProbabilities(outputs.map((output) => output.logits.subarray(row * size, (row + 1) * size)));
    exclude(values, settings, step);
    return largest(values, each).map((token) => {
      const score = beam.score + values[token];
      return { token, row, score, ended: token === settings.end && score !== -Infinity };
    });
  });
  return candidates.sort((one, other) => order(one.score, other.score)).slice(0, 2 * settings.beam);
}

/** For sorting, largest first; differences of infinite numbers are none. */
function order(one, other) {
  return one === other ? 0 : other - one;
}

/** Make what is no part of a hypothesis impossible. */
function exclude(values, settings, step) {
  if (step >= settings.longest) {
    const end = values[settings.end];
    values.fill(-Infinity);
    values[settings.end] = end;
  } else if (step < settings.shortest) {
    values[settings.end] = -Infinity;
  }
  values[settings.pad] = -Infinity;
  for (const token of settings.never) values[token] = -Infinity;
}

/** A beam with one more token, which comes from row `candidate.row` of the last step. */
function extended(candidate, beams, looked) {
  const before = beams[candidate.row];
  return {
    tokens: [...before.tokens, candidate.token],
    score: candidate.score,
    attention: looked.length ? [...before.attention, looked[candidate.row]] : [],
    row: candidate.row,
  };
}

/** Log of the mean of the models' probabilities: float64 (V), from the logits of each. */
function logProbabilities(logits) {
  const parts = logits.map((values) => {
    const normalizer = logSumExp(values);
    return Float64Array.from(values, (value) => {
      const probability = value - normalizer;
      return Number.isNaN(probability) ? -Infinity : probability;
    });
  });
  if (parts.length === 1) return parts[0];
  const several = Math.log(parts.length);
  return parts[0].map((_, token) => logSumExp(parts.map((part) => part[token])) - several);
}

function logSumExp(values) {
  let most = -Infinity;
  for (const value of values) most = Math.max(most, value);
  if (most === -Infinity) return most;
  let sum = 0;
  for (const value of values) sum += Math.exp(value - most);
  return most + Math.log(sum);
}

/** The places of the `count` largest values, largest first. */
function largest(values, count) {
  const places = [];
  for (let place = 0; place < values.length; place++) {
    if (places.length === count && values[place] <= values[places[count - 1]]) continue;
    let before = places.length;
    while (before > 0 && values[places[before - 1]] < values[place]) before--;
    places.splice(before, 0, place);
    if (places.length > count) places.pop();
  }
  return places;
}

/** For each row the mean of the weights (S) of the models that have attention; empty if none has. */
function meanAttention(outputs, rows) {
  const parts = outputs.map((output) => output.attention).filter(Boolean);
  if (!parts.length) return [];
  const mean = parts[0].map((_, place) => parts.reduce((sum, part) => sum + part[place], 0) / parts.length);
  const length = mean.length / rows;
  return Array.from({ length: rows }, (_, row) => mean.subarray(row * length, (row + 1) * length));
}
