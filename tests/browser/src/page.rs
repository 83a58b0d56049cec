//! What every page must satisfy, whatever it shows.

/// Answers a list of faults, to be run in the page.
///
/// Contrast and sense are left to eyes.
pub(crate) const FAULTS: &str = r#"
const faults = [];
const name = (e) => e.outerHTML.slice(0, 120);
const all = (selector) => [...document.querySelectorAll(selector)];
if (!["ja", "en"].includes(document.documentElement.lang)) faults.push("no language");
if (!document.title.trim()) faults.push("no title");
if (all("h1").length !== 1) faults.push(`${all("h1").length} h1`);
if (all("main").length !== 1) faults.push(`${all("main").length} main`);
for (const e of all("input:not([type=hidden]), select, textarea")) {
  const said = [...(e.labels || [])].map((label) => label.textContent.trim()).join("");
  if (!said && !e.getAttribute("aria-label")) faults.push(`no label: ${name(e)}`);
}
for (const e of all("a, button")) {
  if (!e.textContent.trim() && !e.getAttribute("aria-label")) faults.push(`no text: ${name(e)}`);
}
for (const e of all("img")) if (!e.alt) faults.push(`no alt: ${name(e)}`);
for (const e of all("[tabindex]")) if (e.tabIndex > 0) faults.push(`tabindex: ${name(e)}`);
for (const e of all("fieldset")) if (!e.querySelector("legend")) faults.push(`no legend: ${name(e)}`);
for (const e of all("progress")) {
  if (!e.getAttribute("aria-label") && !e.labels.length) faults.push(`no label: ${name(e)}`);
}
for (const e of all("[aria-describedby]")) for (const id of e.getAttribute("aria-describedby").split(" ")) {
  if (!document.getElementById(id)) faults.push(`describedby ${id}: ${name(e)}`);
}
const ids = all("[id]").map((e) => e.id);
for (const id of new Set(ids.filter((id, at) => ids.indexOf(id) !== at))) faults.push(`id twice: ${id}`);
for (const e of all("a[href^='#']")) {
  const id = decodeURIComponent(e.getAttribute("href").slice(1));
  if (!document.getElementById(id)) faults.push(`leads nowhere: ${name(e)}`);
}
const wide = document.scrollingElement;
if (wide.scrollWidth > wide.clientWidth) faults.push(`wider than the window: ${wide.scrollWidth}`);
return faults;
"#;
