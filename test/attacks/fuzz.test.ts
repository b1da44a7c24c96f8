import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { Proposal } from "../../cli/ceremony/proposal.ts";
import { isSutureError } from "../../protocol/errors.ts";
import { digestOf } from "../../protocol/trust/edit.ts";
import { TrustedRepository } from "../../protocol/trust/verify.ts";
import { CheckInAnswer, CheckInRequest } from "../../protocol/wire/check-in.ts";
import { EnrolRequest } from "../../protocol/wire/enrol.ts";
import { parseJson } from "../../protocol/wire/parse.ts";
import { Manifest, PatchSource, Recalls } from "../../protocol/wire/patch.ts";
import { Plan, PlanKeys } from "../../protocol/wire/plan.ts";
import { ProvenanceStatement, Publication, PublicationStatement } from "../../protocol/wire/publication.ts";
import { ReceiptStatement, Report } from "../../protocol/wire/report.ts";
import { Envelope } from "../../protocol/wire/statement.ts";
import { foundRepository, type TestRepository } from "../support/agent/tuf.ts";

const now = Date.parse("2026-11-25T12:00:00Z");
const path = "echod/stable/fix@1.json";
const names = ["timestamp.json", "1.snapshot.json", "1.targets.json", "1.echod.stable.json"];
const files = new Map<string, Uint8Array>();
let acme: TestRepository;

beforeAll(async () => {
  acme = await foundRepository("acme", { "echod.stable": "echod/stable/" }, files, () => now);
  await acme.publish({ "echod.stable": { [path]: "{}" } });
});

/** What a new client believes of the path, or undefined where it refuses the repository. */
async function believed(bent: string, bytes: Uint8Array): Promise<string | undefined> {
  const repository = TrustedRepository.open(new Map([["root", Buffer.from(acme.rootText)]]), new Date(now));
  try {
    await repository.refresh(async (name) => (name === bent ? bytes : files.get(`acme/${name}`)), ["echod.stable"]);
  } catch (error) {
    if (isSutureError(error)) return undefined;
    throw error;
  }
  return repository.target(path)?.sha256;
}

describe("whatever a repository serves", () => {
  it("with any bytes of a file replaced, cut out or put in, the truth is believed or nothing is", async () => {
    const change = fc.record({
      name: fc.constantFrom(...names, "2.root.json"),
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      cut: fc.nat(40),
      put: fc.oneof(
        fc.uint8Array({ maxLength: 40 }),
        fc.json().map((text) => Buffer.from(text)),
      ),
    });
    const truth = digestOf(Buffer.from("{}")).sha256;
    await fc.assert(
      fc.asyncProperty(change, async ({ name, at, cut, put }) => {
        const whole = Buffer.from(files.get(`acme/${name}`) ?? acme.rootText);
        const from = Math.floor(at * whole.length);
        const bytes = Buffer.concat([whole.subarray(0, from), put, whole.subarray(from + cut)]);
        expect([truth, undefined]).toContain(await believed(name, bytes));
      }),
      { numRuns: 300 },
    );
  });
});

const schemas = {
  CheckInAnswer,
  CheckInRequest,
  EnrolRequest,
  Manifest,
  PatchSource,
  Plan,
  PlanKeys,
  Recalls,
  Envelope,
  Proposal,
  ProvenanceStatement,
  Publication,
  PublicationStatement,
  ReceiptStatement,
  Report,
};

describe.each(Object.entries(schemas))("%s", (_name, schema) => {
  it("takes any text without an error but the one that names what is wrong", () => {
    const parses = (text: string) => {
      try {
        parseJson(schema, text, "input");
      } catch (error) {
        if (!isSutureError(error, "invalid-request")) throw error;
      }
    };
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), parses), { numRuns: 200 });
    for (const key of ["evidence", "actions", "patches", "keys", "facts"]) {
      parses(`{"${key}":${"[".repeat(100_000)}${"]".repeat(100_000)}}`);
      parses(`{"${key}":${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}}`);
    }
  });
});
