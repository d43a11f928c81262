// Sorts tables by their columns. A page works without; a page that swaps parts in calls `usertrackSortable(part)`.
"use strict";
{
  const MISSING = ["", "·", "not known"];
  const NUMBER = /^[<>+×±]?\s*([−-]?)[+×]?(\d[\d\s]*(?:\.\d+)?)(?:\s*(?:%|pp|points|days?|people))?$/;
  const LASTS = { d: 86400, h: 3600, min: 60, s: 1 };

  // a cell's value: null where there is none, a number where it is one, else its text
  const valueOf = (cell) => {
    const text = (cell?.querySelector("time")?.dateTime ?? cell?.textContent ?? "").trim();
    if (MISSING.includes(text)) return null;
    const number = NUMBER.exec(text);
    if (number) return Number(number[1].replace("−", "-") + number[2].replace(/\s/g, ""));
    if (/^(\d+ (d|h|min|s) ?)+$/.test(text))
      return [...text.matchAll(/(\d+) (d|h|min|s)/g)].reduce((sum, [, n, unit]) => sum + n * LASTS[unit], 0);
    return text;
  };

  const compared = (a, b) =>
    typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });

  const sort = (table, column, way) => {
    const rows = [...table.tBodies[0].rows];
    rows.forEach((row, at) => (row.dataset.at ??= at));
    const keyed = rows.map((row) => [way ? valueOf(row.cells[column]) : Number(row.dataset.at), row]);
    keyed.sort(([a], [b]) => (a === null || b === null ? (a === null) - (b === null) : (way || 1) * compared(a, b)));
    table.tBodies[0].append(...keyed.map(([, row]) => row));
  };

  // texts from A at first, all else from the most; then the other way, then as it came
  const next = (order, table, column) => {
    const isText = (cell) => !cell?.querySelector("time") && typeof valueOf(cell) === "string";
    const ways = ["descending", "ascending"];
    if ([...table.tBodies[0].rows].some((row) => isText(row.cells[column]))) ways.reverse();
    return order === ways[0] ? ways[1] : order === ways[1] ? "none" : ways[0];
  };
  const WAY = { none: 0, ascending: 1, descending: -1 };

  globalThis.usertrackSortable = (part) => {
    for (const table of part.querySelectorAll(".wide > table:not(.heatmap)")) {
      if (table.dataset.sortable || table.tBodies[0]?.rows.length < 3) continue;
      table.dataset.sortable = "yes";
      for (const head of table.tHead.rows[0].cells) {
        const button = document.createElement("button");
        button.type = "button";
        button.append(...head.childNodes);
        head.append(button);
        button.addEventListener("click", () => {
          const order = next(head.getAttribute("aria-sort"), table, head.cellIndex);
          for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
          if (order !== "none") head.setAttribute("aria-sort", order);
          sort(table, head.cellIndex, WAY[order]);
        });
      }
    }
  };
  usertrackSortable(document);
}
