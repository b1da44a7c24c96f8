import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { customersStore } from "../../functions/stores/customers.ts";
import { dynamoSdk } from "../../functions/stores/dynamo-sdk.ts";
import { startDynamo } from "./dynamodb.ts";

const customer = { customer: "c", title: "C", createdAt: 1, groups: {} };

test("what was written is there after a restart", async () => {
  const directory = await mkdtemp(join(tmpdir(), "suture-dynamo-"));
  const dataFile = join(directory, "new", "suture.db");
  const first = await startDynamo({ dataFile });
  await customersStore(dynamoSdk(first)).create(customer);
  await first.stop();
  const second = await startDynamo({ dataFile });
  expect(await customersStore(dynamoSdk(second)).get("c")).toEqual(customer);
  await second.stop();
  await rm(directory, { recursive: true });
});

test("the database ends when the process that started it is killed", async () => {
  const script = `
    import { startDynamo } from "${import.meta.dirname}/dynamodb.ts";
    console.log((await startDynamo()).endpoint);
    setInterval(() => undefined, 1000);`;
  const owner = spawn(process.execPath, ["--input-type=module-typescript", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(owner.stdout, "data");
  const endpoint = String(line).trim();
  expect((await fetch(endpoint)).status).toBeLessThan(500);
  owner.kill("SIGKILL");
  await expect
    .poll(
      () =>
        fetch(endpoint).then(
          () => "answers",
          () => "gone",
        ),
      { timeout: 5000 },
    )
    .toBe("gone");
});
