// A list that is longer than one answer may be comes in parts, each of which names the next in its `link`. They are saved as one file;
// without this script a reader gets the first.

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[download]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (link.ariaBusy === "true") return;
  link.ariaBusy = "true";
  void save(link.href)
    // The answer itself says what is wrong, and to whom it is said
    .catch(() => location.assign(link.href))
    .finally(() => {
      link.ariaBusy = "false";
    });
});

async function save(first) {
  const parts = [];
  let name = "";
  for (let href = first; href !== undefined; ) {
    const answer = await fetch(href);
    if (!answer.ok || answer.redirected) throw new Error(`${href} answered ${answer.status}`);
    parts.push(await answer.blob());
    const [, stem, ending] = /filename="(.+?)(?:-part)?(\.\w+)"/.exec(answer.headers.get("content-disposition")) ?? [];
    name = stem + ending;
    const [, next] = /<([^>]+)>; rel="next"/.exec(answer.headers.get("link")) ?? [];
    href = next && new URL(next, href).href;
  }
  const file = document.createElement("a");
  file.href = URL.createObjectURL(new Blob(parts, { type: parts[0].type }));
  file.download = name;
  file.click();
  setTimeout(() => URL.revokeObjectURL(file.href), 60_000);
}
