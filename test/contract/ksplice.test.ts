import { kspliceClient } from "../../agent/engines/ksplice/client.ts";
import { kspliceStandIn } from "../support/clients/ksplice.ts";
import { orderFor } from "../support/clients/orders.ts";
import { delegatedHarness } from "./delegated.ts";
import { engineContract } from "./engine.ts";

engineContract(
  { engine: "ksplice", system: "a stand-in of Oracle's uptrack 1.2", shown: "emulated" },
  delegatedHarness({
    client: kspliceClient,
    standIn: kspliceStandIn,
    kernel: "5.15.0-206.153.7.el9uek.x86_64",
    patch: orderFor("ksplice", { level: "5.15.0-208.159.3.el9uek.x86_64" }),
    forAnother: orderFor("ksplice", { level: "5.4.17-2136.330.7.el8uek.x86_64" }),
    busy: "busy",
    level: ({ installed, boot }) => installed.at(-1)?.effective ?? boot,
  }),
  { targets: "one" },
);
