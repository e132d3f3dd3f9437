const words = {
  en: { alarm: "Alarm: this is unusual", usual: "No alarm", because: "What makes it so", quantity: (v) => `quantity to order: ${v}`, score: (v) => `score ${v}`, p_value: (v) => `p-value ${v}`,
    go: "Answer", wait: "…", sure: (p) => `confidence ${p} %`, why: "What the answer rests on", other: "中文", problem: "Something went wrong.",
        empty: "leave empty if unknown", part: "column", for: "Marked parts speak for the answer, underlined ones against it.",
        drop_image: "Drop a picture here, or", drop_audio: "Drop a sound file here, or", drop_video: "Drop a video here, or", choose: "choose a file",
        paste: "Pasting works too.", pasted: "from the clipboard", chosen: (n) => `chosen picture: ${n}`, remove: "Remove",
        large: (s) => `This file is too large: at most ${s} can be sent.`, record: "Record", stop: "Stop recording", recording: "recording.wav",
        microphone: "The microphone cannot be used; choose a file instead.", numbers: "Expected numbers: one line a time step, or JSON lists.",
        series: "Numbers in time, or drop a CSV file: one column a channel", heat: "Heat map", speaks: "for the answer", against: "against",
        atoms: "The more an atom is tinted, the more the answer rests on it.",
        where: (k, pro) => `speaks ${pro ? "for" : "against"} the answer, mostly ${["at the top", "at mid-height", "at the bottom"][k[0]]}${[", on the left", "", ", on the right"][k[1]]}.`,
        when: (k, pro) => `speaks ${pro ? "for" : "against"} the answer, mostly ${["early on", "halfway through", "late"][k[1]]}.`, nowhere: "says little.",
        nothing: "Nothing was found.", boxes: (n) => `found: ${n}`, camera: "Use the camera", shoot: "Take the picture", nocamera: "The camera cannot be used; choose a file instead.",
        working: "Looking …" },
  zh: { alarm: "报警：异常", usual: "不报警", because: "原因", quantity: (v) => `订货数量：${v}`, score: (v) => `得分 ${v}`, p_value: (v) => `p 值 ${v}`,
    go: "预测", wait: "…", sure: (p) => `置信度 ${p}%`, why: "依据", other: "English", problem: "出错了。",
        empty: "未知可留空", part: "列", for: "高亮的部分支持该答案，下划线的部分反对该答案。",
        drop_image: "将图片拖到这里，或", drop_audio: "将音频文件拖到这里，或", drop_video: "将视频拖到这里，或", choose: "选择文件",
        paste: "也可以直接粘贴。", pasted: "来自剪贴板", chosen: (n) => `已选图片：${n}`, remove: "移除",
        large: (s) => `文件过大：最多可发送 ${s}。`, record: "录音", stop: "停止录音", recording: "录音.wav",
        microphone: "无法使用麦克风；请改为选择文件。", numbers: "应为数字：每行一个时间步，或 JSON 列表。",
        series: "随时间变化的数字，或拖入 CSV 文件：每列一个通道", heat: "热力图", speaks: "支持该答案", against: "反对",
        atoms: "原子着色越深，对该答案的影响越大。",
        where: (k, pro) => `${pro ? "支持" : "反对"}该答案的内容主要在${["上", "中", "下"][k[0]]}部${["偏左", "", "偏右"][k[1]]}。`,
        when: (k, pro) => `${pro ? "支持" : "反对"}该答案的内容主要在${["前段", "中段", "后段"][k[1]]}。`, nowhere: "影响不大。",
        nothing: "没有找到目标。", boxes: (n) => `检测结果：${n}`, camera: "使用摄像头", shoot: "拍照", nocamera: "无法使用摄像头；请改为选择文件。",
        working: "正在分析……" },
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
  if (FILES.includes(column.modality)) {
    return make("div", {}, make("span", { className: "title", textContent: column.name }), fileField(column, id));
  }
  if (column.modality === NESTED) return make("div", {}, make("label", { htmlFor: id, textContent: column.name }), seriesField(column, id));
  let input;
  if (column.choices || column.modality === "boolean") {
    const values = column.choices || ["true", "false"];
    input = make("select", { id }, make("option", { value: "", textContent: "" }),
      ...values.map((v) => make("option", { value: v, textContent: v })));
  } else if (column.modality === "text" || column.modality === "sequence") {
    input = make("textarea", { id, spellcheck: false });
  } else {
    const kinds = { number: "text", timestamp: "datetime-local" };
    input = make("input", { id, type: kinds[column.modality] || "text" });
    if (column.modality === "number") input.inputMode = "decimal";
  }
  input.name = column.name;
  input.dataset.modality = column.modality;
  if (["molecule", "sequence"].includes(column.modality)) input.classList.add("code");
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

// What is sent: the files beside the texts, and series as numbers.
function request(asked) {
  const out = { ...asked };
  for (const column of schema.columns) {
    if (FILES.includes(column.modality)) out[column.name] = chosen.has(column.name) ? chosen.get(column.name).data : null;
    if (column.modality === NESTED && asked[column.name]) {
      try { out[column.name] = readSeries(asked[column.name]); } catch (error) { throw new Error(`${column.name}: ${say("numbers")}`); }
    }
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

function explanation(result, asked) {
  const found = result.explanation;
  const box = make("section", { className: "why" }, make("h2", { textContent: say("why") }));
  const most = Math.max(1e-9, ...found.map((f) => Math.abs(f.weight)));
  const byColumn = new Map();
  for (const f of found) byColumn.set(f.column, [...(byColumn.get(f.column) || []), f]);
  const figures = make("div", { className: "heats" });
  for (const [column, parts] of byColumn) {
    const mapped = parts.find((p) => p.heat);
    if (mapped && result.pictures && result.pictures[column]) figures.append(heatFigure(column, mapped, result.pictures[column]));
    else if (result.pictures && result.pictures[column] && kindOf(column) === "molecule") figures.append(drawnFigure(column, result.pictures[column]));
  }
  if (figures.childElementCount) box.append(figures);
  const sums = [];
  let marked = false;
  for (const [column, parts] of byColumn) {
    const spans = parts.filter((p) => p.start !== null && p.start !== undefined);
    const read = (result.read_as || {})[column] || (result.texts || {})[column] || asked[column]; // places count in the text as the model read it
    if (spans.length && read) { box.append(tokens(read, spans, most)); marked = true; }
    sums.push([column, parts.reduce((a, p) => a + p.weight, 0)]);
  }
  if (marked) box.append(make("p", { className: "hint", textContent: say("for") }));
  if (schema.columns.length > 1) box.append(columnBars(sums, result.shares || {}));
  return box;
}

function columnBars(sums, shares) {
  const list = make("div", { className: "bars" });
  sums.sort((a, b) => Math.abs(b[1]) - Math.abs(a[1])).slice(0, 8).forEach(([name, value]) => {
    const share = shares[name] || 0;
    const fill = make("div", { className: value > 0 ? "fill first" : "fill minus" });
    fill.style.width = `${Math.max(1, 100 * share)}%`;
    list.append(make("div", { className: "name", textContent: name, title: name }), make("div", { className: "track" }, fill),
      make("div", { className: "number", textContent: `${value > 0 ? "+" : "−"}${(100 * share).toFixed(0)} %` }));
  });
  return list;
}

// Answers that are made: spans are marked in the text they were found in, hits are listed.
function spansIn(text, spans) {
  const box = make("p", { className: "tokens" });
  const letters = Array.from(text);
  let at = 0;
  for (const s of spans) {
    if (s.start < at) continue;
    box.append(letters.slice(at, s.start).join(""));
    const mark = make("mark", { textContent: letters.slice(s.start, s.end).join("") });
    mark.append(make("small", { textContent: ` ${s.label}` }));
    box.append(mark);
    at = s.end;
  }
  box.append(letters.slice(at).join(""));
  return box;
}

function listed(found, asked) {
  const boxed = found.length ? "box" in found[0] : schema.columns.some((c) => c.modality === "image");
  if (boxed) return boxesFigure(found);
  if (!found.length) return make("p", { className: "said", textContent: "–" });
  if ("start" in found[0]) return spansIn(Object.values(asked).find((v) => typeof v === "string") || "", found);
  return make("ol", { className: "hits" }, ...found.map((h) => make("li", { textContent: h.text ?? JSON.stringify(h) })));
}

function show(result, asked) {
  const place = app.querySelector(".answer") || app.insertBefore(make("section", { className: "answer", ariaLive: "polite" }), app.querySelector(".beside"));
  const answer = result.answer;
  const found = answer.prediction;
  if (schema.made && Array.isArray(found) && found.every((f) => typeof f === "object")) {
    place.replaceChildren(listed(found, asked));
    return;
  }
  if (isFile(found)) {
    const given = schema.columns.find((c) => c.modality === "image" && chosen.has(c.name));
    place.replaceChildren(madeFile(found, given ? chosen.get(given.name).data : null, lang));
    return;
  }
  const alarm = answer.p_value !== undefined ? say(answer.prediction ? "alarm" : "usual") : null;
  const said = alarm ?? (Array.isArray(answer.prediction) ? answer.prediction.join(", ") || "–" : String(answer.prediction));
  place.replaceChildren(make("p", { className: said.length > 40 || said.includes("\n") ? "said long" : "said", textContent: said || "–" }));
  if (answer.confidence !== undefined) place.append(make("p", { className: "hint", textContent: say("sure")((100 * answer.confidence).toFixed(1)) }));
  for (const name of ["quantity", "score", "p_value"]) {
    if (typeof answer[name] === "number") place.append(make("p", { className: "hint", textContent: say(name)(Number(answer[name].toPrecision(4))) }));
  }
  if (answer.columns && answer.columns.length) {
    const shares = Object.fromEntries(answer.columns.map((c) => [c.column, c.share]));
    place.append(make("h2", { textContent: say("because") }), columnBars(answer.columns.map((c) => [c.column, c.share]), shares));
  }
  if (answer.scores) place.append(bars(answer.scores));
  if (result.explanation && result.explanation.length) place.append(explanation(result, asked));
}

async function submit(event) {
  event.preventDefault();
  const button = app.querySelector("button.go");
  const problem = app.querySelector(".problem");
  button.disabled = true;
  problem.textContent = "";
  button.textContent = say("working");
  try {
    const asked = row();
    const sent = request(asked);
    last = { result: schema.made ? { answer: await call("predict", sent) } : await call("explain", sent), asked };
    show(last.result, last.asked);
    app.querySelector(".answer").scrollIntoView({ block: "nearest", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  } catch (error) {
    problem.textContent = error.message;
  } finally {
    button.disabled = false;
    button.textContent = say("go");
  }
}

function draw() {
  const kept = schema && app.querySelector("form") ? row() : {};
  document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
  const other = make("button", { className: "lang", type: "button", textContent: say("other") });
  other.addEventListener("click", () => { lang = lang === "zh" ? "en" : "zh"; draw(); if (last) show(last.result, last.asked); });
  const broad = [...FILES, NESTED, "text", "sequence", "molecule"];
  const wide = schema.columns.filter((c) => broad.includes(c.modality));
  const narrow = schema.columns.filter((c) => !broad.includes(c.modality));
  const fields = new Map(schema.columns.map((c, i) => [c, field(c, i)]));
  const form = make("form", {}, ...wide.map((c) => fields.get(c)),
    make("div", { className: "narrow" }, ...narrow.map((c) => fields.get(c))),
    schema.columns.length > 1 ? make("p", { className: "hint", textContent: say("empty") }) : null,
    make("button", { className: "go", textContent: say("go") }), make("p", { className: "problem", role: "alert" }));
  form.addEventListener("submit", submit);
  if (schema.columns.some((c) => !FILES.includes(c.modality))) form.querySelector("button.go").after(exampleButton(form));
  app.replaceChildren(make("header", {}, make("h1", { textContent: schema.name }), other),
    make("p", { className: "hint", textContent: schema.title[lang] }), form, make("section", { className: "beside" }, ...(schema.columns.some((c) => FILES.includes(c.modality)) ? [] : [tablePanel()]), codePanel()));
  for (const input of form.querySelectorAll("[name]")) if (kept[input.name]) { input.value = kept[input.name]; input.dispatchEvent(new Event("input")); }
}

call("schema").then((data) => { schema = data; draw(); }).catch((error) => { app.textContent = error.message; });
