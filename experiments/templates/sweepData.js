"use strict";
// What the page holds: numbers are base64 of little-endian arrays, values of dimensions are lists.
const DATA = JSON.parse(document.getElementById("data").textContent);

function decoded(text, Kind) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Kind(bytes.buffer);
}

function decodedDimension(one) {
  return { ...one, codes: decoded(one.codes, Uint32Array) };
}

const QUANTITY = decodedDimension(DATA.points.quantity);
const DIMENSIONS = DATA.points.dimensions.map(decodedDimension);
const NUMBERS = {
  measured: decoded(DATA.points.measured, Float64Array),
  error: decoded(DATA.points.error, Float64Array),
  predicted: decoded(DATA.points.predicted, Float64Array),
  z: decoded(DATA.points.z, Float32Array),
  rows: decoded(DATA.points.rows, Uint32Array),
};

function element(name, attributes = {}, ...children) {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...children);
  return made;
}

function shownNumber(value) {
  if (value === null || Number.isNaN(value)) return "–";
  if (typeof value !== "number") return String(value);
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(5)));
}
