/** Probabilities that say how often predictions are right: inference/calibration.py of s2s_plugins, in JavaScript. */

const SURE = 1e-7;

/**
 * The probability of each output that it is right, which does not rise from one to the next.
 *
 * @param {?object} calibration of a model's description; null: the model's own probabilities
 * @param {number[]} logProbabilities of all outputs that a search found for a text, best first, each of the
 *     whole output
 */
export function probabilitiesOf(calibration, logProbabilities) {
  if (!calibration) return logProbabilities.map((one) => Math.exp(Math.min(one, 0)));
  const { temperature, offset, alone_temperature: aloneTemperature, alone_offset: aloneOffset } = calibration;
  const byOdds = calibration.by_odds || logProbabilities.length === 1;
  let least = 1;
  return logProbabilities.map((one, place) => {
    const others = logProbabilities.filter((_, other) => other !== place);
    const x = byOdds ? logOdds(one) / aloneTemperature + aloneOffset : (one - Math.max(...others)) / temperature + offset;
    least = Math.min(least, logistic(x));
    return least;
  });
}

/** The probabilities of classes whose logits are divided by a temperature. */
export function tempered(probabilities, temperature) {
  if (temperature === 1) return probabilities;
  const highest = Math.max(...probabilities);
  const powers = probabilities.map((one) => (one / highest) ** (1 / temperature));
  const total = powers.reduce((sum, one) => sum + one, 0);
  return powers.map((one) => one / total);
}

function logOdds(logProbability) {
  const low = Math.min(logProbability, -SURE);
  return low - Math.log(-Math.expm1(low));
}

const logistic = (x) => 1 / (1 + Math.exp(-x));
