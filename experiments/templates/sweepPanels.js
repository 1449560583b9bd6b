// Small multiples: points are measured, dashed lines predicted.
const COLOURS = ["#1b1b5e", "#8c1d40", "#00735c", "#b8580a", "#6a51a3", "#3a7fb8", "#7a7a00", "#c2678d"];
const MARKERS = ["circle-open", "square-open", "triangle-up-open", "diamond-open",
  "triangle-down-open", "cross-open", "x-open", "star-open"];
const ROLES = { x: "along x", line: "lines", column: "columns", row: "rows" };
const MOST = { line: COLOURS.length, column: 6, row: 6 };
const MARKS = 14; // a curve carries at most
const NONE = -1; // no dimension, or every value of one
const chosen = { quantity: 0, roles: {}, only: DIMENSIONS.map(() => NONE), scale: "automatic",
  axes: "shared" };

// --- What is chosen ------------------------------------------------------------------------------

function choose(label, options, value, change) {
  const select = element("select", { name: label });
  for (const [code, words] of options) select.append(element("option", { value: code }, words));
  select.value = value;
  select.addEventListener("change", () => change(select.value));
  return element("label", {}, label + " ", select);
}

const isPlace = (place) => ["layer", "where"].includes(DIMENSIONS[place].name);

// Numbered places go along x, else what has the most values; the others make lines and panels.
function startingRoles() {
  const order = DIMENSIONS.map((one, place) => place);
  const isNumber = (place) => DIMENSIONS[place].isNumber;
  const length = (place) => DIMENSIONS[place].values.length;
  const longest = (places) => [...places].sort((a, b) => length(b) - length(a))[0];
  const x = order.find((place) => isPlace(place) && isNumber(place)) ?? longest(order.filter(isNumber))
    ?? longest(order.filter((place) => !isPlace(place))) ?? order[0];
  const rest = order.filter((place) => place !== x && (isNumber(place) || !isPlace(place)));
  const line = rest.find((place) => !isNumber(place) && length(place) <= MOST.line) ?? rest[0];
  const [column, row] = rest.filter((place) => place !== line);
  return { x: x ?? NONE, line: line ?? NONE, column: column ?? NONE, row: row ?? NONE };
}

// One value of what has no role; of places in words all, for they may be another cell's own.
function startingOnly() {
  const used = Object.values(chosen.roles);
  return DIMENSIONS.map((one, place) => {
    if (used.includes(place) || (isPlace(place) && !one.isNumber)) return NONE;
    return one.isNumber ? one.values.length - 1 : 0;
  });
}

function showChoices() {
  const dimensions = [[NONE, "nothing"], ...DIMENSIONS.map((one, place) => [place, one.name])];
  const roles = Object.entries(ROLES).map(([role, words]) =>
    choose(words, dimensions, chosen.roles[role], (value) => assign(role, Number(value))));
  const quantities = QUANTITY.values.map((name, code) => [code, name]);
  const scales = ["automatic", "linear", "log"].map((name) => [name, name]);
  document.getElementById("roles").replaceChildren(
    choose("quantity", quantities, chosen.quantity, (value) => set("quantity", Number(value))),
    ...roles,
    choose("y axis", scales, chosen.scale, (value) => set("scale", value)),
    choose("axes", [["shared", "shared"], ["own", "of each panel"]], chosen.axes, (value) => set("axes", value)));
  document.getElementById("only").replaceChildren(...DIMENSIONS.map(showOnly));
}

function showOnly(one, place) {
  const isUsed = Object.values(chosen.roles).includes(place);
  const every = isUsed ? "every value" : "mean of all";
  const options = [[NONE, every], ...one.values.map((value, code) => [code, shownNumber(value)])];
  return choose(one.name, options, chosen.only[place], (value) => {
    chosen.only[place] = Number(value);
    draw();
  });
}

function set(name, value) {
  chosen[name] = value;
  draw();
}

