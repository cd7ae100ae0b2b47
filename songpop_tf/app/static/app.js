"use strict";

const byId = (id) => document.getElementById(id);

/** Post a file (null = none) and return the answer; its errors are sentences. */
async function post(path, fields, file, signal) {
  let answer;
  try {
    answer = await fetch(`${path}?${new URLSearchParams(fields)}`,
      { method: "POST", body: file, signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw Object.assign(new Error("The program does not answer. Was it stopped?"),
      { isLast: true });
  }
  if (answer.ok) return answer;
  let content = {};
  try { content = await answer.json(); } catch { /* no JSON: an error of the program */ }
  throw new Error(content.error
    ?? `The program failed (status ${answer.status}); its terminal says why.`);
}

function tabs() {
  const all = [...document.querySelectorAll("[role=tab]")];
  const select = (chosen) => {
    for (const tab of all) {
      const selected = tab === chosen;
      tab.setAttribute("aria-selected", selected);
      tab.tabIndex = selected ? 0 : -1;
      byId(tab.getAttribute("aria-controls")).hidden = !selected;
    }
    chosen.focus();
  };
  all.forEach((tab, index) => {
    tab.addEventListener("click", () => select(tab));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step) select(all[(index + step + all.length) % all.length]);
    });
  });
}

/** Files dropped on an area arrive in its file input. */
function acceptDrops(area, input) {
  for (const kind of ["dragenter", "dragover"]) {
    area.addEventListener(kind, (event) => { event.preventDefault(); area.classList.add("over"); });
  }
  area.addEventListener("dragleave", () => area.classList.remove("over"));
  area.addEventListener("drop", (event) => {
    event.preventDefault();
    area.classList.remove("over");
    droppedFiles(event.dataTransfer).then((files) => {
      if (!files.length) return;
      const taken = new DataTransfer();
      for (const file of input.multiple ? files : files.slice(0, 1)) taken.items.add(file);
      input.files = taken.files;
      input.dispatchEvent(new Event("change", { bubbles: true }));
    });
  });
}

/** The files that were dropped, and those within dropped folders, without hidden ones. */
async function droppedFiles(dataTransfer) {
  // The list of items is empty once this function waits.
  const dropped = [...dataTransfer.items].filter((item) => item.kind === "file")
    .map((item) => item.webkitGetAsEntry() ?? item.getAsFile());
  const within = async (entry) => {
    if (entry instanceof File) return [entry];
    if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
    const reader = entry.createReader(), found = [];
    for (;;) { // a reader returns a hundred entries at most
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (!some.length) break;
      found.push(...some.filter((one) => !one.name.startsWith(".")));
    }
    return (await Promise.all(found.map(within))).flat();
  };
  return (await Promise.all(dropped.map(within))).flat();
}

