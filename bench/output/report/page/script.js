"use strict";
// The page is complete without this script. It adds sorting, tips at the pointer, and a choice of theme.
{
  const root = document.documentElement;
  root.classList.add("scripted");

  // The theme is stored if the browser lets a page from disk store data.
  const theme = document.getElementById("theme");
  const keep = (value) => { try { localStorage.setItem("theme", value); } catch { /* storage is refused */ } };
  const kept = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  if (theme) {
    theme.value = kept() || "light dark";
    root.style.colorScheme = theme.value;
    theme.addEventListener("change", () => { root.style.colorScheme = theme.value; keep(theme.value); });
  }

  for (const button of document.querySelectorAll("button[data-show]")) {
    button.addEventListener("click", () => {
      for (const box of document.querySelectorAll("input.show")) box.checked = button.dataset.show === "all";
    });
  }

  // Open the case that the link names.
  const open = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target instanceof HTMLDetailsElement) { target.open = true; target.scrollIntoView(); }
  };
  addEventListener("hashchange", open);
  open();

  const tip = document.getElementById("tip");
  const hide = () => { tip.hidden = true; };
  const mark = (event) => event.target.closest?.(".mark");
  document.addEventListener("pointermove", (event) => {
    const pointed = mark(event);
    if (!pointed) return hide();
    tip.textContent = pointed.dataset.tip ?? pointed.getAttribute("aria-label");
    tip.hidden = false;
    const left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
    const above = event.clientY - tip.offsetHeight - 10;
    tip.style.left = `${Math.max(8, left)}px`;
    tip.style.top = `${above > 0 ? above : event.clientY + 18}px`;
  });
  document.addEventListener("scroll", hide, { passive: true });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  document.addEventListener("click", (event) => {
    const pointed = mark(event);
    if (pointed?.dataset.case) location.hash = pointed.dataset.case;
  });

  // Sort figures by data-sort, and words by their text. Values that were not measured are always last.
  const value = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.sort === undefined ? null : Number(cell.dataset.sort);
  };
  const compare = (column, sign) => (first, second) => {
    const [a, b] = [value(first, column), value(second, column)];
    if (a === null && b === null) return sign * first.cells[column].textContent.localeCompare(second.cells[column].textContent);
    if (a === null || b === null) return a === null ? 1 : -1;
    return sign * (a - b);
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => {
        const ascending = heading.getAttribute("aria-sort") !== "ascending";
        for (const other of heading.parentNode.cells) other.removeAttribute("aria-sort");
        heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
        table.tBodies[0].append(...[...table.tBodies[0].rows].sort(compare(column, ascending ? 1 : -1)));
      });
    });
  }
}
