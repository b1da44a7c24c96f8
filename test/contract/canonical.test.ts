import { canonicalClient } from "../../agent/engines/canonical/client.ts";
import { canonicalStandIn } from "../support/clients/canonical.ts";
import { orderFor } from "../support/clients/orders.ts";
import { delegatedHarness } from "./delegated.ts";
import { engineContract } from "./engine.ts";

engineContract(
  { engine: "canonical", system: "a stand-in of canonical-livepatch 10.8", shown: "emulated" },
  delegatedHarness({
    client: canonicalClient,
    standIn: canonicalStandIn,
    kernel: "5.15.0-100-generic",
    patch: orderFor("canonical", { level: "104.1" }),
    forAnother: orderFor("canonical", { level: "104.1", arch: "aarch64" }),
    busy: "applying",
    level: ({ level }) => level,
  }),
  { targets: "one" },
);
