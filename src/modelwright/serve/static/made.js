// Answers that are files: pictures beside what they were made of under one slider, sound and clips to be played, all to be saved.
const MADE_WORDS = {
  en: { given: "given", made: "made", move: "Move the line between what was given and what was made", save: "Save the file" },
  zh: { given: "输入", made: "结果", move: "移动输入与结果之间的分界线", save: "保存文件" },
};
const MADE_SUFFIX = { "image/png": "png", "image/jpeg": "jpg", "audio/wav": "wav", "audio/flac": "flac", "video/mp4": "mp4" };

function isFile(answer) {
  return answer && typeof answer === "object" && typeof answer.data === "string" && typeof answer.type === "string";
}

function madeFile(file, given, lang) {
  const say = MADE_WORDS[lang];
  const url = `data:${file.type};base64,${file.data}`;
  const box = document.createElement("figure");
  box.className = "made";
  if (file.type.startsWith("image/")) box.append(given ? slider(given, url, say) : picture(url, say.made));
  else {
    const player = document.createElement(file.type.startsWith("audio/") ? "audio" : "video");
    Object.assign(player, { controls: true, src: url });
    box.append(player);
  }
  const save = document.createElement("a");
  Object.assign(save, { href: url, download: `answer.${MADE_SUFFIX[file.type] || "bin"}`, textContent: say.save, className: "save" });
  box.append(save);
  return box;
}

const TINY = 96; // pixels below which a picture is shown larger than it is, each pixel as a square

function picture(url, name) {
  const shown = Object.assign(document.createElement("img"), { src: url, alt: name });
  shown.addEventListener("load", () => shown.classList.toggle("tiny", shown.naturalWidth < TINY));
  return shown;
}

function slider(given, made, say) {
  const frame = document.createElement("div");
  frame.className = "compare";
  const before = picture(given, say.given);
  before.className = "before";
  const line = document.createElement("i");
  const range = Object.assign(document.createElement("input"), { type: "range", min: 0, max: 100, value: 50, ariaLabel: say.move });
  const move = () => {
    before.style.clipPath = `inset(0 ${100 - range.value}% 0 0)`;
    line.style.left = `${range.value}%`;
  };
  range.addEventListener("input", move);
  move();
  const names = document.createElement("span");
  names.className = "names";
  for (const name of [say.given, say.made]) names.append(Object.assign(document.createElement("small"), { textContent: name }));
  frame.append(picture(made, say.made), before, line, names, range);
  return frame;
}
