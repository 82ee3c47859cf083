"use strict";
// The layers of poolcli for a page: pure functions on pictures, no document. A picture is {height, width, channels, dtype,
// alpha, values}: values row by row, channels together, as numbers; whole numbers beyond 2**38 are left to the tool.
// Sums are taken in the tool's order and precision, so that results agree: whole numbers to the bit, floats to an ulp.
const engine = (() => {
  const RANGES = {
    bool: [0, 1], uint8: [0, 255], int8: [-128, 127], uint16: [0, 65535], int16: [-32768, 32767],
    uint32: [0, 2 ** 32 - 1], int32: [-(2 ** 31), 2 ** 31 - 1], uint64: [0, 2 ** 64], int64: [-(2 ** 63), 2 ** 63],
  };
  const NARROW = new Set(["bool", "uint8", "int8", "uint16", "int16", "float16", "float32"]);
  const LARGEST = {float16: 65504, float32: (2 - 2 ** -23) * 2 ** 127, float64: Number.MAX_VALUE};
  const ZERO = -1; // the index of a row or column that holds zeros

  const isFloat = (dtype) => dtype.startsWith("float");
  const lowest = (dtype) => isFloat(dtype) ? -Infinity : RANGES[dtype][0];
  const highest = (dtype) => isFloat(dtype) ? Infinity : RANGES[dtype][1];
  const like = (picture, height, width, values, dtype = picture.dtype) =>
    ({height, width, channels: picture.channels, dtype, alpha: picture.alpha, wide: picture.wide, values});

  // The nearest float16, ties to even.
  function half(value) {
    const size = Math.abs(value);
    if (!(size < 65520)) return size !== size ? NaN : Math.sign(value) * Infinity;
    let unit = 2 ** -24;
    while (size >= unit * 2048) unit *= 2;
    const steps = size / unit, low = Math.floor(steps), rest = steps - low;
    const rounded = low + (rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? 1 : 0);
    return value < 0 ? -rounded * unit : rounded * unit;
  }
  const ROUND = {float16: half, float32: Math.fround};
  const rounded = (dtype) => ROUND[dtype] ?? ((value) => value);

  const STORES = {
    bool: Uint8Array, uint8: Uint8Array, int8: Int8Array, uint16: Uint16Array, int16: Int16Array, uint32: Uint32Array,
    int32: Int32Array, uint64: BigUint64Array, int64: BigInt64Array, float32: Float32Array, float64: Float64Array,
  };

  // A picture as it stands in a page: its values are bytes in base64, the lowest byte first.
  function unpacked(form) {
    const bytes = Uint8Array.from(atob(form.data), (letter) => letter.charCodeAt(0));
    const values = form.dtype === "float16" ? Float64Array.from(new Uint16Array(bytes.buffer), unhalved)
      : Float64Array.from(new STORES[form.dtype](bytes.buffer), Number);
    return {...form, data: null, values};
  }

  function unhalved(bits) {
    const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, rest = bits & 1023;
    if (exponent === 31) return rest ? NaN : sign * Infinity;
    return sign * (exponent ? (1024 + rest) * 2 ** (exponent - 25) : rest * 2 ** -24);
  }

  // Where windows lie on one axis, as in PyTorch; which: 0 rows, 1 columns.
  function axisOf(n, layer, which) {
    const k = layer.k[which], s = layer.s[which], d = layer.d[which], padding = layer.padding, span = d * (k - 1) + 1;
    if (typeof padding === "string") {
      const out = Math.ceil(n / s), total = Math.max(0, (out - 1) * s + span - n);
      const small = Math.floor(total / 2), before = padding === "same-lower" ? total - small : small;
      return {n, k, s, d, span, before, after: total - before, out};
    }
    const before = padding[2 * which], after = padding[2 * which + 1], free = n + before + after - span;
    let out = (layer.ceil ? Math.ceil(free / s) : Math.floor(free / s)) + 1;
    if (layer.ceil && (out - 1) * s >= n + before) out -= 1;
    return {n, k, s, d, span, before, after, out};
  }

  // Of a low-pass of k taps, or a filter: the size stays, every s-th value is kept from the first.
  function sameAxis(n, k, s) {
    const before = Math.floor((k - 1) / 2);
    return {n, k, s, d: 1, span: k, before, after: k - 1 - before, out: Math.ceil(n / s)};
  }

  function axesOf(picture, layer) {
    if (layer.kind === "conv") {
      const rows = layer.passes[0].length, columns = layer.passes[layer.passes.length - 1][0].length;
      return [sameAxis(picture.height, rows, layer.s[0]), sameAxis(picture.width, columns, layer.s[1])];
    }
    if (layer.kind === "fixed") return layer.feet.map(({size, jump, field, start}, which) =>
      ({n: which ? picture.width : picture.height, k: field, s: jump, d: 1, span: field, before: -start, after: 0, out: size}));
    if (layer.kind === "activation") return [sameAxis(picture.height, 1, 1), sameAxis(picture.width, 1, 1)];
    if (layer.mode === "blur")
      return [sameAxis(picture.height, layer.k[0], layer.s[0]), sameAxis(picture.width, layer.k[1], layer.s[1])];
    return [axisOf(picture.height, layer, 0), axisOf(picture.width, layer, 1)];
  }

  // What stands at place i of n values, beyond the border too.
  function edgePlace(i, n, edge) {
    if (i >= 0 && i < n) return i;
    if (edge === "zero") return ZERO;
    if (edge === "replicate") return i < 0 ? 0 : n - 1;
    if (edge === "wrap") return ((i % n) + n) % n;
    const period = edge === "symmetric" ? 2 * n : Math.max(1, 2 * n - 2), at = ((i % period) + period) % period;
    return at < n ? at : period - at - (edge === "symmetric" ? 1 : 0);
  }

  const edgeOf = (layer) => layer.edge ?? (layer.padding === "wrap" ? "wrap" : "zero");

  // The picture with all that its windows see beyond the border, `fill` where there is nothing.
  function padded(picture, axes, edge, fill, Store) {
    const [rows, columns] = axes, {channels, width, values} = picture;
    const [down, across] = axes.map((axis) => Int32Array.from(
      {length: (axis.out - 1) * axis.s + axis.span}, (_, i) => edgePlace(i - axis.before, axis.n, edge)));
    const out = new Store(down.length * across.length * channels), row = across.length * channels;
    const first = Math.max(0, columns.before), last = Math.min(across.length, columns.before + width); // simply there
    down.forEach((y, number) => {
      const to = number * row, from = y * width - columns.before;
      if (y === ZERO) { out.fill(fill, to, to + row); return; }
      if (last > first) out.set(values.subarray((from + first) * channels, (from + last) * channels), to + first * channels);
      for (let i = 0; i < across.length; i++) {
        if (i === first && last > first) i = last;
        if (i >= across.length) break;
        for (let c = 0; c < channels; c++)
          out[to + i * channels + c] = across[i] === ZERO ? fill : values[(y * width + across[i]) * channels + c];
      }
    });
    return {height: down.length, width: across.length, values: out, rows, columns, wraps: edge === "wrap"};
  }

  // The sum, or the largest, of k values `unit` apart from each value on: by doubling where the tool doubles, else one by
  // one. A store of float32 rounds every sum.
  const doubles = (k, s) => k > 2 && k - 2 > s * Math.log2(k);
  function runs(line, unit, k, s, add) {
    const Store = line.constructor, join = add ? joinSums : joinLargest;
    if (k === 1) return line;
    if (!doubles(k, s)) {
      const out = new Store(line.length), valid = line.length - (k - 1) * unit;
      join(line, line, unit, out, valid);
      for (let t = 2; t < k; t++) join(out, line, t * unit, out, valid);
      return out;
    }
    let run = line, width = 1;
    for (let n = 31 - Math.clz32(k) - 1; n >= 0; n--) {
      const wider = k >> n, longer = new Store(line.length), last = (wider - 1) * unit, valid = line.length - last;
      join(run, run, width * unit, longer, valid);
      if (wider % 2) join(longer, line, last, longer, valid);
      [run, width] = [longer, wider];
    }
    return run;
  }
  function joinSums(a, b, apart, out, count) {
    for (let i = 0; i < count; i++) out[i] = a[i] + b[i + apart];
  }
  function joinLargest(a, b, apart, out, count) { // NaN wins
    for (let i = 0; i < count; i++) { const p = a[i], q = b[i + apart]; out[i] = p >= q || p !== p ? p : q; }
  }

  // Every window reduced, rows first; `add` sums, else the largest wins. Sums of windows that reach over more than the
  // picture come before the others.
  function reduce(board, channels, add) {
    const {rows, columns, height, width, wraps} = board, Store = board.values.constructor;
    const exceeds = (axis) => add && !wraps && axis.span > axis.n;
    let {values} = board, row = width * channels, across = columns;
    if (exceeds(columns) && !exceeds(rows)) {
      values = ends(values, columns, channels, row, height);
      row = columns.out * channels;
      across = {...columns, k: 1, s: 1, d: 1, span: 1, n: columns.out};
    }
    const kept = exceeds(rows) ? ends(values, rows, row, row, 1) : new Store(rows.out * row);
    if (!exceeds(rows)) {
      const down = runs(values, row * rows.d, rows.k, rows.s, add);
      for (let y = 0; y < rows.out; y++) kept.set(down.subarray(y * rows.s * row, y * rows.s * row + row), y * row);
    }
    if (exceeds(across)) return ends(kept, columns, channels, row, rows.out);
    const sums = runs(kept, channels * across.d, across.k, across.s, add), out = new Store(rows.out * columns.out * channels);
    let to = 0;
    for (let y = 0; y < rows.out; y++) for (let x = 0; x < columns.out; x++)
      for (let from = y * row + x * across.s * channels, c = 0; c < channels; c++) out[to++] = sums[from + c];
    return out;
  }

  // Sums of windows that reach over more than the picture, in the tool's order: from the first value of those that begin
  // before it, from the last of the others. Values are `unit` numbers long, in `lines` lines `length` apart.
  function ends(values, axis, unit, length, lines) {
    const out = new values.constructor(lines * axis.out * unit);
    for (let i = 0; i < axis.out; i++) {
      const start = i * axis.s - axis.before, places = [];
      for (let t = 0; t < axis.k; t++) if (start + t * axis.d >= 0 && start + t * axis.d < axis.n) places.push(start + t * axis.d + axis.before);
      if (start >= 0) places.reverse();
      for (let line = 0; line < lines; line++) for (let u = 0; u < unit; u++) {
        const to = (line * axis.out + i) * unit + u;
        places.forEach((place, n) => { out[to] = (n ? out[to] : 0) + values[line * length + place * unit + u]; });
      }
    }
    return out;
  }

  const negated = (picture) => ({...picture, values: picture.values.map((value) => -value)});

  function maxPool(picture, layer) {
    const axes = axesOf(picture, layer), board = padded(picture, axes, edgeOf(layer), lowest(picture.dtype), Float64Array);
    return like(picture, axes[0].out, axes[1].out, reduce(board, picture.channels, false));
  }

  function minPool(picture, layer) {
    const axes = axesOf(picture, layer), board = padded(picture, axes, edgeOf(layer), highest(picture.dtype), Float64Array);
    return like(picture, axes[0].out, axes[1].out, negated({values: reduce(negated(board), picture.channels, false)}).values);
  }

  // How many taps of each window lie on the values, or on these and the padding.
  function countsOf(axis, onPadding) {
    const low = onPadding ? -axis.before : 0, high = onPadding ? axis.n + axis.after : axis.n;
    return Array.from({length: axis.out}, (_, i) => {
      let count = 0;
      for (let t = 0, at = i * axis.s - axis.before; t < axis.k; t++, at += axis.d) count += at >= low && at < high;
      return count;
    });
  }

  // Small windows of float32 are summed as such, others (and all of a picture that is `wide`, since values are to be
  // ignored in it) in float64; a sum that does not fit is taken again with room.
  const FEW_VALUES = 8;
  function avgPool(picture, layer) {
    const axes = axesOf(picture, layer), most = Math.max(...axes.map(({k, n, d}) => Math.min(k, Math.ceil(n / d))));
    const narrow = picture.dtype === "float32" || picture.dtype === "float16";
    const means = meansOf(picture, layer, axes, narrow && !picture.wide && most <= FEW_VALUES ? Float32Array : Float64Array);
    if (!isFloat(picture.dtype) || means.values.every(Number.isFinite)) return means;
    const scale = narrow ? 1 : 2 ** (32 - Math.clz32(axes[0].k * axes[1].k)), top = LARGEST[picture.dtype];
    const small = meansOf({...picture, dtype: "float64", values: picture.values.map((value) => value / scale)}, layer, axes, Float64Array);
    const round = rounded(picture.dtype), roomy = (value) => Number.isFinite(value) ? round(Math.max(-top, Math.min(top, value * scale))) : value;
    return {...means, values: means.values.map((value, i) => Number.isFinite(value) ? value : roomy(small.values[i]))};
  }

  function meansOf(picture, layer, axes, Store) {
    const {dtype, channels} = picture, wraps = layer.padding === "wrap";
    const sums = reduce(padded(picture, axes, edgeOf(layer), 0, Store), channels, true);
    const [down, across] = axes.map((axis) => countsOf(axis, wraps || !layer["exclude-pad"]));
    const round = rounded(dtype), whole = !isFloat(dtype), narrow = rounded(Store === Float32Array ? "float32" : "");
    const out = new Float64Array(sums.length);
    for (let y = 0, i = 0; y < axes[0].out; y++) for (let x = 0; x < axes[1].out; x++) {
      const n = down[y] * across[x];
      for (let c = 0; c < channels; c++, i++)
        out[i] = whole ? Math.floor((sums[i] + Math.floor(Math.max(n, 1) / 2)) / Math.max(n, 1)) : round(narrow(sums[i] / n));
    }
    return like(picture, axes[0].out, axes[1].out, out);
  }

  // On each axis, for every window the places of its values that are truly there.
  function placesOf(picture, layer, axes) {
    return axes.map((axis) => Array.from({length: axis.out}, (_, i) => Array.from({length: axis.k},
      (__, t) => edgePlace(i * axis.s - axis.before + t * axis.d, axis.n, edgeOf(layer))).filter((at) => at !== ZERO)));
  }

  // Values as numbers of the distinct ones in ascending order (NaN is one of them, the last), and these `levels`. Whole
  // numbers that lie close are levels with all between them.
  function rankLine(values) {
    let low = Infinity, high = -Infinity, whole = true;
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      whole = whole && Number.isInteger(value);
      if (value < low) low = value;
      if (value > high) high = value;
    }
    if (whole && high - low < 65536)
      return {ranks: Int32Array.from(values.map((value) => value - low)), levels: new Float64Array(high - low + 1).map((_, i) => low + i)};
    const levels = Float64Array.from(values).sort(), last = values.length - 1;
    let count = 1;
    for (let i = 1; i <= last; i++) {
      const value = levels[i], before = levels[count - 1];
      if (!(value === before || before !== before)) levels[count++] = value;
    }
    const ranks = new Int32Array(values.length);
    for (let i = 0; i < values.length; i++) ranks[i] = placeIn(levels, count, values[i]);
    return {ranks, levels: levels.subarray(0, count)};
  }

  // Where a value stands among `count` ascending ones, of which it is one; NaN is the last.
  function placeIn(levels, count, value) {
    if (value !== value) return count - 1;
    let low = 0, high = count - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (levels[middle] < value) low = middle + 1; else high = middle;
    }
    return low;
  }

  function channelOf(values, channels, c) {
    const out = new Float64Array(values.length / channels);
    for (let i = 0, at = c; i < out.length; i++, at += channels) out[i] = values[at];
    return out;
  }

  // The median of every window: small ones are sorted one by one, which needs no ranks of all values (57 ms of floats
  // in colour became 12).
  const FEW_TAPS = 25;
  function medianPool(picture, layer) {
    const {channels, dtype, width, values} = picture, axes = axesOf(picture, layer), [rows, columns] = axes;
    if (rows.k * columns.k > FEW_TAPS) return slidingMedian(picture, layer);
    const [down, across] = placesOf(picture, layer, axes), out = new Float64Array(rows.out * columns.out * channels);
    const window = new Float64Array(FEW_TAPS), none = isFloat(dtype) ? NaN : 0;
    for (let y = 0, to = 0; y < rows.out; y++) for (let x = 0; x < columns.out; x++) for (let c = 0; c < channels; c++, to++) {
      let held = 0, nan = false;
      for (const row of down[y]) for (const column of across[x]) {
        const value = values[(row * width + column) * channels + c];
        let at = held++;
        nan = nan || value !== value;
        for (; at > 0 && window[at - 1] > value; at--) window[at] = window[at - 1];
        window[at] = value;
      }
      out[to] = !held || nan ? none : meanOf(window[(held - 1) >> 1], window[held >> 1], dtype);
    }
    return like(picture, rows.out, columns.out, out);
  }

  // Of large windows, by counts of ranks that slide along: in blocks of BLOCK, so that few are looked at.
  const BLOCK = 64;
  function slidingMedian(picture, layer) {
    const {channels, dtype, width} = picture, axes = axesOf(picture, layer), [rows, columns] = axes;
    const [down, across] = placesOf(picture, layer, axes), out = new Float64Array(rows.out * columns.out * channels);
    for (let c = 0; c < channels; c++) {
      const {ranks, levels} = rankLine(channels > 1 ? channelOf(picture.values, channels, c) : picture.values);
      const counts = new Int32Array(levels.length), blocks = new Int32Array(Math.ceil(levels.length / BLOCK));
      const nan = Number.isNaN(levels[levels.length - 1]) ? levels.length - 1 : -1;
      let held = 0;
      const count = (y, column, sign) => {
        for (const row of down[y]) {
          const rank = ranks[row * width + column];
          counts[rank] += sign;
          blocks[Math.floor(rank / BLOCK)] += sign;
        }
        held += sign * down[y].length;
      };
      const at = (place) => {
        let block = 0, before = 0;
        while (before + blocks[block] <= place) before += blocks[block++];
        let rank = block * BLOCK;
        while (before + counts[rank] <= place) before += counts[rank++];
        return levels[rank];
      };
      for (let y = 0; y < rows.out; y++) {
        let seen = [];
        for (let x = 0; x < columns.out; x++) {
          const now = across[x], slides = columns.d === 1 && layer.padding !== "wrap";
          for (const column of seen) if (!slides || column < now[0] || !now.length) count(y, column, -1);
          const last = slides && seen.length ? seen[seen.length - 1] : -1;
          for (const column of now) if (column > last) count(y, column, 1);
          seen = now;
          out[(y * columns.out + x) * channels + c] = !held || (nan >= 0 && counts[nan]) ? (isFloat(dtype) ? NaN : 0)
            : meanOf(at((held - 1) >> 1), at(held >> 1), dtype);
        }
        for (const column of seen) count(y, column, -1);
      }
    }
    return like(picture, rows.out, columns.out, out);
  }

  // Of the middle two of a median.
  function meanOf(a, b, dtype) {
    if (a === b) return a;
    return isFloat(dtype) ? rounded(dtype)(rounded(dtype === "float16" ? "float32" : "")(a + b) / 2) : Math.floor((a + b + 1) / 2);
  }

  // Pixels as numbers of the distinct ones in ascending order, channels compared one after the other.
  function rankPixels(values, channels) {
    let {ranks} = rankLine(channelOf(values, channels, 0));
    for (let c = 1; c < channels; c++) {
      const other = rankLine(channelOf(values, channels, c)), count = other.levels.length;
      const both = new Float64Array(ranks.length);
      for (let i = 0; i < both.length; i++) both[i] = ranks[i] * count + other.ranks[i];
      ({ranks} = rankLine(both));
    }
    return ranks;
  }

  // The most frequent pixel of every window (`per-channel`: value), ties to the smallest, the largest or the first. All
  // pixels of alpha 0 in a window are one label, the smallest of them.
  function majorityPool(picture, layer) {
    const {channels, dtype, width, values} = picture, axes = axesOf(picture, layer), [rows, columns] = axes;
    const [down, across] = placesOf(picture, layer, axes), ties = layer.ties ?? "smallest", step = layer["per-channel"] ? 1 : channels;
    const out = new Float64Array(rows.out * columns.out * channels), window = new Int32Array(rows.k * columns.k);
    const none = isFloat(dtype) ? NaN : 0, clears = step > 1 && picture.alpha;
    for (let c = 0; c < channels; c += step) {
      const ranks = step > 1 ? rankPixels(values, channels) : rankLine(channels > 1 ? channelOf(values, channels, c) : values).ranks;
      const clear = ranks.reduce((a, b) => Math.max(a, b), 0) + 1, votes = new Int32Array(clear + 1);
      const label = (place) => clears && values[place * channels + channels - 1] === 0 ? clear : ranks[place];
      for (let y = 0, to = c; y < rows.out; y++) for (let x = 0; x < columns.out; x++, to += channels) {
        let count = 0, most = 0, best = -1, smallest = -1; // of those of alpha 0
        for (const row of down[y]) for (const column of across[x]) {
          const place = row * width + column, mine = label(place), now = ++votes[mine];
          window[count++] = place;
          if (now > most) most = now;
          if (mine === clear && (smallest < 0 || ranks[place] < ranks[smallest])) smallest = place;
        }
        for (let i = 0; i < count; i++) {
          const mine = label(window[i]), place = mine === clear ? smallest : window[i];
          if (votes[mine] < most) continue;
          if (best < 0 || (ties === "smallest" && ranks[place] < ranks[best]) || (ties === "largest" && ranks[place] > ranks[best])) best = place;
        }
        for (let i = 0; i < count; i++) votes[label(window[i])] = 0;
        for (let e = 0; e < step; e++) out[to + e] = best < 0 ? none : values[best * channels + c + e];
      }
    }
    return like(picture, rows.out, columns.out, out);
  }

  // One value of every window: the first (stride), or the central one, index floor(k / 2) on each axis.
  function pick(at) {
    return (picture, layer) => {
      const axes = axesOf(picture, layer), [rows, columns] = axes, {channels, width, values} = picture;
      const out = new Float64Array(rows.out * columns.out * channels), edge = edgeOf(layer);
      const places = axes.map((axis) => Array.from({length: axis.out}, (_, i) =>
        edgePlace(i * axis.s - axis.before + at(axis.k) * axis.d, axis.n, edge)));
      let to = 0;
      for (const y of places[0]) for (const x of places[1])
        for (let c = 0; c < channels; c++)
          out[to++] = y === ZERO || x === ZERO ? (isFloat(picture.dtype) ? NaN : 0) : values[(y * width + x) * channels + c];
      return like(picture, rows.out, columns.out, out);
    };
  }

  function binomial(k) {
    const row = [1];
    for (let i = 1; i < k; i++) row.push(row[i - 1] * (k - i) / i);
    return row;
  }

  function blurPool(picture, layer) {
    const axes = axesOf(picture, layer), whole = !isFloat(picture.dtype), bits = layer.k[0] + layer.k[1] - 2;
    const Store = whole || picture.dtype === "float64" ? Float64Array : Float32Array;
    const [down, across] = layer.k.map((k) => binomial(k).map((weight) => whole ? weight : weight * 2 ** (1 - k)));
    const sums = weighAll(picture, axes, [down.map((weight) => [weight]), [across]], edgeOf(layer), Store);
    const add = bits ? 2 ** (bits - 1) : 0, round = rounded(picture.dtype);
    const out = Float64Array.from(sums, whole ? (sum) => Math.floor((sum + add) / 2 ** bits) : round);
    return like(picture, axes[0].out, axes[1].out, out);
  }

  // The weighted sums of a column and a row, or of one kernel.
  function weighAll(picture, axes, passes, edge, Store) {
    const board = padded(picture, axes, edge, 0, Store), {channels} = picture, [rows, columns] = axes;
    let {values, height, width} = board;
    const steps = passes.length === 2 ? [[rows.s, 1], [1, columns.s]] : [[rows.s, columns.s]];
    passes.forEach((kernel, number) => {
      const kh = kernel.length, kw = kernel[0].length, [sh, sw] = steps[number];
      const down = Math.floor((height - kh) / sh) + 1, across = Math.floor((width - kw) / sw) + 1;
      values = weigh(values, {down, across, row: width * channels, channels, sh, sw}, kernel, Store);
      [height, width] = [down, across];
    });
    return values;
  }

  // Taps of one weight are added up before they are multiplied, those of its negative subtracted.
  function groupsOf(kernel) {
    const found = new Map();
    kernel.forEach((line, t) => line.forEach((weight, u) => {
      if (!weight) return;
      const size = Math.abs(weight), group = found.get(size) ?? {plus: [], minus: []};
      found.set(size, group);
      group[weight < 0 ? "minus" : "plus"].push([t, u]);
    }));
    return [...found].map(([size, {plus, minus}]) =>
      plus.length ? {weight: size, plus, minus} : {weight: -size, plus: minus, minus: plus});
  }

  function weigh(values, size, kernel, Store) {
    const {down, across, row, channels, sh, sw} = size, kh = kernel.length, kw = kernel[0].length;
    const first = kernel[0][0], taps = kh * kw, weight = Store === Float32Array ? Math.fround(first) : first;
    const line = (kh === 1 || kw === 1) && first !== 0 && kernel.flat().every((each) => each === first);
    const out = new Store(down * across * channels);
    if (line && (kw === 1 || (kh === 1 && sh === 1)) && doubles(taps, sh * sw)) {
      const sums = runs(values, kh > 1 ? row : channels, taps, sh * sw, true);
      for (let y = 0, i = 0; y < down; y++) for (let x = 0; x < across; x++)
        for (let from = y * sh * row + x * sw * channels, c = 0; c < channels; c++) out[i++] = sums[from + c] * weight;
      return out;
    }
    const length = (down - 1) * row + across * channels, sums = new Store(down * row), term = new Store(down * row);
    const dense = sh === 1 && sw === 1; // one long line: what is computed across the ends of rows is not kept
    groupsOf(kernel).forEach((group, number) => {
      const target = number ? term : sums, factor = Store === Float32Array ? Math.fround(group.weight) : group.weight;
      [...group.plus, ...group.minus].forEach(([t, u], n) => {
        const from = t * row + u * channels, sign = n < group.plus.length ? 1 : -1;
        if (dense) add(target, values, from, sign, n > 0, length);
        else for (let y = 0; y < down; y++) for (let x = 0; x < across; x++) for (let c = 0; c < channels; c++) {
          const to = y * row + x * channels + c, value = values[from + y * sh * row + x * sw * channels + c];
          target[to] = n ? target[to] + sign * value : value;
        }
      });
      if (factor !== 1) for (let i = 0; i < length; i++) target[i] *= factor;
      if (number) for (let i = 0; i < length; i++) sums[i] += term[i];
    });
    for (let y = 0; y < down; y++) out.set(sums.subarray(y * row, y * row + across * channels), y * across * channels);
    return out;
  }

  function add(target, values, from, sign, more, length) {
    if (!more) for (let i = 0; i < length; i++) target[i] = values[from + i];
    else if (sign > 0) for (let i = 0; i < length; i++) target[i] += values[from + i];
    else for (let i = 0; i < length; i++) target[i] -= values[from + i];
  }

  // A filter: floats, on every channel but alpha, which is only thinned out.
  function filter(picture, layer) {
    const {channels, height, width} = picture, colours = channels - (picture.alpha ? 1 : 0);
    const dtype = NARROW.has(picture.dtype) ? "float32" : "float64";
    const Store = dtype === "float32" ? Float32Array : Float64Array, axes = axesOf(picture, layer), [rows, columns] = axes;
    const colour = {channels: colours, width, values: picture.values};
    if (picture.alpha) {
      colour.values = new Float64Array(height * width * colours);
      for (let i = 0, to = 0; i < height * width; i++)
        for (let c = 0; c < colours; c++) colour.values[to++] = picture.values[i * channels + c];
    }
    const sums = weighAll(colour, axes, layer.passes, layer.edge, Store);
    const out = new Float64Array(rows.out * columns.out * channels);
    for (let y = 0, i = 0, from = 0; y < rows.out; y++) for (let x = 0; x < columns.out; x++) {
      for (let c = 0; c < colours; c++) out[i++] = sums[from++];
      if (picture.alpha) out[i++] = picture.values[(y * rows.s * width + x * columns.s) * channels + channels - 1];
    }
    return like(picture, rows.out, columns.out, out, dtype);
  }

  const ACTIVATIONS = {
    relu: () => (value) => value > 0 || value !== value ? value : 0,
    abs: (dtype) => (value) => Math.min(Math.abs(value), highest(dtype)),
    relu6: () => (value) => value > 0 || value !== value ? Math.min(value, 6) : 0,
  };

  function activate(picture, layer) {
    const {channels, alpha} = picture, change = ACTIVATIONS[layer.name](picture.dtype);
    const out = picture.values.map((value, i) => alpha && i % channels === channels - 1 ? value : change(value));
    return like(picture, picture.height, picture.width, out);
  }

  const MODES = {
    max: maxPool, avg: avgPool, min: minPool, median: medianPool, majority: majorityPool, blur: blurPool,
    stride: pick(() => 0), center: pick((k) => k >> 1),
  };

  const apply = (picture, layer) =>
    layer.kind === "conv" ? filter(picture, layer)
      : layer.kind === "activation" ? activate(picture, layer) : MODES[layer.mode](picture, layer);

  // The picture, and what every layer makes of it. Of a layer that only the tool computes the page holds the outputs, of
  // the picture (which: 0) and of the moved one (1).
  function run(picture, layers, which = 0) {
    const stages = [picture];
    for (const layer of layers) stages.push(layer.kind === "fixed" ? layer.outputs[which] : apply(stages.at(-1), layer));
    return stages;
  }

  // The stages of the picture that is not moved, which another shift leaves as they are.
  let still = null;
  function stillStages(picture, layers) {
    if (layers.some(({kind}) => kind === "fixed")) return run(picture, layers);
    if (still?.picture !== picture || still.layers !== layers) still = {picture, layers, stages: run(picture, layers)};
    return still.stages;
  }

  // Why the layers cannot run on a picture, or null.
  function refusal(picture, layers) {
    let [height, width] = [picture.height, picture.width];
    for (const layer of layers) {
      const [rows, columns] = axesOf({height, width}, layer);
      if (!(rows.out >= 1 && columns.out >= 1)) return {field: [rows.span, columns.span], size: [height, width]};
      [height, width] = [rows.out, columns.out];
    }
    return null;
  }

  // What output (i, j) sees of the picture, on each axis: `field` pixels from start + i * jump on.
  function footprints(picture, layers) {
    let seen = [picture.height, picture.width].map((size) => ({size, jump: 1, field: 1, start: 0}));
    for (const layer of layers) {
      const axes = axesOf({height: seen[0].size, width: seen[1].size}, layer);
      seen = seen.map((foot, which) => {
        const axis = axes[which], offset = layer.mode === "center" ? (axis.k >> 1) * axis.d : 0;
        const span = layer.mode === "stride" || layer.mode === "center" ? 1 : axis.span;
        return {size: axis.out, jump: foot.jump * axis.s, field: foot.field + (span - 1) * foot.jump,
          start: foot.start + (offset - axis.before) * foot.jump};
      });
    }
    return seen;
  }

  // The picture and the picture moved: what comes in at the border is the border again, 0 or the other side; `crop`
  // gives what both truly have.
  function moved(picture, dx, dy, edge) {
    const {height, width} = picture;
    if (edge === "crop") {
      const high = height - Math.abs(dy), wide = width - Math.abs(dx);
      return [cut(picture, Math.max(0, dy), Math.max(0, dx), high, wide), cut(picture, Math.max(0, -dy), Math.max(0, -dx), high, wide)];
    }
    const axis = (n, d) => ({n, s: 1, span: 1, before: d, out: n});
    const {values: out} = padded(picture, [axis(height, dy), axis(width, dx)], edge, 0, Float64Array);
    return [picture, like(picture, height, width, out)];
  }

  function cut(picture, top, left, height, width) {
    const {channels, values} = picture, out = new Float64Array(height * width * channels);
    for (let y = 0; y < height; y++) {
      const from = ((top + y) * picture.width + left) * channels;
      out.set(values.subarray(from, from + width * channels), y * width * channels);
    }
    return like(picture, height, width, out);
  }

  // A sum by rows of 256, so that roundings do not add up.
  function summed(values, count) {
    let total = 0;
    for (let from = 0; from < count; from += 256) {
      let part = 0;
      for (let i = from, end = Math.min(count, from + 256); i < end; i++) part += values[i];
      total += part;
    }
    return total;
  }

  // The size of every difference; infinite between a number and NaN or infinity, NaN where both are the same of these.
  // `hides`: both are labels with alpha, and what is transparent on both sides is one label.
  function gapsOf(a, b, hides = false) {
    const gaps = new Float64Array(a.values.length), {channels} = a, alpha = channels - 1;
    for (let i = 0; i < gaps.length; i++) {
      const p = a.values[i], q = b.values[i];
      const gap = Math.abs(p - q);
      gaps[i] = gap === gap ? gap : p === q || (p !== p && q !== q) ? NaN : Infinity;
    }
    if (hides) for (let i = 0; i < gaps.length; i += channels) if (!a.values[i + alpha] && !b.values[i + alpha]) gaps.fill(0, i, i + channels);
    return gaps;
  }

  // How far values lie from their channel's mean, on average, over the cells [top, bottom, left, right] (null: all); null
  // where no value is finite.
  function spreadOf(picture, cells = null) {
    const {channels, height, width, values} = picture, [top, bottom, left, right] = cells ?? [0, height, 0, width];
    const line = new Float64Array((bottom - top) * (right - left));
    let total = 0, finite = 0;
    for (let c = 0; c < channels; c++) {
      let count = 0;
      for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) {
        const value = values[(y * width + x) * channels + c];
        if (value - value === 0) line[count++] = value;
      }
      const mean = summed(line, count) / count;
      for (let i = 0; i < count; i++) line[i] = Math.abs(line[i] - mean);
      total += summed(line, count);
      finite += count;
    }
    return finite ? total / finite : null;
  }

  // How two pictures differ: pixels of which any channel differs by more than the tolerance, and by how much on average.
  function sideOf(a, b, tolerance, spread, labels, gaps) {
    const pixels = a.height * a.width, {channels} = a, finite = new Float64Array(gaps.length);
    let changed = 0, compared = 0;
    for (let i = 0; i < gaps.length; i += channels) {
      let any = 0;
      for (let c = i; c < i + channels; c++) {
        if (gaps[c] > tolerance) any = 1;
        if (gaps[c] < Infinity) finite[compared++] = gaps[c];
      }
      changed += any;
    }
    const side = {pixels, changed, fraction: changed / pixels, compared, mae: null, spread: null};
    return labels ? side : {...side, mae: compared ? summed(finite, compared) / compared : null, spread};
  }

  // What a shift changes before the layers, at full resolution after them, and in the end.
  function measure(picture, layers, {dx, dy, edge, tolerance = 0, labels = false, other = null}) {
    const pair = other ? [picture, other] : moved(picture, dx, dy, edge), stages = [stillStages(pair[0], layers), run(pair[1], layers, 1)];
    const hides = labels && picture.alpha, gaps = stages[0].map((stage, i) => gapsOf(stage, stages[1][i], hides));
    const first = layers.findIndex(thins), side = (seen, a, b, known = gapsOf(a, b, hides)) =>
      sideOf(a, b, labels ? 0 : tolerance, labels || seen.some(({kind}) => kind === "fixed") ? null : spreadOf(a, insideOf(pair[0], seen)), labels, known);
    const raw = side([], ...pair, gaps[0]), pooled = side(layers, stages[0].at(-1), stages[1].at(-1), gaps.at(-1));
    let dense = null; // the features before the first down-sampling; of a strided filter as if it were not
    if (first >= 0 && layers[first].kind === "conv") {
      const seen = [...layers.slice(0, first), {...layers[first], s: [1, 1]}];
      dense = side(seen, ...stages.map((stage) => apply(stage[first], seen[first])));
    } else if (first > 0) dense = side(layers.slice(0, first), stages[0][first], stages[1][first], gaps[first]);
    const before = labels && raw.compared ? raw : dense ?? raw;
    const relative = ({fraction, compared, mae, spread}) => labels && compared ? fraction : mae === null || !spread ? null : mae / spread;
    const top = relative(pooled), bottom = relative(before);
    return {
      stages, gaps, raw, dense, pooled,
      absorbed: raw.changed ? 1 - pooled.changed / raw.changed : null,
      gain: raw.changed && pooled.changed ? raw.fraction / pooled.fraction : null,
      residual: top === null || !bottom ? null : top / bottom,
    };
  }

  const thins = (layer) => layer.kind !== "activation" && (layer.s?.[0] > 1 || layer.s?.[1] > 1 || layer.kind === "fixed");

  // The cells [top, bottom, left, right] whose windows lie in the picture; null: all of them, or not one. What an edge
  // mirrors, repeats or brings from the other side are values of the picture too, zeros and padding are not.
  function insideOf(picture, layers) {
    if (!layers.length) return null;
    let sizes = [picture.height, picture.width], spans = sizes.map((n) => [0, n]);
    for (const layer of layers) {
      const axes = axesOf({height: sizes[0], width: sizes[1]}, layer), goesOn = edgeOf(layer) !== "zero";
      spans = spans.map(([low, high], which) => {
        const axis = axes[which];
        if (low === 0 && high === sizes[which] && goesOn) return [0, axis.out];
        const offset = axis.before - (layer.mode === "center" ? (axis.k >> 1) * axis.d : 0);
        const span = layer.mode === "stride" || layer.mode === "center" ? 1 : axis.span;
        return [Math.max(0, Math.ceil((low + offset) / axis.s)), Math.min(axis.out, Math.floor((high - span + offset) / axis.s) + 1)];
      });
      sizes = axes.map((axis) => axis.out);
    }
    const cells = spans.flat();
    return cells[0] < cells[1] && cells[2] < cells[3] ? cells : null;
  }

  // The taps of one window: where each lies, its value in a channel, its weight; value null: padding that does not count.
  function taps(picture, layer, row, column, channel) {
    const axes = axesOf(picture, layer), edge = edgeOf(layer), {channels, width, values} = picture, found = [];
    const weights = layer.kind === "conv" ? product(layer.passes)
      : layer.mode === "blur" ? product([binomial(layer.k[0]).map((weight) => [weight]), [binomial(layer.k[1])]]) : null;
    const counted = layer.kind === "conv" || layer.mode === "blur" || layer.mode === "avg";
    for (let t = 0; t < axes[0].k; t++) for (let u = 0; u < axes[1].k; u++) {
      const y = row * axes[0].s - axes[0].before + t * axes[0].d, x = column * axes[1].s - axes[1].before + u * axes[1].d;
      const [from, at] = [edgePlace(y, picture.height, edge), edgePlace(x, picture.width, edge)];
      const there = from !== ZERO && at !== ZERO, inside = y >= 0 && y < picture.height && x >= 0 && x < picture.width;
      const padding = y < picture.height + axes[0].after && x < picture.width + axes[1].after;
      const value = there ? values[(from * width + at) * channels + channel] : counted && padding && !layer["exclude-pad"] ? 0 : null;
      found.push({y, x, inside, value, from: [from, at], weight: weights ? weights[t][u] : 1});
    }
    return found;
  }

  const product = (passes) => passes.length === 1 ? passes[0]
    : passes[0].map(([down]) => passes[1][0].map((across) => down * across));

  // Floats as values of a whole dtype, as the tool writes them: rounded half up, held in the range; others as they are.
  function written(picture, dtype, how, peak = null) {
    if (isFloat(dtype) || !isFloat(picture.dtype)) return picture;
    const {channels, alpha, values} = picture, span = peak ?? highest(dtype) - lowest(dtype), top = peak ?? highest(dtype);
    let low = Infinity, high = -Infinity;
    values.forEach((value, i) => {
      if (!Number.isFinite(value) || (alpha && i % channels === channels - 1)) return;
      low = Math.min(low, value);
      high = Math.max(high, value);
    });
    const round = rounded(picture.dtype), scale = high > low ? span / (high - low) : 0;
    const ranged = {clip: (v) => v, abs: Math.abs, offset: (v) => round(v + Math.floor((span + 1) / 2)),
      stretch: (v) => round(round(v - round(low)) * round(scale))}[how];
    return like(picture, picture.height, picture.width, values.map((value, i) => {
      const each = alpha && i % channels === channels - 1 ? value : ranged(value);
      return each !== each ? Math.max(0, lowest(dtype)) : Math.min(top, Math.max(lowest(dtype), Math.floor(each + 0.5)));
    }), dtype);
  }

  // A number as people read it: the shortest that means this value, whole numbers as they are.
  function shown(value, dtype = "float64") {
    if (!Number.isFinite(value)) return value !== value ? "NaN" : value < 0 ? "-inf" : "inf";
    if (dtype !== "float32" && dtype !== "float16") return String(value);
    for (let digits = 1; digits < 9; digits++) {
      const text = value.toPrecision(digits);
      if (Math.fround(Number(text)) === value) return String(Number(text));
    }
    return String(Number(value.toPrecision(9)));
  }

  // A sum's way to a value: what was divided, and what rounding made of it.
  function quotient(sum, n, dtype, out) {
    const exact = sum / n, whole = !isFloat(dtype), tail = Number.isInteger(exact * 1000) || !whole ? "" : "...";
    if (!whole) return `${shown(out, dtype)}`;
    return Number.isInteger(exact) ? shown(exact) : `${shown(sum)} / ${n} = ${tail ? exact.toFixed(3) + tail : shown(exact)} -> ${shown(out)}`;
  }

  const MOST_SHOWN = 16; // values of a window that are listed

  // How one output value comes about, in words: max(12, 20, 8, 12) = 20. What stands in [ ] is padding.
  function words(picture, layer, row, column, channel, out) {
    const {dtype} = picture, result = shown(out, layer.kind === "conv" ? "float32" : dtype);
    if (layer.kind === "fixed") return `${layer.name}: ${result}`;
    const write = (value) => value < 0 ? `(${shown(value, dtype)})` : shown(value, dtype);
    if (layer.kind === "activation") {
      const value = picture.values[(row * picture.width + column) * picture.channels + channel];
      return layer.name === "abs" ? `|${shown(value, dtype)}| = ${result}`
        : layer.name === "relu" ? `max(0, ${shown(value, dtype)}) = ${result}` : `${layer.name}(${shown(value, dtype)}) = ${result}`;
    }
    const found = taps(picture, layer, row, column, channel), counted = found.filter((tap) => tap.value !== null);
    const item = (tap) => tap.value === null ? "[ ]" : tap.inside ? write(tap.value) : `[${shown(tap.value, dtype)}]`;
    const plain = (tap) => tap.value === null ? "[ ]" : tap.inside ? shown(tap.value, dtype) : `[${shown(tap.value, dtype)}]`;
    const list = found.length <= MOST_SHOWN ? found.map(plain).join(", ") : `${counted.length} values`;
    if (layer.kind === "conv" || layer.mode === "blur") return weighted(found, write, layer, dtype, out, result);
    const held = counted.map((tap) => tap.value).sort((a, b) => a - b);
    switch (layer.mode) {
      case "max": case "min": return `${layer.mode}(${list}) = ${result}`;
      case "avg": {
        const sum = held.reduce((a, b) => a + b, 0), n = counted.length;
        const terms = found.length <= MOST_SHOWN ? counted.map(item).join(" + ") : `sum of ${n} values`;
        return `(${terms}) / ${n} = ${quotient(sum, n, dtype, out)}`;
      }
      case "median": {
        const n = held.length, a = held[(n - 1) >> 1], b = held[n >> 1];
        return `median(${list}) = ${n % 2 || a === b || !n ? result : `(${write(a)} + ${write(b)}) / 2 = ${quotient(a + b, 2, dtype, out)}`}`;
      }
      case "majority": return votes(picture, layer, found, channel, out);
      case "stride": return `first of (${list}) = ${result}`;
      default: return `${layer.mode} of (${list}) = ${result}`;
    }
  }

  function weighted(found, write, layer, dtype, out, result) {
    const blur = layer.mode === "blur", whole = blur && !isFloat(dtype);
    const used = found.filter((tap) => tap.weight), n = blur ? 2 ** (layer.k[0] + layer.k[1] - 2) : 1;
    const term = ({weight, value, inside}) => {
      const text = inside ? write(value) : `[${shown(value, dtype)}]`;
      return Math.abs(weight) === 1 ? text : `${shown(Math.abs(weight), "float32")}*${text}`;
    };
    const sum = used.reduce((total, {weight, value}) => total + weight * value, 0);
    const terms = used.length > MOST_SHOWN ? `weighted sum of ${used.length} values`
      : used.map((tap, i) => (tap.weight < 0 ? (i ? " - " : "-") : i ? " + " : "") + term(tap)).join("");
    return blur ? `(${terms}) / ${n} = ${whole ? quotient(sum, n, dtype, out) : result}` : `${terms} = ${result}`;
  }

  // Who voted for what: the most frequent first.
  function votes(picture, layer, found, channel, out) {
    const {channels, width, values, dtype} = picture, whole = !layer["per-channel"] && channels > 1, count = new Map();
    for (const tap of found) {
      if (tap.value === null) continue;
      const pixel = whole ? Array.from(values.subarray((tap.from[0] * width + tap.from[1]) * channels, (tap.from[0] * width + tap.from[1] + 1) * channels)) : [tap.value];
      const key = pixel.map((value) => shown(value, dtype)).join(", ");
      count.set(key, (count.get(key) ?? 0) + 1);
    }
    const order = [...count].sort((a, b) => b[1] - a[1]).map(([key, times]) => `${times} x ${whole ? `(${key})` : key}`);
    const most = order.slice(0, 8).join(", ") + (order.length > 8 ? ", ..." : "");
    return `most frequent of ${most} = ${shown(out, dtype)}`;
  }

  return {unpacked, run, apply, measure, moved, refusal, footprints, axesOf, taps, written, gapsOf, spreadOf, rankPixels, isFloat, lowest, highest, shown, words, MODES};
})();
