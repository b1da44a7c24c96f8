// What is there to be taken away can be copied by one click; without this script it is marked and copied by hand.

for (const box of document.querySelectorAll(".copy")) {
  const button = box.querySelector("button");
  const said = button.textContent;
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", () => {
    void navigator.clipboard.writeText(box.querySelector("code").textContent).then(() => {
      button.textContent = button.dataset.copied;
      setTimeout(() => {
        button.textContent = said;
      }, 2000);
    });
  });
}
