// What the pages of a learner and of a class share. Everything is put in as text: nothing that a file holds becomes a link or a tag.
const app = document.getElementById("app");
let lang = app.dataset.lang === "zh" ? "zh" : "en";
function make(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (key in node && key !== "style") node[key] = value; else if (value !== null && value !== undefined) node.setAttribute(key, value);
  }
  for (const child of children) if (child !== null && child !== undefined) node.append(child);
  return node;
}
const percent = (p) => `${Math.round(100 * p)} %`;
async function trace(body) {
  const headers = { "Content-Type": "application/json", "Accept-Language": lang };
  const answer = await fetch("trace", { method: "POST", body: JSON.stringify(body), headers });
  const data = await answer.json().catch(() => null);
  if (!answer.ok) throw new Error(data && data.error ? data.error.message : String(answer.status));
  return data;
}
const said = (w) => (lang === "zh" ? w.message_zh : w.message);
function level(m) { return m >= 0.95 ? 4 : m >= 0.75 ? 3 : m >= 0.5 ? 2 : m >= 0.25 ? 1 : 0; }

// Rows of a pasted or opened table: learner, skill, right. The first line may name them in any order; commas, tabs or semicolons divide.
const NAMES = {
  learner: /^(learner|student|pupil|user|name|学习者|学生|学员|姓名|学号)/i, skill: /^(skill|concept|topic|kc|技能|知识点|概念)/i,
  right: /^(right|correct|is_?correct|answer|对错|正确|是否正确|答对)/i,
};
const YES = new Set(["1", "true", "yes", "right", "对", "正确", "√", "是"]), NO = new Set(["0", "false", "no", "wrong", "错", "错误", "×", "否"]);
function cells(line, sign) {
  const out = [];
  let cell = "", quoted = false;
  for (let i = 0; i < line.length; i += 1) {
    const c = line[i];
    if (quoted && c === '"' && line[i + 1] === '"') { cell += c; i += 1; }
    else if (c === '"') quoted = !quoted;
    else if (c === sign && !quoted) { out.push(cell.trim()); cell = ""; }
    else cell += c;
  }
  return [...out, cell.trim()];
}
function readAnswers(text, wrong) {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/).map((l, i) => [i + 1, l]).filter(([, l]) => l.trim());
  if (!lines.length) return new Map();
  const sign = ["\t", ",", ";", "，"].find((s) => lines[0][1].includes(s)) || ",";
  const head = cells(lines[0][1], sign);
  const at = {};
  for (const [key, form] of Object.entries(NAMES)) at[key] = head.findIndex((h) => form.test(h));
  const named = Object.values(at).every((i) => i >= 0) && new Set(Object.values(at)).size === 3;
  const places = named ? at : { learner: 0, skill: 1, right: 2 };
  const found = new Map();
  for (const [number, line] of named ? lines.slice(1) : lines) {
    const row = cells(line, sign);
    const value = (row[places.right] || "").toLowerCase();
    if (row.length < 3 || !row[places.learner] || !row[places.skill] || !(YES.has(value) || NO.has(value))) throw new Error(wrong(number, line.slice(0, 60)));
    if (!found.has(row[places.learner])) found.set(row[places.learner], []);
    found.get(row[places.learner]).push({ skill: row[places.skill], right: YES.has(value) ? 1 : 0 });
  }
  return found;
}
