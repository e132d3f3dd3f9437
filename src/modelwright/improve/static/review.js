const words = {
  en: {
    title: "Review", other: "中文", order: "Show", worth: "worth a label most", uncertain: "least certain", contested: "contested", newest: "newest", drifted: "unlike the training data",
    given: "Answered", sure: (p) => `confidence ${p} %`, challenger: "Another version answered", accept: "That is right", undo: "Undo", skip: "Skip", save: "Save",
    find: "Find a label, or write a new one", make: (t) => `“${t}” as a new label`, number: "The right number", marks: "The right marks", text: "The right text", documents: "The right documents, one a line, the best first",
    spanText: "Select a part of the text, then press the key of its label", marked: "Marked", unmark: (t) => `Remove ${t}`, none: "nothing marked",
    progress: (n, all) => `${n} answered by you, ${all} requests are kept`, left: (n) => `Request ${n}`, nothing: "Nothing is left to review in this order.",
    off: "This service keeps no requests, so there is nothing to review. Start it with", off2: "and those that come from then on appear here.", empty: "No request has been kept yet. Those that come from now on appear here.",
    keys: "Keys", keyHelp: "Press the key beside a label, Enter for “That is right”, S to skip, Z to undo, / to find a label.", agreement: "How reviewers agree",
    alone: "As soon as two reviewers have answered the same requests, their agreement stands here.", two: "Reviewers", rows: "In common", same: "Same answer", kappa: "Cohen's kappa",
    saved: (t) => `Saved: ${t}`, undone: "Taken back.", skipped: "Skipped.", problem: "Something went wrong.", numeric: "Write a number, such as 3.5.", ofText: "text",
  },
  zh: {
    title: "审核", other: "English", order: "显示", worth: "最值得标注", uncertain: "最不确定", contested: "有分歧", newest: "最新", drifted: "与训练数据差异大",
    given: "模型回答", sure: (p) => `置信度 ${p}%`, challenger: "另一版本的回答", accept: "回答正确", undo: "撤销", skip: "跳过", save: "保存",
    find: "查找标签，或输入新标签", make: (t) => `将“${t}”作为新标签`, number: "正确的数值", marks: "正确的分数", text: "正确的文本", documents: "相关文档，每行一个，最相关的在前",
    spanText: "选中一段文字，再按标签对应的键", marked: "已标注", unmark: (t) => `移除 ${t}`, none: "没有标注",
    progress: (n, all) => `您已标注 ${n} 条，共留存 ${all} 条请求`, left: (n) => `第 ${n} 条请求`, nothing: "此排序下没有待审核的请求。",
    off: "此服务不留存请求，因此没有可审核的内容。请用以下选项启动服务：", off2: "此后收到的请求会显示在这里。", empty: "尚未留存任何请求。此后收到的请求会显示在这里。",
    keys: "快捷键", keyHelp: "按标签旁的键选择标签；回车表示“回答正确”，S 跳过，Z 撤销，/ 查找标签。", agreement: "审核者一致性",
    alone: "两位审核者标注过相同请求后，这里会显示其一致性。", two: "审核者", rows: "共同标注", same: "答案相同", kappa: "Cohen's kappa",
    saved: (t) => `已保存：${t}`, undone: "已撤销。", skipped: "已跳过。", problem: "出错了。", numeric: "请输入数值，例如 3.5。", ofText: "文本",
  },
};
const app = document.getElementById("app");
const lang = app.dataset.lang === "zh" ? "zh" : "en";
const say = words[lang];
const KEYS = [..."123456789abcdefghijklmnopqrtuvwxy"]; // s skips, z takes back
let state = null; // what /review/items answered
let order = "worth";
let queue = [];
let done = []; // ids that were answered here, the last one last
let chosen = []; // labels or spans of the item that is shown
let count = 1;

function make(tag, props = {}, ...children) {
  const { data, attrs, ...rest } = props;
  const node = Object.assign(document.createElement(tag), rest);
  for (const [name, value] of Object.entries(attrs || {})) node.setAttribute(name, value);
  for (const child of children) if (child !== null && child !== undefined) node.append(child);
  return node;
}

