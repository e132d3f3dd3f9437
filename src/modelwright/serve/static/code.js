// Calling the model from code, and answering a whole table: what stands below the form.
const more = {
  en: { code: "Call it from code", docs: "All routes", copy: "Copy", copied: "Copied", key: "Put your key in place of KEY; it is not shown here.",
        table: "Answer a table", pick: "Choose a CSV, TSV or JSON Lines file", rows: (n, all) => `${n} of ${all} rows answered`, save: "Download with answers",
        first: (n) => `The first ${n} rows`, large: "At most 20 MB and 20,000 rows; larger tables: modelwright predict.", none: "No row found in this file.",
        lacks: (c) => `The file has none of the columns: ${c}.`, example: "Fill in an example", prediction: "prediction", confidence: "confidence", error: "error",
        encoding: "The file is not in UTF-8. Save it as UTF-8 (in Excel: CSV UTF-8), or use modelwright predict, which reads other encodings.",
        fault: (f) => `${f.line ? `line ${f.line}` : `row ${f.row}`}: ${{ open: "a quote is opened and not closed", blank: "the row is blank", json: "no JSON object", found: `${f.found} cells where there are ${f.width} columns` }[f.kind]}`,
        unread: (n) => `, ${n} of them unreadable` },
  zh: { code: "用代码调用", docs: "全部接口", copy: "复制", copied: "已复制", key: "请将 KEY 换成您的密钥；此处不显示密钥。",
        table: "预测整张表", pick: "选择 CSV、TSV 或 JSON Lines 文件", rows: (n, all) => `已预测 ${n} / ${all} 行`, save: "下载结果",
        first: (n) => `前 ${n} 行`, large: "最多 20 MB、20,000 行；更大的表请用 modelwright predict。", none: "文件中没有数据行。",
        lacks: (c) => `文件不含所需的列：${c}。`, example: "填入示例", prediction: "预测", confidence: "置信度", error: "错误",
        encoding: "文件不是 UTF-8 编码。请另存为 UTF-8（Excel 中选“CSV UTF-8”），或用 modelwright predict，它可读取其他编码。",
        fault: (f) => `第 ${f.line || f.row} 行：${{ open: "引号未闭合", blank: "该行为空行", json: "不是 JSON 对象", found: `有 ${f.found} 个单元格，而列数为 ${f.width}` }[f.kind]}`,
        unread: (n) => `，其中 ${n} 行无法读取` },
};
const told = (key) => more[lang][key];
const BATCH = 100;
const SHOWN = 20;

function sampleOf(column) {
  if (column.choices && column.choices.length) return column.choices[0];
  const simple = { number: 1, boolean: true, timestamp: "2026-01-31T09:30", text: lang === "zh" ? "一段文字" : "some text" };
  if (column.modality in simple) return simple[column.modality];
  if (FILES.includes(column.modality)) return "data:...;base64,...";
  return column.modality === NESTED ? [1, 2.5, 3] : null;
}

function sampleRow() {
  return Object.fromEntries(schema.columns.map((c) => [c.name, sampleOf(c)]).filter(([, v]) => v !== null));
}

function snippets() {
  const url = new URL("predict", location.href).href;
  const body = JSON.stringify(sampleRow());
  const quoted = body.replaceAll("'", "'\\''");
  // JSON is Python and JavaScript too, but for its three words
  const python = JSON.stringify(sampleRow()).replace(/:true([,}])/g, ":True$1").replace(/:false([,}])/g, ":False$1");
  return {
    curl: `curl ${url} \\\n  -H 'Authorization: Bearer KEY' \\\n  -H 'Content-Type: application/json' \\\n  -d '${quoted}'`,
    Python: `import json\nimport urllib.request\n\nrow = ${python}\nrequest = urllib.request.Request(\n    "${url}",\n    json.dumps(row).encode(),\n    {"Authorization": "Bearer KEY", "Content-Type": "application/json"},\n)\nwith urllib.request.urlopen(request) as reply:\n    print(json.load(reply))`,
    JavaScript: `const reply = await fetch("${url}", {\n  method: "POST",\n  headers: { Authorization: "Bearer KEY", "Content-Type": "application/json" },\n  body: JSON.stringify(${body}),\n});\nconsole.log(await reply.json());`,
  };
}

function codePanel() {
  const all = snippets();
  const shown = make("pre", { tabIndex: 0 }, make("code", { textContent: all.curl }));
  const tabs = make("div", { className: "tabs", role: "group" });
  for (const name of Object.keys(all)) {
    const tab = make("button", { type: "button", textContent: name, ariaPressed: String(name === "curl") });
    tab.addEventListener("click", () => {
      shown.firstChild.textContent = all[name];
      for (const other of tabs.children) other.ariaPressed = String(other === tab);
    });
    tabs.append(tab);
  }
  const copy = make("button", { type: "button", className: "quiet", textContent: told("copy") });
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(shown.textContent);
    copy.textContent = told("copied");
  });
  const docs = make("a", { href: `docs?lang=${lang}`, textContent: told("docs") });
  return make("details", { className: "more" }, make("summary", { textContent: told("code") }), tabs, shown,
    make("p", { className: "hint" }, `${told("key")} `, docs), copy);
}

