const words = {
  en: { title: "Your class", other: "中文", hello: "Who has mastered what", help: "Open or paste a table of answers: learner, skill, right (1) or wrong (0), the first answer first. Nothing is kept on the server.",
        open: "Open a file", paste: "Answers", go: "Show", example: "Ana,fractions,1", wrong: (n, l) => `Line ${n} is not learner, skill, right (1) or wrong (0): ${l}`,
        none: "There are no answers in this table.", learner: "Learner", next: "Next exercise", whole: "Whole class", weakest: "Weakest skills first; each number is mastery in per cent, in italics where a skill was not practised yet.",
        low: "not known", high: "mastered", answers: (n, a) => `${n} learners, ${a} answers`, not_met: "not practised yet", problem: "Something went wrong.", all_known: "all mastered", busy: "Looking …",
        too_many: "At most 200 learners at a time." },
  zh: { title: "我的班级", other: "English", hello: "谁掌握了什么", help: "打开或粘贴作答表：学习者、技能、对（1）或错（0），按时间先后排列。服务器不保存任何内容。",
        open: "打开文件", paste: "作答", go: "查看", example: "小明,分数,1", wrong: (n, l) => `第 ${n} 行应为：学习者、技能、对（1）或错（0）：${l}`,
        none: "表中没有作答。", learner: "学习者", next: "下一道练习", whole: "全班", weakest: "最薄弱的技能排在最前；数字为掌握度（百分数），斜体表示尚未练习。",
        low: "未掌握", high: "已掌握", answers: (n, a) => `${n} 名学习者，${a} 个作答`, not_met: "尚未练习", problem: "出错了。", all_known: "均已掌握", busy: "计算中……",
        too_many: "一次最多 200 名学习者。" },
};
const MOST = 200;
const say = (key) => words[lang][key];
let text = "";
let found = null;
let problem = null;
let busy = false;

function show() {
  document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
  document.title = say("title");
  const area = make("textarea", { id: "answers", rows: 6, value: text, placeholder: say("example"), spellcheck: false, oninput: () => { text = area.value; } });
  const file = make("input", { type: "file", id: "file", accept: ".csv,.tsv,.txt", onchange: async () => { if (file.files[0]) { text = await file.files[0].text(); look(); } } });
  const head = make("header", {}, make("h1", { textContent: say("title") }),
    make("button", { className: "plain", type: "button", textContent: say("other"), onclick: () => { lang = lang === "zh" ? "en" : "zh"; show(); } }));
  const form = make("form", { onsubmit: (e) => { e.preventDefault(); look(); } },
    make("label", { htmlFor: "file" }, say("open")), file, make("label", { htmlFor: "answers" }, say("paste")), area,
    make("button", { className: "go", disabled: busy, textContent: say("go") }));
  app.replaceChildren(head, make("p", { className: "lead", textContent: say("hello") }), make("p", { className: "quiet", textContent: say("help") }), form,
    problem ? make("p", { className: "problem", role: "alert", textContent: problem }) : "", make("p", { className: "quiet", role: "status", textContent: busy ? say("busy") : "" }), found ? table() : "");
}

function table() {
  const learners = found.learners;
  const met = new Map();
  for (const l of learners) for (const s of l.skills) if (s.answers) met.set(s.skill, (met.get(s.skill) || 0) + 1);
  const mean = (name) => learners.reduce((sum, l) => sum + (l.skills.find((s) => s.skill === name) || { mastery: 0 }).mastery, 0) / learners.length;
  const skills = [...met.keys()].map((name) => [name, mean(name)]).sort((a, b) => a[1] - b[1]);
  const cell = (m, quiet, label) => make("td", { className: `l${level(m)}${quiet ? " quiet-cell" : ""}`, title: label }, String(Math.round(100 * m)));
  const head = make("tr", {}, make("th", { scope: "col", textContent: say("learner") }), ...skills.map(([name]) => make("th", { scope: "col", className: "skill" }, make("span", { textContent: name }))),
    make("th", { scope: "col", className: "next", textContent: say("next") }));
  const whole = make("tr", { className: "whole" }, make("th", { scope: "row", textContent: say("whole") }), ...skills.map(([name, m]) => cell(m, false, name)), make("td", { textContent: "" }));
  const order = [...learners].sort((a, b) => total(a, skills) - total(b, skills));
  const rows = order.map((l) => make("tr", {}, make("th", { scope: "row", textContent: l.learner }), ...skills.map(([name]) => {
    const s = l.skills.find((x) => x.skill === name);
    return cell(s ? s.mastery : 0, !s || !s.answers, s && s.answers ? `${name}: ${s.right}/${s.answers}` : `${name}: ${say("not_met")}`);
  }), make("td", { className: "next", textContent: l.next.length ? l.next[0].skill : say("all_known") })));
  const answers = learners.reduce((sum, l) => sum + l.skills.reduce((n, s) => n + s.answers, 0), 0);
  const legend = make("p", { className: "legend" }, say("low"), ...[0, 1, 2, 3, 4].map((n) => make("i", { className: `l${n}`, "aria-hidden": "true" })), say("high"));
  const warnings = [...new Map(learners.flatMap((l) => l.warnings || []).filter((w) => w.code === "unknown-skill").map((w) => [w.message, w])).values()];
  return make("section", {}, make("h2", { id: "class", textContent: say("answers")(learners.length, answers) }),
    make("p", { className: "quiet", textContent: say("weakest") }), legend, ...warnings.slice(0, 3).map((w) => make("p", { className: "quiet", textContent: said(w) })),
    make("div", { className: "wide", tabIndex: 0, role: "region", "aria-labelledby": "class" }, make("table", { className: "heat" }, make("thead", {}, head), make("tbody", {}, whole, ...rows))));
}
function total(l, skills) { return skills.reduce((sum, [name]) => sum + (l.skills.find((s) => s.skill === name) || { mastery: 0 }).mastery, 0); }

async function look() {
  problem = null;
  found = null;
  try {
    const read = readAnswers(text, say("wrong"));
    if (!read.size) throw new Error(say("none"));
    if (read.size > MOST) throw new Error(say("too_many"));
    busy = true;
    show();
    const known = [...new Set([...read.values()].flat().map((a) => a.skill))];
    const learners = [...read].map(([learner, history]) => ({ learner, history: history.slice(-5000) }));
    found = await trace({ learners, skills: known });
  } catch (error) { problem = error.message || say("problem"); }
  busy = false;
  show();
}
show();
