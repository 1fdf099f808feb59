/* The theme switch: the other theme than the present one, kept; choosing what the system prefers forgets the choice. */
const KEY = "invivo-theme";
const dark = window.matchMedia("(prefers-color-scheme: dark)");

function present() {
  return document.documentElement.dataset.theme || (dark.matches ? "dark" : "light");
}

function choose(theme) {
  const asSystem = theme === (dark.matches ? "dark" : "light");
  if (asSystem) delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    if (asSystem) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme);
  } catch {
    /* Without storage the choice holds for this page. */
  }
}

for (const button of document.querySelectorAll("[data-theme-switch]")) {
  button.hidden = false;
  button.addEventListener("click", () => choose(present() === "dark" ? "light" : "dark"));
}
