"use strict";
document.documentElement.classList.add("js");

// Lay the moved picture over the still one; the slider uncovers it, in the picture and in the output alike.
function prepare(look) {
  if (look.dataset.ready) return;
  look.dataset.ready = "yes";
  for (const six of look.querySelectorAll(".six")) {
    for (const [still, moved] of [["still", "moved"], ["pooled", "pooled-moved"]]) {
      const stage = six.querySelector(`.tile.${still} .stage`);
      const over = new Image();
      over.src = six.querySelector(`.tile.${moved} img`).src;
      over.alt = "";
      over.className = "over swipe";
      const line = document.createElement("span");
      line.className = "line";
      line.hidden = true;
      stage.append(over, line);
    }
  }
  const slider = look.querySelector("input[type=range]");
  const blink = look.querySelector("button.blink");
  const swipe = () => {
    look.style.setProperty("--swipe", `${slider.value}%`);
    for (const line of look.querySelectorAll(".line")) line.hidden = slider.value === "0";
  };
  slider.addEventListener("input", swipe);
  swipe();
  blink.addEventListener("click", () => {
    blink.setAttribute("aria-pressed", String(look.classList.toggle("blinking")));
  });
}

for (const look of document.querySelectorAll("article .look")) prepare(look);

// What a row of the table shows waits in a noscript element, whose markup is only text to a browser that runs scripts:
// a page of thousands of pictures opens at once, and without scripts everything is there.
document.addEventListener("toggle", (event) => {
  if (!event.target.open) return;
  const waiting = event.target.querySelector("noscript");
  if (waiting) {
    const inside = document.createElement("div");
    inside.innerHTML = waiting.textContent;
    waiting.replaceWith(inside.firstElementChild);
  }
  const look = event.target.querySelector(".look");
  if (look) prepare(look);
}, true);

// Sort by a column: largest first, then smallest first; what has no figure comes last.
const table = document.querySelector("table.index");
if (table) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.querySelector("button")?.addEventListener("click", () => {
    const text = head.dataset.kind === "text";
    const first = text ? "ascending" : "descending", second = text ? "descending" : "ascending";
    const order = head.getAttribute("aria-sort") === first ? second : first;
    const sign = order === "ascending" ? 1 : -1;
    const value = (body) => body.rows[0].cells[column].dataset.value;
    const bodies = [...table.tBodies].map((body) => {
      const own = value(body);
      return [text ? own : own === "" ? null : Number(own), body];
    });
    bodies.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null);
      return sign * (text ? a.localeCompare(b, undefined, {numeric: true}) : a - b);
    });
    for (const other of heads) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", order);
    table.append(...bodies.map(([, body]) => body));
  }));
  const search = document.querySelector(".search input");
  search.addEventListener("input", () => {
    const wanted = search.value.toLowerCase();
    let shown = 0;
    for (const body of table.tBodies) {
      body.hidden = !body.rows[0].cells[1].dataset.value.toLowerCase().includes(wanted);
      shown += !body.hidden;
    }
    document.querySelector(".search output").value = wanted ? `${shown} shown` : "";
  });
}

// Copy the command beside a button; where the clipboard is closed it is selected at least.
for (const button of document.querySelectorAll("button.copy")) button.addEventListener("click", () => {
  getSelection().selectAllChildren(button.parentElement.querySelector("code"));
  button.textContent = document.execCommand("copy") ? "Copied" : "Selected";
});
