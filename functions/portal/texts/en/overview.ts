import { number } from "./formats.ts";

export const overview = {
  title: "Overview",
  exposedOf: (total: number) => `of ${number(total)} machines lack a patch that is for them`,
  bySeverity: "Machines by their worst open patch",
  machinesWith: (patches: number, cves: number) =>
    patches === 0
      ? "machines exposed"
      : `machines exposed · ${count(patches, "patch", "patches")}, ${count(cves, "CVE", "CVEs")}`,
  open: "Open patches",
  exposed: "Machines",
  why: "Mostly because",
  noneOpen: "Nothing is open: every machine has every patch that is for it.",
  noMachines: "No machine is enrolled yet. Begin under Tokens: one command enrols a machine.",
  now: "Needs a person",
  nothing: "Nothing waits for you.",
  machines: (machines: number) => count(machines, "machine", "machines"),
  trend: "From publication to patched",
  trendLabel: "Time from publication to patched, for each patch",
  trendHow: "The newest patches, from left to right by publication; the scale is logarithmic.",
  trendTable: "The numbers",
  noTrend: "No patch got in yet. When one does, its time from publication to patched is drawn here.",
  median: "half of the machines",
  most: "95 % of the machines",
};

function count(value: number, one: string, many: string): string {
  return `${number(value)} ${value === 1 ? one : many}`;
}
