import { expect, it } from "vitest";
import { configWith } from "../config/config.ts";
import { routeTo } from "./route.ts";

const proxy = "http://proxy.internal:3128";
const { network } = configWith({});
const isDirect = (url: string, ...no_proxy: string[]) =>
  routeTo({ ...network, proxy, no_proxy }, new URL(url)).proxy === null;

it.each([
  ["https://api.example.com/", "example.com", true],
  ["https://example.com/", ".example.com", true],
  ["https://EXAMPLE.com/", "Example.COM", true],
  ["https://notexample.com/", "example.com", false],
  ["https://api.example.com/", "*.example.com", true],
  ["https://api.example.com/", "*", true],
  ["https://api.example.com:8443/", "example.com:8443", true],
  ["https://api.example.com/", "example.com:8443", false],
  ["https://api.example.com/", "example.com:443", true],
  ["https://10.1.2.3/", "10.0.0.0/8", true],
  ["https://11.1.2.3/", "10.0.0.0/8", false],
  ["https://10.1.2.3/", "10.1.2.3", true],
  ["https://10.1.2.3/", "example.com", false],
  ["https://[fd00::5]/", "fd00::/8", true],
  ["https://[fd00::5]/", "fd00::5", true],
  ["https://[fd00::5]/", "[fd00::5]:443", true],
  ["https://[2001:db8::5]/", "fd00::/8", false],
  ["https://example.com/", "", false],
  ["https://10.1.2.3/", "10.0.0.0/99", false],
])("%s with no_proxy %s is direct: %s", (url, rule, expected) => expect(isDirect(url, rule)).toBe(expected));

it("never leads to this host's own loopback through a proxy, and lets what is said of a host go first", () => {
  expect(
    ["http://127.0.0.1/", "http://127.8.8.8/", "http://[::1]/", "http://localhost/"].every((url) => isDirect(url)),
  ).toBe(true);
  const hosts = { "a.internal": { proxy: "socks5://other:1080", ca_file: "/a.pem" }, "b.internal": { proxy: "none" } };
  const route = (host: string) =>
    routeTo({ ...network, proxy, ca_file: "/all.pem", no_proxy: ["*"], hosts }, new URL(`https://${host}/`));
  expect(route("a.internal")).toMatchObject({ proxy: "socks5://other:1080", caFile: "/a.pem" });
  expect(route("b.internal")).toMatchObject({ proxy: null, caFile: "/all.pem" });
});
