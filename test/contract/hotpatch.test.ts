import { hotpatchClient } from "../../agent/engines/hotpatch/client.ts";
import { hotpatchStandIn } from "../support/clients/hotpatch.ts";
import { orderFor } from "../support/clients/orders.ts";
import { delegatedHarness } from "./delegated.ts";
import { engineContract } from "./engine.ts";

engineContract(
  { engine: "hotpatch", system: "a stand-in of PowerShell on Windows Server 2025", shown: "emulated" },
  delegatedHarness({
    client: hotpatchClient,
    standIn: hotpatchStandIn,
    kernel: "10.0.26100",
    patch: orderFor("hotpatch", { level: "26100.3981", article: "KB5058497" }),
    forAnother: orderFor("hotpatch", { level: "20348.3692", article: "KB5058500" }),
    busy: "busy",
    level: ({ revision }) => `26100.${revision}`,
  }),
  { targets: "one" },
);
