"use strict";
// The filters of the list of runs, and the comparison of two runs.
{
  const by = (id) => document.getElementById(id);
  const rows = [...document.querySelectorAll("#runs tbody tr")];
  const { figures, pages } = JSON.parse(by("figures").textContent);

  const filter = () => {
    const [label, machine, version] = ["by-label", "by-machine", "by-version"].map((id) => by(id).value);
    let shown = 0;
    for (const row of rows) {
      const fits = row.dataset.label.toLowerCase().includes(label.trim().toLowerCase())
        && (!machine || row.dataset.machine === machine)
        && (!version || row.dataset.versions.split("|").includes(version));
      row.hidden = !fits;
      shown += fits;
    }
    by("count").textContent = `${shown} of ${rows.length}`;
  };
  by("filters").addEventListener("input", filter);
  by("filters").addEventListener("submit", (event) => event.preventDefault());
  filter();

  const element = (name, text = "", attributes = {}) => {
    const created = document.createElement(name);
    created.textContent = text;
    for (const [key, value] of Object.entries(attributes)) created.setAttribute(key, value);
    return created;
  };
  // Quote a word for a shell, like Python's shlex.quote.
  const shellQuoted = (word) => /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`;
  const rate = (value) => value.toLocaleString("en", { maximumSignificantDigits: 3 });
  // The verdict on the later run against the earlier: a difference only if the intervals do not overlap.
  const verdict = ([, low, high], [, lower, higher]) =>
    lower > high ? "faster" : higher < low ? "slower" : "indistinguishable";

  const sideBySide = (earlier, later) => {
    const [before, after] = [figures[earlier], figures[later]];
    const keys = Object.keys(before ?? {}).filter((key) => after && key in after);
    if (!keys.length) return element("p", "The two runs have no case in common whose figures this page holds.");
    const table = element("table", "", { class: "words" });
    const head = table.createTHead().insertRow();
    for (const text of ["case", `${earlier}, per second`, `${later}, per second`, "ratio", "verdict"]) {
      head.append(element("th", text, { scope: "col" }));
    }
    const body = table.createTBody();
    for (const key of keys) {
      const row = body.insertRow();
      const words = verdict(before[key], after[key]);
      row.append(
        element("th", key, { scope: "row" }), element("td", rate(before[key][0])), element("td", rate(after[key][0])),
        element("td", (after[key][0] / before[key][0]).toFixed(2)),
        element("td", words, words === "indistinguishable" ? {} : { class: "differs" }));
    }
    const wide = element("div", "", { class: "wide", role: "region", tabindex: "0", "aria-label": "Two runs side by side" });
    wide.append(table);
    return wide;
  };

  const compare = () => {
    const picked = rows.filter((row) => row.querySelector(".pick").checked);
    // Two runs can be ticked: the other boxes are disabled until one of the two is cleared.
    for (const row of rows) {
      const box = row.querySelector(".pick");
      box.disabled = picked.length >= 2 && !box.checked;
    }
    by("two").replaceChildren();
    by("two-how").textContent = picked.length < 2 ? "Tick two runs above." : "";
    if (picked.length < 2) return;
    if (picked[0].dataset.rows !== picked[1].dataset.rows) {
      by("two-how").textContent = "The two runs measured different rows. Their figures can't be compared.";
      return;
    }
    const [later, earlier] = picked.map((row) => row.dataset.folder);  // newest first
    const how = element("p", "With charts and findings: ");
    const page = `${earlier}-vs-${later}.html`;
    how.append(Object.hasOwn(pages, page)
      ? element("a", page, { href: pages[page] })
      : element("code", `bench report ${shellQuoted(`results/${earlier}`)} ${shellQuoted(`results/${later}`)}`));
    by("two").append(how, sideBySide(earlier, later));
  };
  by("runs")?.addEventListener("change", compare);
}
