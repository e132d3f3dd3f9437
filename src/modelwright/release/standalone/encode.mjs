// Answers rows with an ONNX export, without Modelwright and without libraries: makes the members' inputs of rows, and answers of their
// scores. What runs the ONNX files is yours to choose (onnxruntime-node, onnxruntime-web); README.md shows it.
//
//     const model = new Model(JSON.parse(readFileSync("encode.json", "utf8")));
//     const inputs = model.inputs([{ text: "Where is my parcel?", channel: "chat" }]); // one object of tensors a member
//     const answers = model.answers(scores); // one flat array of scores a member
//
// A tensor is { type: "float32" | "int64", data, dims }. A row maps columns to values: numbers as numbers, truth values as booleans, times as
// ISO 8601, everything else as text; what is missing is null or left out. encode.py does the same in Python.

const LONGEST = 20000;
const MASK = (1n << 64n) - 1n;
const BASE = 0x9e3779b97f4a7c15n;
const KEEP = 0xffffffffffff0000n;
const HAN = [[0x3005, 0x3007], [0x3040, 0x30ff], [0x31f0, 0x31ff], [0x3400, 0x9fff], [0xf900, 0xfaff], [0x20000, 0x323af]];
const LENGTHS = [Math.fround(0.6), 1, Math.fround(0.6)];
const APART = 4; // words from one of a pair to the other at most
const SPACE = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/u;
const LETTER = /[\p{L}\p{N}\p{M}_]/u;
const WORD = /[\p{L}\p{Nl}\p{No}]+(?:['\u2019][\p{L}\p{Nl}\p{No}]+)*/gu;
const END = /[.!?。！？]+(?=[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]|$|[\u3400-\u9fff"'”’])|\n+/gu;
const TOKEN = new RegExp(
  "[\\u3040-\\u30ff\\u3400-\\u9fff\\uf900-\\ufaff]|(?:(?![\\u3040-\\u30ff\\u3400-\\u9fff])[\\p{L}\\p{Nl}\\p{No}])+(?:'[\\p{L}\\p{N}_]+)?" +
    "|\\p{Nd}+|[^\\p{L}\\p{N}_\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]", "gu");
const DAY = 86400000;

const fround = Math.fround;
const clip = (x, low, high) => Math.min(high, Math.max(low, x));

function unpacked(told) {
  const raw = Uint8Array.from(atob(told.data), (c) => c.charCodeAt(0)).buffer;
  const kinds = { u8: BigUint64Array, f4: Float32Array, f8: Float64Array };
  return new kinds[told.type](raw);
}

const CRC = Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n >>> 0;
});

function crc32(text) {
  let sum = 0xffffffff;
  for (const byte of new TextEncoder().encode(text)) sum = CRC[(sum ^ byte) & 255] ^ (sum >>> 8);
  return (sum ^ 0xffffffff) >>> 0;
}

// -- values

function valueOf(cell, { modality, utc }) {
  if (cell === null || cell === undefined || (typeof cell === "number" && !Number.isFinite(cell))) return null;
  if (modality === "number") {
    const number = Number(cell);
    if (Number.isNaN(number)) throw new Error(`expected a number, received ${cell}`);
    return Number.isFinite(number) ? number : null;
  }
  if (modality === "boolean") {
    if (typeof cell === "boolean") return cell;
    const known = { true: true, false: false, 1: true, 0: false }[String(cell).toLowerCase()];
    if (known === undefined) throw new Error(`expected true or false, received ${cell}`);
    return known;
  }
  if (modality === "timestamp") {
    const given = String(cell);
    const text = utc ? given : given.replace(/(\d\d:\d\d(?::\d\d)?)(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?$/, "$1");
    const zoned = /(?:Z|[+-]\d\d:?\d\d)$/.test(text) && text.length > 10;
    const whole = zoned ? text : text.length > 10 ? `${text}Z` : `${text}T00:00:00Z`;
    const stamp = Date.parse(whole);
    if (Number.isNaN(stamp)) throw new Error(`expected a time in ISO 8601, received ${cell}`);
    return stamp;
  }
  if (modality === "category") {
    const plain = String(cell).replace(/[\uff01-\uff5e]/g, (c) => String.fromCharCode(c.charCodeAt(0) - 0xfee0));
    return plain.replaceAll("\u3000", " ").trim() || null;
  }
  return String(cell).replaceAll("\0", " ");
}

// -- texts

function mix(x) {
  x = ((x ^ (x >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
  x = ((x ^ (x >> 27n)) * 0x94d049bb133111ebn) & MASK;
  return x ^ (x >> 31n);
}

const isHan = (code) => HAN.some(([low, high]) => low <= code && code <= high);
const isLetter = (char) => LETTER.test(char);
const cut = (text) => Array.from(text).slice(0, LONGEST).join("");

function grams(text, chars, near) {
  const folded = cut(text).normalize("NFKC").toLowerCase().split(SPACE).filter(Boolean).join(" ");
  const codes = [32, ...Array.from(folded, (c) => c.codePointAt(0)), 32];
  const mixed = codes.map((c) => mix((BigInt(c) + BASE) & MASK));
  const words = [];
  for (let at = 0; at < codes.length;) {
    const han = isHan(codes[at]);
    if (!han && !isLetter(String.fromCodePoint(codes[at]))) { at++; continue; }
    let end = at + 1;
    while (!han && end < codes.length && !isHan(codes[end]) && isLetter(String.fromCodePoint(codes[end]))) end++;
    let total = 0n, power = 1n;
    for (let i = at; i < end; i++) {
      total = (total + mixed[i] * power) & MASK;
      power = (power * BASE) & MASK;
    }
    words.push(mix(total));
    at = end;
  }
  const pairs = words.slice(1).map((w, i) => mix((words[i] * BASE + w) & MASK));
  const found = [];
  const following = new Array(codes.length);
  for (let i = codes.length - 1, space = codes.length; i >= 0; i--) {
    following[i] = space;
    if (codes[i] === 32) space = i;
  }
  for (let start = 0; start < codes.length - 1; start++) {
    const reach = Math.min(following[start], codes.length - 1) - start;
    if (codes[start] === 32 && reach === 1) continue;
    let total = 0n;
    for (let n = 1; n <= Math.min(chars[1], reach + 1); n++) {
      total = (total * BASE + mixed[start + n - 1]) & MASK;
      if (n >= chars[0] && (n > 1 || codes[start] !== 32)) found.push(mix((total + BigInt(n)) & MASK));
    }
  }
  const kept = words.map((h) => h & KEEP);
  const both = [];
  for (let i = 0; near && i < kept.length; i++) {
    for (const other of kept.slice(i + 1, i + APART + 1)) {
      const [low, high] = kept[i] < other ? [kept[i], other] : [other, kept[i]];
      both.push(mix((low * BASE + high + 1n) & MASK) & KEEP);
    }
  }
  return [[...kept, ...pairs.map((h) => h & KEEP)], found.map((h) => h & KEEP), ...(near ? [both] : [])];
}

function figures(text) {
  const out = new Float32Array(13);
  const all = Array.from(text).slice(0, LONGEST);
  if (!all.length) return out;
  const count = (test) => all.reduce((n, c) => n + (test(c) ? 1 : 0), 0);
  const han = count((c) => isHan(c.codePointAt(0)));
  const spaces = count((c) => c === " ");
  const marks = count((c) => !isHan(c.codePointAt(0)) && !isLetter(c)) - spaces;
  const some = [count((c) => c >= "0" && c <= "9" && c.length === 1), count((c) => c >= "A" && c <= "Z" && c.length === 1), han, marks];
  out[0] = all.length;
  out[1] = spaces + 1 + han;
  some.forEach((n, i) => { out[2 + i] = n / all.length; });
  const joined = all.join("");
  const words = han * 2 < all.length ? joined.toLowerCase().match(WORD) ?? [] : all.filter((c) => isHan(c.codePointAt(0)));
  const sentences = (joined.match(END) ?? []).length || 1;
  out[6] = sentences;
  out[7] = out[1] / sentences;
  if (words.length) {
    const lengths = words.map((w) => Array.from(w).length);
    const different = new Set(words).size;
    const mean = lengths.reduce((a, b) => a + b) / words.length;
    out[8] = different;
    out[9] = different / Math.sqrt(words.length);
    out[10] = mean;
    out[11] = Math.sqrt(lengths.reduce((a, n) => a + (n - mean) ** 2, 0) / words.length);
    out[12] = lengths.filter((n) => n > 6).length / words.length;
  }
  return out;
}

class Ngrams {
  constructor(told) {
    this.chars = told.chars;
    this.width = 0;
    this.blocks = told.blocks.map((block) => {
      const first = this.width;
      const hashes = unpacked(block.hashes);
      this.width += hashes.length;
      return { index: new Map(Array.from(hashes, (h, i) => [h, i])), idf: unpacked(block.idf), first };
    });
    this.figures = told.figures && unpacked(told.figures);
    this.figureWeight = told.figure_weight;
  }

  encode(text) {
    const places = [], data = [];
    grams(text ?? "", this.chars, this.blocks.length > 2).forEach((hashes, b) => {
      const { index, idf, first } = this.blocks[b];
      const counts = new Map();
      for (const h of hashes) {
        const at = index.get(h);
        if (at !== undefined) counts.set(at, (counts.get(at) ?? 0) + 1);
      }
      const order = [...counts.keys()].sort((x, y) => x - y);
      const own = order.map((at) => fround(fround(1 + Math.log(counts.get(at))) * idf[at]));
      const norm = Math.sqrt(own.reduce((sum, v) => sum + fround(v * v), 0));
      order.forEach((at, i) => { places.push(first + at); data.push(fround(own[i] * (LENGTHS[b] / norm))); });
    });
    if (this.figures && text) {
      const found = figures(text);
      for (const i of [0, 1, 6, 7, 8, 9]) found[i] = Math.log1p(found[i]);
      found.forEach((v, i) => {
        places.push(this.width + i);
        data.push(fround(this.figureWeight * clip((v - this.figures[i]) / this.figures[13 + i], -4, 4)));
      });
    }
    return [places, data];
  }
}

// -- codecs: stored features (places and values), dense features, tensors

function moments(stamp) {
  const t = new Date(stamp);
  const year = t.getUTCFullYear();
  const midnight = Math.floor(stamp / DAY) * DAY;
  const hours = (stamp - midnight) / 3600000;
  const aroundYear = (2 * Math.PI * ((stamp - Date.UTC(year, 0, 1)) / DAY)) / 365.2425;
  const aroundDay = (2 * Math.PI * hours) / 24;
  return [
    stamp / DAY, year, t.getUTCMonth() + 1, t.getUTCDate(), (t.getUTCDay() + 6) % 7, Math.floor(hours),
    Math.sin(aroundYear), Math.cos(aroundYear), Math.sin(aroundDay), Math.cos(aroundDay),
  ];
}

function numberStored(x, told) {
  if (x === null) return [[1], [1]];
  const places = [0], data = [clip((x - told.centre) / told.scale, -5, 5)];
  for (let k = 0; k + 1 < told.edges.length; k++) {
    const low = told.edges[k], high = told.edges[k + 1];
    places.push(2 + k);
    data.push(clip((x - low) / (high - low), 0, 1) * told.bend);
  }
  return [places, data];
}

class Codec {
  constructor(told) {
    this.told = told;
    this.type = told.type;
    this.column = told.column;
    this.names = new Map((told.names ?? told.values ?? told.vocabulary ?? []).map((n, i) => [n, i]));
    this.ngrams = this.type === "ngrams" || this.type === "reduced" ? new Ngrams(told) : null;
    this.directions = this.type === "reduced" ? unpacked(told.directions) : null;
    const bins = 2 + Math.max(0, (told.edges ?? []).length - 1);
    this.width = this.ngrams
      ? this.ngrams.width + (this.ngrams.figures ? 13 : 0)
      : { "number-sparse": bins, "timestamp-sparse": bins + 43, "boolean-sparse": 3, "category-sparse": this.names.size + 2 }[this.type] ?? 0;
  }

  stored(x) {
    const count = this.names.size;
    if (this.ngrams) return this.ngrams.encode(x);
    if (this.type === "number-sparse") return numberStored(x, this.told);
    if (this.type === "category-sparse") return [[x === null ? count + 1 : this.names.get(x) ?? count], [1]];
    if (this.type === "boolean-sparse") return [[x === null ? 2 : Number(x)], [1]];
    if (x === null) return [[1], [1]];
    const parts = moments(x);
    const [places, data] = numberStored(parts[0], this.told);
    const first = this.width - 43;
    return [[...places, first + parts[2] - 1, first + 12 + parts[4], first + 19 + parts[5]], [...data, 1, 1, 1]];
  }

  dense(x) {
    if (this.type === "reduced") {
      const size = this.told.directions.shape[1];
      if (x === null) return new Array(size + 13).fill(NaN);
      const out = new Float32Array(size);
      const [places, data] = this.ngrams.encode(x);
      places.forEach((at, i) => {
        for (let k = 0; k < size; k++) out[k] += fround(data[i] * this.directions[at * size + k]);
      });
      return [...out, ...figures(x)];
    }
    if (this.type === "category-dense") {
      const at = x === null ? undefined : this.names.get(x);
      const counts = this.told.counts;
      const often = x === null ? 0 : at === undefined ? 1 : counts?.[at];
      return counts ? [at ?? NaN, Math.log1p(often)] : [at ?? NaN];
    }
    if (this.type === "timestamp-dense") return x === null ? new Array(10).fill(NaN) : moments(x);
    return [x === null ? NaN : Number(x)];
  }

  tensors(x) {
    const told = this.told;
    if (this.type === "number-tensor" || this.type === "timestamp-tensor") {
      let raw = [x];
      if (this.type === "timestamp-tensor") {
        raw = new Array(6).fill(null);
        if (x !== null) {
          const days = x / DAY;
          const year = (2 * Math.PI * days) / 365.2425, day = 2 * Math.PI * (days - Math.floor(days));
          const weekday = (((Math.floor(days) + 3) % 7) + 7) % 7;
          raw = [days, Math.sin(day), Math.cos(day), Math.sin(year), Math.cos(year), weekday];
        }
      }
      return {
        x: raw.map((v, i) => (v === null ? 0 : clip((v - told.center[i]) / told.scale[i], -4, 4))),
        missing: raw.map((v) => Number(v === null)),
      };
    }
    if (this.type === "category-tensor") {
      if (told.buckets) return { ids: [x === null ? 0 : 2 + (crc32(x) % told.buckets)] };
      return { ids: [x === null ? 0 : this.names.has(x) ? this.names.get(x) + 2 : 1] };
    }
    if (this.type === "boolean-tensor") return { ids: [x === null ? 0 : x ? 2 : 1] };
    const plain = (x ?? "").normalize("NFKC").toLowerCase();
    let ids = (plain.match(TOKEN) ?? []).slice(0, told.length).map((token) =>
      this.names.has(token) ? this.names.get(token) + 1 + told.buckets : 1 + (crc32(token) % told.buckets));
    if (!ids.length) ids = [1];
    const bigrams = ids.map((a, i) => {
      const mixed = Number((BigInt(a) * 0x9e3779b1n + BigInt(ids[i + 1] ?? 0) * 0x85ebca77n) & 0xffffffffn);
      return 1 + (((mixed >>> 7) ^ mixed) >>> 0) % (told.bigrams - 1);
    });
    return { ids, bigrams };
  }
}

function tensor(lists, type, flat = false) {
  const width = Math.max(1, ...lists.map((l) => l.length));
  const data = type === "int64" ? new BigInt64Array(lists.length * width) : new Float32Array(lists.length * width);
  lists.forEach((list, row) => list.forEach((v, i) => { data[row * width + i] = type === "int64" ? BigInt(v) : v; }));
  return { type, data, dims: flat ? [lists.length] : [lists.length, width] };
}

class Member {
  constructor(told) {
    this.file = told.file;
    this.weight = told.weight;
    this.form = told.form;
    this.codecs = told.codecs.map((c) => new Codec(c));
  }

  inputs(rows) {
    if (this.form === "rows") return { rows: { type: "float32", data: new Float32Array(rows.length), dims: [rows.length] } };
    if (this.form === "dense") {
      const most = 3.4028234663852886e38;
      const wide = rows.map((row) => this.codecs.flatMap((c) => c.dense(row[c.column])).map((v) => clip(v, -most, most)));
      return { features: tensor(wide, "float32") };
    }
    if (this.form === "stored") {
      const places = [], data = [];
      for (const row of rows) {
        const at = [], values = [];
        let first = 0;
        for (const c of this.codecs) {
          const [own, found] = c.stored(row[c.column]);
          for (const a of own) at.push(first + a);
          for (const v of found) values.push(v * c.told.beside_text);
          first += c.width;
        }
        places.push(at);
        data.push(values);
      }
      return { index: tensor(places, "int64"), value: tensor(data, "float32") };
    }
    const out = {};
    this.codecs.forEach((c, i) => {
      const found = rows.map((row) => c.tensors(row[c.column]));
      for (const key of Object.keys(found[0])) {
        const real = key === "x" || key === "missing";
        out[`${i}.${key}`] = tensor(found.map((f) => f[key]), real ? "float32" : "int64", !real && c.type !== "tokens");
      }
    });
    return out;
  }
}

/** The value under a name, or under a dotted one in objects of the row (`user.age` in {user: {age: 5}}). */
function fieldOf(row, name) {
  if (Object.hasOwn(row, name)) return row[name];
  for (let at = name.indexOf("."); at >= 0; at = name.indexOf(".", at + 1)) {
    const head = name.slice(0, at);
    const inner = Object.hasOwn(row, head) ? row[head] : null;
    if (inner === null || typeof inner !== "object" || Array.isArray(inner)) continue;
    const found = fieldOf(inner, name.slice(at + 1));
    if (found !== null && found !== undefined) return found;
  }
  return null;
}

export class Model {
  constructor(told) {
    this.told = told;
    this.members = told.members.map((m) => new Member(m));
  }

  /** Return each member's inputs, an object of tensors, for rows as they came. */
  inputs(rows) {
    const read = rows.map((row) => Object.fromEntries(this.told.columns.map((c) => [c.name, valueOf(fieldOf(row, c.name), c)])));
    return this.members.map((m) => m.inputs(read));
  }

  /** Return the answers to the members' scores, one flat array [rows x outputs] a member. */
  answers(scores) {
    const { kind, temperature, thresholds, labels, names, prices, trifle } = this.told;
    const outputs = kind === "value" ? 1 : names.length;
    const total = this.members.reduce((sum, m) => sum + m.weight, 0);
    const count = scores[0].length / outputs;
    const out = [];
    for (let r = 0; r < count; r++) {
      let row = Array.from({ length: outputs }, (_, k) =>
        this.members.reduce((sum, m, i) => sum + (m.weight / total) * Number(scores[i][r * outputs + k]), 0));
      if (kind === "value") { out.push({ prediction: row[0] }); continue; }
      if (temperature !== 1) {
        const sure = (p) => Math.log(clip(p, 1e-12, 1));
        if (kind === "label_sets") {
          row = row.map((p) => 1 / (1 + Math.exp((sure(1 - p) - sure(p)) / temperature)));
        } else {
          const z = row.map((p) => sure(p) / temperature), most = Math.max(...z);
          const raised = z.map((v) => Math.exp(v - most)), sum = raised.reduce((a, b) => a + b);
          row = raised.map((v) => v / sum);
        }
      }
      const told = Object.fromEntries(names.map((n, k) => [n, row[k]]));
      if (kind === "label_sets") {
        const chosen = row.map((p, k) => p >= (thresholds ? thresholds[k] : 0.5));
        const confidence = Math.min(...row.map((p, k) => (chosen[k] ? p : 1 - p)));
        out.push({ prediction: names.filter((_, k) => chosen[k]), confidence, scores: told });
        continue;
      }
      let best = thresholds && outputs === 2 ? Number(row[1] >= thresholds[0]) : row.indexOf(Math.max(...row));
      if (prices) {  // what errors cost: the answer that costs least on the average
        const costs = row.map((p, k) => row.reduce((sum, q, t) => sum + q * prices[t][k], 0) - trifle * p);
        best = costs.indexOf(Math.min(...costs));
      }
      out.push({ prediction: labels[best], confidence: row[best], scores: told });
    }
    return out;
  }
}