async function call(path, body) {
  const options = { headers: { "Accept-Language": lang } };
  if (body) Object.assign(options, { method: "POST", body: JSON.stringify(body) });
  if (body) options.headers["Content-Type"] = "application/json";
  const reply = await fetch(path, options);
  const data = await reply.json().catch(() => null);
  if (!reply.ok) throw new Error(data && data.error ? data.error.message : say.problem);
  return data;
}

const tell = (text) => { document.getElementById("told").textContent = text; };
const fail = (error) => { document.getElementById("problem").textContent = error.message; };
const short = (value) => (typeof value === "string" ? value : JSON.stringify(value));
const shown = (value) => (value === null || value === undefined ? "–" : typeof value === "object" && value.answer !== undefined ? short(value.answer) : short(value));

function frame() {
  document.title = `${say.title} – Modelwright`;
  const radios = state.orders.map((name) => make("label", {}, make("input", { type: "radio", name: "order", value: name, checked: name === order, onchange: () => choose(name) }), say[name]));
  app.replaceChildren(
    make("header", {}, make("h1", { textContent: say.title }), make("a", { className: "lang", href: `?lang=${lang === "en" ? "zh" : "en"}`, textContent: say.other, lang: lang === "en" ? "zh-CN" : "en" })),
    make("fieldset", { className: "orders" }, make("legend", { textContent: say.order }), ...radios),
    make("div", { className: "progress" }, make("progress", { id: "bar", attrs: { "aria-labelledby": "howfar" } }), make("span", { id: "howfar" })),
    make("p", { id: "told", className: "hint", attrs: { role: "status" } }),
    make("section", { id: "card", className: "card", attrs: { "aria-live": "off" } }),
    make("p", { id: "problem", className: "problem", attrs: { role: "alert" } }),
    make("p", { className: "hint" }, make("strong", { textContent: `${say.keys}: ` }), say.keyHelp),
    make("details", { id: "agreement", ontoggle: agreement }, make("summary", { textContent: say.agreement }), make("div", { className: "wide" })),
  );
}

function progress() {
  const bar = document.getElementById("bar");
  bar.max = Math.max(1, state.kept);
  bar.value = Math.min(state.answered, state.kept);
  document.getElementById("howfar").textContent = say.progress(state.answered, state.kept);
}

async function load() {
  state = await call(`review/items?order=${order}`);
  queue = state.items;
}

async function choose(name) {
  order = name;
  try { await load(); show(); } catch (error) { fail(error); }
}

function cell(column, value) {
  if (typeof value === "string" && value.startsWith("data:")) {
    if (column.modality === "image") return make("img", { src: value, alt: column.name });
    if (column.modality === "audio") return make("audio", { src: value, controls: true });
    if (column.modality === "video") return make("video", { src: value, controls: true });
  }
  return document.createTextNode(shown(value));
}

function rowOf(item) {
  const list = make("dl");
  const known = new Map(state.columns.map((c) => [c.name, c]));
  const names = [...state.columns.map((c) => c.name).filter((n) => n in item.row), ...Object.keys(item.row).filter((n) => !known.has(n))];
  for (const name of names) {
    const column = known.get(name) || { name, modality: "text" };
    if (state.form === "spans" && name === textColumn(item)) continue;
    const long = column.modality === "text";
    list.append(make("dt", { textContent: name }), make("dd", { className: long ? "long" : "" }, cell(column, item.row[name])));
  }
  return list;
}

function textColumn(item) {
  const texts = state.columns.filter((c) => c.modality === "text" && typeof item.row[c.name] === "string").map((c) => c.name);
  return texts.includes("text") ? "text" : texts[0];
}

