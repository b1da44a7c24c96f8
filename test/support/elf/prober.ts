// A worker that attacks the sample server without a break, until it is told to stop; then it says how often, and how often it succeeded.
import { parentPort, workerData } from "node:worker_threads";
import { startLoad } from "../../../infra/local/load.ts";

const load = await startLoad({ port: workerData.port, connections: 8 });
const seen = { attacks: 0, leaks: 0 };
let isOver = false;
parentPort?.once("message", () => {
  isOver = true;
});
parentPort?.postMessage("ready");
while (!isOver) {
  seen.attacks++;
  if (await load.leak()) seen.leaks++;
}
await load.stop();
parentPort?.postMessage(seen);
