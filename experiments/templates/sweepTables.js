// Tables that are sorted by a click on a heading, and filtered by words.
const STEP = 50;

function compare(a, b) {
  if (a === b) return 0;
  if (a === null || a === "–") return 1; // what is not there comes last
  if (b === null || b === "–") return -1;
  return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
}

// Size counts, not the sign: what is farthest off comes first.
function sorted(rows, { column, descending, bySize }) {
  if (column === null) return rows;
  const key = (row) => (bySize && typeof row[column] === "number" ? Math.abs(row[column]) : row[column]);
  const isMissing = (row) => key(row) === null || key(row) === "–";
  const present = rows.filter((row) => !isMissing(row)).sort((a, b) => compare(key(a), key(b)));
  return [...(descending ? present.reverse() : present), ...rows.filter(isMissing)];
}

function headings(names, isNumber, order, change) {
  return names.map((name, column) => {
    const button = element("button", { type: "button" }, name);
    button.addEventListener("click", () => change(column));
    const heading = element("th", { className: isNumber[column] ? "number" : "", scope: "col" }, button);
    if (order.column === column) heading.ariaSort = order.descending ? "descending" : "ascending";
    return heading;
  });
}

// Every word must stand in the row; NAME=VALUE must be a whole cell of that column.
function filtered(rows, names, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const lower = names.map((name) => name.toLowerCase().replaceAll(" ", "_"));
  return rows.filter((row) => words.every((word) => {
    const [name, ...rest] = word.split("=");
    const column = rest.length ? lower.indexOf(name) : -1;
    if (column >= 0) return String(row[column]).toLowerCase() === rest.join("=");
    return row.some((value) => shownNumber(value).toLowerCase().includes(word));
  }));
}

function showTable(place, { names, isNumber, rows }) {
  const order = { column: null, descending: false, bySize: false };
  let shown = STEP;
  const input = element("input", { type: "search", placeholder: `words, or ${names[0]?.replaceAll(" ", "_")}=VALUE` });
  const count = element("span", { className: "count" });
  const head = element("tr");
  const body = element("tbody");
  const more = element("button", { type: "button", className: "more" }, `Show ${10 * STEP} more`);
  const change = (column) => {
    // Numbers begin with the largest, words with the first.
    order.descending = order.column === column ? !order.descending : isNumber[column];
    [order.column, order.bySize] = [column, names[column] === "z"];
    fill();
  };
  function fill() {
    const kept = sorted(filtered(rows, names, input.value), order);
    head.replaceChildren(...headings(names, isNumber, order, change));
    body.replaceChildren(...kept.slice(0, shown).map((row) => element("tr", {}, ...row.map((value, column) =>
      element("td", { className: isNumber[column] ? "number" : "" }, shownNumber(value))))));
    count.textContent = ` ${kept.length} of ${rows.length} rows`;
    more.hidden = kept.length <= shown;
  }
  input.addEventListener("input", () => { shown = STEP; fill(); });
  more.addEventListener("click", () => { shown += 10 * STEP; fill(); });
  place.append(element("p", { className: "filter" }, element("label", {}, "Filter", input), count),
    element("div", { className: "wide" }, element("table", {}, element("thead", {}, head), body)), more);
  fill();
}

for (const place of document.querySelectorAll("[data-table]")) {
  const table = DATA[place.dataset.table];
  if (table.rows.length) showTable(place, table);
  else place.append("There is nothing to show.");
}

// Tables that are written in the page become ones of the same kind.
for (const table of document.querySelectorAll("table.sortable")) {
  const isNumber = [...table.tHead.rows[0].cells].map((cell) => cell.className === "number");
  const read = (text, column) => (isNumber[column] && text !== "–" ? Number(text) : text);
  const rows = [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell, column) => read(cell.textContent, column)));
  const place = element("div", { className: "table" });
  table.replaceWith(place);
  showTable(place, { names: [...table.tHead.rows[0].cells].map((cell) => cell.textContent), isNumber, rows });
}
