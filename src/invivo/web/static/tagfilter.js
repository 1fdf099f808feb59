/* The filter over a tag table: every word typed must occur in the row. A page may come with words in it already, may say what to do
   when nothing fits (data-none), and may have a link that carries the words along (data-carry). */
function mount(box) {
  const label = box.querySelector(".tag-filter");
  const input = label.querySelector("input");
  const told = box.querySelector(".tag-count");
  const rows = [...box.querySelectorAll("tbody tr")].map((row) => [row, row.textContent.toLowerCase()]);
  const none = box.querySelector("[data-none]");
  const carry = box.querySelector("[data-carry]");
  const table = box.querySelector(".scroll");
  const whole = told.textContent;
  label.hidden = false;
  const apply = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const [row, text] of rows) {
      row.hidden = !words.every((word) => text.includes(word));
      if (!row.hidden) shown += 1;
    }
    told.textContent = words.length ? `${shown.toLocaleString("en")} of ${whole}` : whole;
    if (none) {
      none.hidden = shown > 0;
      table.hidden = shown === 0;
    }
    if (carry) carry.search = new URLSearchParams({ all: "yes", q: input.value });
  };
  if (input.value) apply();
  let waiting = 0;
  input.addEventListener("input", () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(apply);
  });
}

for (const box of document.querySelectorAll("[data-tagfilter]")) mount(box);
