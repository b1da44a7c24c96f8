import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { takeNextVersion } from "../../infra/local/demo/sample-patch.ts";
import { isReported, type Scene, setScene, until } from "../../infra/local/demo/scene.ts";
import { startTimeline } from "../../infra/local/demo/timeline.ts";
import { type LambdaService, startLambdaService } from "../support/lambda/service.ts";
import { describeWithPeer, goaws, lambdaRuntime, localKms, versityS3 } from "../support/peers.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");

await describeWithPeer("the bundles under Lambda's runtime", [lambdaRuntime, versityS3, localKms, goaws], () => {
  let folder: string;
  let service: LambdaService;
  let scene: Scene | undefined;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "suture-lambda-"));
    service = await startLambdaService(folder);
  }, 300_000);
  afterAll(async () => {
    await scene?.stop();
    await service?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** An operator's program, with the offline keys in a folder of its own. */
  const ceremony = (...args: string[]) =>
    run(
      process.execPath,
      [
        join(root, "infra/ceremony/main.ts"),
        ...args,
        "--keys",
        join(folder, "offline"),
        "--bucket",
        service.environment.SUTURE_BUCKET,
        "--queue",
        service.environment.SUTURE_PUBLISH_QUEUE_URL,
      ],
      { env: { ...process.env, ...service.environment } },
    );

  test("the service is founded by a ceremony, and the hourly schedule makes and announces a plan key", async () => {
    await service.functions.schedule.invoke({});
    await ceremony("found");
    await service.functions.schedule.invoke({});
    await until("the plan keys are public", async () => {
      const response = await fetch(`${service.url}/tuf/service/1.plan-keys.json`);
      return response.ok;
    });
    expect((await fetch(`${service.url}/tuf/service/2.root.json`)).status).toBe(404);
  });

  test("the main job: published, applied while serving, withdrawn, undone, with every receipt", async () => {
    scene = await setScene(
      service,
      folder,
      startTimeline(Date.now, () => undefined),
    );
    await ceremony("admit", "acme");
    const agent = scene.startAgent();
    expect(await scene.load.leak()).toBe(true);
    const patch = await takeNextVersion(scene.sample, service.stores);
    const { cast, load } = scene;
    await cast.publish(scene.sample.folder);
    await until("the patch is applied", () =>
      isReported({ stack: service, machine: scene?.machine ?? "" }, patch, "applied"),
    );
    expect(await load.leak()).toBe(false);
    await cast.withdraw(patch);
    await until("the patch is undone", () =>
      isReported({ stack: service, machine: scene?.machine ?? "" }, patch, "undone"),
    );
    expect(await load.leak()).toBe(true);
    // The plan sent it to the function's own address; lost, it finds back to the service's name by itself
    expect(service.polled.byFunctionUrl).toBeGreaterThan(3);
    await service.loseFunctionUrl();
    const next = await takeNextVersion(scene.sample, service.stores);
    await cast.publish(scene.sample.folder);
    await until("the next version is applied", () =>
      isReported({ stack: service, machine: scene?.machine ?? "" }, next, "applied"),
    );
    await agent.stop();
    const { failed, closed } = load.stats();
    expect({ failed, closed }).toEqual({ failed: 0, closed: 0 });
    expect(service.problems).toEqual([]);
  });

  test("the portal signs a customer in and shows the machine; the API describes itself", async () => {
    const token = await scene?.cast.portalToken();
    const body = new URLSearchParams({ token: token ?? "", next: "/" });
    const signedIn = await fetch(`${service.url}/sign-in`, {
      method: "POST",
      body,
      redirect: "manual",
      headers: { origin: service.url, "sec-fetch-site": "same-origin" },
    });
    expect(signedIn.status).toBe(303);
    const cookie = signedIn.headers.getSetCookie()[0]?.split(";")[0] ?? "";
    const page = await (await fetch(service.url, { headers: { cookie, accept: "text/html" } })).text();
    expect(page).toContain(scene?.machine);
    for (const asset of ["/assets/pico.css", "/assets/htmx.js", "/assets/portal.css", "/docs/swagger-ui.js"]) {
      expect((await fetch(service.url + asset)).status, asset).toBe(200);
    }
    const description = (await (await fetch(`${service.url}/openapi.json`)).json()) as { paths: object };
    expect(Object.keys(description.paths)).toEqual(expect.arrayContaining(["/v1/vendors", "/v1/agent/poll"]));
  });

  test("the smoke test of a deployed service passes, and says what is wrong where something is", async () => {
    const doctor = (url: string) =>
      run(process.execPath, [join(root, "cli/main.ts"), "doctor", "--service", url, "--json"]).catch(
        (error: { stdout: string }) => error,
      );
    expect(JSON.parse((await doctor(service.url)).stdout)).toMatchObject({ ok: true });
    expect(JSON.parse((await doctor("http://127.0.0.1:1")).stdout)).toMatchObject({ error: { code: "unavailable" } });
  });

  test("a poll that brings nothing new writes no line", () => {
    expect(service.functions["agent-api"].output()).toBe("");
  });
});