// A dimension has one role: whoever had it before gets what this role had.
function assign(role, place) {
  const before = chosen.roles[role];
  for (const other of Object.keys(ROLES))
    if (place !== NONE && chosen.roles[other] === place) chosen.roles[other] = before;
  chosen.roles[role] = place;
  if (place !== NONE) chosen.only[place] = NONE;
  if (before !== NONE && !Object.values(chosen.roles).includes(before))
    chosen.only[before] = startingOnly()[before];
  showChoices();
  draw();
}

// --- What is shown of it -------------------------------------------------------------------------

function matches(point) {
  if (QUANTITY.codes[point] !== chosen.quantity) return false;
  return chosen.only.every((code, place) => code === NONE || DIMENSIONS[place].codes[point] === code);
}

function codesOf(role, points) {
  const place = chosen.roles[role];
  if (place === NONE) return [0];
  const codes = [...new Set(points.map((point) => DIMENSIONS[place].codes[point]))];
  return codes.sort((a, b) => a - b);
}

// Evenly spaced ones, if there are more than can be shown.
function spread(codes, most) {
  if (codes.length <= most) return codes;
  return Array.from({ length: most }, (_, at) => codes[Math.round(at * (codes.length - 1) / (most - 1))]);
}

function codeOf(role, point) {
  const place = chosen.roles[role];
  return place === NONE ? 0 : DIMENSIONS[place].codes[point];
}

// Each combination of panel, line and x, with the mean of its points.
function collected(points) {
  const found = new Map();
  for (const point of points) {
    const key = ["row", "column", "line", "x"].map((role) => codeOf(role, point)).join();
    if (!found.has(key)) found.set(key, []);
    found.get(key).push(point);
  }
  return found;
}

function mean(points) {
  let [rows, measured, predicted, square, z] = [0, 0, 0, 0, NaN];
  for (const point of points) {
    const many = NUMBERS.rows[point];
    rows += many;
    measured += many * NUMBERS.measured[point];
    predicted += many * NUMBERS.predicted[point];
    square += (many * NUMBERS.error[point]) ** 2;
    if (!(Math.abs(NUMBERS.z[point]) <= Math.abs(z))) z = Number.isNaN(NUMBERS.z[point]) ? z : NUMBERS.z[point];
  }
  return { rows, measured: measured / rows, predicted: predicted / rows, error: Math.sqrt(square) / rows, z };
}

function curvesOf(points, lists) {
  const found = collected(points);
  const xs = codesOf("x", points);
  const curves = [];
  lists.row.forEach((row, r) => lists.column.forEach((column, c) => lists.line.forEach((line, l) => {
    const keys = xs.map((x) => [x, found.get([row, column, line, x].join())]).filter((pair) => pair[1]);
    if (keys.length)
      curves.push({ r, c, l, line, xs: keys.map((pair) => pair[0]), means: keys.map((pair) => mean(pair[1])) });
  })));
  return curves;
}

// --- Drawing -------------------------------------------------------------------------------------

const finite = (value) => (Number.isFinite(value) ? value : null);
const nameOf = (role) => (chosen.roles[role] === NONE ? "" : DIMENSIONS[chosen.roles[role]].name);

function valueOf(role, code) {
  return chosen.roles[role] === NONE ? "" : shownNumber(DIMENSIONS[chosen.roles[role]].values[code]);
}