function songTab() {
  const form = byId("song-form"), input = byId("song-file"), player = byId("player");
  const result = byId("song-result"), status = byId("song-status"), error = byId("song-error");
  const fields = ["artist", "title", "year"].map(byId);
  let spectrogram = null; // a PNG file, which the server drew from the sound
  let running = null;
  let reading = null; // the promise of the file that is being read
  let predicted = "";

  /** Run a task unless a later one begins; show that it is running, and its error, if any. */
  async function run(doing, task) {
    running?.abort();
    const own = running = new AbortController();
    status.textContent = doing;
    error.textContent = "";
    try {
      await task(own.signal);
      return true;
    } catch (problem) {
      if (running === own) error.textContent = problem.message;
      return false;
    } finally {
      if (running === own) { running = null; status.textContent = ""; }
    }
  }

  const values = () => Object.fromEntries(fields.map((field) => [field.id, field.value]));

  const predict = () => run("Predicting …", async (signal) => {
    const asked = values();
    result.classList.add("old");
    predicted = "";
    const answer = await post("/predict", asked, spectrogram, signal);
    result.innerHTML = await answer.text();
    result.classList.remove("old");
    predicted = JSON.stringify(asked);
    followSound(result, player);
  });

  function forget() {
    spectrogram = null;
    predicted = "";
    if (player.src) URL.revokeObjectURL(player.src);
    player.removeAttribute("src");
    player.hidden = true;
    result.replaceChildren();
  }

  const read = (file) => run("Reading the file …", async (signal) => {
    for (const field of fields) field.value = "";
    const answer = await (await post("/read", { name: file.name }, file, signal)).json();
    for (const field of fields) field.value = answer[field.id] ?? "";
    if (answer.spectrogram) {
      const bytes = Uint8Array.from(atob(answer.spectrogram), (char) => char.charCodeAt(0));
      spectrogram = new Blob([bytes], { type: "image/png" });
    }
    if (!file.type.startsWith("image/")) {
      player.src = URL.createObjectURL(file);
      player.hidden = false;
    }
    if (answer.note) error.textContent = answer.note;
  });

  input.addEventListener("change", () => {
    forget();
    byId("song-remove").hidden = !input.files.length;
    if (!input.files.length) return;
    const started = reading = read(input.files[0]);
    started.then(() => { if (reading === started) reading = null; });
  });
  byId("song-remove").addEventListener("click", (event) => {
    input.value = "";
    input.dispatchEvent(new Event("change"));
    input.focus();
    event.target.hidden = true;
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    // To predict at once would stop the reading. If it fails, its error stays.
    if (reading && !(await reading)) return;
    predict();
  });
  for (const field of fields) {
    field.addEventListener("change", () => {
      // After Enter, the form is submitted as well: nothing has changed then.
      if (predicted && predicted !== JSON.stringify(values())) predict();
    });
  }
  acceptDrops(byId("song-drop"), input);
}

/** A click on the curve or the spectrogram plays from there; a line shows what is heard. */
function followSound(result, player) {
  const figure = result.querySelector(".sound");
  if (!figure || player.hidden) { player.ontimeupdate = null; return; }
  const seconds = Number(figure.dataset.seconds), picture = figure.querySelector(".picture");
  const line = document.createElement("div");
  line.className = "playhead";
  picture.append(line);
  figure.classList.add("playable");
  const show = () => { line.style.left = `${Math.min(player.currentTime / seconds, 1) * 100}%`; };
  player.ontimeupdate = show;
  show();
  for (const target of [picture, figure.querySelector(".curve")]) {
    target.addEventListener("click", (event) => {
      const area = target.getBoundingClientRect();
      player.currentTime = (event.clientX - area.left) / area.width * seconds;
      player.play();
    });
  }
}

function tableTab() {
  const input = byId("table-file"), status = byId("table-status"), error = byId("table-error");
  const progress = byId("table-progress"), result = byId("table-result");
  const button = byId("table-button");

  function showProgress(done, total, what) {
    progress.max = Math.max(total, 1);
    progress.value = done;
    status.textContent = `${done} of ${total} ${what}`;
  }

  async function predictTable(file) {
    const answer = await post("/table", { name: file.name }, file);
    for await (const event of lines(answer.body)) {
      if (event.error) throw new Error(event.error);
      if (event.csv === undefined) {
        showProgress(event.done, event.total, "rows");
      } else {
        showTable(result, event, `predicted-${file.name}`);
        status.textContent = `${event.total - event.failed} of ${event.total} rows predicted`;
        return;
      }
    }
    throw new Error("The program stopped before the table was predicted; its terminal says why.");
  }

  async function predictFiles(files) {
    const rows = [], errors = [];
    for (const [done, file] of files.entries()) {
      showProgress(done, files.length, "files");
      try {
        rows.push(await (await post("/file", { name: file.name }, file)).json());
      } catch (problem) {
        if (problem.isLast) throw problem;
        errors.push(problem.message);
      }
    }
    if (!rows.length) throw new Error(errors.join(" "));
    const header = Object.keys(rows[0]), cells = rows.map((row) => header.map((name) => row[name]));
    const popularity = new Blob([JSON.stringify(rows.map((row) => Number(row.popularity)))]);
    const histogram = await (await post("/histogram", {}, popularity)).text();
    showTable(result, { header, rows: cells, total: rows.length, histogram, errors,
      failed: errors.length, csv: csvText([header, ...cells]), notes: [] }, "predicted-files.csv");
    status.textContent = `${rows.length} of ${files.length} files predicted`;
  }

  async function predict(files) {
    result.replaceChildren();
    progress.value = 0;
    progress.hidden = false;
    status.textContent = "Predicting …";
    const tables = files.filter((file) => /\.([ct]sv|txt|gz)$/i.test(file.name));
    if (!tables.length) return predictFiles(files);
    if (files.length === 1) return predictTable(files[0]);
    throw new Error(`${tables[0].name}: choose one table alone, or sound files and spectrograms.`);
  }

  byId("table-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    error.textContent = "";
    if (!input.files.length) { error.textContent = "Choose files first."; return; }
    button.disabled = true;
    try {
      await predict([...input.files]);
    } catch (problem) {
      status.textContent = "";
      error.textContent = problem.message;
    } finally {
      button.disabled = false;
      progress.hidden = true;
    }
  });
  input.addEventListener("change", () => {
    error.textContent = status.textContent = "";
    result.replaceChildren();
  });
  acceptDrops(byId("table-drop"), input);
}

