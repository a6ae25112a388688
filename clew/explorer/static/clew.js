// Everything works without this file; it adds the crosshair, drag to zoom, copy, row expansion and keys.
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const say = (text) => {
  const toast = document.querySelector("#toast");
  toast.querySelector("span").textContent = text;
  toast.hidden = false;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { toast.hidden = true; }, 2200);
};
const clock = (ms) => new Date(ms).toISOString().slice(11, 19);

// ---- crosshair: one moment, shown in every panel that covers it -------------------------------------------
function human(value, unit) {
  if (Number.isNaN(value)) return ["–", ""];
  const few = (n, digits) => String(Number(n.toFixed(digits)));
  if (unit === "ms") return value < 999.5 ? [few(value, value < 9.95 ? 1 : 0), "ms"] : [few(value / 1000, 2), "s"];
  if (unit === "%") return [few(value * 100, value < 0.1 ? 1 : 0), "%"];
  if (unit === "B") { const k = Math.min(3, Math.floor(Math.log10(Math.max(1, value)) / 3)); return [few(value / 1000 ** k, 1), ["B", "kB", "MB", "GB"][k]]; }
  return [few(value, value < 1 ? 2 : 1), unit];
}
function show(plot, at) {
  const from = Number(plot.dataset.from), to = Number(plot.dataset.to);
  const cross = plot.querySelector(".cross");
  if (!cross) return;
  const inside = at !== null && at >= from && at <= to;
  cross.setAttribute("visibility", inside ? "visible" : "hidden");
  const share = (at - from) / (to - from);
  if (inside) for (const end of ["x1", "x2"]) cross.setAttribute(end, `${(100 * share).toFixed(2)}%`);
  const legend = plot.parentElement.querySelector(".legend");
  if (!legend) return;
  legend.querySelector("[data-now]").textContent = inside ? clock(at) : "last";
  for (const row of all("tr[data-v]", legend)) {
    const values = row.dataset.v.split(" ").map((v) => (v === "-" ? NaN : Number(v)));
    const [number, unit] = human(inside ? values[Math.round(share * (values.length - 1))] : values.at(-1), row.dataset.u);
    const cell = row.cells[1], small = document.createElement("span");
    small.className = "u";
    small.textContent = unit;
    cell.replaceChildren(number, small);
  }
}
// Another time range is another address, so that Back undoes it.
function goTo(from, to) {
  const next = new URL(location.href);
  for (const name of ["last", "before"]) next.searchParams.delete(name);
  next.searchParams.set("from", new Date(from).toISOString());
  next.searchParams.set("to", new Date(to).toISOString());
  location.assign(next);
}
function shift(begin, end) {
  const range = document.querySelector(".range");
  if (!range) return;
  const from = Number(range.dataset.from), to = Number(range.dataset.to), length = to - from;
  goTo(from + begin * length, Math.max(from + begin * length + 1000, to + end * length));
}
const plots = all(".plot[data-from]");
for (const plot of plots) {
  const area = plot.querySelector(".area");
  const moment = (event) => {
    const box = area.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    return Number(plot.dataset.from) + share * (plot.dataset.to - plot.dataset.from);
  };
  let start = null, shade = null;
  area.addEventListener("pointermove", (event) => {
    const at = moment(event);
    plots.forEach((other) => show(other, at));
    if (start === null) return;
    const percent = (t) => (100 * (t - plot.dataset.from)) / (plot.dataset.to - plot.dataset.from);
    const [low, high] = [start, at].sort((a, b) => a - b);
    shade.setAttribute("x", `${percent(low)}%`);
    shade.setAttribute("width", `${percent(high) - percent(low)}%`);
  });
  area.addEventListener("pointerleave", () => { if (start === null) plots.forEach((other) => show(other, null)); });
  area.addEventListener("pointerdown", (event) => {
    if (event.button || event.target.closest("a")) return;
    start = moment(event);
    area.setPointerCapture(event.pointerId);
    shade = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    shade.setAttribute("class", "select");
    shade.setAttribute("height", "100%");
    area.append(shade);
  });
  const stop = (event) => {
    if (start === null) return;
    const [low, high] = [start, moment(event)].sort((a, b) => a - b);
    shade.remove();
    start = null;
    if (high - low > 1000 && event.type === "pointerup") goTo(low, high);
  };
  area.addEventListener("pointerup", stop);
  area.addEventListener("pointercancel", stop);
}

