/** What every package says of the agent. */
export const about = {
  name: "suture-agent",
  summary: "live patches for this host: verified, applied without a restart",
  description: [
    "Polls a Suture service, applies the signed patches that this host is entitled",
    "to while its processes and its kernel run, watches that they stay healthy,",
    "undoes what goes wrong or is recalled, and reports what it did.",
    "It brings its own Node.js runtime.",
  ],
  license: "Apache-2.0",
  maintainer: "Suture <packages@suture.example>",
  homepage: "https://suture.example",
} as const;
