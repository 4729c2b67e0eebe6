// Tables, and data tables, which have pages and can be sorted.

import { h, replace } from "../dom.js";
import { richText } from "./rich_text.js";
import { element } from "./elements.js";

function cell(value, context, block) {
  if (value?.type === "rich_text") return richText(value);
  if (value?.type === "raw_number") return value.text ?? String(value.value ?? "");
  if (value?.type === "action") return element(value.element ?? value.button, block, context);
  return value?.text ?? "";
}

export function table(block) {
  const align = (index) => block.column_settings?.[index]?.align;
  const row = (cells, tag) => h("tr", null, cells.map((each, index) => h(tag, { class: align(index) ? `align-${align(index)}` : null }, cell(each))));
  return h("div", { class: "table", tabindex: "0" }, h("table", null, block.rows.map((cells, index) => row(cells, index ? "td" : "th"))));
}

export function dataTable(block, context) {
  const [head, ...rows] = block.rows;
  const size = block.page_size ?? 5;
  let page = 0;
  let sorted = null;
  const body = h("tbody");
  const pages = h("div", { class: "pages" });
  const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true }));
  const key = (row) => row[sorted.column]?.value ?? row[sorted.column]?.text ?? "";
  const show = () => {
    const ordered = sorted ? [...rows].sort((a, b) => sorted.sign * compare(key(a), key(b))) : rows;
    const header = block.row_header_column_index ?? 0;
    replace(body, ordered.slice(page * size, (page + 1) * size).map((cells) =>
      h("tr", null, cells.map((each, index) => h(index === header ? "th" : "td", { scope: index === header ? "row" : null }, cell(each, context, block))))));
    const last = Math.max(0, Math.ceil(rows.length / size) - 1);
    const turn = (by) => () => { page = Math.min(last, Math.max(0, page + by)); show(); };
    replace(pages, last > 0 && [
      h("button", { type: "button", class: "quiet", onclick: turn(-1), disabled: page === 0 }, "Previous"),
      h("span", null, `Page ${page + 1} of ${last + 1}`),
      h("button", { type: "button", class: "quiet", onclick: turn(1), disabled: page === last }, "Next"),
    ]);
  };
  const heads = head.map((each, column) => h("th", { scope: "col" }, h("button", {
    type: "button", class: "sort",
    onclick: () => { sorted = { column, sign: sorted?.column === column ? -sorted.sign : 1 }; page = 0; show(); },
  }, cell(each))));
  show();
  return h("div", { class: "table", tabindex: "0" }, h("table", null, h("caption", null, block.caption ?? ""), h("thead", null, h("tr", null, heads)), body), pages);
}