function show() {
  progress();
  const card = document.getElementById("card");
  document.getElementById("problem").textContent = "";
  const item = queue[0];
  if (!item) {
    const text = state.kept ? say.nothing : state.keeping ? say.empty : say.off;
    card.replaceChildren(make("p", {}, text, ...(state.kept || state.keeping ? [] : [" ", make("code", { textContent: "--keep-requests 30d" }), " ", say.off2])), undoButton());
    return;
  }
  chosen = state.form === "labels" ? [...(item.prediction || [])] : state.form === "spans" ? (item.prediction || []).map(({ start, end, label }) => ({ start, end, label })) : [];
  const sure = item.confidence === null ? "" : ` (${say.sure(Math.round(100 * item.confidence))})`;
  const other = item.challenger === null ? null : make("p", { className: "hint" }, `${say.challenger}: ${shown(item.challenger)}`);
  const given = state.form === "spans" ? null : make("p", { className: "given" }, `${say.given}: `, make("strong", { textContent: shown(state.form === "documents" ? (item.prediction[0] || {}).text : item.prediction) }), make("span", { className: "hint", textContent: sure }));
  card.replaceChildren(make("h2", { id: "which", tabIndex: -1, textContent: say.left(count) }), rowOf(item), ...[given, other].filter(Boolean), ...control(item), actions(item));
}

function undoButton() {
  return make("div", { className: "row" }, make("button", { type: "button", disabled: !done.length, onclick: undo, attrs: { "aria-keyshortcuts": "z" } }, make("kbd", { textContent: "Z" }), say.undo));
}

function actions(item) {
  const row = undoButton();
  row.prepend(make("button", { type: "button", onclick: skip, attrs: { "aria-keyshortcuts": "s" } }, make("kbd", { textContent: "S" }), say.skip));
  if (state.form !== "spans") row.prepend(make("button", { type: "button", className: "go", onclick: () => accept(item), attrs: { "aria-keyshortcuts": "Enter" } }, make("kbd", { textContent: "⏎" }), say.accept));
  if (["labels", "spans"].includes(state.form)) row.prepend(make("button", { type: "button", className: "go", onclick: () => save(item, chosen) }, say.save));
  return row;
}

function rightOf(item) {
  if (state.form === "documents") return item.prediction.map((hit) => hit.text || hit);
  return item.prediction !== null && typeof item.prediction === "object" && "answer" in item.prediction ? item.prediction.answer : item.prediction;
}

const accept = (item) => save(item, state.form === "labels" ? item.prediction : rightOf(item));

// the likeliest labels come first, so that one key says most
function ordered(item) {
  const best = item.best.map(([label]) => label);
  const rest = state.labels.filter((label) => !best.includes(label));
  return state.labels.length <= KEYS.length && state.form !== "label" ? state.labels : [...best, ...rest];
}

function choices(item, act, pressed) {
  const share = new Map(item.best);
  return ordered(item).slice(0, KEYS.length).map((label, i) => make("button", {
    type: "button", onclick: () => act(label), data: {}, attrs: { "aria-keyshortcuts": KEYS[i], ...(pressed ? { "aria-pressed": String(pressed(label)) } : {}) },
  }, make("kbd", { textContent: KEYS[i].toUpperCase() }), make("span", { textContent: label }), share.has(label) ? make("span", { className: "share", textContent: `${Math.round(100 * share.get(label))} %` }) : null));
}

function finder(act) {
  const list = make("datalist", { id: "labels" }, ...state.labels.map((label) => make("option", { value: label })));
  const input = make("input", { type: "text", id: "find", autocomplete: "off", attrs: { list: "labels" } });
  const add = make("div", { className: "row" });
  input.oninput = () => {
    const text = input.value.trim();
    add.replaceChildren(...(text && !state.labels.includes(text) ? [make("button", { type: "button", textContent: say.make(text), onclick: () => act(text, true) })] : []));
  };
  input.onkeydown = (event) => {
    if (event.key === "Enter" && state.labels.includes(input.value.trim())) { event.preventDefault(); act(input.value.trim(), false); }
    if (event.key === "Escape") input.blur();
  };
  return [make("label", { className: "field", htmlFor: "find", textContent: say.find }), input, list, add];
}

