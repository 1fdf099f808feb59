/* Dialogs: openers are links to #id, so that :target opens them without a script; here they become modal. */
function open(id) {
  const dialog = document.getElementById(id);
  if (!(dialog instanceof HTMLDialogElement) || dialog.open) return;
  dialog.showModal();
  dialog.querySelector("[autofocus], .dialog-body input, .dialog-body textarea, .dialog-body select, .dialog-body button")?.focus();
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  if (opener) {
    event.preventDefault();
    open(opener.dataset.dialog);
    return;
  }
  const closer = event.target.closest("[data-dialog-close]");
  if (closer) {
    event.preventDefault();
    closer.closest("dialog")?.close();
    return;
  }
  if (event.target instanceof HTMLDialogElement) event.target.close();
});
document.addEventListener("keydown", (event) => {
  if (event.key === " " && event.target.closest?.("a[data-dialog]")) {
    event.preventDefault();
    open(event.target.closest("a[data-dialog]").dataset.dialog);
  }
  if (event.key === "?" && !event.target.closest?.("input, textarea, select, dialog, .viewer") && document.getElementById("shortcuts")) {
    event.preventDefault();
    open("shortcuts");
  }
});
