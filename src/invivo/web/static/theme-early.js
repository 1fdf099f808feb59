/* Runs before the first paint, so that a chosen theme never flashes the other one. */
(function () {
  try {
    var chosen = localStorage.getItem("invivo-theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.setAttribute("data-theme", chosen);
  } catch (refused) {
    /* Storage may be forbidden; the preference of the system then holds. */
  }
  document.documentElement.classList.add("has-js");
})();
