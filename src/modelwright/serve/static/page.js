"use strict";
const words = {
  en: { go: "Answer", wait: "…", sure: (p) => `${p} % sure`, why: "What the answer rests on", other: "中文", problem: "Something went wrong.",
        empty: "leave empty if unknown", part: "column", for: "Marked words speak for the answer, underlined ones against it." },
  zh: { go: "预测", wait: "…", sure: (p) => `把握 ${p} %`, why: "依据", other: "English", problem: "出错了。",
        empty: "未知可留空", part: "列", for: "高亮的词支持该答案，下划线的词反对该答案。" },
};
const app = document.getElementById("app");
let lang = app.dataset.lang === "zh" ? "zh" : "en";
let schema = null;
let last = null;
const say = (key) => words[lang][key];

function make(tag, props = {}, ...children) {
  const node = Object.assign(document.createElement(tag), props);
  for (const child of children) if (child !== null) node.append(child);
  return node;
}

async function call(path, body) {
  const options = { headers: { "Accept-Language": lang } };
  if (body) Object.assign(options, { method: "POST", body: JSON.stringify(body) });
  if (body) options.headers["Content-Type"] = "application/json";
  const reply = await fetch(path, options);
  const data = await reply.json().catch(() => null);
  if (!reply.ok) throw new Error(data && data.error ? data.error.message : say("problem"));
  return data;
}

function field(column, i) {
  const id = `c${i}`;
  let input;
  if (column.choices || column.modality === "boolean") {
    const values = column.choices || ["true", "false"];
    input = make("select", { id }, make("option", { value: "", textContent: "" }),
      ...values.map((v) => make("option", { value: v, textContent: v })));
  } else if (column.modality === "text") {
    input = make("textarea", { id });
  } else {
    const kinds = { number: "text", timestamp: "datetime-local" };
    input = make("input", { id, type: kinds[column.modality] || "text" });
    if (column.modality === "number") input.inputMode = "decimal";
  }
  input.name = column.name;
  input.dataset.modality = column.modality;
  const label = make("label", { htmlFor: id, textContent: column.name });
  return make("div", {}, label, input);
}

function row() {
  const out = {};
  for (const input of app.querySelectorAll("form [name]")) {
    const text = input.value.trim();
    out[input.name] = text === "" ? null : text;
  }
  return out;
}

function bars(scores) {
  const box = make("div", { className: "bars" });
  const top = Object.entries(scores).sort((a, b) => b[1] - a[1]).slice(0, 6);
  top.forEach(([name, value], i) => {
    const fill = make("div", { className: i ? "fill" : "fill first" });
    fill.style.width = `${Math.max(1, 100 * value)}%`;
    box.append(make("div", { className: "name", textContent: name, title: name }),
      make("div", { className: "track" }, fill),
      make("div", { className: "number", textContent: `${(100 * value).toFixed(1)} %` }));
  });
  return box;
}

function shade(mark, weight, most) {
  const share = Math.min(1, Math.abs(weight) / most);
  if (weight > 0) mark.style.background = `color-mix(in srgb, var(--accent) ${Math.round(8 + 40 * share)}%, transparent)`;
  else if (share > 0.15) mark.className = "against";
}

function tokens(text, spans, most) {
  const box = make("p", { className: "tokens" });
  const letters = Array.from(text); // the service counts whole characters, not UTF-16 units
  const weight = new Array(letters.length).fill(0);
  for (const s of spans) {
    for (let i = s.start; i < Math.min(s.end, letters.length); i++) if (Math.abs(s.weight) > Math.abs(weight[i])) weight[i] = s.weight;
  }
  let at = 0;
  while (at < letters.length) {
    let end = at + 1;
    while (end < letters.length && weight[end] === weight[at]) end++;
    if (weight[at] === 0) box.append(letters.slice(at, end).join(""));
    else { const mark = make("mark", { textContent: letters.slice(at, end).join("") }); shade(mark, weight[at], most); box.append(mark); }
    at = end;
  }
  return box;
}

function explanation(found, asked) {
  const box = make("section", { className: "why" }, make("h2", { textContent: say("why") }));
  const most = Math.max(1e-9, ...found.map((f) => Math.abs(f.weight)));
  const byColumn = new Map();
  for (const f of found) byColumn.set(f.column, [...(byColumn.get(f.column) || []), f]);
  const plain = [];
  for (const [column, parts] of byColumn) {
    const spans = parts.filter((p) => p.start !== null && p.start !== undefined);
    if (spans.length && asked[column]) box.append(tokens(asked[column], spans, most));
    else plain.push([column, parts.reduce((a, p) => a + p.weight, 0)]);
  }
  if (box.querySelector(".tokens")) box.append(make("p", { className: "hint", textContent: say("for") }));
  if (plain.length) {
    const list = make("div", { className: "bars" });
    plain.sort((a, b) => Math.abs(b[1]) - Math.abs(a[1])).slice(0, 8).forEach(([name, value]) => {
      const fill = make("div", { className: value > 0 ? "fill first" : "fill" });
      fill.style.width = `${Math.max(1, 100 * Math.abs(value) / most)}%`;
      list.append(make("div", { className: "name", textContent: name }), make("div", { className: "track" }, fill),
        make("div", { className: "number", textContent: (value > 0 ? "+" : "−") + Math.abs(value).toPrecision(2) }));
    });
    box.append(list);
  }
  return box;
}

function show(result, asked) {
  const place = app.querySelector(".answer") || app.appendChild(make("section", { className: "answer" }));
  const answer = result.answer;
  const said = Array.isArray(answer.prediction) ? answer.prediction.join(", ") || "–" : String(answer.prediction);
  place.replaceChildren(make("p", { className: "said", textContent: said }));
  if (answer.confidence !== undefined) place.append(make("p", { className: "hint", textContent: say("sure")((100 * answer.confidence).toFixed(1)) }));
  if (answer.scores) place.append(bars(answer.scores));
  if (result.explanation && result.explanation.length) place.append(explanation(result.explanation, asked));
}

async function submit(event) {
  event.preventDefault();
  const button = app.querySelector("button.go");
  const problem = app.querySelector(".problem");
  button.disabled = true;
  problem.textContent = "";
  try {
    const asked = row();
    last = { result: await call("/explain", asked), asked };
    show(last.result, last.asked);
  } catch (error) {
    problem.textContent = error.message;
  } finally {
    button.disabled = false;
  }
}

function draw() {
  const kept = schema && app.querySelector("form") ? row() : {};
  document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
  const other = make("button", { className: "lang", type: "button", textContent: say("other") });
  other.addEventListener("click", () => { lang = lang === "zh" ? "en" : "zh"; draw(); if (last) show(last.result, last.asked); });
  const wide = schema.columns.filter((c) => c.modality === "text");
  const narrow = schema.columns.filter((c) => c.modality !== "text");
  const fields = new Map(schema.columns.map((c, i) => [c, field(c, i)]));
  const form = make("form", {}, ...wide.map((c) => fields.get(c)),
    make("div", { className: "narrow" }, ...narrow.map((c) => fields.get(c))),
    make("p", { className: "hint", textContent: say("empty") }),
    make("button", { className: "go", textContent: say("go") }), make("p", { className: "problem", role: "alert" }));
  form.addEventListener("submit", submit);
  app.replaceChildren(make("header", {}, make("h1", { textContent: schema.name }), other),
    make("p", { className: "hint", textContent: schema.title[lang] }), form);
  for (const input of form.querySelectorAll("[name]")) if (kept[input.name]) input.value = kept[input.name];
}

call("/schema").then((data) => { schema = data; draw(); }).catch((error) => { app.textContent = error.message; });
