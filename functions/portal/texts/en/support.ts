import type { Coverage } from "../../../../protocol/wire/support.ts";
import { number } from "./formats.ts";

export const support = {
  title: "Support",
  lead: "Until when your vendors make patches for what runs on your machines, and what falls outside.",
  coverages: {
    outside: {
      word: "Outside",
      advice: "The vendor does not cover it: no patch will come. Move to what is listed below.",
    },
    ended: { word: "Ended", advice: "No patch comes any more. Move to what is covered." },
    "ends-in-7-days": { word: "Ends in 7 days", advice: "Move this week to what is covered for longer." },
    "ends-in-30-days": { word: "Ends in 30 days", advice: "Plan the move to what is covered for longer." },
    covered: { word: "Covered", advice: "Nothing to do." },
  } satisfies Record<Coverage, { word: string; advice: string }>,
  counts: "Machines by how they are covered",
  all: "Everything",
  machine: "Machine",
  product: "Product",
  what: "What runs",
  coverage: "Coverage",
  until: "Until",
  machines: "Machines",
  looked: (count: number, isAll: boolean) =>
    isAll
      ? `All ${number(count)} machines.`
      : `These numbers are of the ${number(count)} machines on this page alone. The file has every machine.`,
  none: "Nothing on this page is in this state.",
  empty: "None of your machines runs anything that a vendor of yours says something about.",
  matrix: "What is supported",
  matrixOf: (product: string) => `What ${product} supports`,
  noMatrix: "No vendor of yours has said what it covers.",
  title2: "Title",
  kind: "Kind",
  kernel: "kernel",
  build: "build",
  arch: "Architecture",
  version: "Release or build",
};
