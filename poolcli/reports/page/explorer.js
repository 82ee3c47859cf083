"use strict";
// Pictures to try pooling on: stages side by side, controls, and for the output pixel that is pointed at its window and
// its arithmetic. What is computed, engine.js computes; here is only the document.
const explorer = (() => {
  const words = {}; // English to the page's language, where that is another
  const t = (text, facts = {}) => (words[text] ?? text).replace(/\{(\w+)\}/g, (_, name) => facts[name]);
  const SHOWN_AT = 22, LARGEST_CELL = 64; // a cell of so many pixels holds its number; none is larger
  const DOT = "#ff7a00", DOTS = ["#ff4040", "#2fd060", "#4a90ff", "#cccccc"]; // marks, of one channel and of several
  const CHANNELS = {2: ["gray", "alpha"], 3: ["red", "green", "blue"], 4: ["red", "green", "blue", "alpha"]};
  const OWN = "of this page"; // the mode of a recipe that a page does not compute
  const PICKS = {max: true, min: true, stride: false, center: false}; // modes whose outputs are pixels; whether these may tie

  function make(name, attributes = {}, ...children) {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key in node && typeof value !== "string") node[key] = value;
      else node.setAttribute(key, value);
    }
    node.append(...children.flat());
    return node;
  }

  const colourOf = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // What is shown of one picture: settings, and what they make of it.
  class Explorer {
    constructor(root, view) {
      this.root = root;
      this.view = view;
      this.picture = engine.unpacked(view.picture);
      this.own = view.layers ?? [this.fixed()];
      this.layers = this.own;
      this.shift = {dx: view.shift[0], dy: view.shift[1], edge: view.edge, tolerance: view.tolerance ?? 0, other: view.other ? engine.unpacked(view.other) : null};
      this.colours = this.picture.alpha ? [2, 4].includes(this.picture.channels) : this.picture.channels === 3;
      this.channel = this.colours ? -1 : 0; // all of them, or the first
      this.selected = null;
      this.pinned = false;
      this.part = 0; // of the moved picture that is uncovered
      this.options = {grid: view.show?.includes("grid") ?? false, marks: view.show?.includes("marks") ?? true};
      this.controls = new Controls(this);
      this.stages = make("div", {class: "stages"});
      this.window = make("div", {class: "window"});
      this.words = make("output", {class: "words", "aria-live": "polite"});
      this.figures = make("p", {class: "figures"});
      root.replaceChildren(this.controls.node, make("div", {class: "reading"}, this.window, make("div", {}, this.words, this.figures)), this.stages);
      root.classList.add("ready");
      this.panels = [];
      new ResizeObserver(() => { this.measureRoom(); this.draw(); }).observe(this.stages);
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { this.muted = colourOf("--muted"); this.draw(); });
      this.muted = colourOf("--muted");
      this.compute();
    }

    // Run the layers and draw everything; where they cannot run, say so and leave what is there.
    compute() {
      const wrong = engine.refusal(this.picture, this.layers);
      this.controls.complain(wrong ? t("A window of {window} does not fit a picture of {size}",
        {window: `${wrong.field[1]} x ${wrong.field[0]}`, size: `${wrong.size[1]} x ${wrong.size[0]}`}) : "");
      if (wrong) return;
      this.shift.labels = this.labels();
      this.result = engine.measure(this.picture, this.layers, this.shift);
      const [still, moved] = this.result.stages;
      this.feet = still.map((_, i) => engine.footprints(still[0], this.layers.slice(0, i)));
      this.gaps = this.result.gaps;
      const last = still.length - 1;
      this.written = [still, moved].map((stages) => this.view.written ? engine.written(stages[last], this.picture.dtype, this.view.written, this.view.peak) : stages[last]);
      this.keepSelection();
      if (this.panels.length !== still.length) {
        this.panels = still.map((_, i) => new Panel(this, i));
        this.stages.replaceChildren(...this.panels.map((panel) => panel.node));
        this.stages.style.setProperty("--stages", still.length);
        this.measureRoom();
      }
      this.bounds = this.extents();
      this.controls.update();
      this.draw();
    }

    // The selected pixel, held inside the stage it is in; to begin with, one where something happens.
    keepSelection() {
      const stages = this.result.stages[0], last = stages.length - 1;
      const at = this.selected ?? {stage: last, ...telling(stages, this.layers)};
      const stage = Math.min(at.stage, last), {height, width} = stages[stage];
      this.selected = {stage, row: Math.min(at.row, height - 1), column: Math.min(at.column, width - 1)};
    }

    // What the panels show, in pixels of the picture: all cells of all stages, and the padding around them.
    extents() {
      const bounds = {top: 0, left: 0, bottom: this.result.stages[0][0].height, right: this.result.stages[0][0].width};
      const most = [bounds.bottom / 4, bounds.right / 4];
      this.result.stages[0].forEach((stage, i) => {
        const [rows, columns] = this.feet[i], axes = this.layers[i] ? engine.axesOf(stage, this.layers[i]) : null;
        const around = (which, foot) => axes ? [Math.min(axes[which].before, most[which]), Math.min(axes[which].after, most[which])] : [0, 0];
        const [above, below] = around(0, rows), [before, after] = around(1, columns);
        bounds.top = Math.min(bounds.top, edgeOf(rows, -above));
        bounds.left = Math.min(bounds.left, edgeOf(columns, -before));
        bounds.bottom = Math.max(bounds.bottom, edgeOf(rows, rows.size + below));
        bounds.right = Math.max(bounds.right, edgeOf(columns, columns.size + after));
      });
      return bounds;
    }

    // How wide a panel is: known before anything is drawn, since to ask again for every canvas lays out the page again (10 ms of 30).
    measureRoom() {
      this.room = this.panels.length ? this.panels[0].node.clientWidth : 0;
    }

    draw() {
      if (!this.bounds || !this.room) return;
      for (const panel of this.panels) panel.draw();
      this.read();
    }

    // Whether values count as labels; of layers that are chosen here as the command line guesses.
    labels() {
      const {view, layers, picture} = this, given = layers === this.own || view.call || view.palette || view.other;
      if (given || view.options?.includes("--labels")) return view.labels ?? false;
      return layers.length > 0 && layers.every(({mode}) => mode === "majority") && !engine.isFloat(picture.dtype);
    }

    // A recipe that only the tool computes: its outputs for the picture and for it moved, by shift.
    fixed() {
      const {name, options, feet, outputs} = this.view.fixed;
      this.outputs = Object.fromEntries(Object.entries(outputs).map(([shift, pair]) => [shift, pair.map(engine.unpacked)]));
      return {kind: "fixed", name, options, feet, outputs: this.outputs[this.view.shift]};
    }

    // What the page's own recipe gives.
    restore() {
      this.layers = this.own;
      if (this.outputs) this.shiftTo(...this.view.shift);
      this.compute();
    }

    shiftTo(dx, dy) {
      Object.assign(this.shift, {dx, dy, edge: this.view.edge});
      if (this.outputs) this.own[0].outputs = this.outputs[[dx, dy]];
      this.compute();
    }

    select(at, pin) {
      this.selected = at;
      if (pin) this.pinned = true;
      this.draw();
    }

    // The window of the selected pixel as a table of values, and its arithmetic in words.
    read() {
      const {stage, row, column} = this.selected, stages = this.result.stages[0], layer = this.layers[stage - 1];
      const here = stages[stage], shown = this.channel < 0 ? [...Array(here.channels).keys()] : [this.channel];
      const value = (c) => here.values[(row * here.width + column) * here.channels + c];
      const name = (c) => shown.length > 1 ? `${this.channelName(c)}: ` : "";
      const lines = shown.slice(0, 4).map((c) => {
        const text = layer ? engine.words(stages[stage - 1], layer, row, column, c, value(c)) : engine.shown(value(c), here.dtype);
        return `${name(c)}${text}${stage === stages.length - 1 ? this.clipped(row, column, c) : ""}`;
      });
      const where = t("{stage}, row {row}, column {column}", {stage: t(this.panels[stage].title), row, column});
      this.words.replaceChildren(make("span", {class: "where"}, where), ...lines.map((line) => make("code", {}, line)));
      this.window.replaceChildren(...(layer && this.channel >= 0 ? [windowTable(stages[stage - 1], layer, row, column, this.channel, value(this.channel))] : []));
    }

    channelName(c) {
      return this.colours ? t(CHANNELS[this.picture.channels][c]) : t("channel {number}", {number: c});
    }

    // What the file holds instead of a value, where that is something else.
    clipped(row, column, c) {
      const last = this.result.stages[0].at(-1), file = this.written[0], at = (row * last.width + column) * last.channels + c;
      const [value, held] = [last.values[at], file.values[at]];
      if (value === held || file === last) return "";
      const cut = held === engine.highest(file.dtype) && value > held || held === engine.lowest(file.dtype) && value < held;
      return t(cut && this.view.written === "clip" ? ", in the file {value} (clipped)" : ", in the file {value}", {value: engine.shown(held, file.dtype)});
    }
  }

  const edgeOf = (foot, i) => foot.start + i * foot.jump + (foot.field - foot.jump) / 2; // where cell i begins

  // An output that is worth a look: the largest value whose window holds different ones.
  function telling(stages, layers) {
    const out = stages.at(-1), layer = layers.at(-1), {width, channels, values} = out;
    const order = Array.from({length: values.length / channels}, (_, i) => i).sort((a, b) => values[b * channels] - values[a * channels]);
    const place = (i) => ({row: Math.floor(i / width), column: i % width});
    const found = layer && order.slice(0, 200).find((i) => {
      const held = engine.taps(stages.at(-2), layer, place(i).row, place(i).column, 0).filter((tap) => tap.inside);
      return held.some((tap) => tap.value !== held[0].value);
    });
    return place(found ?? order[0]);
  }

  function windowTable(picture, layer, row, column, channel, out) {
    const found = engine.taps(picture, layer, row, column, channel), across = engine.axesOf(picture, layer)[1].k;
    if (across > 9 || found.length > 81) return make("span", {});
    const rows = [];
    for (let i = 0; i < found.length; i += across) rows.push(make("tr", {}, found.slice(i, i + across).map((tap) => {
      const kept = PICKS[layer.mode] !== undefined && tap.value === out, text = tap.value === null ? "" : engine.shown(tap.value, picture.dtype);
      const weight = layer.kind === "conv" || layer.mode === "blur" ? [make("small", {}, `x ${engine.shown(tap.weight, "float32")}`)] : [];
      return make("td", {class: `${tap.inside ? "" : "padding"}${kept ? " kept" : ""}`, ...(tap.inside ? {} : {title: t("padding")})}, text, ...weight);
    })));
    return make("table", {"aria-label": t("the window")}, make("tbody", {}, rows));
  }

  // One stage: its picture, below it where it changes, each with its scale.
  class Panel {
    constructor(explorer, index) {
      this.explorer = explorer;
      this.index = index;
      this.caption = make("span", {});
      this.scale = make("span", {class: "scale"});
      this.counts = make("span", {class: "counts"});
      this.canvas = this.makeCanvas("view");
      this.heat = this.makeCanvas("heat");
      this.native = document.createElement("canvas"); // pixels before they are enlarged
      this.heatScale = make("span", {class: "scale"});
      this.heading = make("b", {});
      this.node = make("figure", {class: "panel"}, make("figcaption", {}, this.heading, this.caption), this.canvas, this.scale, this.heat, make("div", {}, this.counts, this.heatScale));
    }

    get title() {
      const layer = this.explorer.layers[this.index - 1];
      if (!layer) return "Picture";
      return {conv: "Filter", activation: "Activation", pool: "Pooling", fixed: "Output"}[layer.kind];
    }

    makeCanvas(kind) {
      const canvas = make("canvas", {class: kind, role: "img", tabindex: kind === "view" ? "0" : "-1"});
      if (kind !== "view") canvas.removeAttribute("tabindex");
      const {explorer} = this;
      canvas.addEventListener("pointermove", (event) => {
        if (event.pointerType === "mouse" && !explorer.pinned) this.point(event, false);
      });
      canvas.addEventListener("pointerdown", (event) => this.point(event, true));
      canvas.addEventListener("keydown", (event) => this.key(event));
      return canvas;
    }

    // The pixel under the pointer becomes the selected one; pressing pins it, pressing it again lets it go.
    point(event, pin) {
      const {explorer} = this, box = event.target.getBoundingClientRect(), stage = explorer.result.stages[0][this.index];
      const {top, left, bottom, right} = explorer.bounds, [rows, columns] = explorer.feet[this.index];
      const y = top + (event.clientY - box.top) / box.height * (bottom - top), x = left + (event.clientX - box.left) / box.width * (right - left);
      const row = Math.floor((y - edgeOf(rows, 0)) / rows.jump), column = Math.floor((x - edgeOf(columns, 0)) / columns.jump);
      if (row < 0 || column < 0 || row >= stage.height || column >= stage.width) return;
      const {selected} = explorer, same = selected.stage === this.index && selected.row === row && selected.column === column;
      if (pin && same && explorer.pinned) { explorer.pinned = false; return; }
      if (!same || pin) explorer.select({stage: this.index, row, column}, pin);
    }

    key(event) {
      const step = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0]}[event.key], {explorer} = this;
      if (event.key === "Escape") explorer.pinned = false;
      if (!step) return;
      event.preventDefault();
      const stage = explorer.result.stages[0][this.index], from = explorer.selected;
      const at = from.stage === this.index ? from : {row: Math.floor(stage.height / 2), column: Math.floor(stage.width / 2)};
      const hold = (i, n) => Math.max(0, Math.min(n - 1, i));
      explorer.select({stage: this.index, row: hold(at.row + step[0], stage.height), column: hold(at.column + step[1], stage.width)}, true);
    }

    draw() {
      const {explorer, index} = this, {stages} = explorer.result, [still, moved] = [stages[0][index], stages[1][index]];
      const scale = scaleOf(still, moved, explorer), last = index === stages[0].length - 1, layer = explorer.layers[index - 1];
      this.heading.textContent = t(this.title);
      this.caption.textContent = [layer ? nameOf(layer) : "", `${still.width} x ${still.height}`].filter(Boolean).join(", ");
      const brush = prepare(this.canvas, explorer);
      this.paint(brush, paintPixels(still, scale, explorer.channel, this.native), still);
      if (explorer.part > 0) {
        brush.save();
        brush.beginPath();
        brush.rect(0, 0, this.canvas.clientWidth * explorer.part, this.canvas.clientHeight);
        brush.clip();
        this.paint(brush, paintPixels(moved, scale, explorer.channel, this.native), moved);
        brush.restore();
      }
      this.overlay(brush, explorer.part >= 1 ? moved : still, scale, last);
      this.canvas.setAttribute("aria-label", t("{stage}, {size}. Arrow keys move from pixel to pixel.", {stage: t(this.title), size: `${still.width} x ${still.height}`}));
      drawScale(this.scale, scale, last ? countClipped(still, explorer.written[0]) : 0, explorer.view.written);
      this.drawHeat(still);
    }

    drawHeat(still) {
      const {explorer, index} = this, {tolerance, labels} = explorer.shift;
      const {colours, peak, changed} = heatOf(explorer.gaps[index], still, tolerance, labels, explorer.view.heat, this.native);
      const brush = prepare(this.heat, explorer);
      this.paint(brush, colours, still);
      this.highlight(brush);
      const pixels = still.height * still.width, share = percent(changed / pixels);
      this.counts.textContent = t("{changed} of {all} pixels change ({share})", {changed: grouped(changed), all: grouped(pixels), share});
      this.heat.setAttribute("aria-label", `${t("Where it changes")}: ${this.counts.textContent}`);
      this.heatBar ??= gradient(explorer.view.heat);
      this.heatScale.replaceChildren(...(labels || !changed ? [] : ["0 ", this.heatBar, ` ${brief(peak)}`]));
    }

    // Native pixels, enlarged so that every cell lies around its window's centre.
    paint(brush, pixels, stage) {
      const [x, y, w, h] = this.cell(0, 0, brush.side), box = [x, y, stage.width * w, stage.height * h];
      if (stage.alpha) chequer(brush, box);
      brush.imageSmoothingEnabled = false;
      brush.drawImage(pixels, ...box);
    }

    // Where cell (row, column) lies on the canvas, and how large it is.
    cell(row, column, side) {
      const {left, top} = this.explorer.bounds, [rows, columns] = this.explorer.feet[this.index];
      return [(edgeOf(columns, column) - left) * side, (edgeOf(rows, row) - top) * side, columns.jump * side, rows.jump * side];
    }

    overlay(brush, stage, scale, last) {
      const {explorer, index} = this, next = explorer.layers[index];
      if (next) this.padding(brush, stage, next);
      if (explorer.options.grid && next?.kind === "pool") this.grid(brush, stage, next);
      if (explorer.options.marks && next && next.mode in PICKS) this.marks(brush, stage, next);
      this.numbers(brush, stage, scale);
      if (last) this.corners(brush, stage);
      this.highlight(brush);
    }

    // Hatched: what windows see beyond the border.
    padding(brush, stage, next) {
      const [rows, columns] = engine.axesOf(stage, next), {side} = brush, {explorer} = this;
      if (!(rows.before || rows.after || columns.before || columns.after)) return;
      const [x, y, w, h] = this.cell(0, 0, side), outer = this.cell(-rows.before, -columns.before, side);
      const wide = (stage.width + columns.before + columns.after) * w, high = (stage.height + rows.before + rows.after) * h;
      brush.save();
      brush.beginPath();
      brush.rect(outer[0], outer[1], wide, high);
      brush.rect(x, y, stage.width * w, stage.height * h);
      brush.clip("evenodd");
      brush.strokeStyle = explorer.muted;
      brush.globalAlpha = 0.45;
      brush.beginPath();
      for (let d = outer[0] - high; d < outer[0] + wide; d += 6) { brush.moveTo(d, outer[1] + high); brush.lineTo(d + high, outer[1]); }
      brush.stroke();
      brush.restore();
    }

    grid(brush, stage, next) {
      const axes = engine.axesOf(stage, next), {side} = brush, [, , w, h] = this.cell(0, 0, side), [rows, columns] = axes;
      if (rows.s * h < 5 || columns.s * w < 5) return;
      const fine = Math.min(rows.s * h, columns.s * w) < 14; // a grid must not hide what it lies on
      for (const [colour, width] of fine ? [["#4fc3ff90", 0.7]] : [["#000a", 3], ["#4fc3ff", 1]]) {
        [brush.strokeStyle, brush.lineWidth] = [colour, width];
        for (let i = 0; i < rows.out; i++) for (let j = 0; j < columns.out; j++) {
          const [x, y] = this.cell(i * rows.s - rows.before, j * columns.s - columns.before, side);
          brush.strokeRect(x, y, columns.span * w, rows.span * h);
        }
      }
    }

    // Dots on the pixels that pooling keeps; faded where several of a window are equal, none where all are.
    marks(brush, stage, next) {
      const {explorer} = this, out = explorer.result.stages[explorer.part >= 1 ? 1 : 0][this.index + 1], axes = engine.axesOf(stage, next);
      const [, , w, h] = this.cell(0, 0, brush.side), radius = Math.min(w, h) * 0.22;
      if (radius < 1.3) return; // too small to tell apart
      const shown = explorer.channel < 0 ? [...Array(stage.channels).keys()].filter((c) => !(stage.alpha && c === stage.channels - 1)) : [explorer.channel];
      shown.forEach((c, number) => {
        brush.fillStyle = brush.strokeStyle = shown.length > 1 ? DOTS[c % DOTS.length] : DOT;
        brush.lineWidth = 2;
        const offset = shown.length > 1 ? (number - (shown.length - 1) / 2) * w * 0.28 : 0;
        for (const {row, column, faded} of survivors(stage, next, axes, out, c)) {
          const [x, y] = this.cell(row, column, brush.side);
          brush.globalAlpha = faded ? 0.35 : 1;
          const holdsNumber = explorer.channel >= 0 && Math.min(w, h) >= SHOWN_AT;
          brush.beginPath();
          brush.arc(x + w / 2 + offset, y + h / 2, holdsNumber ? Math.min(w, h) * 0.44 : radius, 0, 7);
          if (holdsNumber) brush.stroke(); else brush.fill();
        }
      });
      brush.globalAlpha = 1;
    }

    numbers(brush, stage, scale) {
      const {explorer} = this, channel = explorer.channel, [, , w, h] = this.cell(0, 0, brush.side);
      if (channel < 0 || Math.min(w, h) < SHOWN_AT) return;
      const size = Math.min(h * 0.42, w * 0.3, 20);
      brush.font = `${size}px ui-monospace, monospace`;
      brush.textAlign = "center";
      brush.textBaseline = "middle";
      for (let row = 0; row < stage.height; row++) for (let column = 0; column < stage.width; column++) {
        const value = stage.values[(row * stage.width + column) * stage.channels + channel], [x, y] = this.cell(row, column, brush.side);
        brush.fillStyle = brightness(scale.colour(value)) > 140 ? "#10151d" : "#ffffff";
        brush.fillText(brief(value), x + w / 2, y + h / 2, w * 0.94);
      }
    }

    // A corner on every output that the file holds clipped.
    corners(brush, stage) {
      const {explorer} = this, file = explorer.written[explorer.part >= 1 ? 1 : 0];
      if (explorer.view.written !== "clip" || file === stage) return;
      brush.fillStyle = "#ff3d57";
      for (let i = 0; i < stage.height * stage.width; i++) {
        const shown = explorer.channel < 0 ? [...Array(stage.channels).keys()] : [explorer.channel];
        if (!shown.some((c) => isClipped(stage, file, i * stage.channels + c))) continue;
        const [x, y, w, h] = this.cell(Math.floor(i / stage.width), i % stage.width, brush.side), side = Math.max(3, Math.min(w, h) * 0.28);
        brush.beginPath();
        brush.moveTo(x + w, y);
        brush.lineTo(x + w - side, y);
        brush.lineTo(x + w, y + side);
        brush.fill();
      }
    }

    // The selected pixel, its window in the stage before, and what these see in the stages before that.
    highlight(brush) {
      const {explorer, index} = this, {stage, row, column} = explorer.selected, {side} = brush;
      if (index > stage) return;
      const frame = (box, colour, width) => {
        brush.lineWidth = width + 2;
        brush.strokeStyle = "#000a";
        brush.strokeRect(...box);
        brush.lineWidth = width;
        brush.strokeStyle = colour;
        brush.strokeRect(...box);
      };
      if (index === stage) frame(this.cell(row, column, side), "#ffb000", 2);
      else if (index === stage - 1) {
        const layer = explorer.layers[index], axes = engine.axesOf(explorer.result.stages[0][index], layer);
        if (axes[0].d > 1 || axes[1].d > 1) {
          for (let a = 0; a < axes[0].k; a++) for (let b = 0; b < axes[1].k; b++)
            frame(this.cell(row * axes[0].s - axes[0].before + a * axes[0].d, column * axes[1].s - axes[1].before + b * axes[1].d, side), "#ffb000", 1.5);
          return;
        }
        const [x, y, w, h] = this.cell(row * axes[0].s - axes[0].before, column * axes[1].s - axes[1].before, side);
        frame([x, y, w * axes[1].k, h * axes[0].k], "#ffb000", 2);
      } else {
        const [rows, columns] = engine.footprints({height: explorer.feet[index][0].size, width: explorer.feet[index][1].size}, explorer.layers.slice(index, stage));
        const [x, y, w, h] = this.cell(rows.start + row * rows.jump, columns.start + column * columns.jump, side);
        frame([x, y, w * columns.field, h * rows.field], "#ffd97a", 1);
      }
    }
  }

  function survivors(stage, layer, [rows, columns], out, c) {
    const found = new Map(), note = (row, column, faded) => {
      const key = row * stage.width + column;
      found.set(key, {row, column, faded: faded && (found.get(key)?.faded ?? true)});
    };
    for (let i = 0; i < rows.out; i++) for (let j = 0; j < columns.out; j++) {
      const kept = out.values[(i * out.width + j) * out.channels + c], equal = [];
      let there = 0;
      const taps = PICKS[layer.mode] ? [0, rows.k, 0, columns.k] : layer.mode === "stride" ? [0, 1, 0, 1]
        : [rows.k >> 1, (rows.k >> 1) + 1, columns.k >> 1, (columns.k >> 1) + 1];
      for (let a = taps[0]; a < taps[1]; a++) for (let b = taps[2]; b < taps[3]; b++) {
        const row = i * rows.s - rows.before + a * rows.d, column = j * columns.s - columns.before + b * columns.d;
        if (row < 0 || column < 0 || row >= stage.height || column >= stage.width) continue;
        there += 1;
        if (stage.values[(row * stage.width + column) * stage.channels + c] === kept) equal.push([row, column]);
      }
      if (there > 1 && equal.length === there) continue; // a blank window
      for (const [row, column] of equal) note(row, column, equal.length > 1);
    }
    return found.values();
  }

  // A canvas as large as its box, a brush for it in units of the page, and how large a pixel of the picture is.
  function prepare(canvas, explorer) {
    const {top, left, bottom, right} = explorer.bounds, dense = window.devicePixelRatio || 1;
    const most = Math.max(160, window.innerHeight * 0.4), {room} = explorer;
    const side = Math.min(room / (right - left), most / (bottom - top), LARGEST_CELL), wide = side * (right - left);
    const size = [wide, side * (bottom - top)].map((length) => Math.max(1, Math.round(length * dense)));
    if (canvas.width !== size[0] || canvas.height !== size[1]) {
      canvas.style.width = `${wide}px`;
      canvas.style.height = `${side * (bottom - top)}px`;
      [canvas.width, canvas.height] = size;
    }
    const brush = canvas.getContext("2d");
    brush.setTransform(dense, 0, 0, dense, 0, 0);
    brush.clearRect(0, 0, wide, side * (bottom - top));
    brush.side = side;
    return brush;
  }

  // What shows through where a picture is transparent.
  function chequer(brush, [x, y, w, h]) {
    brush.fillStyle = "#ffffff";
    brush.fillRect(x, y, w, h);
    brush.fillStyle = "#d5dae1";
    for (let i = 0; i * 8 < h; i++) for (let j = i % 2; j * 8 < w; j += 2)
      brush.fillRect(x + 8 * j, y + 8 * i, Math.min(8, w - 8 * j), Math.min(8, h - 8 * i));
  }

  // How values become colours: bytes as they are, others from their smallest to their largest; below 0 blue.
  function scaleOf(still, moved, explorer) {
    const {view, picture} = explorer;
    if (explorer.shift.labels || view.palette) return {labels: true, colour: labelColours(view.palette)};
    let low = Infinity, high = -Infinity;
    for (const stage of [still, moved]) for (let i = 0; i < stage.values.length; i++) {
      if (stage.alpha && i % stage.channels === stage.channels - 1) continue;
      const value = stage.values[i];
      if (value - value !== 0) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
    if (low > high) [low, high] = [0, 0];
    if (picture.dtype === "uint8" && low >= 0 && high <= 255) [low, high] = [0, 255];
    else if (picture.dtype === "bool" && low >= 0 && high <= 1) [low, high] = [0, 1];
    else if (low > 0 && engine.isFloat(still.dtype)) low = 0;
    const signed = low < 0, least = signed ? 0 : low, span = Math.max(high, 0) - least || 1;
    const level = (value) => Math.max(0, Math.min(255, Math.round((value - least) / span * 255))) || 0;
    const colour = (value) => {
      if (value !== value) return [255, 0, 200];
      if (value < 0 && signed) return [40, 110, 255].map((part) => Math.round(part * Math.min(1, value / low)));
      return [level(value), level(value), level(value)];
    };
    return {low, high, signed, colour, level};
  }

  // Distinct colours for labels: the picture's own palette, or hues a golden angle apart.
  function labelColours(palette) {
    if (palette) return (value) => palette[value] ?? [0, 0, 0];
    const known = new Map();
    return (value) => {
      if (!known.has(value)) known.set(value, value === 0 ? [24, 28, 36] : hue((value * 137.508) % 360, value % 2 ? 0.62 : 0.5));
      return known.get(value);
    };
  }

  function hue(angle, light) {
    const a = 0.75 * Math.min(light, 1 - light);
    return [0, 8, 4].map((n) => {
      const k = (n + ((angle % 360) + 360) % 360 / 30) % 12;
      return Math.round(255 * (light - a * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
    });
  }

  const brightness = ([r, g, b]) => 0.299 * r + 0.587 * g + 0.114 * b;

  function paintPixels(stage, scale, channel, native) {
    const {height, width, channels, values, alpha} = stage, image = new ImageData(width, height), data = image.data;
    const colours = channels - (alpha ? 1 : 0), opaque = engine.isFloat(stage.dtype) ? 255 : engine.highest(stage.dtype);
    const one = channel >= 0 ? channel : colours >= 3 ? -1 : 0;
    for (let i = 0, at = 0; at < values.length; i += 4, at += channels) {
      const value = one < 0 ? 0 : values[at + one];
      if (one < 0) for (let c = 0; c < 3; c++) data[i + c] = scale.level(values[at + c]);
      else if (scale.labels || !(value >= 0)) [data[i], data[i + 1], data[i + 2]] = scale.colour(value);
      else data[i] = data[i + 1] = data[i + 2] = scale.level(value);
      data[i + 3] = alpha && channel < 0 ? Math.round(255 * values[at + channels - 1] / opaque) : 255;
    }
    return asCanvas(image, native);
  }

  function asCanvas(image, canvas) {
    if (canvas.width !== image.width || canvas.height !== image.height) [canvas.width, canvas.height] = [image.width, image.height];
    canvas.getContext("2d").putImageData(image, 0, 0);
    return canvas;
  }

  function heatOf(gaps, stage, tolerance, labels, heat, native) {
    const {height, width, channels} = stage, image = new ImageData(width, height), data = image.data;
    let peak = 0, changed = 0;
    for (let i = 0; i < gaps.length; i++) if (gaps[i] < Infinity && gaps[i] > peak) peak = gaps[i];
    for (let pixel = 0, at = 0; at < gaps.length; pixel += 4) {
      let most = 0;
      for (const end = at + channels; at < end; at++) if (gaps[at] > most) most = gaps[at];
      if (most > tolerance) changed += 1;
      const level = most <= 0 ? 0 : labels || !(peak > 0) ? heat.length - 1 : Math.ceil(Math.min(most / peak, 1) * (heat.length - 1));
      data[pixel] = heat[level][0]; data[pixel + 1] = heat[level][1]; data[pixel + 2] = heat[level][2]; data[pixel + 3] = 255;
    }
    return {colours: asCanvas(image, native), peak, changed};
  }

  const isClipped = (stage, file, i) =>
    stage.values[i] > engine.highest(file.dtype) || stage.values[i] < engine.lowest(file.dtype);

  function countClipped(stage, file) {
    if (file === stage) return 0;
    let count = 0;
    for (let i = 0; i < stage.values.length; i++) count += isClipped(stage, file, i);
    return count;
  }

  function drawScale(node, scale, clipped, how) {
    const key = [scale.labels, scale.low, scale.high, scale.signed, clipped].join(" ");
    if (node.dataset.key === key) return; // a canvas for every bar took 4 ms of 20
    node.dataset.key = key;
    if (scale.labels) { node.replaceChildren(t("labels")); return; }
    const stops = scale.signed ? [scale.colour(scale.low), [0, 0, 0], scale.colour(scale.high)] : [[0, 0, 0], [255, 255, 255]];
    const parts = [`${brief(scale.low)} `, gradient(stops), ` ${brief(scale.high)}`];
    if (clipped && how === "clip") parts.push(make("span", {class: "clip"}, ` ${t("{count} clipped in the file", {count: clipped})}`));
    node.replaceChildren(...parts);
  }

  function gradient(stops) {
    const canvas = make("canvas", {class: "bar", "aria-hidden": "true"}), brush = canvas.getContext("2d");
    [canvas.width, canvas.height] = [64, 1];
    const fill = brush.createLinearGradient(0, 0, 64, 0);
    stops.forEach((stop, i) => fill.addColorStop(i / (stops.length - 1), `rgb(${stop.slice(0, 3)})`));
    brush.fillStyle = fill;
    brush.fillRect(0, 0, 64, 1);
    return canvas;
  }

  // A number in little room: to four digits.
  function brief(value) {
    if (!Number.isFinite(value)) return engine.shown(value);
    return Number.isInteger(value) && Math.abs(value) < 1e5 ? String(value) : String(Number(value.toPrecision(4)));
  }

  const grouped = (count) => count.toLocaleString("en");
  const short = (value) => String(Number(value.toPrecision(3)));

  function percent(share) {
    const value = 100 * share;
    if (value === 0 || value === 100) return `${value} %`;
    if (value >= 99.95 && value < 100) return ">99.9 %";
    return value >= 1 || value < 0 ? `${value.toFixed(1)} %` : `${Number(value.toPrecision(2))} %`;
  }

  const pair = ([a, b]) => a === b ? `${a}` : `${a}x${b}`;

  // A layer as the tool writes it.
  function nameOf(layer) {
    if (layer.kind === "activation" || layer.kind === "fixed") return layer.name;
    const edge = (usual) => layer.edge && layer.edge !== usual ? `,edge=${layer.edge}` : "";
    const file = /^[^\s,]*(?<!\/\d)$/.test(layer.name) ? layer.name : `@"${layer.name?.slice(1)}"`;
    if (layer.kind === "conv") return `conv:${file}${layer.s[0] > 1 || layer.s[1] > 1 ? `/${pair(layer.s)}` : ""}${edge("reflect")}`;
    const {kind, mode, k, s, d, padding, ceil, edge: border, ...options} = layer, none = typeof padding !== "string" && padding.every((side) => side === 0);
    const sides = typeof padding === "string" ? padding : padding[0] === padding[1] && padding[2] === padding[3] ? pair([padding[0], padding[2]]) : padding.join("x");
    const dilation = d[0] > 1 || d[1] > 1 ? `@${pair(d)}` : "";
    const given = Object.entries(options).filter(([, value]) => value !== false && value !== "smallest");
    const flags = [...(ceil ? ["ceil"] : []), ...given.map(([name, value]) => value === true ? name : `${name}=${value}`)];
    return `${mode}:${pair(k)}/${pair(s)}${none ? "" : `+${sides}`}${dilation}${flags.map((flag) => `,${flag}`).join("")}${mode === "blur" ? edge("reflect") : ""}`;
  }

  // The controls: a filter, an activation, a pooling, a shift, and what is drawn over the pictures.
  class Controls {
    constructor(explorer) {
      this.explorer = explorer;
      const {view, picture} = explorer, allowed = view.controls ?? [...(view.palette ? [] : ["filter"]), "pooling", ...(view.other ? [] : ["shift"]), "view"];
      this.fields = {};
      this.message = make("p", {class: "complaint", role: "alert", hidden: true});
      this.command = make("code", {});
      this.back = make("button", {type: "button", class: "own"}, t("Back to the recipe of this page"));
      this.back.addEventListener("click", () => explorer.restore());
      const edges = ["reflect", "symmetric", "replicate", "zero", "wrap"], sizes = ["0", "1", "2", "3", "same", "same-lower", "wrap"];
      const first = explorer.outputs ? [OWN] : explorer.own.some((layer) => layer.kind === "pool") ? [] : ["none"];
      const modes = [...first, ...view.modes];
      const groups = {
        filter: [this.choice("filter", "Filter", ["none", ...Object.keys(view.filters)]), this.choice("filterEdge", "beyond the border", edges),
          this.choice("activation", "Activation", ["none", "relu", "relu6", "abs"])],
        pooling: [this.choice("mode", "Pooling", modes), this.number("k", "window", 1, 16), this.number("s", "stride", 1, 16),
          this.choice("padding", "padding", sizes), this.choice("edge", "beyond the border", edges)],
        shift: [this.number("dx", "Shift right", -16, 16), this.number("dy", "down", -16, 16),
          this.choice("shiftEdge", "at the border", ["replicate", "zero", "wrap", "crop"])],
        view: [this.switch("grid", "windows"), this.switch("marks", "pixels that survive"),
          ...(picture.channels > 1 ? [this.choice("channel", "Channel", ["all", ...[...Array(picture.channels).keys()].map((c) => explorer.channelName(c))])] : []),
          this.slider(), this.blinker()],
      };
      const shown = Object.entries(groups).filter(([name]) => allowed.includes(name));
      this.groups = new Set(shown.map(([name]) => name));
      this.node = make("form", {class: "controls live-controls"}, shown.map(([name, fields]) => make("fieldset", {class: name}, fields)),
        ...(view.name ? [make("p", {class: "command"}, this.command, " ", this.back)] : []), this.message);
      this.node.addEventListener("submit", (event) => event.preventDefault());
      this.node.addEventListener("input", (event) => this.changed(event.target.name));
    }

    label(text, field) {
      this.fields[field.name] = field;
      return make("label", {}, make("span", {}, t(text)), field);
    }

    choice(name, text, values) {
      return this.label(text, make("select", {name}, values.map((value) => make("option", {value}, t(value)))));
    }

    number(name, text, min, max) {
      return this.label(text, make("input", {type: "number", name, min: String(min), max: String(max), step: "1", required: true}));
    }

    switch(name, text) {
      return this.label(text, make("input", {type: "checkbox", name}));
    }

    slider() {
      return this.label(this.explorer.view.other ? "other picture" : "moved picture", make("input", {type: "range", name: "part", min: "0", max: "100", value: "0"}));
    }

    blinker() {
      const button = make("button", {type: "button", class: "blink", "aria-pressed": "false"}, t("Blink"));
      button.addEventListener("click", () => {
        const on = button.getAttribute("aria-pressed") !== "true";
        button.setAttribute("aria-pressed", String(on));
        clearInterval(this.timer);
        if (on) this.timer = setInterval(() => this.uncover(this.explorer.part > 0 ? 0 : 1), 500);
        else this.uncover(0);
      });
      return button;
    }

    uncover(part) {
      this.explorer.part = part;
      if (this.fields.part) this.fields.part.value = String(100 * part);
      this.explorer.draw();
    }

    // What the fields say becomes the explorer's settings, as far as it can be.
    changed(name) {
      const {explorer, fields} = this, value = (field) => fields[field]?.value;
      if (name === "part") { this.uncover(Number(value("part")) / 100); return; }
      if (name === "grid" || name === "marks" || name === "channel") {
        explorer.options = {grid: fields.grid.checked, marks: fields.marks.checked};
        if (fields.channel) explorer.channel = fields.channel.selectedIndex - 1;
        explorer.draw();
        return;
      }
      if (!this.node.checkValidity()) return;
      if (["dx", "dy", "shiftEdge"].includes(name))
        Object.assign(explorer.shift, {dx: Number(value("dx")), dy: Number(value("dy")), edge: value("shiftEdge")});
      else explorer.layers = this.layersOf(name);
      explorer.compute();
    }

    layersOf(name) {
      const {explorer, fields} = this, {own, view} = explorer, layers = [];
      if (name === "mode" && fields.mode.value === OWN) return own;
      const [filter, activation, chosen] = ["filter", "activation", "mode"].map((field) => fields[field].value), mode = chosen === OWN ? "max" : chosen;
      if (filter !== "none") layers.push({kind: "conv", name: filter, passes: view.filters[filter], s: [1, 1], edge: fields.filterEdge.value});
      if (activation !== "none") layers.push({kind: "activation", name: activation});
      if (mode === "none") return layers;
      const base = own?.find((layer) => layer.kind === "pool") ?? {kind: "pool", d: [1, 1], ceil: false};
      const most = mode === "blur" ? 7 : 16, k = Math.min(most, Number(fields.k.value));
      let s = Number(fields.s.value);
      if (name === "k" && this.together) s = k; // a stride that was the window's stays so
      const text = fields.padding.value, takes = mode !== "stride" && mode !== "blur", side = Math.min(Number(text) || 0, k - 1);
      const padding = !takes ? [0, 0, 0, 0] : /^\d/.test(text) ? [side, side, side, side] : text;
      const options = base.mode === mode ? base : {kind: "pool", d: base.d, ceil: base.ceil};
      const plain = takes ? {} : {d: [1, 1], ceil: false}, border = mode === "blur" ? {edge: fields.edge.value} : {};
      layers.push({...options, ...plain, mode, k: [k, k], s: [s, s], padding, ...border});
      return layers;
    }

    // The fields show what the explorer's settings are.
    update() {
      const {explorer, fields, groups} = this, {layers, shift, view, own} = explorer, find = (kind) => layers.find((layer) => layer.kind === kind);
      const conv = find("conv"), pool = find("pool"), fixed = layers.some((layer) => layer.kind === "fixed");
      const set = (name, value) => { if (fields[name] && document.activeElement !== fields[name]) fields[name].value = value; };
      set("filter", conv?.name ?? "none");
      set("filterEdge", conv?.edge ?? "reflect");
      set("activation", find("activation")?.name ?? "none");
      set("mode", pool?.mode ?? (fixed ? OWN : "none"));
      set("k", pool?.k[0] ?? 2);
      set("s", pool?.s[0] ?? 2);
      set("padding", typeof pool?.padding === "string" ? pool.padding : String(pool?.padding[0] ?? 0));
      set("edge", pool?.edge ?? "reflect");
      set("dx", shift.dx);
      set("dy", shift.dy);
      set("shiftEdge", shift.edge);
      set("channel", fields.channel?.options[explorer.channel + 1].value);
      this.together = !pool || (pool.k[0] === pool.s[0] && pool.k[1] === pool.s[1]);
      fields.grid.checked = explorer.options.grid;
      fields.marks.checked = explorer.options.marks;
      const show = (name, on) => { fields[name].closest("label").hidden = !on; };
      show("filterEdge", conv);
      show("edge", pool?.mode === "blur");
      show("padding", pool && pool.mode !== "blur" && pool.mode !== "stride");
      show("k", pool && pool.mode !== "stride");
      show("s", pool);
      show("grid", pool);
      show("marks", layers.some((layer) => layer.mode in PICKS));
      fields.k.max = pool?.mode === "blur" ? "7" : "16";
      for (const name of ["dx", "dy", "shiftEdge"]) fields[name].disabled = fixed;
      this.back.hidden = layers === own;
      this.command.textContent = view.other ? "" : commandOf(explorer);
      explorer.figures.replaceChildren(...figures(explorer.result, layers.length > 0, groups.has("shift") || view.figures || view.other));
    }

    complain(text) {
      this.message.textContent = text;
      this.message.hidden = !text;
    }
  }

  const quoted = (word) => /^[\w./=,:-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

  // The line that does the same.
  function commandOf({view, layers, shift: {dx, dy, edge}}) {
    const recipe = layers.map(nameOf).join(" "), name = view.name ?? "";
    if (view.call) return `poolcli.apply(${JSON.stringify(recipe)}, ${view.call})`;
    const words = [...(view.options ?? []), ...layers.flatMap((layer) => layer.options ?? [])].map(quoted);
    if (dx !== -1 || dy !== 0) words.push(`--shift=${dx},${dy}`);
    if (edge !== "replicate") words.push(`--shift-edge ${edge}`);
    if (view.tolerance) words.push(`--tolerance ${view.tolerance}`);
    return ["poolcli stack", /["$`\\!]/.test(recipe) ? quoted(recipe) : `"${recipe}"`, ...words, ...(/^-./.test(name) ? ["--"] : []), quoted(name)].join(" ");
  }

  // What the shift changes before and after, per pixel, and of the contrast.
  function figures({raw, pooled, gain, absorbed, residual}, pools, wanted) {
    if (!wanted) return [];
    const count = (side) => t("{changed} of {all} ({share})", {changed: grouped(side.changed), all: grouped(side.pixels), share: percent(side.fraction)});
    const rows = [[t("changed before"), count(raw)]];
    if (!pools) return [make("span", {}, make("b", {}, rows[0][0]), ` ${rows[0][1]}`)];
    rows.push([t("changed after"), count(pooled)]);
    if (gain !== null) rows.push([t("per pixel"), gain === 1 ? t("as many") : gain > 1 ? t("{times}x fewer", {times: short(gain)}) : t("{times}x as many", {times: short(1 / gain)})]);
    if (absorbed !== null) rows.push([t("absorbed"), percent(absorbed)]);
    const left = residual > 1 ? "{residual} (the change has grown to {share})" : "{residual} ({share} of the change is left)";
    rows.push([t("residual"), residual === null ? "-" : t(left, {residual: short(residual), share: percent(residual)})]);
    return rows.map(([name, text]) => make("span", {}, make("b", {}, name), ` ${text}`));
  }

  // Every element that names its data becomes an explorer; rows of a table of shifts choose theirs.
  function mount(root) {
    const view = JSON.parse(document.getElementById(root.dataset.view).textContent);
    Object.assign(words, view.words ?? {});
    const explorer = new Explorer(root, view), rows = [...document.querySelectorAll("button[data-dx]")];
    for (const button of rows) if (explorer.outputs && !explorer.outputs[[button.dataset.dx, button.dataset.dy]]) button.disabled = true;
    for (const button of rows) button.addEventListener("click", () => {
      explorer.shiftTo(Number(button.dataset.dx), Number(button.dataset.dy));
      for (const other of rows) other.setAttribute("aria-pressed", String(other === button));
    });
    return explorer;
  }

  return {mounted: [...document.querySelectorAll("[data-view]")].map(mount)};
})();