/** The JSON objects of a stream of lines. */
async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    let { value, done } = await reader.read().catch(() => ({ done: true }));
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    for (const part of parts) yield JSON.parse(part);
  }
}

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

/** A CSV file as RFC 4180 has it. */
function csvText(rows) {
  const cell = (text) => /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  return rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

function showTable(result, event, name) {
  const link = element("a", "Download the predicted CSV", {
    class: "download", download: name,
    href: URL.createObjectURL(new Blob([event.csv], { type: "text/csv" })),
  });
  const problems = element("ul", "", { class: "error" });
  for (const text of event.errors) problems.append(element("li", text));
  if (event.failed > event.errors.length) {
    problems.append(element("li", `and ${event.failed - event.errors.length} more`));
  }
  const histogram = document.createElement("section");
  histogram.innerHTML = `<h2>Predicted popularity</h2><p>Number of songs by popularity, 0 to 100.</p>
    ${event.histogram}`;
  result.replaceChildren(histogram, link, problems);
  for (const note of event.notes) result.append(element("p", note, { class: "note" }));
  if (event.rows.length < event.total) {
    result.append(element("p", `The first ${event.rows.length} rows; the download has all.`,
      { class: "note" }));
  }
  result.append(sortableTable(event.header, event.rows));
}

function sortableTable(header, rows) {
  const scroll = element("div", "", { class: "scroll", tabindex: "0", role: "region",
    "aria-label": "Predicted table" });
  const table = document.createElement("table"), body = document.createElement("tbody");
  const row = table.createTHead().insertRow();
  const heads = header.map((name, column) => {
    const head = element("th", "", { scope: "col" });
    const button = element("button", name, { type: "button" });
    button.addEventListener("click", () => {
      const descending = head.getAttribute("aria-sort") !== "descending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      fill(body, [...rows].sort(byColumn(column, descending)));
    });
    head.append(button);
    row.append(head);
    return head;
  });
  fill(body, rows);
  table.append(body);
  scroll.append(table);
  return scroll;
}

/** Numbers by their size, texts as people sort them, empty cells last. */
function byColumn(column, descending) {
  const sign = descending ? -1 : 1;
  const compare = new Intl.Collator(undefined, { numeric: true }).compare;
  return (one, other) => {
    const [a, b] = [one[column], other[column]];
    if (a === "" || b === "") return (a === "") - (b === "");
    return sign * compare(a, b);
  };
}

function fill(body, rows) {
  body.replaceChildren(...rows.map((cells) => {
    const row = document.createElement("tr");
    for (const cell of cells) {
      const isNumber = cell !== "" && !Number.isNaN(Number(cell));
      row.append(element("td", cell, isNumber ? { class: "number-cell" } : { dir: "auto" }));
    }
    return row;
  }));
}

async function modelTab() {
  byId("model").innerHTML = await (await fetch("/model-card")).text();
}

// A file dropped beside the areas would replace the page.
for (const kind of ["dragover", "drop"]) {
  window.addEventListener(kind, (event) => event.preventDefault());
}
tabs();
songTab();
tableTab();
modelTab();
