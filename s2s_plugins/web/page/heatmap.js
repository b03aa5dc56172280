/** Attention weights as a table of colored cells. */

const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/**
 * Fill a table with weights.
 *
 * @param {HTMLTableElement} table
 * @param {string[]} source tokens of the columns, S
 * @param {string[]} target tokens of the rows, T
 * @param {Float32Array[]} weights T times S, of 0 to 1
 */
export function drawHeatmap(table, source, target, weights) {
  const caption = element("caption", "Share of the attention, in percent");
  const [head, body] = [document.createElement("thead"), document.createElement("tbody")];
  head.insertRow().append(element("td", ""), ...source.map((token) => element("th", token, { scope: "col" })));
  for (const [row, token] of target.entries()) {
    const cells = source.map((from, column) => cellOf(weights[row][column], `${token} from ${from}`));
    body.insertRow().append(element("th", token, { scope: "row" }), ...cells);
  }
  table.replaceChildren(caption, head, body);
  body.rows[0]?.cells[1]?.setAttribute("tabindex", "0");
}

function cellOf(weight, what) {
  const cell = element("td", String(Math.round(weight * 100)), { tabindex: "-1" });
  cell.style.setProperty("--weight", weight.toFixed(3));
  cell.dataset.said = `${what}: ${(weight * 100).toFixed(1)} %`;
  return cell;
}

/**
 * Let arrow keys move between the cells of a table, however often it is filled.
 *
 * @param {HTMLTableElement} table
 * @param {(text: string) => void} tell gets what a cell says that is pointed at
 */
export function watchHeatmap(table, tell) {
  const say = ({ target }) => target.closest("td[tabindex]") && tell(target.dataset.said);
  table.addEventListener("focusin", say);
  table.addEventListener("pointerover", say);
  table.addEventListener("keydown", move);
}

/** Move the focus by an arrow key; one cell at a time is in the order of the Tab key. */
function move(event) {
  const step = STEPS[event.key];
  const cell = event.target.closest("td[tabindex]");
  if (!step || !cell) return;
  event.preventDefault();
  const row = cell.closest("tbody").rows[cell.parentElement.sectionRowIndex + step[0]];
  const next = row?.cells[cell.cellIndex + step[1]];
  if (next?.tagName !== "TD") return;
  cell.setAttribute("tabindex", "-1");
  next.setAttribute("tabindex", "0");
  next.focus();
}

/** An element with a text, and attributes. */
export function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