function tracesOf(curve, columns, isLog, legends) {
  const number = curve.r * columns + curve.c + 1;
  const dimension = DIMENSIONS[chosen.roles.x];
  const colour = COLOURS[curve.l % COLOURS.length];
  const isFirst = !legends.has(curve.l);
  legends.add(curve.l);
  const xOf = (code) => (dimension ? dimension.values[code] ?? "–" : "");
  const marked = marks(curve);
  const means = marked.map((at) => curve.means[at]);
  const common = {
    xaxis: `x${number === 1 ? "" : number}`, yaxis: `y${number === 1 ? "" : number}`,
    legendgroup: String(curve.l), type: "scatter",
  };
  const name = valueOf("line", curve.line) || "measured";
  const measured = {
    ...common, mode: "markers", name, showlegend: isFirst, meta: "measured",
    x: marked.map((at) => xOf(curve.xs[at])), y: means.map((one) => finite(one.measured)),
    error_y: errorsOf(means, isLog, colour),
    marker: { color: colour, symbol: MARKERS[curve.l % MARKERS.length], size: 6, line: { width: 1.3 } },
    customdata: means.map((one) => [shownNumber(one.error), shownNumber(one.predicted), shownNumber(one.z), one.rows]),
    hovertemplate: `${nameOf("x")} %{x}<br>measured %{y:.5g} ± %{customdata[0]}<br>predicted %{customdata[1]}`
      + "<br>z, farthest off: %{customdata[2]}<br>mean over %{customdata[3]}",
  };
  // A line needs two points: a single one is marked by a stroke.
  const predicted = {
    ...common, mode: curve.xs.length > 1 ? "lines" : "markers", name, showlegend: false, meta: "predicted", hoverinfo: "skip",
    x: curve.xs.map(xOf), y: curve.means.map((one) => finite(one.predicted)),
    line: { color: colour, dash: "dash", width: 1.6 },
    marker: { symbol: "line-ew", size: 18, line: { color: colour, width: 1.6 } },
  };
  return predicted.y.some((value) => value !== null) ? [predicted, measured] : [measured];
}

// Few markers, so that dashes show between them; each curve's are shifted, so that equal ones show all.
function marks(curve) {
  const step = Math.ceil(curve.xs.length / MARKS);
  const shift = Math.floor(step * curve.l / COLOURS.length);
  const last = curve.xs.length - 1;
  const isNearLast = (at) => at !== last && last - at <= step / 2;
  return curve.xs.map((_, at) => at).filter((at) => at === last || (at % step === shift && !isNearLast(at)));
}

// On a log axis a bar that reaches 0 would have no lower end.
function errorsOf(means, isLog, colour) {
  const up = means.map((one) => finite(one.error) ?? 0);
  const down = means.map((one, at) => (isLog ? Math.min(up[at], 0.999 * Math.abs(one.measured)) : up[at]));
  return { type: "data", symmetric: false, array: up, arrayminus: down, color: colour, thickness: 1, width: 0 };
}

function isLogarithmic(values) {
  const sizes = values.filter((value) => Number.isFinite(value));
  if (!sizes.length || sizes.some((value) => value <= 0)) return false;
  return sizes.reduce((a, b) => Math.max(a, b)) > 300 * sizes.reduce((a, b) => Math.min(a, b));
}

// Values that grow by factors, such as 10, 30, 100.
function growsByFactors(values) {
  const [first, last] = [values[0], values[values.length - 1]];
  if (values.length < 3 || !(first > 0) || last < 8 * first) return false;
  return values[1] - first < 0.5 * (last - first) / (values.length - 1);
}

function xKind() {
  const dimension = DIMENSIONS[chosen.roles.x];
  if (!dimension || !dimension.isNumber) return "category";
  return growsByFactors(dimension.values.filter((value) => value !== null)) ? "log" : "linear";
}

function layoutOf(lists, isLog) {
  const [columns, rows] = [lists.column.length, lists.row.length];
  const layout = {
    width: 140 + columns * panelWidth(columns), height: 130 + rows * PANEL_HEIGHT,
    margin: { l: 80, r: 60, t: 70, b: 60 }, font: { family: "system-ui, sans-serif", size: 12, color: "#1a1a1a" },
    paper_bgcolor: "white", plot_bgcolor: "white", annotations: [], hovermode: "closest",
    legend: { orientation: "h", x: 0, xanchor: "left", y: 1, yref: "container", yanchor: "top",
      title: { text: nameOf("line") } },
  };
  for (let r = 0; r < rows; r += 1)
    for (let c = 0; c < columns; c += 1) addPanel(layout, { r, c, columns, rows }, isLog);
  addTitles(layout, lists);
  return layout;
}

// As wide as the page allows, within limits.
function panelWidth(columns) {
  const room = document.getElementById("plots").clientWidth - 140;
  return Math.min(460, Math.max(180, Math.floor(room / columns)));
}

const PANEL_HEIGHT = 230;
const GAP = 0.05; // between panels, as a share of one
const panelSide = (at, count) => [(at + GAP) / count, (at + 1 - GAP) / count];
const panelHeight = (at, count) => [1 - (at + 0.93) / count, 1 - (at + GAP) / count];

