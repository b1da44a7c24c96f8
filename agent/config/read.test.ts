import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { showConfig } from "../commands/config.ts";
import { configKeys } from "./config.ts";
import { readConfig, requireConfig } from "./read.ts";
import { withoutSecrets } from "./secrets.ts";
import { strayVariables, variableOf } from "./values.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "suture-config-"));
  mkdirSync(join(folder, "agent.d"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (name: string, text: string) => writeFileSync(join(folder, name), text, { mode: 0o644 });
const read = (environment = {}, set: string[] = []) => readConfig({ folder, environment, set });

describe("the configuration", () => {
  it("is all defaults where there is nothing, and needs no file", async () => {
    rmSync(join(folder, "agent.d"), { recursive: true });
    const { config, files, origins, problems } = await read();
    expect(config).toMatchObject({ folder, state: "/var/lib/suture", mirror: null, offline_plans: false });
    expect({ files, problems }).toEqual({ files: [], problems: [] });
    expect(new Set(origins.values())).toEqual(new Set(["default"]));
  });

  it("lets an option go before the environment, that before drop-ins, of which the last wins, and those before agent.toml", async () => {
    write(
      "agent.toml",
      '# ours\nmirror = "/first"\nstate = "/file"\nserver = "https://one.example.com"\noffline_plans = true\n',
    );
    write("agent.d/10-a.toml", 'mirror = "/second"\n');
    write("agent.d/20-b.toml", 'mirror = "/third"\nstate = "/drop-in"\n');
    write("agent.d/30-note.txt", "no TOML, and not read\n");
    const { config, origins } = await read({ SUTURE_AGENT_STATE: "/variable", SUTURE_AGENT_MIRROR: "" }, [
      "server=https://two.example.com",
    ]);
    expect(config).toMatchObject({ mirror: "/third", state: "/variable", server: "https://two.example.com" });
    expect(Object.fromEntries(origins)).toMatchObject({
      state: "SUTURE_AGENT_STATE",
      server: "--set server",
      mirror: `${join(folder, "agent.d/20-b.toml")}:1`,
      offline_plans: `${join(folder, "agent.toml")}:5`,
    });
    expect((await readConfig({ folder, state: "/option", environment: {} })).origins.get("state")).toBe("--state");
  });

  it("takes the vendors that a host pins from a table, or from text as names and digests", async () => {
    const [acme, globex] = [`sha256:${"a".repeat(64)}`, `sha256:${"b".repeat(64)}`];
    write("agent.toml", `[vendors]\nacme = "${acme}"\n`);
    expect((await read()).config.vendors).toEqual({ acme });
    const text = `acme=${acme},globex=${globex}`;
    expect((await read({ SUTURE_AGENT_VENDORS: text })).config.vendors).toEqual({ acme, globex });
    expect((await read({}, [`vendors=globex=${globex}`])).config.vendors).toEqual({ globex });
    write("agent.toml", '[vendors]\nacme = "9f86d08"\n');
    expect((await read()).problems).toMatchObject([{ from: `${join(folder, "agent.toml")}:1` }]);
  });

  it("names file, line and reason of all that it cannot use, and the value below counts", async () => {
    write("agent.toml", 'mirror = "/good"\n\nmirrors = "/misspelt"\noffline-plans = true\n');
    write("agent.d/10.toml", 'mirror = "relative/folder"\n');
    write("agent.d/20.toml", "state = \n");
    const { config, problems } = await read({ SUTURE_AGENT_OFFLINE_PLANS: "perhaps" }, ["nonsense=1", "mirror"]);
    expect(config).toMatchObject({ mirror: "/good", offline_plans: false });
    const places = problems.map(({ from }) => from.replace(`${folder}/`, ""));
    expect(places.sort()).toEqual([
      "--set mirror",
      "--set nonsense",
      "SUTURE_AGENT_OFFLINE_PLANS",
      "agent.d/10.toml:1",
      "agent.d/20.toml:1",
      "agent.toml:3",
      "agent.toml:4",
    ]);
    expect(problems).toContainEqual({
      from: `${join(folder, "agent.toml")}:4`,
      reason: "there is no key offline-plans; perhaps offline_plans",
    });
    await expect(requireConfig({ folder, environment: {} })).rejects.toMatchObject({ code: "config-invalid" });
  });

  it("is not taken from a file that somebody else can change", async () => {
    write("agent.toml", 'mirror = "/theirs"\n');
    chmodSync(join(folder, "agent.toml"), 0o666);
    const { config, problems } = await read();
    expect(config.mirror).toBeNull();
    expect(problems).toEqual([{ from: join(folder, "agent.toml"), reason: "others than its owner may write to it" }]);
  });

  it("leaves alone variables that Kubernetes sets for a service of the agent's name, and every key has one of its own", async () => {
    expect((await read({ SUTURE_AGENT_PORT_80_TCP: "tcp://10.0.0.1:80" })).problems).toEqual([]);
    expect(strayVariables({ SUTURE_AGENT_MIROR: "/x", SUTURE_AGENT_MIRROR: "/y", SUTURE_AGENT_CONFIG: "/z" })).toEqual([
      "SUTURE_AGENT_MIROR",
    ]);
    const variables = configKeys.map(({ path }) => variableOf(path));
    expect(new Set(variables).size).toBe(configKeys.length);
    expect(configKeys.every(({ about }) => about !== "")).toBe(true);
  });

  it("ships as a file that decides nothing, and shows every key in a form that can be used", async () => {
    const shipped = readFileSync(join(import.meta.dirname, "agent.toml"), "utf8");
    write("agent.toml", shipped);
    expect(new Set((await read()).origins.values())).toEqual(new Set(["default"]));
    write("agent.toml", shipped.replaceAll(/^#(?! )/gm, ""));
    const { origins, problems } = await read();
    expect(problems.filter(({ reason }) => !reason.startsWith("ENOENT"))).toEqual([]);
    expect([...origins.values()]).not.toContain("default");
  });

  it("holds no password where others can read it, and shows none", async () => {
    const address = "http://agent:pass-w0rd@proxy.internal:3128";
    write("agent.toml", `[network]\nproxy = "${address}"\n`);
    const reason = expect.stringContaining("a password, where every user can read it");
    expect((await read()).problems).toEqual([{ from: `${join(folder, "agent.toml")}:2`, reason }]);
    expect((await read({}, [`network.proxy=${address}`])).problems).toContainEqual({
      from: "--set network.proxy",
      reason,
    });
    chmodSync(join(folder, "agent.toml"), 0o600);
    expect(await read()).toMatchObject({ problems: [], config: { network: { proxy: address } } });
    const { json, text } = await showConfig({
      folder,
      environment: { SUTURE_AGENT_MIRROR: "https://me:pass-w0rd@m.internal/" },
    });
    expect(JSON.stringify(json) + text).not.toContain("pass-w0rd");
    expect(text).toContain("http://agent:***@proxy.internal:3128");
  });

  it("takes the proxy of other programs where nothing else is decided", async () => {
    const environment = { https_proxy: "proxy.internal:3128", NO_PROXY: "one.internal, 10.0.0.0/8" };
    const { config, origins } = await read(environment);
    expect(config.network).toMatchObject({
      proxy: "http://proxy.internal:3128",
      no_proxy: ["one.internal", "10.0.0.0/8"],
    });
    expect(origins.get("network.proxy")).toBe("https_proxy");
    write("agent.toml", 'network.proxy = "none"\n');
    expect((await read(environment)).config.network.proxy).toBe("none");
  });

  it("names a certificate that is not there, and a key that others can read", async () => {
    const key = join(folder, "client.key");
    writeFileSync(key, "-----BEGIN PRIVATE KEY-----\n", { mode: 0o644 });
    write(
      "agent.toml",
      `[network]\nca_file = "/nowhere.pem"\n[network.hosts."a.internal"]\nclient_key = "${key}"\nclient_certificate = "${key}"\n`,
    );
    const reasons = (await read()).problems.map(({ from, reason }) => `${from}: ${reason}`);
    expect(reasons).toEqual([
      expect.stringMatching(/^\/nowhere.pem: ENOENT/),
      `${key}: it holds no PEM certificate`,
      `${key}: others can read this key: chmod 600 it`,
    ]);
  });

  it("takes no text for a service's address, nor a password that no proxy could be told, and shows none of a password with an @", async () => {
    const { problems } = await read({}, ["server=suture.example.com", "network.proxy=http://a:50%off@proxy:8080"]);
    expect(problems.map(({ from }) => from).sort()).toEqual(["--set network.proxy", "--set server"]);
    expect((await read({}, ["server=http://suture.example.com"])).problems).toHaveLength(1);
    expect(withoutSecrets('"http://agent:p@ss@proxy:8080"')).toBe('"http://agent:***@proxy:8080"');
  });
});