function control(item) {
  if (state.form === "label") {
    const act = (label, fresh) => save(item, label, fresh === true);
    return [make("div", { className: "choices" }, ...choices(item, act)), ...finder(act)];
  }
  if (state.form === "labels") {
    const toggle = (label) => { chosen = chosen.includes(label) ? chosen.filter((l) => l !== label) : [...chosen, label]; redraw(item); };
    return [make("div", { className: "choices" }, ...choices(item, toggle, (label) => chosen.includes(label))), ...finder((label) => { if (!chosen.includes(label)) toggle(label); })];
  }
  if (state.form === "spans") return spans(item);
  if (state.form === "marks") return marks(item);
  const numeric = state.form === "number";
  const title = numeric ? say.number : state.form === "documents" ? say.documents : say.text;
  const now = rightOf(item);
  const value = Array.isArray(now) ? now.join("\n") : now === null ? "" : String(now);
  const field = make(numeric ? "input" : "textarea", { id: "right", value, ...(numeric ? { type: "text", inputMode: "decimal" } : {}) });
  const keep = () => {
    if (!numeric) return save(item, state.form === "documents" ? field.value.split("\n").map((l) => l.trim()).filter(Boolean) : field.value);
    const number = Number(field.value.trim().replace(",", "."));
    return field.value.trim() === "" || !Number.isFinite(number) ? fail(new Error(say.numeric)) : save(item, number);
  };
  field.onkeydown = (event) => {
    if (event.key === "Enter" && (numeric || event.ctrlKey || event.metaKey)) { event.preventDefault(); keep(); }
    if (event.key === "Escape") field.blur();
  };
  return [make("label", { className: "field", htmlFor: "right", textContent: title }), field, make("div", { className: "row" }, make("button", { type: "button", textContent: say.save, onclick: keep }))];
}

function marks(item) {
  const given = rightOf(item) || {};
  const picks = Object.entries(state.scales).map(([name, scale], i) => {
    const pick = make("select", { id: `mark-${i}` }, ...scale.map((m) => make("option", { value: m, textContent: m, selected: m === String(given[name]) })));
    return [name, pick, make("div", { className: "row" }, make("label", { className: "field", htmlFor: pick.id, textContent: name }), pick)];
  });
  const keep = () => save(item, Object.fromEntries(picks.map(([name, pick]) => [name, pick.value])));
  return [make("p", { className: "field", textContent: say.marks }), ...picks.map(([, , row]) => row), make("div", { className: "row" }, make("button", { type: "button", textContent: say.save, onclick: keep }))];
}

function redraw(item) {
  const at = [...document.querySelectorAll("#card .choices button")].indexOf(document.activeElement);
  const kept = chosen;
  show();
  chosen = kept;
  document.querySelectorAll("#card .choices button").forEach((button, i) => {
    if (button.hasAttribute("aria-pressed")) button.setAttribute("aria-pressed", String(chosen.includes(ordered(item)[i])));
    if (i === at) button.focus();
  });
}

// offsets count characters, a browser counts halves of some
const toPlace = (text, unit) => [...text.slice(0, unit)].length;

function spans(item) {
  const text = item.row[textColumn(item)] || "";
  const letters = [...text];
  // a read-only field has no caret that keys could move: this one takes none of what is typed
  const field = make("textarea", { id: "span", value: text, rows: 5, inputMode: "none", spellcheck: false, attrs: { "aria-readonly": "true" } });
  field.onbeforeinput = (event) => event.preventDefault();
  const preview = make("p", { attrs: { "aria-hidden": "true" } });
  const list = make("div", { className: "row" });
  const draw = () => {
    chosen.sort((a, b) => a.start - b.start);
    let at = 0;
    preview.replaceChildren();
    for (const s of chosen) {
      preview.append(letters.slice(at, s.start).join(""), make("mark", {}, letters.slice(s.start, s.end).join(""), make("small", { textContent: s.label })));
      at = s.end;
    }
    preview.append(letters.slice(at).join(""));
    const buttons = chosen.map((s) => {
      const what = `${letters.slice(s.start, s.end).join("")} (${s.label})`;
      return make("button", { type: "button", textContent: say.unmark(what), onclick: () => { chosen = chosen.filter((o) => o !== s); draw(); } });
    });
    list.replaceChildren(...(buttons.length ? buttons : [make("span", { className: "hint", textContent: say.none })]));
  };
  const mark = (label) => {
    const [start, end] = [toPlace(text, field.selectionStart), toPlace(text, field.selectionEnd)];
    if (end <= start) return;
    chosen = [...chosen.filter((s) => s.end <= start || s.start >= end), { start, end, label }];
    draw();
    tell(`${letters.slice(start, end).join("")}: ${label}`);
  };
  field.onkeydown = (event) => {
    const i = KEYS.indexOf(event.key.toLowerCase());
    if (!event.ctrlKey && !event.metaKey && !event.altKey && i >= 0 && i < state.labels.length) { event.preventDefault(); mark(state.labels[i]); }
    if (event.key === "Enter") { event.preventDefault(); save(item, chosen); }
    if (event.key === "Escape") field.blur();
  };
  draw();
  return [make("label", { className: "field", htmlFor: "span", textContent: `${textColumn(item) || say.ofText}: ${say.spanText}` }), field, make("div", { className: "choices" }, ...choices({ best: [] }, mark)), preview, make("p", { className: "field", textContent: say.marked }), list];
}

