import { expect, test } from "vitest";
import { scrub } from "./scrub.ts";

test("what tells who a host is, or acts for it, is taken out, and what is to be read stays", () => {
  const text = [
    '{"Machine-Id":"5a8061f3c51942ab906085377bb91634","Client-Version":"10.8.3","Version":"104.1"}',
    "accesskey = dfc21b3ce354c84bc0ae5803e",
    "https_proxy = https://me:pass@proxy.example.org:8080",
    "machine-token: C1abcdefghijklmnopqrstuvwxyzABCDEFG",
    "host web-7.internal at 10.1.2.3 and fe80:0:0:1:2:3:4:5, ask root@web-7.internal",
    "kernel 5.15.0-100.110-generic, 26100.3981, [8vkhpraf] CVE-2024-27398",
    "id 3d0a9a6e-0b5c-4f8e-9a51-0123456789ab",
  ].join("\n");
  expect(scrub(text, "web-7.internal")).toBe(
    [
      '{"Machine-Id":"[removed]","Client-Version":"10.8.3","Version":"104.1"}',
      "accesskey = [removed]",
      "https_proxy = https://[removed]@proxy.example.org:8080",
      "machine-token: [removed]",
      "host [removed] at [removed] and [removed], ask [removed]",
      "kernel 5.15.0-100.110-generic, 26100.3981, [8vkhpraf] CVE-2024-27398",
      "id [removed]",
    ].join("\n"),
  );
});
