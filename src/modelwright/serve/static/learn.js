const words = {
  en: { title: "Your practice", other: "中文", hello: "What you know, and what to practise next", help: "Say after each exercise whether it was right. Nothing is kept on the server.",
        next: "Next exercise", gain: (g) => `expected to add ${g} to mastery`, likely: (p) => `likely right: ${p}`, right: "Right", wrong: "Wrong", skill: "Skill", other_skill: "Practise",
        mastery: "Mastery by skill", mastered: "mastered", so_far: (n, r) => `${n} answered, ${r} right`, none: "not practised yet", past: "Answers so far", undo: "Undo the last one", restart: "Begin again",
        done: "Every skill is mastered.", more: (n) => `Show all ${n} skills`, problem: "Something went wrong.", chance: "chance of a right answer", yes: "right", no: "wrong", nothing: "None yet.", colon: ": " },
  zh: { title: "我的练习", other: "English", hello: "已掌握的知识，以及下一步练什么", help: "每做完一题，请标明对错。服务器不保存任何内容。",
        next: "下一道练习", gain: (g) => `预计掌握度提高 ${g}`, likely: (p) => `预计答对的概率：${p}`, right: "答对了", wrong: "答错了", skill: "技能", other_skill: "练习技能",
        mastery: "各技能掌握度", mastered: "已掌握", so_far: (n, r) => `已答 ${n} 题，对 ${r} 题`, none: "尚未练习", past: "作答记录", undo: "撤销上一条", restart: "重新开始",
        done: "所有技能均已掌握。", more: (n) => `显示全部 ${n} 个技能`, problem: "出错了。", chance: "答对的概率", yes: "对", no: "错", nothing: "暂无。", colon: "：" },
};
const SHOWN = 12;
const say = (key) => words[lang][key];
let history = [];
let found = null;
let skill = null;
let all = false;
let problem = null;
let busy = false;

function bar(s) {
  const name = make("div", { className: "name" }, make("strong", { textContent: s.skill }),
    make("small", { textContent: s.answers ? say("so_far")(s.answers, s.right) : say("none") }));
  const track = make("div", { className: "track", role: "meter", "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": String(Math.round(100 * s.mastery)), "aria-label": s.skill },
    make("div", { className: `fill l${level(s.mastery)}` }));
  track.firstChild.style.width = `${Math.max(1, 100 * s.mastery)}%`;
  return make("li", {}, name, track, make("div", { className: "value" }, make("b", { textContent: percent(s.mastery) }),
    make("small", { textContent: s.mastered ? say("mastered") : `${say("chance")} ${percent(s.probability)}` })));
}

function show() {
  document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
  document.title = say("title");
  const head = make("header", {}, make("h1", { textContent: say("title") }),
    make("button", { className: "plain", type: "button", textContent: say("other"), onclick: () => { lang = lang === "zh" ? "en" : "zh"; show(); } }));
  const parts = [head, make("p", { className: "lead", textContent: say("hello") }), make("p", { className: "quiet", textContent: say("help") })];
  if (problem) parts.push(make("p", { className: "problem", role: "alert", textContent: problem }));
  if (found) parts.push(exercise(), mastery(), past());
  app.replaceChildren(...parts);
}

function exercise() {
  const best = found.next.find((n) => n.skill === skill) || found.next[0];
  const chosen = skill || (best && best.skill) || found.skills[0].skill;
  const told = found.skills.find((s) => s.skill === chosen);
  const pick = make("select", { id: "skill", onchange: () => { skill = pick.value; show(); } },
    ...[...found.skills].sort((a, b) => a.skill.localeCompare(b.skill, lang)).map((s) => make("option", { value: s.skill, textContent: s.skill, selected: s.skill === chosen })));
  const answer = (right) => make("button", { type: "button", className: right ? "go" : "go no", disabled: busy, textContent: say(right ? "right" : "wrong"), onclick: () => add(chosen, right) });
  const gain = found.next.find((n) => n.skill === chosen);
  const lines = [told ? say("likely")(percent(told.probability)) : null, gain ? say("gain")(percent(gain.gain)) : null].filter(Boolean);
  return make("section", { className: "card", "aria-labelledby": "next" }, make("h2", { id: "next", textContent: found.next.length ? say("next") : say("done") }),
    make("p", { className: "chosen", textContent: chosen }), make("p", { className: "quiet", textContent: lines.join(lang === "zh" ? "；" : "; ") }),
    make("div", { className: "row" }, answer(1), answer(0), make("label", { htmlFor: "skill" }, say("other_skill")), pick));
}

function mastery() {
  const order = [...found.skills].sort((a, b) => (b.answers > 0) - (a.answers > 0) || a.mastery - b.mastery);
  const shown = all ? order : order.slice(0, SHOWN);
  const section = make("section", { "aria-labelledby": "mastery" }, make("h2", { id: "mastery", textContent: say("mastery") }), make("ul", { className: "bars" }, ...shown.map(bar)));
  if (shown.length < order.length) section.append(make("button", { type: "button", className: "plain", textContent: say("more")(order.length), onclick: () => { all = true; show(); } }));
  for (const w of found.warnings || []) if (w.code !== "mastered") section.append(make("p", { className: "quiet", textContent: said(w) }));
  return section;
}

function past() {
  const items = history.slice(-20).reverse().map((h) => make("li", { className: h.right ? "yes" : "no" }, `${h.skill}${say("colon")}${say(h.right ? "yes" : "no")}`));
  return make("section", { "aria-labelledby": "past" }, make("h2", { id: "past", textContent: say("past") }),
    items.length ? make("ol", { className: "past", reversed: true, start: history.length }, ...items) : make("p", { className: "quiet", textContent: say("nothing") }),
    items.length ? make("div", { className: "row" },
      make("button", { type: "button", className: "plain", textContent: say("undo"), onclick: () => { history.pop(); ask(); } }),
      make("button", { type: "button", className: "plain", textContent: say("restart"), onclick: () => { history = []; skill = null; ask(); } })) : null);
}

function add(chosen, right) {
  history.push({ skill: chosen, right });
  skill = null;
  ask();
}

async function ask() {
  busy = true;
  problem = null;
  try { found = await trace({ history: history.slice(-5000) }); } catch (error) { problem = error.message || say("problem"); }
  busy = false;
  show();
}
show();
ask();
