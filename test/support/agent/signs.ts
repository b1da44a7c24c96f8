import type { Signs } from "../../../agent/incidents/signs.ts";

/** A host that nothing ever happens to. */
export const quietSigns: Signs = {
  oopses: () => 0,
  lastOops: () => undefined,
  bootedAt: () => 0,
  traces: () => ({ shutdowns: [], crashDumps: [] }),
  process: () => ({ parent: 1, startedAt: 0 }),
};
