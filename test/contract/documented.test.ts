import { beforeEach, describe, expect, test } from "vitest";
import { canonicalClient } from "../../agent/engines/canonical/client.ts";
import type { Client } from "../../agent/engines/delegated/client.ts";
import type { Commands } from "../../agent/engines/delegated/commands.ts";
import { hotpatchClient } from "../../agent/engines/hotpatch/client.ts";
import { kspliceClient } from "../../agent/engines/ksplice/client.ts";
import type { DelegatedVariant } from "../../protocol/wire/patch.ts";
import { orderFor } from "../support/clients/orders.ts";
import { canonicalVectors } from "../vectors/clients/canonical.ts";
import { hotpatchVectors } from "../vectors/clients/hotpatch.ts";
import { kspliceVectors } from "../vectors/clients/ksplice.ts";
import type { Vector } from "../vectors/clients/vector.ts";
import type { Shown } from "./engine.ts";

/** Tools that print what a vector has for the command line; for any other they exit with 127. */
function printing({ prints }: Vector, nameOf: (tool: string, args: readonly string[]) => string): Commands {
  const run: Commands["ask"] = async (tool, args) => {
    const printed = prints[nameOf(tool, args)] ?? { code: 127 };
    return { code: 0, stdout: "", stderr: "", ...printed, late: false, excess: false };
  };
  const has = (tool: string) => Object.keys(prints).some((line) => line.split(" ")[0] === tool);
  return { has, ask: run, order: run, isOrdering: () => false };
}

function documented(
  vectors: Readonly<Record<string, Vector>>,
  order: DelegatedVariant,
  clientOf: (vector: Vector) => Client,
) {
  const shown: Shown = { engine: order.engine, system: "documented outputs", shown: "documented" };
  describe(`what documents say of ${order.engine}`, () => {
    beforeEach(({ task }) => {
      task.meta.engine = shown;
    });
    test.each(Object.entries(vectors))("%s", async (_, vector) => {
      const client = clientOf(vector);
      if (vector.reads !== undefined) expect(await client.read()).toMatchObject(vector.reads);
      if (vector.ordered !== undefined) expect(await client.bring(order)).toMatchObject({ code: vector.ordered });
    });
    test("each vector names its document and version, and there are eight at least", () => {
      const all = Object.values(vectors);
      expect(all.length).toBeGreaterThanOrEqual(8);
      for (const each of all) {
        expect(each.document !== "" && each.version !== "").toBe(true);
        expect((each.reads === undefined) !== (each.ordered === undefined)).toBe(true);
      }
    });
  });
}

const lineOf = (tool: string, args: readonly string[]) => [tool, ...args].join(" ");
documented(kspliceVectors, orderFor("ksplice", { level: "5.15.0-208.159.3.el9uek" }).variant, (vector) => {
  const isEnhanced = Object.keys(vector.prints).some((line) => line.startsWith("ksplice "));
  return kspliceClient({ ...printing(vector, lineOf), has: (tool) => (tool === "uptrack-show") !== isEnhanced });
});
documented(canonicalVectors, orderFor("canonical", { level: "104.1" }).variant, (vector) =>
  canonicalClient(printing(vector, lineOf)),
);
documented(hotpatchVectors, orderFor("hotpatch", { level: "26100.3981", article: "KB5058497" }).variant, (vector) =>
  hotpatchClient(
    printing(vector, (_, args) =>
      Buffer.from(args.at(-1) ?? "", "base64")
        .toString("utf16le")
        .startsWith("# suture: read")
        ? "read"
        : "install",
    ),
  ),
);
