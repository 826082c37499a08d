"use strict";
(() => {
  document.documentElement.classList.add("js");
  const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));
  const read = (id) => { const node = document.getElementById(id); return node ? JSON.parse(node.textContent) : []; };
  const faces = read("data"), emotions = read("emotions");
  const UNKNOWN = 127, ACTIVE = 128, WIDTH = 2000;
  const bytes = (text) => (text ? Uint8Array.from(atob(text), (c) => c.charCodeAt(0)) : null);
  const value = (level) => ((level % ACTIVE) / 100).toFixed(2);
  const clock = (t) => {
    if (t < 59.995) return t.toFixed(2) + " s";
    const h = Math.floor(t / 3600), m = Math.floor((t % 3600) / 60), s = (t % 60).toFixed(2).padStart(5, "0");
    return (h ? h + ":" + String(m).padStart(2, "0") : String(m)) + ":" + s;
  };

  const nearest = (times, t) => {
    let low = 0, high = times.length - 1;
    while (high - low > 1) { const middle = (low + high) >> 1; if (times[middle] < t) low = middle; else high = middle; }
    return t - times[low] <= times[high] - t ? low : high;
  };

  for (const figure of all("figure.face")) {
    const face = faces[Number(figure.dataset.face)];
    const mean = bytes(face.mean), low = bytes(face.low), high = bytes(face.high);
    const count = face.t.length, aus = mean.length / count;
    const slider = figure.querySelector("input[type=range]"), readout = figure.querySelector("output");
    const emotion = figure.querySelector("[data-emotion]");
    const lanes = all(".lane[data-au]", figure).map((lane) => ({ row: Number(lane.dataset.row), now: lane.querySelector(".now") }));
    const plots = all("svg.plot", figure).filter((svg) => svg.getAttribute("viewBox"));
    const cursors = plots.map((svg) => {
      const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      path.setAttribute("class", "cursor");
      svg.append(path);
      return path;
    });

    const show = (at) => {
      const length = face.span[1] - face.span[0];
      const x = length > 0 ? Math.round(((face.t[at] - face.span[0]) / length) * WIDTH) : WIDTH / 2;
      for (const path of cursors) path.setAttribute("d", "M" + x + " 0v100");
      let seen = false;
      for (const lane of lanes) {
        const place = at * aus + lane.row, known = mean[place] !== UNKNOWN;
        seen = seen || known;
        lane.now.textContent = known ? value(mean[place]) : "–";
        lane.now.title = known && low ? "from " + value(low[place]) + " to " + value(high[place]) : "";
        lane.now.classList.toggle("on", known && mean[place] >= ACTIVE);
      }
      const name = face.e[at] >= 0 ? emotions[face.e[at]] : "";
      if (emotion) emotion.textContent = name;
      const frames = face.f[at] === face.l[at] ? "frame " + face.f[at] : "frames " + face.f[at] + "–" + face.l[at];
      readout.textContent = clock(face.t[at]) + ", " + frames + (seen ? "" : ", no face");
      slider.value = String(at);
      slider.setAttribute("aria-valuetext", readout.textContent + (name ? ", " + name : ""));
    };

    slider.addEventListener("input", () => show(Number(slider.value)));
    for (const svg of plots) {
      const point = (event) => {
        const box = svg.getBoundingClientRect();
        const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
        show(nearest(face.t, face.span[0] + share * (face.span[1] - face.span[0])));
      };
      svg.addEventListener("pointermove", point);
      svg.addEventListener("pointerdown", point);
    }
  }

  const boxes = all(".choose input");
  const choose = () => {
    const shown = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    for (const lane of all(".lane[data-au]")) lane.hidden = !shown.has(lane.dataset.au);
  };
  for (const box of boxes) box.addEventListener("change", choose);
  for (const button of all(".choose button")) {
    button.addEventListener("click", () => {
      const ever = new Set(all(".lane[data-ever]").map((lane) => lane.dataset.au));
      for (const box of boxes) box.checked = button.dataset.show === "all" || (button.dataset.show === "active" && ever.has(box.value));
      choose();
    });
  }

  const order = document.getElementById("order");
  if (order) {
    const list = document.querySelector("ul.cards"), original = Array.from(list.children);
    order.addEventListener("change", () => {
      const row = Number(order.value);
      const value = (card) => (card.dataset.p ? Number(card.dataset.p.split(" ")[row]) : -2);
      list.append(...(row < 0 ? original : [...original].sort((a, b) => value(b) - value(a))));
    });
  }
})();
