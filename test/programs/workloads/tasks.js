// Answers each number with another; meanwhile it hashes and compresses on its threads, and waits for timers.
import { createHash, pbkdf2 } from "node:crypto";
import { createInterface } from "node:readline";
import { gunzip, gzip } from "node:zlib";

const text = "a line that is to be compressed\n".repeat(400);
const digest = createHash("sha256").update(text).digest("hex");
const end = () => process.exit(3);

function compress() {
  gzip(text, (failure, packed) => {
    if (failure) return end();
    gunzip(packed, (error, unpacked) => {
      if (error || unpacked.toString() !== text || createHash("sha256").update(text).digest("hex") !== digest) end();
      setTimeout(compress, 10);
    });
  });
}
function derive() {
  pbkdf2("secret", "salt", 200, 32, "sha256", (error) => (error ? end() : setTimeout(derive, 5)));
}
compress();
for (let n = 0; n < 3; n++) derive();

createInterface({ input: process.stdin }).on("line", (line) => {
  let sum = Number(line);
  for (let i = 0; i < 50; i++) sum = (sum * 31 + i) % 1000003;
  console.log(sum);
});