document.querySelector(".nav [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });

// ---- small things -------------------------------------------------------------------------------------------
document.addEventListener("click", async (event) => {
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    event.preventDefault();
    try { await navigator.clipboard.writeText(copy.dataset.copy); say("Copied"); copy.classList.add("done"); }
    catch { say("The browser did not allow copying"); }
    return;
  }
  const fold = event.target.closest(".fold");
  if (fold) {
    event.preventDefault(); // the button stands inside a summary
    const open = fold.getAttribute("aria-expanded") !== "true";
    fold.setAttribute("aria-expanded", String(open));
    const row = fold.closest("li");
    for (let next = row.nextElementSibling; next && Number(next.dataset.depth) > Number(row.dataset.depth); next = next.nextElementSibling) {
      next.hidden = !open;
      if (open) next.querySelector(".fold")?.setAttribute("aria-expanded", "true");
    }
    return;
  }
  const series = event.target.closest(".legend button");
  if (series) { // one click shows only this series, the next one all of them again
    const rows = all(".legend tbody tr", series.closest(".panel")), only = series.closest("tr").rowIndex - 1;
    const alone = rows.every((row, i) => row.classList.contains("off") === (i !== only));
    rows.forEach((row, i) => {
      const off = !alone && i !== only;
      row.classList.toggle("off", off);
      row.querySelector("button").setAttribute("aria-pressed", String(!off));
      all(`[data-s="${i}"]`, series.closest(".panel")).forEach((path) => path.setAttribute("visibility", off ? "hidden" : "visible"));
    });
    return;
  }
  const theme = event.target.closest("[data-theme-switch]");
  if (theme) {
    const now = document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    const next = now === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    try { localStorage.setItem("clew-theme", next); } catch { /* storage may be off */ }
    return;
  }
  if (event.target.closest("[data-keys]")) document.querySelector("#keys").showModal();
});

document.addEventListener("change", (event) => { if (event.target.matches("[data-auto]")) event.target.form.requestSubmit(); });

// ---- keys ---------------------------------------------------------------------------------------------------
let pending = 0, cursor = -1;
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, dialog")) { if (event.key === "Escape") event.target.blur(); return; }
  const rows = all(".log > li:not(.gap), .wf > ol > li, tbody.rows > tr:not(.more-row)").filter((row) => row.offsetParent);
  const move = (step) => {
    rows[cursor]?.classList.remove("cursor");
    cursor = Math.min(rows.length - 1, Math.max(0, cursor + step));
    rows[cursor]?.classList.add("cursor");
    rows[cursor]?.scrollIntoView({ block: "nearest" });
  };
  const place = pending && event.timeStamp - pending < 900 && document.querySelector(`.nav a[data-key="${CSS.escape(event.key)}"]`);
  if (place) { location.assign(place.href); return; }
  pending = event.key === "g" ? event.timeStamp : 0;
  const act = {
    "/": () => document.querySelector(".find input").focus(),
    "?": () => document.querySelector("#keys").showModal(),
    q: () => document.querySelector(".query input")?.focus(),
    j: () => move(1), k: () => move(-1),
    Enter: () => rows[cursor]?.querySelector("summary, a")?.click(),
    r: () => location.reload(),
    t: () => document.querySelector("#range")?.togglePopover(),
    x: () => document.querySelector("#show-lines")?.click(),
    "[": () => shift(-0.5, -0.5), "]": () => shift(0.5, 0.5), "-": () => shift(-0.5, 0.5),
  }[event.key];
  if (!act || (event.key === "Enter" && (cursor < 0 || event.target !== document.body))) return;
  event.preventDefault();
  act();
});