let busy = false;
async function step(act) {
  if (busy) return;
  busy = true;
  try { await act(); } catch (error) { fail(error); } finally { busy = false; }
}

const save = (item, answer, fresh = false) => step(async () => {
  const unknown = state.form === "labels" ? answer.some((l) => !state.labels.includes(l)) : fresh;
  await call("review/answer", { id: item.id, answer, ...(unknown ? { new: true } : {}) });
  if (unknown) for (const label of [answer].flat()) if (!state.labels.includes(label)) state.labels.push(label);
  done.push(queue.shift());
  state.answered += 1;
  count += 1;
  await next();
  tell(say.saved(shown(answer)));
});

const skip = () => step(async () => { if (queue.length) { queue.shift(); count += 1; await next(); tell(say.skipped); } });

const undo = () => step(async () => {
  const item = done.pop();
  if (!item) return;
  try { await call("review/undo", { id: item.id }); } catch (error) { done.push(item); throw error; }
  queue.unshift(item);
  state.answered -= 1;
  count = Math.max(1, count - 1);
  show();
  tell(say.undone);
  document.getElementById("which").focus();
});

async function next() {
  if (!queue.length) await load();
  show();
  const title = document.getElementById("which");
  if (title) title.focus();
}

async function agreement() {
  const place = document.querySelector("#agreement .wide");
  if (!document.getElementById("agreement").open) return;
  try {
    const { agreement: found } = await call("review/agreement");
    const percent = (x) => `${Math.round(100 * x)} %`;
    const rows = found.map((a) => make("tr", {}, make("td", { textContent: `${a.first}, ${a.second}` }), make("td", { textContent: a.rows }), make("td", { textContent: percent(a.share) }), make("td", { textContent: a.kappa === null ? "–" : a.kappa.toFixed(2) })));
    const head = [say.two, say.rows, say.same, say.kappa].map((t) => make("th", { textContent: t, scope: "col" }));
    place.replaceChildren(found.length ? make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows)) : make("p", { className: "hint", textContent: say.alone }));
  } catch (error) { fail(error); }
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input:not([type=radio]), textarea, select");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !state) return;
  const key = event.key.toLowerCase();
  const item = queue[0];
  if (key === "z") { event.preventDefault(); undo(); return; }
  if (!item) return;
  if (key === "s") { event.preventDefault(); skip(); return; }
  if (key === "/" && document.getElementById("find")) { event.preventDefault(); document.getElementById("find").focus(); return; }
  if (key === "enter" && !event.target.matches("button, a, summary, input")) {
    event.preventDefault();
    if (["labels", "spans"].includes(state.form)) save(item, chosen); else accept(item);
    return;
  }
  const button = [...document.querySelectorAll("#card .choices button")][KEYS.indexOf(key)];
  if (KEYS.includes(key) && button) { event.preventDefault(); button.click(); }
});

load().then(() => { frame(); show(); }).catch((error) => { app.append(make("p", { className: "problem", textContent: error.message, attrs: { role: "alert" } })); });
