/** Attention weights as a table of colored cells. */

const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/**
 * Fill a table with weights.
 *
 * @param {HTMLTableElement} table
 * @param {string[]} source tokens of the columns, S
 * @param {string[]} target tokens of the rows, T
 * @param {Float32Array[]} weights T times S, of 0 to 1
 * @param {(text: string) => void} tell gets what a cell says that is pointed at
 */
export function drawHeatmap(table, source, target, weights, tell) {
  const caption = element("caption", "Share of the attention, in percent");
  const [head, body] = [document.createElement("thead"), document.createElement("tbody")];
  head.insertRow().append(element("td", ""), ...source.map((token) => element("th", token, { scope: "col" })));
  const rows = target.map((token, row) => {
    const line = document.createElement("tr");
    const cells = source.map((from, column) => cellOf(weights[row][column], `${token} from ${from}`, tell));
    line.append(element("th", token, { scope: "row" }), ...cells);
    return line;
  });
  body.append(...rows);
  table.replaceChildren(caption, head, body);
  rows[0]?.cells[1]?.setAttribute("tabindex", "0");
  table.onkeydown = (event) => move(event, rows);
}

function cellOf(weight, what, tell) {
  const percent = Math.round(weight * 100);
  const cell = element("td", String(percent), { tabindex: "-1" });
  cell.style.setProperty("--weight", weight.toFixed(3));
  const say = () => tell(`${what}: ${(weight * 100).toFixed(1)} %`);
  cell.onfocus = say;
  cell.onpointerenter = say;
  return cell;
}

/** Move the focus by an arrow key; one cell at a time is in the order of the Tab key. */
function move(event, rows) {
  const step = STEPS[event.key];
  const cell = event.target.closest("td[tabindex]");
  if (!step || !cell) return;
  const row = rows.indexOf(cell.parentElement) + step[0];
  const next = rows[row]?.cells[cell.cellIndex + step[1]];
  event.preventDefault();
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