function addPanel(layout, { r, c, columns, rows }, isLog) {
  const number = r * columns + c + 1;
  const ending = number === 1 ? "" : String(number);
  const look = { showline: true, linecolor: "#888", gridcolor: "#e8e8e8", zeroline: false, ticks: "outside" };
  const isLowest = r === rows - 1;
  layout[`xaxis${ending}`] = {
    ...look, anchor: `y${ending}`, domain: panelSide(c, columns), type: xKind(), showticklabels: isLowest || chosen.axes === "own",
    title: { text: isLowest ? nameOf("x") : "" }, ...matching("x", number),
  };
  layout[`yaxis${ending}`] = {
    ...look, anchor: `x${ending}`, domain: panelHeight(r, rows), type: isLog ? "log" : "linear",
    exponentformat: "power", showticklabels: c === 0 || chosen.axes === "own",
    title: { text: c === 0 ? QUANTITY.values[chosen.quantity] : "" }, ...matching("y", number),
  };
}

const matching = (axis, number) => (number > 1 && chosen.axes === "shared" ? { matches: axis } : {});

function addTitles(layout, lists) {
  const look = { xref: "paper", yref: "paper", showarrow: false, font: { size: 12 } };
  const words = (role, code) => `${nameOf(role)} ${valueOf(role, code)}`;
  const middle = ([low, high]) => (low + high) / 2;
  if (nameOf("column"))
    lists.column.forEach((code, c) => layout.annotations.push({
      ...look, text: words("column", code), x: middle(panelSide(c, lists.column.length)), xanchor: "center",
      y: 1, yanchor: "bottom" }));
  if (nameOf("row"))
    lists.row.forEach((code, r) => layout.annotations.push({
      ...look, text: words("row", code), x: 1, xanchor: "left", textangle: 90, yanchor: "middle", y: middle(panelHeight(r, lists.row.length)) }));
}

function captionOf(lists, all, curves) {
  const words = ["Points: measured, with one standard error. Dashed, or a stroke: predicted."];
  if (curves.some((curve) => curve.xs.length > MARKS)) words.push(`About ${MARKS} points of each curve are drawn.`);
  if (DATA.seeds > 1) words.push("Means over seeds.");
  const averaged = DIMENSIONS.filter((one, place) =>
    chosen.only[place] === NONE && !Object.values(chosen.roles).includes(place));
  if (averaged.length) words.push(`Means over ${averaged.map((one) => one.name).join(", ")}.`);
  const fixed = DIMENSIONS.flatMap((one, place) =>
    chosen.only[place] === NONE ? [] : [`${one.name} ${shownNumber(one.values[chosen.only[place]])}`]);
  if (fixed.length) words.push(`Only ${fixed.join(", ")}.`);
  for (const role of ["line", "column", "row"])
    if (all[role].length > lists[role].length)
      words.push(`${lists[role].length} of ${all[role].length} values of ${nameOf(role)} are shown.`);
  return words.join(" ");
}

function draw() {
  const points = [];
  for (let point = 0; point < DATA.points.count; point += 1) if (matches(point)) points.push(point);
  const all = Object.fromEntries(["line", "column", "row"].map((role) => [role, codesOf(role, points)]));
  const lists = Object.fromEntries(Object.entries(all).map(([role, codes]) => [role, spread(codes, MOST[role])]));
  const curves = curvesOf(points, lists);
  const values = curves.flatMap((curve) => curve.means.flatMap((one) => [one.measured, one.predicted]));
  const isLog = chosen.scale === "automatic" ? isLogarithmic(values) : chosen.scale === "log";
  const legends = new Set();
  const traces = curves.flatMap((curve) => tracesOf(curve, lists.column.length, isLog, legends));
  document.getElementById("caption").textContent = points.length ? captionOf(lists, all, curves) : "No cell has these values.";
  Plotly.react("panels", traces, layoutOf(lists, isLog), { displaylogo: false, responsive: false });
}

if (document.getElementById("panels")) {
  chosen.roles = startingRoles();
  chosen.only = startingOnly();
  showChoices();
  draw();
}
