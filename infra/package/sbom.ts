import { createHash } from "node:crypto";
import { about } from "./about.ts";
import type { Architecture } from "./architecture.ts";
import { pinned } from "./npm-part.ts";
import type { Build } from "./tree.ts";

/**
 * What a release is made of: the npm packages that are in its bundle, and its Node runtime with the libraries that are built into that.
 * @see https://cyclonedx.org/docs/1.6/json/
 */
export async function sbomOf(
  parts: readonly string[],
  { version, architecture, epoch }: Omit<Build, "architecture"> & { architecture: Pick<Architecture, "name" | "node"> },
): Promise<object> {
  const node = await pinned(architecture.node);
  if (node.version !== process.versions.node)
    throw new Error(`this is Node ${process.versions.node}, and ${node.version} is packed: run it by npm run package`);
  const libraries = builtIn();
  const components = await Promise.all(parts.map(componentOf));
  const whole = {
    type: "application",
    "bom-ref": `${about.name}@${version}`,
    name: about.name,
    version,
    description: about.summary,
    licenses: [{ license: { id: about.license } }],
    properties: [{ name: "architecture", value: architecture.name }],
  };
  const all = [...components, ...libraries];
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    serialNumber: `urn:uuid:${uuidOf(JSON.stringify([whole, all]))}`,
    version: 1,
    metadata: { timestamp: new Date(epoch * 1000).toISOString(), component: whole },
    components: all,
    dependencies: [
      { ref: whole["bom-ref"], dependsOn: components.map((each) => each["bom-ref"]) },
      { ref: `pkg:npm/${architecture.node}@${node.version}`, dependsOn: libraries.map((each) => each["bom-ref"]) },
    ],
  };
}

async function componentOf(place: string) {
  const { version, integrity, license } = await pinned(place);
  const name = place.split("node_modules/").at(-1) ?? place;
  const ref = `pkg:npm/${name.replace("@", "%40")}@${version}`;
  return {
    type: "library",
    "bom-ref": ref,
    name,
    version,
    purl: ref,
    hashes: [{ alg: "SHA-512", content: Buffer.from(integrity.replace("sha512-", ""), "base64").toString("hex") }],
    licenses: [license.includes(" ") ? { expression: license } : { license: { id: license } }],
  };
}

/** No versions of libraries, but of interfaces and of data. */
const notBuiltIn = ["node", "modules", "napi", "unicode", "cldr", "tz"];

/** The libraries within the Node that runs this, which is of the version that is packed. */
function builtIn() {
  const libraries = Object.entries(process.versions).flatMap(([name, version = ""]) =>
    notBuiltIn.includes(name) || version === "" ? [] : [{ name, version }],
  );
  return libraries.map(({ name, version }) => ({
    type: "library",
    "bom-ref": `node/${name}@${version}`,
    name,
    version,
    description: "built into the Node.js runtime",
  }));
}

/** A UUID (RFC 9562, version 8) made from what is described, so that the same content has the same. */
function uuidOf(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    "-",
  );
}
