// The theme that was chosen; filters that apply as soon as they are changed; "/" goes to the search field.
const chosen = () => localStorage.getItem("tidemark-theme");
const dark = () => (chosen() ? chosen() === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
const paint = () => (document.documentElement.dataset.theme = dark() ? "dark" : "light");
paint();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
document.addEventListener("click", (event) => {
  if (event.target.closest?.("button.theme")) {
    localStorage.setItem("tidemark-theme", dark() ? "light" : "dark");
    paint();
  }
});
document.addEventListener("change", (event) => {
  if (event.target.matches?.("form.filters select")) event.target.form.requestSubmit();
});
document.addEventListener("submit", (event) => {
  if (!event.target.matches?.("form.filters")) return;
  // What is empty, or as it is anyway, is left out of the address.
  for (const field of event.target.querySelectorAll("[name]")) field.disabled = field.value === (field.dataset.usual ?? "");
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  const field = document.querySelector("form.filters input[type=search]");
  if (field && !event.target.closest("input, textarea, select")) {
    event.preventDefault();
    field.focus();
    field.select();
  }
});
// When a part of the page is brought up to date, what had the focus keeps it, and tables stay where they were scrolled to.
let focused = null;
const scrolled = {};
const same = (one, other) => ["tagName", "href", "name", "ariaLabel"].every((key) => one[key] === other[key]);
document.addEventListener("focusin", (event) => (focused = event.target));
document.addEventListener("scroll", (event) => {
  if (event.target.matches?.(".wide")) scrolled[event.target.ariaLabel] = event.target.scrollLeft;
}, true);
new MutationObserver(() => {
  if (focused && !focused.isConnected && document.activeElement === document.body)
    [...document.querySelectorAll(focused.tagName)].find((each) => same(each, focused))?.focus({ preventScroll: true });
  for (const table of document.querySelectorAll(".wide")) table.scrollLeft = scrolled[table.ariaLabel] ?? table.scrollLeft;
}).observe(document, { childList: true, subtree: true });
