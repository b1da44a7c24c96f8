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
      // Two kinds of keys are announced one after the other, so that the first version may never be shown
      const versions = [1, 2].map((version) => fetch(`${service.url}/tuf/service/${version}.plan-keys.json`));
      return (await Promise.all(versions)).some(({ ok }) => ok);
    });
    expect((await fetch(`${service.url}/tuf/service/2.root.json`)).status).toBe(404);
  }, 300_000);

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
    const policy = { waves: [{ share: 1, bakeMinutes: 0 }], onHalt: "undo" as const };
    await service.stores.policies.put("globex", { name: "all", order: 0, policy });
    await cast.publish(scene.sample.folder);
    await until("the next version is applied", () =>
      isReported({ stack: service, machine: scene?.machine ?? "" }, next, "applied"),
    );
    await until("its rollout is done", async () => {
      await service.functions.gates.invoke({});
      return (await service.stores.rollouts.get("globex", next))?.state === "done";
    });
    await agent.stop();
    const { failed, closed } = load.stats();
    expect({ failed, closed }).toEqual({ failed: 0, closed: 0 });
    expect(service.problems).toEqual([]);
  });

  const signIn = async () => {
    const token = await scene?.cast.portalToken();
    const body = new URLSearchParams({ token: token ?? "", next: "/" });
    const signedIn = await fetch(`${service.url}/sign-in`, {
      method: "POST",
      body,
      redirect: "manual",
      headers: { origin: service.url, "sec-fetch-site": "same-origin" },
    });
    expect(signedIn.status).toBe(303);
    return signedIn.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  };

  test("the portal signs a customer in and shows the machine; the API describes itself", async () => {
    const cookie = await signIn();
    const page = await (await fetch(`${service.url}/machines`, { headers: { cookie, accept: "text/html" } })).text();
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

  test("every page and every question that is answered by reading is allowed to the function that answers it", async () => {
    const operator = { authorization: `Bearer ${service.token}` };
    const { paths } = (await (await fetch(`${service.url}/openapi.json`)).json()) as { paths: Record<string, object> };
    const known: Record<string, string> = { customer: "globex", vendor: "acme", machine: scene?.machine ?? "" };
    for (const [path, methods] of Object.entries(paths)) {
      if (!("get" in methods) || path.startsWith("/v1/agent/")) continue;
      const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => known[name] ?? "none");
      const { status } = await fetch(service.url + filled, { headers: operator });
      expect(status, filled).toBeLessThan(500);
    }
    const cookie = await signIn();
    const seen = new Set(["/"]);
    for (const path of seen) {
      const response = await fetch(service.url + path, { headers: { cookie, accept: "text/html" } });
      expect(response.status, path).toBeLessThan(500);
      const isPage = response.headers.get("content-type")?.startsWith("text/html") === true;
      if (!isPage || seen.size > 60) continue;
      for (const [, href = ""] of (await response.text()).matchAll(/href="(\/[^"#]*)"/g))
        seen.add(href.replaceAll("&amp;", "&"));
    }
    expect(seen.size).toBeGreaterThan(8);
    await service.functions.fleet.invoke({});
    await service.functions.schedule.invoke({});
    expect(service.refusals).toEqual([]);
  });

  test("a poll that brings nothing new writes no line", () => {
    expect(service.functions["agent-api"].output()).toBe("");
  });
});
