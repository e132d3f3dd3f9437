// A table that is given to the page, read as `modelwright predict` reads one: a row that does not fit keeps its place and is
// named, and takes no other row with it.
const JOINED = 100; // lines that one record may run over where its quotes stand out of place

function lineEnd(text, at) {
  const end = text.indexOf("\n", at);
  return end < 0 ? text.length : end + 1;
}

// The cells of the record at a place, by the rules of RFC 4180; null where its quotes break them.
function strictRecord(text, at, delimiter) {
  const cells = [];
  let cell = "", i = at;
  for (;;) {
    while (text[i] === " ") i++;
    if (text[i] === '"') {
      for (i++; ; i++) {
        if (i >= text.length) return null;
        if (text[i] !== '"') cell += text[i];
        else if (text[i + 1] === '"') { cell += '"'; i++; } else break;
      }
      i++;
      while (text[i] === " ") i++;
      if (i < text.length && ![delimiter, "\r", "\n"].includes(text[i])) return null;
    } else {
      const from = i;
      while (i < text.length && ![delimiter, "\r", "\n"].includes(text[i])) i++;
      cell = text.slice(from, i);
    }
    cells.push(cell);
    cell = "";
    if (i >= text.length) return { cells, end: i };
    if (text[i] === delimiter) i++;
    else return { cells, end: i + (text[i] === "\r" && text[i + 1] === "\n" ? 2 : 1) };
  }
}

// The cells of a text whose quotes close only before a delimiter or its end, such as `7" screen` in quotes; null where one never does.
function lenientCells(text, delimiter) {
  const cells = [];
  for (let at = 0; ; at++) {
    while (text[at] === " ") at++;
    if (text[at] === '"') {
      let end = at + 1;
      const closes = (i) => text[i] === '"' && (i + 1 >= text.length || text[i + 1] === delimiter);
      while (end < text.length && !(closes(end) && !(text[end - 1] === '"' && end - 1 > at && text[end - 2] !== '"'))) end++;
      if (end >= text.length) return null;
      cells.push(text.slice(at + 1, end).replaceAll('""', '"'));
      at = end + 1;
    } else {
      const end = text.indexOf(delimiter, at);
      cells.push(text.slice(at, end < 0 ? undefined : end));
      at = end < 0 ? text.length : end;
    }
    if (at >= text.length) return cells;
  }
}

// A record with quotes out of place; without success only its first line is given up.
function mendedRecord(text, at, delimiter, width) {
  for (let n = 0, end = at; n < JOINED && end < text.length; n++) {
    const from = end;
    end = lineEnd(text, from);
    const line = text.slice(from, end);
    const alone = n && line.split('"').length % 2 ? strictRecord(line, 0, delimiter) : null;
    if (alone && alone.cells.length === width) break; // what follows are records of their own
    const cells = lenientCells(text.slice(at, end).replace(/[\r\n]+$/, ""), delimiter);
    if (cells && cells.length === width) return { cells, end };
  }
  return { open: true, end: lineEnd(text, at) };
}

// Rows of delimited text as objects, and by their place what is wrong with those that do not fit: `open` quotes, a `blank` line, or `found` cells.
function readDelimited(text) {
  const head = text.slice(0, text.indexOf("\n") + 1 || undefined);
  const delimiter = ["\t", ";", ","].sort((a, b) => head.split(b).length - head.split(a).length)[0];
  const rows = [], faults = new Map();
  let names = null, line = 1, blank = [];
  for (let at = 0; at < text.length; ) {
    const width = names ? names.length : 0;
    let record = strictRecord(text, at, delimiter);
    if (names && (!record || swallowed(text.slice(at, record.end), delimiter, width))) record = mendedRecord(text, at, delimiter, width);
    record = record || { open: true, end: lineEnd(text, at) };
    const lines = text.slice(at, record.end).split("\n").length - 1;
    let cells = record.cells;
    if (cells && cells.length === 1 && cells[0].trim() === "") {
      if (width === 1) blank.push(line); // blank lines at the end are none
    } else if (!names) {
      names = cells || [];
    } else {
      for (const l of blank) { faults.set(rows.length, { kind: "blank", line: l }); rows.push({}); }
      blank = [];
      while (cells && cells.length > width && cells[cells.length - 1].trim() === "") cells = cells.slice(0, -1);
      if (!cells || cells.length !== width) {
        faults.set(rows.length, cells ? { kind: "found", line, found: record.cells.length, width } : { kind: "open", line });
        rows.push({});
      } else rows.push(Object.fromEntries(names.map((n, i) => [n.trim(), cells[i] === "" ? null : cells[i]])));
    }
    line += lines;
    at = record.end;
  }
  return { rows, faults };
}

// Whether a record of several lines is rather several records: every line would have the right number of cells.
function swallowed(text, delimiter, width) {
  const lines = text.replace(/[\r\n]+$/, "").split("\n");
  if (lines.length < 3 || width < 2 || (lines.length < 4 && width < 5)) return false;
  return lines.every((l) => l.split(delimiter).length === width);
}

// The text of a file by its mark, else UTF-8; null where it is neither.
function textOf(bytes) {
  const name = bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : "utf-8";
  try {
    return new TextDecoder(name, { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

// Rows of JSON Lines; a line that is no object keeps its place, as a `json` fault.
function readLines(text) {
  const rows = [], faults = new Map();
  text.split("\n").forEach((line, i) => {
    if (!line.trim()) return;
    let row = null;
    try { row = JSON.parse(line); } catch { /* named below */ }
    const whole = row !== null && typeof row === "object" && !Array.isArray(row);
    if (!whole) faults.set(rows.length, { kind: "json", line: i + 1 });
    rows.push(whole ? row : {});
  });
  return { rows, faults };
}

// The rows of a JSON array, or of an object that holds them, as they are or by columns of one length.
function held(data) {
  if (Array.isArray(data)) return data;
  const under = ["data", "rows", "records"].map((k) => data[k]).find(Array.isArray);
  if (under) return under;
  const columns = Object.values(data);
  const even = columns.length && columns.every((c) => Array.isArray(c) && c.length > 1 && c.length === columns[0].length);
  return even ? columns[0].map((_, i) => Object.fromEntries(Object.entries(data).map(([n, c]) => [n, c[i]]))) : [data];
}

// The same with `blank` faults for rows that hold nothing.
function withBlank({ rows, faults }) {
  rows.forEach((row, i) => {
    if (!faults.has(i) && Object.values(row).every((v) => v === null)) faults.set(i, { kind: "blank", row: i + 1 });
  });
  return { rows, faults };
}

function readTable(name, text) {
  return withBlank(rowsOf(name, text));
}

function rowsOf(name, text) {
  if (/\.(jsonl|ndjson)$/i.test(name)) return readLines(text);
  if (/\.json$/i.test(name)) return { rows: held(JSON.parse(text)), faults: new Map() };
  return readDelimited(text);
}
