const words = {
  en: { title: "Essay feedback", other: "中文", hello: "Marks by criterion, and the places that count", go: "Mark it", busy: "Reading …", right: "Teacher: the right mark", save: "Save correction",
        saved: "Saved. The next version learns from it.", problem: "Something went wrong.", show: "Show in the text", plus: "raises the mark", minus: "lowers the mark", none: "No single place stands out.", empty: "Write or paste a text first.", sure: (p) => `confidence ${p} %`, of: (m, t) => `${m} / ${t}` },
  zh: { title: "作文反馈", other: "English", hello: "逐项评分，并标出关键之处", go: "评分", busy: "正在阅读……", right: "教师：正确的分数", save: "保存更正",
        saved: "已保存，下一版本将从中学习。", problem: "出错了。", show: "在文中标出", plus: "加分", minus: "减分", none: "没有特别突出的位置。", empty: "请先输入或粘贴文本。", sure: (p) => `置信度 ${p}%`, of: (m, t) => `${m} / ${t}` },
};
const app = document.getElementById("app");
let lang = app.dataset.lang === "zh" ? "zh" : "en";
const say = (key) => words[lang][key];
let columns = [];
let row = {};
let told = null; // what /essay answered
let answer = null; // what /predict answered, with the id for feedback
let chosen = null; // the criterion whose places are shown
let corrected = {};
let note = "";
let problem = "";
let busy = false;

// Everything is put in as text: nothing that a text holds becomes a link or a tag.
function make(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (key in node) node[key] = value; else if (value !== null && value !== undefined) node.setAttribute(key, value);
  }
  for (const child of children) if (child !== null && child !== undefined) node.append(child);
  return node;
}
async function call(path, body) {
  const options = body ? { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json", "Accept-Language": lang } } : { headers: { "Accept-Language": lang } };
  const reply = await fetch(path, options);
  const data = await reply.json().catch(() => null);
  if (!reply.ok) throw new Error(data && data.error ? data.error.message : say("problem"));
  return data;
}

function field(c) {
  const long = c.modality === "text";
  const input = make(long ? "textarea" : "input", { id: `c-${c.name}`, value: row[c.name] ?? "", rows: long ? 10 : null, spellcheck: false, oninput: () => { row[c.name] = input.value; } });
  return make("div", { className: "field" }, make("label", { htmlFor: `c-${c.name}`, textContent: c.name }), input);
}

function marked(name, text) {
  const spots = told.criteria[chosen].places.filter((p) => p.column === name && p.start !== null).sort((a, b) => a.start - b.start);
  const node = make("p", { className: "text", lang: "" });
  let at = 0;
  for (const p of spots) {
    if (p.start < at) continue;
    node.append(text.slice(at, p.start), make("mark", { className: p.weight > 0 ? "plus" : "minus", title: say(p.weight > 0 ? "plus" : "minus") }, text.slice(p.start, p.end)));
    at = p.end;
  }
  node.append(text.slice(at));
  return node;
}

function card(name, c) {
  const select = make("select", { id: `m-${name}`, onchange: () => { corrected[name] = select.value; show(); } },
    ...c.scale.map((m) => make("option", { value: m, textContent: m, selected: m === String(corrected[name] ?? c.mark) })));
  return make("li", { className: name === chosen ? "on" : "" },
    make("div", { className: "head" }, make("h2", { textContent: name }), make("strong", { textContent: say("of")(c.mark, c.scale[c.scale.length - 1]) })),
    make("p", { textContent: lang === "zh" ? c.feedback_zh : c.feedback }),
    make("div", { className: "row" }, make("button", { type: "button", className: "plain", "aria-pressed": String(name === chosen), textContent: say("show"), onclick: () => { chosen = name; show(); } }),
      app.dataset.feedback === "1" ? make("label", { htmlFor: `m-${name}`, textContent: say("right") }) : null, app.dataset.feedback === "1" ? select : null));
}

function show() {
  document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
  document.title = say("title");
  const head = make("header", {}, make("h1", { textContent: say("title") }), make("button", { className: "plain", type: "button", textContent: say("other"), onclick: () => { lang = lang === "zh" ? "en" : "zh"; show(); } }));
  const form = make("form", { onsubmit: (e) => { e.preventDefault(); ask(); } }, ...columns.map(field), make("button", { className: "go", disabled: busy, textContent: say("go") }));
  const parts = [head, make("p", { className: "lead", textContent: say("hello") }), form, make("p", { role: "status", className: "quiet", textContent: busy ? say("busy") : note })];
  if (problem) parts.push(make("p", { className: "problem", role: "alert", textContent: problem }));
  if (told) {
    parts.push(make("ul", { className: "cards" }, ...Object.entries(told.criteria).map(([n, c]) => card(n, c))));
    if (app.dataset.feedback === "1" && Object.keys(corrected).length) parts.push(make("button", { type: "button", className: "go", textContent: say("save"), onclick: save }));
    const spots = told.criteria[chosen].places.some((p) => p.start !== null);
    parts.push(make("section", { "aria-labelledby": "where" }, make("h2", { id: "where", textContent: chosen }),
      spots ? make("p", { className: "legend" }, make("mark", { className: "plus", textContent: say("plus") }), " ", make("mark", { className: "minus", textContent: say("minus") })) : make("p", { className: "quiet", textContent: say("none") }),
      ...Object.entries(told.texts).map(([n, t]) => marked(n, t))));
  }
  app.replaceChildren(...parts);
}

async function ask() {
  if (!columns.some((c) => (row[c.name] || "").trim())) { problem = say("empty"); show(); return; }
  busy = true;
  problem = note = "";
  told = answer = null;
  corrected = {};
  show();
  try {
    const sent = Object.fromEntries(Object.entries(row).filter(([, v]) => v !== ""));
    answer = await call("predict", sent);
    told = await call("essay", { row: sent });
    chosen = Object.keys(told.criteria)[0];
  } catch (error) { problem = error.message; }
  busy = false;
  show();
}

async function save() {
  problem = note = "";
  const marks = Object.fromEntries(Object.entries(told.criteria).map(([n, c]) => [n, corrected[n] ?? c.mark]));
  try {
    await call("feedback", { id: answer.id, answer: marks, replace: true });
    note = say("saved");
  } catch (error) { problem = error.message; }
  show();
}

call("schema").then((s) => { columns = s.columns; show(); }, (error) => { problem = error.message; show(); });