async function answerRows(rows) {
  for (let tries = 0; ; tries++) {
    const reply = await fetch("predict", { method: "POST", headers: { "Content-Type": "application/json", "Accept-Language": lang }, body: JSON.stringify({ rows }) });
    const data = await reply.json().catch(() => null);
    if (reply.ok) return data.answers;
    const wait = Number(reply.headers.get("Retry-After"));
    if (![429, 503].includes(reply.status) || !wait || wait > 60 || tries > 9) throw new Error(data && data.error ? data.error.message : say("problem"));
    await new Promise((done) => setTimeout(done, 1000 * wait));
  }
}

function plainAnswer(answer) {
  if (answer.error) return "";
  return typeof answer.prediction === "object" && answer.prediction !== null ? JSON.stringify(answer.prediction) : String(answer.prediction);
}

function csvOf(rows, answers) {
  // a cell that a spreadsheet would run as a formula is made text
  const cell = (v) => {
    let t = v === null || v === undefined ? "" : typeof v === "object" ? JSON.stringify(v) : String(v);
    if (/^[=+\-@\t\r]/.test(t) && isNaN(Number(t))) t = `'${t}`;
    return /[",\n\r]/.test(t) ? `"${t.replaceAll('"', '""')}"` : t;
  };
  const names = [...new Set(rows.flatMap((r) => Object.keys(r)))];
  const lines = rows.map((r, i) => [...names.map((n) => r[n]), plainAnswer(answers[i]), answers[i].confidence, answers[i].error ? answers[i].error.message : ""]);
  return "\uFEFF" + [[...names, "prediction", "confidence", "error"], ...lines].map((l) => l.map(cell).join(",")).join("\r\n") + "\r\n";
}

function tablePanel() {
  const id = "table-file";
  const file = make("input", { type: "file", id, accept: ".csv,.tsv,.txt,.json,.jsonl,.ndjson" });
  const state = make("p", { className: "hint", role: "status", textContent: told("large") });
  const place = make("div", { className: "scroll" });
  file.addEventListener("change", async () => {
    place.replaceChildren();
    try {
      const picked = file.files[0];
      if (!picked) return;
      if (picked.size > 20e6) throw new Error(told("large"));
      const text = textOf(new Uint8Array(await picked.arrayBuffer()));
      if (text === null) throw new Error(told("encoding"));
      const { rows, faults } = readTable(picked.name, text);
      if (!rows.length) throw new Error(told("none"));
      if (rows.length > 20000) throw new Error(told("large"));
      const names = schema.columns.map((c) => c.name);
      const whole = rows.filter((_, i) => !faults.has(i));
      const known = new Set(names.flatMap((n) => n.split(".").map((_, i, parts) => parts.slice(0, i + 1).join(".")))); // fields of objects come in their object
      if (![...known].some((n) => whole.some((r) => n in r))) throw new Error(told("lacks")(names.slice(0, 12).join(", ")));
      const asked = whole.map((r) => Object.fromEntries(Object.entries(r).filter(([n]) => known.has(n))));
      const given = [];
      for (let i = 0; i < asked.length; i += BATCH) {
        given.push(...(await answerRows(asked.slice(i, i + BATCH))));
        state.textContent = told("rows")(given.length + faults.size, rows.length) + (faults.size ? told("unread")(faults.size) : "");
      }
      let next = 0;
      const answers = rows.map((_, i) => (faults.has(i) ? { error: { message: told("fault")(faults.get(i)) } } : given[next++]));
      const save = make("a", { href: URL.createObjectURL(new Blob([csvOf(rows, answers)], { type: "text/csv" })), download: `${picked.name.replace(/\.\w+$/, "")}-answers.csv`, className: "save", textContent: told("save") });
      const columns = names.filter((n) => whole.some((r) => n in r)).slice(0, 4);
      const line = (cells, tag) => make("tr", {}, ...cells.map((c) => make(tag, { textContent: c === null || c === undefined ? "" : String(c).slice(0, 80) })));
      const body = rows.slice(0, SHOWN).map((r, i) => line([answers[i].error ? answers[i].error.message : plainAnswer(answers[i]), answers[i].confidence === undefined ? "" : `${(100 * answers[i].confidence).toFixed(1)} %`, ...columns.map((n) => r[n])], "td"));
      place.replaceChildren(save, make("table", {}, make("caption", { textContent: told("first")(Math.min(SHOWN, rows.length)) }),
        make("thead", {}, line([told("prediction"), told("confidence"), ...columns], "th")), make("tbody", {}, ...body)));
    } catch (error) {
      state.textContent = error.message;
    }
  });
  return make("details", { className: "more" }, make("summary", { textContent: told("table") }),
    make("label", { htmlFor: id, textContent: told("pick") }), file, state, place);
}

function exampleButton(form) {
  const button = make("button", { type: "button", className: "quiet", textContent: told("example") });
  button.addEventListener("click", () => {
    const sample = sampleRow();
    for (const input of form.querySelectorAll("[name]")) {
      const value = sample[input.name];
      if (value === undefined || typeof value === "object") continue;
      input.value = String(value);
      input.dispatchEvent(new Event("input"));
    }
  });
  return button;
}
