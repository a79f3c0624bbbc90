// What a reader sees, measured: every line of text with its box, its color and what lies behind it.
() => {
  const lines = [];
  const hidden = (element) => {
    const style = getComputedStyle(element);
    return !element.checkVisibility() || style.visibility === "hidden" || style.clipPath !== "none" || element.closest(".pl-hidden, .pl-skip, noscript");
  };
  const solid = (color) => !/rgba\(.*, 0\)|transparent/.test(color);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (solid(color)) return color;
    }
    return "rgb(255, 255, 255)";
  };
  // the nearest edges that cut: of ancestors that hide what runs over, and sideways of those that scroll
  const cutting = (element) => {
    const box = { left: 0, right: document.documentElement.scrollWidth, top: -Infinity, bottom: Infinity };
    for (let at = element; at && at !== document.documentElement; at = at.parentElement) {
      const { overflowX, overflowY } = getComputedStyle(at);
      const edge = at.getBoundingClientRect();
      if (overflowX !== "visible") { box.left = Math.max(box.left, edge.left); box.right = Math.min(box.right, edge.right); }
      if (overflowY === "hidden" || overflowY === "clip") { box.top = Math.max(box.top, edge.top); box.bottom = Math.min(box.bottom, edge.bottom); }
    }
    return box;
  };
  const outside = (r, edge) => r.left < edge.left - 1 || r.right > edge.right + 1 || r.top < edge.top - 1 || r.bottom > edge.bottom + 1;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || hidden(element) || element.closest("script, style")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const edge = cutting(element);
    for (const r of range.getClientRects()) {
      if (r.width < 1 || r.height < 1) continue;
      const scrolled = element.closest(".pl-table-box");
      const frame = scrolled?.getBoundingClientRect();
      if (frame && (r.bottom > frame.bottom || r.top < frame.top)) continue; // further down in a table that scrolls
      const style = getComputedStyle(element);
      // a font's box is taller than its letters
      const lead = r.height * 0.14;
      lines.push({
        text: node.textContent.trim().slice(0, 60), left: r.left, right: r.right, top: r.top + scrollY + lead, bottom: r.bottom + scrollY - lead,
        color: style.color, behind: behind(element), cut: outside(r, edge), where: "page",
      });
    }
  }
  for (const [canvas, boxes] of window.__pellucid?.textBoxes ?? []) {
    const at = canvas.getBoundingClientRect();
    if (at.width === 0) continue;
    for (const box of boxes) {
      const lead = box.height * 0.14;
      const r = { left: at.left + box.left, right: at.left + box.left + box.width, top: at.top + box.top, bottom: at.top + box.top + box.height };
      lines.push({
        text: box.text, left: r.left, right: r.right, top: r.top + scrollY + lead, bottom: r.bottom + scrollY - lead,
        color: box.color, behind: behind(canvas), cut: outside(r, at), where: "canvas",
      });
    }
  }
  return lines;
}
